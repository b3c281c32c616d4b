# SPDX-License-Identifier: Apache-2.0
"""Stores that many people run, known by how they answer: Datasette, json-server, PostgREST.

Each has one way to ask for pages, orders and filters, the same for every table, so it is written down here and need
not be found by trying.

Source: docs.datasette.io (JSON API), json-server 0.17 and 1.0 (README), PostgREST 12 (Tables and Views).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from gateway.discover.draft import DraftRoute
from gateway.discover.meanings import NAME_IN_QUERY, ORDERED, Fields, sortable
from gateway.discover.sample import Sample
from gateway.domain.catalog import AnswerShape, FieldType, MemberUse
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    AlternativeFilters,
    Comparison,
    CursorParameter,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    OrderParameter,
    PageParameter,
    Parameter,
    SortParameter,
    SortStyle,
)

Spoken = tuple[dict[str, Parameter], AnswerShape, tuple[tuple[str, str], ...]]
"""Parameters, answer, and what is always sent."""

DATASETTE_PAGE = 1000
"""Rows that Datasette gives at most, as it is shipped (``max_returned_rows``)."""


class Style(StrEnum):
    """A way of asking."""

    DATASETTE = "datasette"
    JSON_SERVER = "json-server"
    JSON_SERVER_1 = "json-server 1"
    POSTGREST = "postgrest"


def style_of(route: DraftRoute) -> Style | None:
    """Return the style in which a list was described or answered."""
    if route.described and any(one.origin.startswith("rowFilter.") for one in route.described.parameters):
        return Style.POSTGREST
    return next((style for sample in route.asked if (style := style_in(sample)) is not None), None)


def style_in(sample: Sample) -> Style | None:
    """Return the style in which one answer came."""
    names = {name for name, _ in sample.query}
    body = sample.body if isinstance(sample.body, Mapping) else {}
    if ("_shape", "objects") in sample.query and "rows" in body:
        return Style.DATASETTE
    if "_per_page" in names and {"first", "items", "pages", "data"} <= set(body):
        return Style.JSON_SERVER_1
    if "_limit" in names and any(name == "x-total-count" for name, _ in sample.headers):
        return Style.JSON_SERVER
    return None


def spoken(style: Style, fields: Fields) -> Spoken:
    """Return how a list of these fields is asked for in a style."""
    match style:
        case Style.DATASETTE:
            return _datasette(fields)
        case Style.JSON_SERVER:
            return _json_server(fields)
        case Style.JSON_SERVER_1:
            return _json_server_1(fields)
        case Style.POSTGREST:
            return _postgrest(fields)


def _datasette(fields: Fields) -> Spoken:
    found: dict[str, Parameter] = {
        "_size": LimitParameter(most=DATASETTE_PAGE, default=100),
        "_next": CursorParameter(),
        "_sort": SortParameter(sortable(fields), SortStyle.ASCENDING),
        "_sort_desc": SortParameter(sortable(fields), SortStyle.DESCENDING),
        "_fields": FieldsParameter(),
    }
    for name, one in _askable(fields):
        found[f"{name}__exact"] = FilterParameter(name)
        found[f"{name}__in"] = FilterParameter(name, Comparison.IN)
        found |= {f"{name}__{word}": FilterParameter(name, kind) for word, kind in _ranges(one)}
        if one is FieldType.TEXT:
            found[f"{name}__startswith"] = FilterParameter(name, Comparison.PREFIX)
    return (
        found,
        AnswerShape(kind="object", rows="rows", next="next"),
        (("_shape", "objects"), ("_nocount", "1"), ("_nosuggest", "1")),
    )


def _json_server(fields: Fields) -> Spoken:
    found: dict[str, Parameter] = {
        "_limit": LimitParameter(most=1000, default=100),
        "_page": PageParameter(),
        "_sort": SortParameter(sortable(fields), SortStyle.APART),
        "_order": OrderParameter(),
        "_fields": FieldsParameter(),
    }
    for name, one in _askable(fields):
        found[name] = FilterParameter(name)
        found |= {
            f"{name}_{word}": FilterParameter(name, kind) for word, kind in _ranges(one) if word in ("gte", "lte")
        }
    return found, AnswerShape(kind="array"), ()


def _json_server_1(fields: Fields) -> Spoken:
    found: dict[str, Parameter] = {
        "_per_page": LimitParameter(most=1000, default=100),
        "_page": PageParameter(),
        "_sort": SortParameter(sortable(fields)),
        "_fields": FieldsParameter(),
    }
    for name, one in _askable(fields):
        found[name] = FilterParameter(name)
        found |= {f"{name}:{word}": FilterParameter(name, kind) for word, kind in _ranges(one)}
    beside = tuple((name, MemberUse.DROP) for name in ("first", "prev", "last", "pages"))
    shape = AnswerShape(kind="object", rows="data", members=(*beside, ("items", MemberUse.RECOUNT)), next="next")
    return found, shape, ()


def _postgrest(fields: Fields) -> Spoken:
    found: dict[str, Parameter] = {
        "limit": LimitParameter(most=1000, default=100),
        "offset": OffsetParameter(),
        "order": SortParameter(sortable(fields), SortStyle.DOT),
        "select": FieldsParameter(),
    }
    for name, one in _askable(fields):
        if name in found:
            continue
        kinds = [("eq.{}", Comparison.EQUAL), ("in.({})", Comparison.IN)]
        kinds += [(f"{word}.{{}}", kind) for word, kind in _ranges(one)]
        found[name] = AlternativeFilters(tuple(FilterParameter(name, kind, value=value) for value, kind in kinds))
    return found, AnswerShape(kind="array", partial=True), ()


def _askable(fields: Fields) -> Iterable[tuple[FieldName, FieldType]]:
    """Return the fields that a parameter can be named after: at the top of a row, in ASCII."""
    return [
        (name, one.type)
        for name, one in fields.items()
        if NAME_IN_QUERY.match(name) and "." not in name and one.type is not FieldType.FREE_TEXT
    ]


def _ranges(type_: FieldType) -> tuple[tuple[str, Comparison], ...]:
    if type_ not in ORDERED:
        return ()
    return (("gte", Comparison.AT_LEAST), ("lte", Comparison.AT_MOST), ("gt", Comparison.MORE), ("lt", Comparison.LESS))
