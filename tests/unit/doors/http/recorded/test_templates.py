# SPDX-License-Identifier: Apache-2.0
"""A path is told by its template: words of an API, and no value."""

import pytest

from gateway.doors.http.recorded.templates import MOST_WORDS, Templates
from tests.fakes.bound_calls import CATALOG


@pytest.mark.parametrize(
    ("segments", "told"),
    [
        (("crm", "customers", "chen"), "/crm/customers/{id}"),
        (("crm", "customers"), "/crm/customers"),
        (("crm", "customers", "c-1", "orders"), "/crm/customers/{id}/orders"),
        (("crm", "invoices"), "/crm/invoices"),
        (("crm", "invoices", "chen"), "/crm/invoices/{id}"),
        (("crm", "invoices", "chen", "lines", "wei"), "/crm/invoices/{id}/lines/{id}"),
        (("crm", "v2", "people", "chen"), "/crm/v2/people/{id}"),
        (("crm", "v2.1", "customers"), "/crm/v2.1/customers"),
        (("crm", "chen@example.org"), "/crm/{id}"),
        (("crm", "13722412954"), "/crm/{id}"),
        (("crm", "Chen"), "/crm/{id}"),
        (("crm", "陈浩然"), "/crm/{id}"),
        (("crm", "a" * 33), "/crm/{id}"),
        ((), "/"),
        (None, "(not canonical)"),
    ],
)
def test_a_path_is_told_without_its_values(segments: tuple[str, ...] | None, told: str) -> None:
    """Only where an API has a word, and only what looks like one."""
    assert Templates(CATALOG).told("GET", segments) == told


def test_a_route_of_another_method_is_told_by_its_template() -> None:
    """What is missing is the method, not the path."""
    assert Templates(CATALOG).told("DELETE", ("crm", "customers", "anybody")) == "/crm/customers/{id}"


def test_where_many_words_come_they_are_values() -> None:
    """A store with names below its root tells few of them and not all."""
    templates = Templates(CATALOG)
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(500)]
    told = {templates.told("GET", ("crm", word)) for word in words}
    assert len(told) == MOST_WORDS + 1
    assert "/crm/{id}" in told


def test_a_long_path_is_cut() -> None:
    """A caller makes no long line in a report."""
    assert len(Templates(CATALOG).told("GET", ("crm", *["x"] * 500))) < 100
