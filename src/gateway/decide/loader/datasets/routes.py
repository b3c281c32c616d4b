# SPDX-License-Identifier: Apache-2.0
"""The routes of a collection: canonical templates, declared parameters, declared answers.

A path that two routes match has no one meaning, so no two may; a brace is one whole segment.
"""

import re
from collections.abc import Iterable
from itertools import combinations

import msgspec

from gateway.decide.loader.datasets.bodies import OPERATIONS, check_deed, read_body, read_honours
from gateway.decide.loader.datasets.paging import PAGES, check_pages, read_always, read_next
from gateway.decide.loader.datasets.parameters import Chains, read_parameters
from gateway.decide.loader.datasets.sends import check_send, read_found_by, read_recipient, read_spelled
from gateway.decide.loader.grammar.problems import Place, Problems, choices, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.domain.catalog import WRITES, AnswerShape, BodyKind, Collection, MemberUse, Route
from gateway.domain.own_data import OWN_PATHS, OWN_SEGMENT, OWN_STORE
from gateway.domain.parameters import PLAIN, Comparison, FilterParameter, OrderParameter, SortParameter
from gateway.domain.principal import Assurance
from gateway.domain.sending import SEND

METHODS = tuple(OPERATIONS)
KINDS = ("array", "object", "record", "ndjson", "csv", "nothing")
MEMBER_USES = tuple(use.value for use in MemberUse)

_SEGMENT = re.compile(r"([A-Za-z0-9_~-][A-Za-z0-9_.~-]*|\{[A-Za-z_][A-Za-z0-9_]*\})\Z", re.ASCII)


class PlacedRoute(msgspec.Struct, frozen=True):
    """A route and where it stands."""

    route: Route
    place: Place


def read_routes(ours: Reader, store: str, collection: Collection, chains: Chains) -> tuple[PlacedRoute, ...]:
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
        elif one.route.template != other.route.template and _shape(one.route) == _shape(other.route):
            message = f"{quoted(other.route.template)} names a brace otherwise than {quoted(one.route.template)} ({one.place})"
            problems.tell(other.place, message)


def _shape(route: Route) -> tuple[str, ...]:
    """Return a template without the names of its braces."""
    return tuple("{}" if segment.startswith("{") else segment for segment in route.template.split("/"))


def _overlap(one: str, other: str) -> bool:
    left, right = one.split("/"), other.split("/")
    return len(left) == len(right) and all(a == b or "{" in a + b for a, b in zip(left, right, strict=True))


def _route(reader: Reader, store: str, collection: Collection, chains: Chains) -> Route:
    method = reader.word("method", METHODS)
    template = reader.text("path")
    operation = reader.word("operation", OPERATIONS.get(method, ("read", *WRITES, SEND)))
    in_path = _check_template(reader, template, store, is_send=operation == SEND)
    route = Route(
        method=method,
        template=template,
        operation=operation,
        dataset=collection.dataset,
        answer=_answer(reader.table_of("answer", required=True)),
        parameters=read_parameters(reader, collection, chains),
        body=read_body(reader, collection, chains),
        honours=read_honours(reader),
        always=read_always(reader),
        slash=reader.flag("slash", default=False),
        recipient=read_recipient(reader),
        found_by=read_found_by(reader),
        spelled_normally=read_spelled(reader),
        assurance=Assurance(reader.number("assurance", least=1, most=4, default=0)),
        by_person=reader.word("by", ("person",), default="") == "person",
    )
    reader.close()
    _check_by(reader, route)
    _check_path_parameters(reader, in_path, route)
    check_pages(reader, route)
    if route.answer.kind == "record" and route.operation == "read":
        _check_record(reader, in_path, route)
    check_deed(reader, in_path, route)
    check_send(reader, in_path, route)
    return route


def _check_by(reader: Reader, route: Route) -> None:
    """Tell a route that says `by: person` and is none by which one person signs up."""
    if route.by_person and (
        route.operation != "create" or route.body is None or route.body.kind is not BodyKind.RECORD
    ):
        message = "`by: person` is for a form by which one person signs up: `operation: create`, a body of `record`"
        reader.problems.tell(reader.place("by"), message)


def _check_template(reader: Reader, template: str, store: str, *, is_send: bool) -> tuple[str, ...]:
    if not template:
        return ()
    segments = template.split("/")
    place = reader.place("path")
    if store == OWN_STORE:
        if template not in OWN_PATHS:
            message = f"{quoted(template)} is no path of the gateway's own data: {choices(OWN_PATHS)}{suggestion(template, OWN_PATHS)}"
            reader.problems.tell(place, message)
        return ()
    if segments[0] or len(segments) < 3 or any(_SEGMENT.match(segment) is None for segment in segments[1:]):
        message = (
            f"{quoted(template)} is not canonical: `/{store}/…`, plain segments or `{{name}}`, no slash at the end"
        )
        reader.problems.tell(place, message)
        return ()
    if segments[1] != store and not (is_send and segments[1] not in (OWN_STORE, OWN_SEGMENT)):
        reader.problems.tell(place, f"{quoted(template)} must start with `/{store}/`, the store that it belongs to")
    names = tuple(segment.strip("{}") for segment in segments[1:] if segment.startswith("{"))
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.problems.tell(place, f"`{{{name}}}` stands twice in {quoted(template)}")
    return names


def _check_path_parameters(reader: Reader, in_path: tuple[str, ...], route: Route) -> None:
    for name in in_path:
        parameter = route.parameters.get(name)
        is_equality = isinstance(parameter, FilterParameter) and parameter.comparison is Comparison.EQUAL
        if not is_equality or (
            isinstance(parameter, FilterParameter) and (parameter.bands or parameter.value != PLAIN)
        ):
            message = f"`{{{name}}}` of the path must be declared in `parameters` as an equality filter on its field"
            reader.problems.tell(reader.place("path"), message)


def _check_record(reader: Reader, in_path: tuple[str, ...], route: Route) -> None:
    if not in_path:
        reader.problems.tell(reader.place("answer"), "a `record` is found by its path, but the path has no `{name}`")
    for name, parameter in route.parameters.items():
        if isinstance(parameter, PAGES | SortParameter | OrderParameter):
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
    shape = AnswerShape(
        kind=kind,
        rows=rows,
        members=tuple(members),
        next=read_next(reader, kind, {rows, *(name for name, _ in members)}),
        partial=reader.flag("partial", default=False),
    )
    reader.close()
    return shape
