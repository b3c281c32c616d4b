# SPDX-License-Identifier: Apache-2.0
"""The routes of a collection: canonical templates, declared parameters, declared answers.

A path that two routes match has no one meaning, so no two may; a brace is one whole segment.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import combinations

import msgspec

from gateway.decide.loader.fields import Fields, check_field, read_field
from gateway.decide.loader.problems import Place, Problems, Said, choices, quoted, suggestion
from gateway.decide.loader.reading import Reader
from gateway.decide.loader.yaml_nodes import Scalar, Table
from gateway.domain.catalog import (
    AnswerShape,
    Collection,
    Comparison,
    FieldsParameter,
    FieldType,
    FilterParameter,
    LimitParameter,
    MemberUse,
    OffsetParameter,
    Parameter,
    Route,
    SortParameter,
)
from gateway.domain.treatment import Chain, ChainName

METHODS = ("GET",)
"""What is carried today; a write needs more than a route."""
OPERATIONS = {"GET": ("read",)}
KINDS = ("array", "object", "record")
USES = ("filter", "limit", "offset", "sort", "fields")
COMPARISONS = tuple(comparison.value for comparison in Comparison)
MEMBER_USES = tuple(use.value for use in MemberUse)
MOST_ROWS = 100_000
ORDERED = (FieldType.INTEGER, FieldType.DECIMAL, FieldType.DATE, FieldType.TIMESTAMP)
"""Types that less and more mean something for."""

_SEGMENT = re.compile(r"([A-Za-z0-9_~-][A-Za-z0-9_.~-]*|\{[A-Za-z_][A-Za-z0-9_]*\})\Z", re.ASCII)
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(\[[A-Za-z0-9_.-]+\])*\Z", re.ASCII)


class PlacedRoute(msgspec.Struct, frozen=True):
    """A route and where it stands."""

    route: Route
    place: Place


def read_routes(
    ours: Reader, store: str, collection: Collection, chains: Mapping[ChainName, Chain]
) -> tuple[PlacedRoute, ...]:
    """Return the routes under a collection's ``gateway`` key."""
    return tuple(
        PlacedRoute(_route(reader, store, collection, chains), reader.place()) for reader in ours.tables("routes")
    )


def check_overlaps(routes: Iterable[PlacedRoute], problems: Problems) -> None:
    """Tell every pair of routes that one path would match."""
    for one, other in combinations(routes, 2):
        if one.route.method == other.route.method and _overlap(one.route.template, other.route.template):
            message = f"{quoted(other.route.template)} matches paths that {quoted(one.route.template)} ({one.place}) matches too"
            problems.tell(other.place, message)


def _overlap(one: str, other: str) -> bool:
    left, right = one.split("/"), other.split("/")
    return len(left) == len(right) and all(a == b or "{" in a + b for a, b in zip(left, right, strict=True))


def _route(reader: Reader, store: str, collection: Collection, chains: Mapping[ChainName, Chain]) -> Route:
    method = reader.word("method", METHODS)
    template = reader.text("path")
    in_path = _check_template(reader, template, store)
    answer = _answer(reader.table_of("answer", required=True))
    parameters = {
        name.text: _parameter(name, node, reader, collection, chains) for name, node in reader.entries("parameters")
    }
    route = Route(
        method=method,
        template=template,
        operation=reader.word("operation", OPERATIONS.get(method, ("read",))),
        dataset=collection.dataset,
        answer=answer,
        parameters=parameters,
    )
    reader.close()
    _check_path_parameters(reader, in_path, route)
    if answer.kind == "record":
        _check_record(reader, in_path, route)
    return route


def _check_template(reader: Reader, template: str, store: str) -> tuple[str, ...]:
    if not template:
        return ()
    segments = template.split("/")
    place = reader.place("path")
    if segments[0] or len(segments) < 3 or any(_SEGMENT.match(segment) is None for segment in segments[1:]):
        message = (
            f"{quoted(template)} is not canonical: `/{store}/…`, plain segments or `{{name}}`, no slash at the end"
        )
        reader.problems.tell(place, message)
        return ()
    if segments[1] != store:
        reader.problems.tell(place, f"{quoted(template)} must start with `/{store}/`, the store that it belongs to")
    names = tuple(segment.strip("{}") for segment in segments[1:] if segment.startswith("{"))
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.problems.tell(place, f"`{{{name}}}` stands twice in {quoted(template)}")
    return names


def _check_path_parameters(reader: Reader, in_path: tuple[str, ...], route: Route) -> None:
    for name in in_path:
        parameter = route.parameters.get(name)
        is_equality = isinstance(parameter, FilterParameter) and parameter.comparison is Comparison.EQUAL
        if not is_equality or (isinstance(parameter, FilterParameter) and parameter.bands):
            message = f"`{{{name}}}` of the path must be declared in `parameters` as an equality filter on its field"
            reader.problems.tell(reader.place("path"), message)


def _check_record(reader: Reader, in_path: tuple[str, ...], route: Route) -> None:
    if not in_path:
        reader.problems.tell(reader.place("answer"), "a `record` is found by its path, but the path has no `{name}`")
    for name, parameter in route.parameters.items():
        if isinstance(parameter, LimitParameter | OffsetParameter | SortParameter):
            reader.problems.tell(
                reader.place("parameters"), f"a `record` has no pages and no order, so no {quoted(name)}"
            )


def _answer(reader: Reader | None) -> AnswerShape:
    if reader is None:
        return AnswerShape(kind="array")
    kind = reader.word("kind", KINDS)
    rows = reader.text("rows") if kind == "object" else None
    members: list[tuple[str, MemberUse]] = []
    for name, use in reader.text_entries("members") if kind == "object" else ():
        if use not in MEMBER_USES:
            message = f"member {quoted(name.text)} is {quoted(use)}, expected one of {choices(MEMBER_USES)}{suggestion(use, MEMBER_USES)}"
            reader.problems.tell(name.place, message)
        elif name.text == rows:
            reader.problems.tell(name.place, f"{quoted(name.text)} holds the rows and cannot be a member beside them")
        else:
            members.append((name.text, MemberUse(use)))
    reader.close()
    return AnswerShape(kind=kind, rows=rows, members=tuple(members))


def _parameter(
    name: Said, node: object, route: Reader, collection: Collection, chains: Mapping[ChainName, Chain]
) -> Parameter:
    problems = route.problems
    if _PARAMETER.match(name.text) is None:
        problems.tell(name.place, f"{quoted(name.text)} is no name for a parameter")
    if isinstance(node, Scalar):
        # `limit: limit` is short for `limit: {use: limit}`.
        node = Table(node.place, {"use": node}, {"use": node.place})
    if not isinstance(node, Table):
        problems.tell(name.place, f"parameter {quoted(name.text)} must be a use or keys with values")
        return FieldsParameter()
    reader = Reader(node, problems)
    fields = {spec.name: spec for spec in collection.fields}
    parameter = _read_use(reader, fields, chains)
    reader.close()
    return parameter


def _read_use(reader: Reader, fields: Fields, chains: Mapping[ChainName, Chain]) -> Parameter:
    use = reader.word("use", USES, default="filter")
    if use == "limit":
        most = reader.number("most", least=1, most=MOST_ROWS, default=LimitParameter().most)
        return LimitParameter(most=most, default=reader.number("default", least=1, most=most, default=min(100, most)))
    if use == "offset":
        return OffsetParameter()
    if use == "sort":
        said = reader.texts("fields", required=True)
        return SortParameter(tuple(check_field(one, fields, reader.problems) for one in said))
    if use == "fields":
        return FieldsParameter()
    return _filter(reader, fields, chains)


def _filter(reader: Reader, fields: Fields, chains: Mapping[ChainName, Chain]) -> FilterParameter:
    field = read_field(reader, "field", fields)
    comparison = Comparison(reader.word("comparison", COMPARISONS, default="eq") or "eq")
    bands = reader.flag("bands", default=False)
    if not field:
        return FilterParameter(field, comparison, bands)
    spec = fields[field]
    if comparison not in (Comparison.EQUAL, Comparison.PREFIX) and spec.type not in ORDERED:
        reader.problems.tell(
            reader.place("comparison"), f"{quoted(field)} is {spec.type}, which has no order for `{comparison}`"
        )
    if comparison is Comparison.PREFIX and spec.type is not FieldType.TEXT:
        reader.problems.tell(reader.place("comparison"), f"{quoted(field)} is {spec.type}; only text has a prefix")
    chain = chains.get(spec.chain)
    if bands and (comparison is not Comparison.EQUAL or (chain is not None and chain.level_of("generalise") is None)):
        message = f"`bands` needs `comparison: eq` and a chain with a `generalise` rung; {quoted(field)} has not both"
        reader.problems.tell(reader.place("bands"), message)
    return FilterParameter(field, comparison, bands)
