# SPDX-License-Identifier: Apache-2.0
"""Cells as what they say."""

from decimal import Decimal

import pytest
from msgspec import UNSET

from gateway.transform.cells import MAX_EXPONENT, is_wild, people_in, texts_of
from gateway.transform.inner import Cell, Linked


@pytest.mark.parametrize(
    "value", [Decimal("NaN"), Decimal("Infinity"), Decimal(f"1e{MAX_EXPONENT}"), Decimal("1e-9999")]
)
def test_a_decimal_that_nobody_reckons_with_is_wild(value: Decimal) -> None:
    """Not a number, without end, or so large that it exhausts memory."""
    assert is_wild(value)


@pytest.mark.parametrize("value", [Decimal(0), Decimal("-1.50"), Decimal("1e999"), 7, "NaN", None, UNSET])
def test_anything_else_is_not(value: Cell) -> None:
    """Text that looks like it too."""
    assert not is_wild(value)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (["a", " b"], ["a", " b"]),
        (["a", " ", ""], ["a", None, None]),
        ([1, 2], ["1", "2"]),
        ([1, None, UNSET, True], ["1", None, None, "True"]),
        ([], []),
    ],
)
def test_a_column_is_text_where_it_says_something(column: list[Cell], texts: list[str | None]) -> None:
    """Blank, null and missing say nothing."""
    assert list(texts_of(column)) == texts


def test_people_stand_where_they_are_said_and_there_was_a_value() -> None:
    """Null stays null, missing stays missing."""
    assert people_in(["a", "b", None, UNSET], [7, None, 7, 7]) == [Linked(7), "b", None, UNSET]
