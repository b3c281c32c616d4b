# SPDX-License-Identifier: Apache-2.0
"""What a declared parameter may say: a filter, an order, a page, the fields that are wanted."""

from enum import StrEnum

import msgspec

from gateway.domain.names import FieldName


class Comparison(StrEnum):
    """How a parameter uses its field."""

    EQUAL = "eq"
    LESS = "lt"
    AT_MOST = "le"
    MORE = "gt"
    AT_LEAST = "ge"
    PREFIX = "prefix"
    IN = "in"
    """Equal to any of a list of values."""


PLAIN = "{}"
"""Spelling of a value that stands for itself."""


class FilterParameter(msgspec.Struct, frozen=True, tag="filter"):
    """Query or path parameter that compares a field."""

    field: FieldName
    comparison: Comparison = Comparison.EQUAL
    bands: bool = False
    """The store understands a band such as ``1980-1989`` for this parameter."""
    most: int = 100
    """Most values in the list of an ``in``; in a query they are joined by commas."""
    value: str = PLAIN
    """The value as the store spells it in a query: ``eq.{}``, where ``{}`` stands for what is compared."""


class AlternativeFilters(msgspec.Struct, frozen=True, tag="alternatives"):
    """Query parameter with several spellings: the one that a text fits is meant, each once in a call."""

    filters: tuple[FilterParameter, ...]


class LimitParameter(msgspec.Struct, frozen=True, tag="limit"):
    """Query parameter that bounds the number of rows in a page."""

    most: int = 1000
    default: int = 100


class OffsetParameter(msgspec.Struct, frozen=True, tag="offset"):
    """Query parameter that skips rows; callers get a sealed cursor in its place as well."""


class PageParameter(msgspec.Struct, frozen=True, tag="page"):
    """Query parameter with the number of a page, from 1; the route's limit says how long a page is."""


class CursorParameter(msgspec.Struct, frozen=True, tag="cursor"):
    """Query parameter that takes the store's own continuation, which callers have only sealed."""


class SortStyle(StrEnum):
    """How an order is spelled: ``-age``, ``age.desc``, one name with its direction fixed, or directions apart."""

    MINUS = "minus"
    DOT = "dot"
    ASCENDING = "ascending"
    DESCENDING = "descending"
    APART = "apart"


class SortParameter(msgspec.Struct, frozen=True, tag="sort"):
    """Query parameter that orders rows by one or more of its fields."""

    fields: tuple[FieldName, ...]
    style: SortStyle = SortStyle.MINUS


class OrderParameter(msgspec.Struct, frozen=True, tag="order"):
    """Query parameter with the directions of a sort whose style is ``apart``: ``asc`` and ``desc``, joined by commas."""


class FieldsParameter(msgspec.Struct, frozen=True, tag="fields"):
    """Query parameter by which the caller names the fields it wants; never sent to the store."""


Parameter = (
    FilterParameter
    | AlternativeFilters
    | LimitParameter
    | OffsetParameter
    | PageParameter
    | CursorParameter
    | SortParameter
    | OrderParameter
    | FieldsParameter
)


def filters_of(parameter: Parameter | None) -> tuple[FilterParameter, ...]:
    """Return the filters that a parameter can be; nothing for any other use."""
    if isinstance(parameter, AlternativeFilters):
        return parameter.filters
    return (parameter,) if isinstance(parameter, FilterParameter) else ()
