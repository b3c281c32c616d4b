# SPDX-License-Identifier: Apache-2.0
"""The query string of a call: read strictly, then bound to the parameters that its route declares.

RULES

1. Pairs are split at ``&`` and at the first ``=``, decoded once, UTF-8. What two servers read in two
   ways is refused: a raw ``+`` (plus or space?), a raw ``;`` (another ``&``?), a name that occurs
   twice (the first or the last?), an empty value (no filter, or equal to nothing?).
2. What the route does not declare is refused, never dropped: a filter that is ignored shows more.
3. Values stay text; what a value means is settled by its field's declaration. A value of a caller is
   in no refusal, because a refusal is logged; a name only if it looks like one.
"""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import msgspec

from gateway.domain.catalog import (
    Collection,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    Parameter,
    Route,
    SortParameter,
)
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Filter, Sort
from gateway.domain.names import FieldName

MAX_QUERY_BYTES = 8192
MAX_PARAMETERS = 64
MAX_VALUE_CHARACTERS = 1024
CURSOR = "cursor"
"""Name of the gateway's own parameter on routes that can skip rows."""

_PAIR = re.compile(
    rb"(?:[A-Za-z0-9!$'()*,./:?@\[\]_~-]|%[0-9A-Fa-f]{2})+=(?:[A-Za-z0-9!$'()*,./:=?@\[\]_~-]|%[0-9A-Fa-f]{2})*"
)
_NAME_TO_TELL = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]-]{0,63}")
_COUNT = re.compile(r"0|[1-9][0-9]{0,8}")

Pairs = tuple[tuple[str, str], ...]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a call asks of its route, as values of the domain.

    Attributes:
        fields: The fields that the caller named, in its order; ``None`` if it named none.
        limit: Within the route's bound; ``None`` where the route has no such parameter.
        cursor: Sealed place to go on from, not opened yet; never together with ``offset``.
    """

    fields: tuple[FieldName, ...] | None
    filters: tuple[Filter, ...]
    sorts: tuple[Sort, ...]
    limit: int | None
    offset: int | None
    cursor: str | None


def pairs_of(raw_query: bytes) -> Pairs | Deny:
    """Return the decoded pairs of a raw query string in their order, or why it cannot be read."""
    if not raw_query:
        return ()
    if len(raw_query) > MAX_QUERY_BYTES:
        return Deny(reason=Reason.MALFORMED, title=f"The query is longer than {MAX_QUERY_BYTES} bytes.")
    pieces = raw_query.split(b"&")
    if len(pieces) > MAX_PARAMETERS:
        return Deny(reason=Reason.MALFORMED, title=f"The query has more than {MAX_PARAMETERS} parameters.")
    pairs: list[tuple[str, str]] = []
    for piece in pieces:
        pair = _pair(piece)
        if isinstance(pair, Deny):
            return pair
        if any(pair[0] == name for name, _ in pairs):
            return _invalid(pair[0], "The parameter occurs twice.")
        pairs.append(pair)
    return tuple(pairs)


def _pair(piece: bytes) -> tuple[str, str] | Deny:
    if b"+" in piece:
        return _invalid(
            _text(piece.partition(b"=")[0]) or "", "A plus sign is ambiguous: write %2B or, for a space, %20."
        )
    if not _PAIR.fullmatch(piece):
        return Deny(
            reason=Reason.MALFORMED, title="The query must be name=value pairs, joined by & and percent-encoded."
        )
    name, value = (_text(part) for part in piece.split(b"=", 1))
    if name is None or value is None:
        return Deny(reason=Reason.MALFORMED, title="The query is not percent-encoded UTF-8 without control characters.")
    return name, value


def _text(raw: bytes) -> str | None:
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if any(unicodedata.category(character) == "Cc" for character in text) else text


def bind(route: Route, collection: Collection, path_values: Pairs, pairs: Sequence[tuple[str, str]]) -> Asked | Deny:
    """Bind the values of path and query to what the route declares, or say which one does not fit.

    Args:
        route: As matched; each of its braces is declared as a filter of equality.
        collection: What the route answers with; names the fields that a caller may name.
        path_values: Decoded values of the braces.
        pairs: Of ``pairs_of``.
    """
    binding = _Binding(route, collection)
    in_path = {name for name, _ in path_values}
    for name, value in path_values:
        binding.take(name, route.parameters.get(name), value, in_path=True)
    for name, value in pairs:
        declared = None if name in in_path else route.parameters.get(name)
        binding.take(name, declared, value, in_path=False)
    return binding.asked()


class _Binding:
    """Collects what parameters give; the first one that does not fit is kept as the refusal."""

    def __init__(self, route: Route, collection: Collection) -> None:
        self._route = route
        self._collection = collection
        self._refusal: Deny | None = None
        self._fields: tuple[FieldName, ...] | None = None
        self._filters: list[Filter] = []
        self._sorts: tuple[Sort, ...] = ()
        self._limit = next((one.default for one in route.parameters.values() if isinstance(one, LimitParameter)), None)
        self._offset: int | None = None
        self._cursor: str | None = None

    def take(self, name: str, declared: Parameter | None, value: str, *, in_path: bool) -> None:
        """Take one value in."""
        if self._refusal is None:
            self._refusal = self._taken(name, declared, value, in_path=in_path)

    def asked(self) -> Asked | Deny:
        """Return all that was taken, or the first refusal."""
        if self._refusal is None and self._cursor is not None and self._offset is not None:
            self._refusal = _invalid(CURSOR, "A cursor already says where to go on; leave the offset out.")
        return self._refusal or Asked(
            fields=self._fields,
            filters=tuple(self._filters),
            sorts=self._sorts,
            limit=self._limit,
            offset=self._offset,
            cursor=self._cursor,
        )

    def _taken(self, name: str, declared: Parameter | None, value: str, *, in_path: bool) -> Deny | None:
        if not value or len(value) > MAX_VALUE_CHARACTERS:
            return _invalid(name, f"The value must have 1 to {MAX_VALUE_CHARACTERS} characters.")
        match declared:
            case FilterParameter():
                self._filters.append(_filter(name, declared, value, in_path=in_path))
            case LimitParameter():
                self._limit = _count(value, 1, declared.most)
                return _if_none(self._limit, name, f"The value must be a number from 1 to {declared.most}.")
            case OffsetParameter():
                self._offset = _count(value, 0, 999_999_999)
                return _if_none(self._offset, name, "The value must be a number from 0 to 999999999.")
            case SortParameter():
                sorts = _sorts(value, declared.fields)
                self._sorts = sorts or ()
                return _if_none(sorts, name, f"Sort by {', '.join(declared.fields)}, each once; - in front descends.")
            case FieldsParameter():
                self._fields = _named(value, self._collection)
                return _if_none(self._fields, name, "Name fields of the collection, each once, joined by commas.")
            case None:
                return self._undeclared(name, value)
        return None

    def _undeclared(self, name: str, value: str) -> Deny | None:
        skips = any(isinstance(one, OffsetParameter) for one in self._route.parameters.values())
        if name == CURSOR and skips:
            self._cursor = value
            return None
        return Deny(reason=Reason.PARAMETER_UNDECLARED, fields=(_told(name),))


def _filter(name: str, declared: FilterParameter, value: str, *, in_path: bool) -> Filter:
    return Filter(
        field=declared.field,
        comparison=declared.comparison,
        value=value,
        parameter=name,
        in_path=in_path,
        bands=declared.bands,
    )


def _count(value: str, least: int, most: int) -> int | None:
    number = int(value) if _COUNT.fullmatch(value) else -1
    return number if least <= number <= most else None


def _sorts(value: str, allowed: tuple[FieldName, ...]) -> tuple[Sort, ...] | None:
    keys = [(key.removeprefix("-"), key.startswith("-")) for key in value.split(",")]
    names = [name for name, _ in keys]
    if len(set(names)) != len(names) or not set(names).issubset(allowed):
        return None
    return tuple(Sort(field=FieldName(name), descending=descending) for name, descending in keys)


def _named(value: str, collection: Collection) -> tuple[FieldName, ...] | None:
    names = value.split(",")
    if len(set(names)) != len(names) or any(collection.field(name) is None for name in names):
        return None
    return tuple(FieldName(name) for name in names)


def _if_none(value: object, name: str, sentence: str) -> Deny | None:
    return _invalid(name, sentence) if value is None else None


def _invalid(name: str, sentence: str) -> Deny:
    return Deny(reason=Reason.PARAMETER_INVALID, fields=(_told(name),), title=sentence)


def _told(name: str) -> str:
    """Return a parameter's name for a refusal: what does not look like a name may be a value."""
    return name if _NAME_TO_TELL.fullmatch(name) else "(a parameter whose name is not repeated)"
