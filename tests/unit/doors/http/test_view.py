# SPDX-License-Identifier: Apache-2.0
"""What an answer says about itself, and what it does not."""

import pytest

from gateway.domain.budget import BudgetRule, BudgetState, Counted
from gateway.doors.http.view import KEPT_VIEWS, Views, data_page, data_view, rate_limit, rows_withheld, stepped


def test_the_view_is_told_by_treatment() -> None:
    """In one order, as a dictionary of inner lists."""
    view = {"mask": ["phone"], "reveal": ["id", "country"], "surrogate": ["email"], "generalise": ["birth_date"]}
    assert data_view(view, ["phone"]) == (
        'reveal=("id" "country"), surrogate=("email"), mask=("phone"), generalise=("birth_date"), step-up=("phone")'
    )


def test_what_was_dropped_is_never_told() -> None:
    """Nor any word that is not one of the four."""
    assert data_view({"drop": ["religion"], "reveal": ["id"], "other": ["x"]}) == 'reveal=("id")'
    assert data_view({"drop": ["religion"]}) == ""


def test_a_view_is_remembered_for_itself_alone() -> None:
    """An equal one is told alike, another one or with other steps is not, however many there were."""
    views = Views()
    one = {"reveal": ["id"]}
    assert views.told(one, ()) == views.told(one, ()) == views.told(dict(one), ()) == b'reveal=("id")'
    assert views.told(one, ("phone",)) == b'reveal=("id"), step-up=("phone")'
    for n in range(2 * KEPT_VIEWS):
        assert views.told({"reveal": [f"n{n}"]}, ()) == b'reveal=("n%d")' % n


def test_names_are_written_as_structured_fields_write_them() -> None:
    """Quotes and backslashes escaped; other scripts as display strings (RFC 9651 section 3.3.8)."""
    assert data_view({"reveal": ['a"b\\c', "姓名", "ü%"]}) == (
        'reveal=("a\\"b\\\\c" %"%e5%a7%93%e5%90%8d" %"%c3%bc%25")'
    )


@pytest.mark.parametrize(
    ("n", "told"),
    [(0, 0), (1, 5), (4, 5), (5, 5), (6, 10), (10, 10), (11, 20), (20, 20), (21, 50), (50, 50), (51, 100), (100, 100),
     (101, 200), (201, 500), (501, 1000), (45_211, 50_000)],
)  # fmt: skip
def test_counts_go_up_to_the_next_step(n: int, told: int) -> None:
    """A single person's row never shows in a count."""
    assert stepped(n) == told


def test_rows_are_told_by_cause() -> None:
    """In one order; a cause without rows is left out."""
    assert rows_withheld({"choice": 13, "age": 2, "transfer": 0}) == "age=5, choice=20"
    assert rows_withheld({}) == ""


def test_a_page_says_whether_more_may_follow() -> None:
    """A short page is not the end."""
    assert (data_page(more=True), data_page(more=False)) == ("more", "last")


def test_budgets_are_told_as_structured_fields() -> None:
    """Each by its name: how many in how many seconds, what is left and when more will be."""
    states = (
        BudgetState(rule=BudgetRule(counts=Counted.PEOPLE, most=500, hours=24), left=125, resets_s=1800),
        BudgetState(rule=BudgetRule(counts=Counted.ROWS, most=10_000, hours=1), left=-3, resets_s=60),
    )
    assert rate_limit(states) == (
        '"people-24h";q=500;w=86400, "rows-1h";q=10000;w=3600',
        '"people-24h";r=125;t=1800, "rows-1h";r=0;t=60',
    )
    assert rate_limit(()) == ("", "")
