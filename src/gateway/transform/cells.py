# SPDX-License-Identifier: Apache-2.0
"""Cells of a column looked at as what they say: text, people, and decimals that can be reckoned with."""

from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from msgspec import UNSET, UnsetType

from gateway.transform.inner import Cell, Linked
from gateway.transform.shape import Member

MAX_EXPONENT = 1000
"""Decimals beyond this power of ten are no amounts; reckoning with them would exhaust memory."""


def is_wild(value: Cell) -> bool:
    """Tell whether a value is a decimal that is no number of JSON, or that nobody can reckon with."""
    return isinstance(value, Decimal) and not (value.is_finite() and -MAX_EXPONENT < value.adjusted() < MAX_EXPONENT)


def texts_of(column: Sequence[Cell]) -> Sequence[str | None]:
    """Return a column as text; ``None`` for null, missing and blank."""
    kinds = set(map(type, column))
    # The usual columns are looked at without a turn of Python for each row.
    if kinds == {str} and all(map(str.strip, cast("Sequence[str]", column))):
        return cast("Sequence[str]", column)
    return [str(one) for one in column] if kinds == {int} else list(map(_spelled, column))


def _spelled(value: Cell) -> str | None:
    """Return a value of a row as text; ``None`` for null, missing and blank."""
    if isinstance(value, str):
        return value if value and not value.isspace() else None
    return None if value is None or isinstance(value, UnsetType) else str(value)


def people_in(cells: Sequence[Cell], people: Sequence[int | None]) -> list[Member]:
    """Return a column that stands for people where they are said; null stays null, missing stays missing."""
    return [
        cell if person is None or cell is None or cell is UNSET else Linked(person)
        for cell, person in zip(cells, people, strict=True)
    ]
