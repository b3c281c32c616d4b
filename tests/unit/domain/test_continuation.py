# SPDX-License-Identifier: Apache-2.0
"""Continuations: what is one, and a list that turns in a circle is left."""

import itertools

import pytest

from gateway.domain.continuation import MOST_BYTES, Continuation, following, told_in
from gateway.domain.errors import StoreMisbehaved


@pytest.mark.parametrize(
    ("members", "path", "told"),
    [
        ({"next": "25,m-5"}, "next", "25,m-5"),
        ({"next": 25}, "next", "25"),
        ({"next": "x" * MOST_BYTES}, "next", "x" * MOST_BYTES),
        ({"paging": {"next": {"after": "c"}}}, "paging.next.after", "c"),
        ({"next": None}, "next", None),
        ({"next": ""}, "next", None),
        ({}, "next", None),
        ({"paging": {}}, "paging.next.after", None),
        ({"paging": None}, "paging.next.after", None),
        ({"paging.next": "x"}, "paging.next", None),
    ],
)
def test_text_and_whole_numbers_go_on_and_nothing_ends(members: dict[str, object], path: str, told: str | None) -> None:
    """Null, empty and missing are the end, on the way there too."""
    assert told_in(members, path) == told


@pytest.mark.parametrize(
    "value",
    [True, 1.5, -1, 10**18, ["a"], {"a": 1}, "x" * (MOST_BYTES + 1), "é" * MOST_BYTES, "a\nb", "a\x00", "\ud800"],
    ids=lambda value: repr(value)[:20],
)
def test_anything_else_is_the_stores_fault(value: object) -> None:
    """Nothing is cut, rounded or passed over: that would end a list early."""
    with pytest.raises(StoreMisbehaved):
        told_in({"next": value}, "next")


def test_a_member_that_is_no_object_leads_nowhere() -> None:
    """What was declared as deeper is deeper."""
    with pytest.raises(StoreMisbehaved):
        told_in({"paging": "x"}, "paging.next")


@pytest.mark.parametrize(("n_before", "n_circle"), list(itertools.product((0, 1, 2, 7, 20), (1, 2, 3, 8, 33))))
def test_a_circle_of_any_length_is_found(n_before: int, n_circle: int) -> None:
    """Within three times the pages that there are."""
    n_pages = n_before + n_circle
    place, n_asked = None, 0
    with pytest.raises(StoreMisbehaved):  # noqa: PT012 - the loop is what is judged
        for n_asked in range(3 * n_pages + 3):
            page = n_asked if n_asked < n_before else n_before + (n_asked - n_before) % n_circle
            place = following(place, f"page {page}")
    assert n_asked >= n_pages


def test_a_long_list_is_no_circle() -> None:
    """Ten thousand different continuations are followed."""
    place = None
    for n in range(10_000):
        place = following(place, str(n))
    assert place is not None
    assert place.told == "9999"


def test_a_continuation_shows_nothing_of_itself() -> None:
    """It may hold a value of a row."""
    assert repr(following(None, "m-001")) == str(Continuation("m-001", b"")) == "<Continuation>"
