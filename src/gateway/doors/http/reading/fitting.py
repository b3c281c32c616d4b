# SPDX-License-Identifier: Apache-2.0
"""Texts of parameters, whatever their field: which fit at all, what they count or name, and what callers are told.

No value is in a refusal, only how values are spelled.
"""

import re
from collections.abc import Sequence

from gateway.domain import continuation
from gateway.domain.catalog import Collection
from gateway.domain.decision import Deny
from gateway.domain.inquiry import Sort
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    PLAIN,
    AlternativeFilters,
    Comparison,
    FilterParameter,
    SortParameter,
    SortStyle,
    filters_of,
)
from gateway.doors.http.reading.query import MAX_QUERY_BYTES, has_control, invalid

MAX_VALUE_CHARACTERS = 1024
MAX_TEXT_CHARACTERS = MAX_QUERY_BYTES
"""Of a whole list; its values are bounded one by one."""
MAX_CURSOR_CHARACTERS = 2 * continuation.MOST_BYTES
"""Room for a store's continuation, sealed and in base64url."""

_COUNT = re.compile(r"0|[1-9][0-9]{0,8}")


def unfit_text(name: str, text: str, most: int) -> Deny | None:
    """Return the refusal of a text that is empty, too long or has a control character."""
    if 0 < len(text) <= most and not has_control(text):
        return None
    return invalid(name, f"The value must have 1 to {most} characters, none of them a control.")


def unfit_values(name: str, declared: FilterParameter, values: Sequence[str]) -> Deny | None:
    """Return the refusal of values, or of a list, that no filter of its kind can have."""
    for value in values:
        if refused := unfit_text(name, value, MAX_VALUE_CHARACTERS):
            return refused
    is_list = declared.comparison is Comparison.IN
    if is_list and (not 0 < len(values) <= declared.most or len(set(values)) < len(values)):
        return invalid(name, f"The list must have 1 to {declared.most} values, each of them once.")
    return None


def spellings(declared: FilterParameter | AlternativeFilters) -> str:
    """Return how a parameter's values are spelled."""
    return " or ".join(each.value.replace(PLAIN, "VALUE") for each in filters_of(declared))


def order_sentence(declared: SortParameter) -> str:
    """Return what an order can be."""
    names = ", ".join(declared.fields)
    match declared.style:
        case SortStyle.MINUS:
            return f"Sort by {names}, each once; - in front descends."
        case SortStyle.DOT:
            return f"Sort by {names}, each once; .asc or .desc behind a name."
        case SortStyle.APART:
            return f"Sort by {names}, each once."
        case SortStyle.ASCENDING | SortStyle.DESCENDING:
            return f"Sort by one of {names}."


def directed(sorts: tuple[Sort, ...], directions: tuple[bool, ...] | None) -> tuple[Sort, ...]:
    """Return an order with the directions that stood apart from its names."""
    if directions is None:
        return sorts
    return tuple(Sort(field=sort.field, descending=each) for sort, each in zip(sorts, directions, strict=True))


def count_of(value: str, least: int, most: int) -> int | None:
    """Return a number within bounds, of at most nine plain digits."""
    number = int(value) if _COUNT.fullmatch(value) else -1
    return number if least <= number <= most else None


def named_in(value: str, collection: Collection) -> tuple[FieldName, ...] | None:
    """Return the fields that a text names, each once; ``None`` if it names anything else."""
    names = value.split(",")
    if len(set(names)) != len(names) or any(collection.field(name) is None for name in names):
        return None
    return tuple(FieldName(name) for name in names)
