# SPDX-License-Identifier: Apache-2.0
"""What a route does, takes and honours: its operation, its body and the headers that the store understands.

RULES

1. A method has its operations. What reads by POST declares what a caller may say: the members of a
   search, or parameters. What writes says which record by its path, and nothing else chooses records.
2. PUT puts one record in another's place, so it is refused unless somebody made sure that the store
   leaves fields that a caller cannot see as they are (``keeps_unseen``).
3. A header is honoured where it means something, and ``range`` nowhere: rows leave in blocks of whole
   rows, and each block is authorised by itself.
"""

from collections.abc import Mapping

from gateway.decide.loader.datasets.parameters import Chains, read_members
from gateway.decide.loader.datasets.sends import read_messages
from gateway.decide.loader.grammar.problems import choices, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.domain.catalog import WRITES, BodyKind, BodyShape, Collection, Honoured, Route
from gateway.domain.parameters import FieldsParameter, LimitParameter, Parameter, SortParameter
from gateway.domain.sending import MOST_MESSAGES, SEND

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "GET": ("read",),
    "POST": ("read", "create", "update", SEND),
    "PUT": ("update",),
    "PATCH": ("update",),
    "DELETE": ("delete",),
}
BODIES = tuple(kind.value for kind in BodyKind)
HONOURED = tuple(header.value for header in Honoured)
MOST_RECORDS = 10_000
"""Records in one call: one call is one intent, entered whole before it is sent."""

_TAKES: Mapping[str, tuple[BodyKind, ...]] = {
    "GET": (),
    "PUT": (BodyKind.RECORD,),
    "PATCH": (BodyKind.FIELDS, BodyKind.MERGE_PATCH),
    "DELETE": (),
}
_POST_TAKES: Mapping[str, tuple[BodyKind, ...]] = {
    "read": (BodyKind.SEARCH,),
    "create": (BodyKind.RECORD, BodyKind.RECORDS),
    "update": (BodyKind.FIELDS,),
    SEND: (BodyKind.MESSAGES,),
}
_MEANS: Mapping[Honoured, tuple[str, ...]] = {
    Honoured.IF_MATCH: ("read", "update", "delete"),
    Honoured.IF_NONE_MATCH: ("create", "update"),
    Honoured.IDEMPOTENCY_KEY: ("create", "update"),
    Honoured.PREFER: ("create", "update"),
}


def read_body(reader: Reader, collection: Collection, chains: Chains) -> BodyShape | None:
    """Return the declared body of a route; ``None`` where it has none, or none that can be read."""
    inner = reader.table_of("body")
    if inner is None:
        return None
    word = inner.word("kind", BODIES)
    kind = BodyKind(word) if word else None
    parameters = read_members(inner, collection, chains)
    is_messages = kind is BodyKind.MESSAGES
    most = inner.number("most", least=1, most=MOST_MESSAGES if is_messages else MOST_RECORDS, default=1)
    messages = read_messages(inner, collection, is_treated=bool(chains)) if is_messages else None
    keeps_unseen = inner.flag("keeps_unseen", default=False)
    inner.close()
    if kind is None:
        return None
    _check_keys(inner, kind)
    return BodyShape(kind=kind, parameters=parameters, most=most, keeps_unseen=keeps_unseen, messages=messages)


def _check_keys(inner: Reader, kind: BodyKind) -> None:
    """Tell keys that mean nothing for the kind of body."""
    for key, only in (
        ("parameters", (BodyKind.SEARCH,)),
        ("most", (BodyKind.RECORDS, BodyKind.MESSAGES)),
        ("keeps_unseen", (BodyKind.RECORD,)),
    ):
        if inner.has(key) and kind not in only:
            message = f"`{key}` means nothing in a body of `{kind}`, only of {choices(only)}"
            inner.problems.tell(inner.place(key), message)
    if kind is BodyKind.RECORDS and not inner.has("most"):
        inner.problems.tell(inner.place(), "a body of `records` needs `most`: how many there may be in one call")
    if kind is BodyKind.SEARCH and not inner.has("parameters"):
        inner.problems.tell(inner.place(), "a body of `search` needs `parameters`: what each member means")


def read_honours(reader: Reader) -> tuple[Honoured, ...]:
    """Return the headers that a route honours."""
    found = []
    for said in reader.texts("honours"):
        if said.text == "range":
            message = "`range` can never be honoured: rows leave in blocks, each authorised by itself; use pages"
            reader.problems.tell(said.place, message)
        elif said.text not in HONOURED:
            message = f"`honours` has {quoted(said.text)}, expected {choices(HONOURED)}"
            reader.problems.tell(said.place, message + suggestion(said.text, HONOURED))
        else:
            found.append(Honoured(said.text))
    return tuple(found)


def check_deed(reader: Reader, in_path: tuple[str, ...], route: Route) -> None:
    """Tell what does not fit together in method, operation, body, answer, parameters and headers of a route."""
    if not route.method or not route.operation:
        return
    _check_kind(reader, route)
    _check_answer(reader, route)
    _check_honours(reader, route)
    if route.operation in WRITES:
        _check_write(reader, in_path, route)
    if route.body is not None and route.method == "POST":
        _check_twice(reader, route.parameters, route.body.parameters)


def _check_kind(reader: Reader, route: Route) -> None:
    method, operation, body = route.method, route.operation, route.body
    takes = _POST_TAKES[operation] if method == "POST" else _TAKES[method]
    if body is not None and body.kind not in takes:
        expected = f"expected {choices(takes)}" if takes else "which has no body"
        message = f"a body of `{body.kind}` does not belong to {method} with `operation: {operation}`, {expected}"
        reader.problems.tell(reader.place("body"), message)
    elif body is None and not reader.has("body"):
        _check_missing(reader, route, takes)
    if method == "PUT" and body is not None and body.kind is BodyKind.RECORD and not body.keeps_unseen:
        message = (
            "PUT would take away what a caller cannot see: use PATCH, or say `keeps_unseen: yes` in `body` if the "
            "store was seen to leave fields that are not named as they are"
        )
        reader.problems.tell(reader.place("body"), message)


def _check_missing(reader: Reader, route: Route, takes: tuple[BodyKind, ...]) -> None:
    if route.method == "POST" and route.operation == "read":
        if not route.parameters:
            message = "a POST that reads declares what it is asked: `body: {kind: search, …}`, or `parameters`"
            reader.problems.tell(reader.place("method"), message)
    elif takes:
        message = f"{route.method} with `operation: {route.operation}` needs a `body` of {choices(takes)}"
        reader.problems.tell(reader.place("method"), message)


def _check_answer(reader: Reader, route: Route) -> None:
    kind, writes = route.answer.kind, route.operation in WRITES
    if route.operation == SEND:
        return
    if not kind or (kind in ("record", "nothing") if writes else kind != "nothing"):
        if writes and kind == "record" and route.body is not None and route.body.kind is BodyKind.RECORDS:
            message = "many records are answered by `nothing`: the store's word on each would be a list of its own"
            reader.problems.tell(reader.place("answer"), message)
        return
    message = (
        "a write is answered by a `record` or by `nothing`"
        if writes
        else "what reads is answered by something: `nothing` is for writes"
    )
    reader.problems.tell(reader.place("answer"), message)


def _check_honours(reader: Reader, route: Route) -> None:
    for header in route.honours:
        if route.operation not in _MEANS[header]:
            message = f"`{header}` means nothing for `operation: {route.operation}`"
            reader.problems.tell(reader.place("honours"), message)
    if Honoured.IF_MATCH in route.honours and route.operation == "read" and route.answer.kind != "record":
        message = (
            "`if-match` on a route that reads tells the ETag of a `record`; a list has none that a write could use"
        )
        reader.problems.tell(reader.place("honours"), message)


def _check_write(reader: Reader, in_path: tuple[str, ...], route: Route) -> None:
    if route.operation != "create" and not in_path:
        message = f"`operation: {route.operation}` is of one record: its path needs a `{{name}}` that says which"
        reader.problems.tell(reader.place("path"), message)
    for name, parameter in route.parameters.items():
        if not isinstance(parameter, FieldsParameter) and name not in in_path:
            message = f"a write is of the record that its path names, so {quoted(name)} has nothing to choose"
            reader.problems.tell(reader.place("parameters"), message)


def _check_twice(reader: Reader, query: Mapping[str, Parameter], body: Mapping[str, Parameter]) -> None:
    """Tell what could be said in two places: of two, no one meaning."""
    for name in query.keys() & body.keys():
        message = f"{quoted(name)} is declared for the query and for the body; leave one out"
        reader.problems.tell(reader.place("body"), message)
    for kind in (LimitParameter, SortParameter):
        if any(isinstance(one, kind) for one in query.values()) and any(isinstance(one, kind) for one in body.values()):
            word = kind.__struct_config__.tag
            message = f"there is a `{word}` in the query and one in the body; leave one out"
            reader.problems.tell(reader.place("body"), message)
