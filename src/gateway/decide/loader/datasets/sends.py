# SPDX-License-Identifier: Apache-2.0
"""Routes by which messages go to people: ``operation: send``, declared with the collection of the addresses.

RULES

1. Such a route leads to the store that carries messages and belongs to the collection whose people get them:
   what is decided is whether an address of theirs may go to that recipient, for that purpose.
2. It says whom the data goes to (``recipient``), how people are found by an address (``found_by``: a list of the
   collection's own with a filter of equality on it), and of each message which member is its key, which holds
   the address, and which are text. Nothing else is passed on.
3. An address is a text whose surrogates can be opened (``siv``), of a collection whose rows are about people.
4. Everybody who has an address is found by its one normal spelling. So the store holds normal spellings
   (``spelled: normalised``), or the field is at rest, where there is no other; else who objected could be missed.
"""

import re
from collections.abc import Iterable

from gateway.decide.loader.grammar.problems import Place, Problems, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader
from gateway.domain.catalog import BodyKind, Collection, FieldType, MessageShape, Route, SurrogateKind
from gateway.domain.names import FieldName, RecipientId
from gateway.domain.parameters import Comparison, FilterParameter, Parameter, filters_of
from gateway.domain.sending import SEND

LISTS = ("array", "object")
"""Forms of an answer that are read to find people."""

_MEMBER = re.compile(r"[^\W\d][\w-]*(\.[^\W\d][\w-]*){0,3}\Z")


def read_messages(inner: Reader, collection: Collection, *, is_treated: bool) -> MessageShape | None:
    """Return which member of a message is what, from a body of ``messages``.

    Args:
        inner: The body.
        collection: Whose addresses they are.
        is_treated: Its fields are known with their treatments; else nobody can tell what their surrogates are.
    """
    key = inner.text("key")
    said = inner.text_entries("address", required=True)
    texts = inner.texts("texts", required=True)
    if len(said) != 1:
        inner.problems.tell(
            inner.place("address"), "`address` is one member and its field: one message is to one person"
        )
        return None
    (member, field), *_ = said
    members = [key, member.text, *(one.text for one in texts)]
    for name in members:
        if name and _MEMBER.match(name) is None:
            inner.problems.tell(inner.place(), f"{quoted(name)} is no name for a member of a message")
    for name in members:
        if members.count(name) > 1 or any(other.startswith(f"{name}.") for other in members):
            inner.problems.tell(inner.place(), f"{quoted(name)} means two things in one message")
            break
    _check_field(inner, field, collection, is_treated=is_treated)
    return MessageShape(key=key, address=member.text, field=FieldName(field), texts=tuple(one.text for one in texts))


def _check_field(inner: Reader, field: str, collection: Collection, *, is_treated: bool) -> None:
    spec, place = collection.field(field), inner.place("address")
    if spec is None:
        known = [one.name for one in collection.fields]
        inner.problems.tell(place, f"unknown field {quoted(field)}{suggestion(field, known)}")
    elif is_treated and not is_address(collection, field):
        message = f"{quoted(field)} is no text with surrogates of kind `siv`: its addresses could not be found again"
        inner.problems.tell(place, message)


def is_address(collection: Collection, field: str) -> bool:
    """Tell whether surrogates of a field can be opened to a text."""
    spec = collection.field(field)
    return spec is not None and spec.type is FieldType.TEXT and spec.surrogate is SurrogateKind.SIV


def read_recipient(reader: Reader) -> RecipientId | None:
    """Return whom the addresses of a route go to."""
    return RecipientId(reader.text("recipient")) if reader.has("recipient") else None


def read_found_by(reader: Reader) -> tuple[str, str, str] | None:
    """Return method and path of the list, and the parameter, by which people are found."""
    inner = reader.table_of("found_by")
    if inner is None:
        return None
    found = (inner.word("method", ("GET", "POST"), default="GET"), inner.text("path"), inner.text("parameter"))
    inner.close()
    return found


def read_spelled(reader: Reader) -> bool:
    """Tell whether the store holds addresses in their normal spelling, or compares as if it did; another word is told."""
    is_said = reader.has("spelled")
    if is_said:
        reader.word("spelled", ("normalised",))
    return is_said


def check_send(reader: Reader, in_path: tuple[str, ...], route: Route) -> None:
    """Tell what a route that sends lacks, and what only such a route can have."""
    is_send = route.operation == SEND
    for key, found in (("recipient", route.recipient), ("found_by", route.found_by)):
        if is_send and found is None:
            reader.problems.tell(reader.place(), f"`operation: {SEND}` needs `{key}`")
        elif not is_send and found is not None:
            reader.problems.tell(reader.place(key), f"`{key}` means nothing without `operation: {SEND}`")
    if not is_send:
        if route.spelled_normally:
            reader.problems.tell(reader.place("spelled"), f"`spelled` means nothing without `operation: {SEND}`")
        if route.assurance:
            message = (
                f"`assurance` of a route means nothing without `operation: {SEND}`; a collection has one of its own"
            )
            reader.problems.tell(reader.place("assurance"), message)
        return
    if route.answer.kind and route.answer.kind != "nothing":
        message = "what is sent is answered by `nothing`: the recipient's own words are never passed on"
        reader.problems.tell(reader.place("answer"), message)
    if in_path or route.parameters or route.always or route.slash:
        message = f"`operation: {SEND}` has a plain path and no parameters: all of a message stands in its body"
        reader.problems.tell(reader.place("path"), message)


def check_found(collection: Collection, routes: Iterable[tuple[Route, Place]], problems: Problems) -> None:
    """Tell where people cannot be found as a route that sends says."""
    routes = tuple(routes)
    for route, place in routes:
        if route.operation != SEND or route.found_by is None or route.body is None or route.body.messages is None:
            continue
        if collection.field(route.body.messages.field) is None:
            # Told where the address is declared.
            continue
        _check_spelled(collection, route, route.body.messages.field, place, problems)
        if collection.subject is None and not problems.found:
            problems.tell(place, "its rows are about nobody, so nobody can be asked whether a message may come")
        method, path, name = route.found_by
        look = next((one for one, _ in routes if (one.method, one.template) == (method, path)), None)
        if look is None or look.operation != "read" or look.answer.kind not in LISTS or "{" in path:
            problems.tell(place, f"`found_by`: the collection has no list {method} {quoted(path)}")
        elif is_address(collection, route.body.messages.field) and not finder(look, name, route.body.messages.field):
            message = (
                f"`found_by`: {quoted(name)} is no plain filter of equality on {quoted(route.body.messages.field)}"
            )
            problems.tell(place, message)


def _check_spelled(collection: Collection, route: Route, field: str, place: Place, problems: Problems) -> None:
    """Tell where somebody who has an address could be missed because the store spells it otherwise."""
    spec = collection.field(field)
    if spec is not None and is_address(collection, field) and spec.at_rest is None and not route.spelled_normally:
        message = (
            f"people are found by the normal spelling of {quoted(field)}, and who is in the store by another would be missed: "
            "say `spelled: normalised` if it holds no other, or let the field be `at_rest`"
        )
        problems.tell(place, message)


def finder(look: Route, name: str, field: str) -> FilterParameter | None:
    """Return the filter by which a list is asked for rows of addresses."""
    in_body = look.body is not None and look.body.kind is BodyKind.SEARCH
    declared: Parameter | None = look.parameters.get(name)
    if declared is None and in_body and look.body is not None:
        declared = look.body.parameters.get(name)
    fitting = [one for one in filters_of(declared) if one.field == field and not one.bands]
    return next((one for one in fitting if one.comparison in (Comparison.EQUAL, Comparison.IN)), None)
