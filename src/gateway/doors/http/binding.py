# SPDX-License-Identifier: Apache-2.0
"""The values of path, query and body, bound to the parameters that the route declares.

RULES

1. What the route does not declare is refused, never dropped: a filter that is ignored shows more.
2. A parameter means the same wherever it stands: what the body of a search says is bound as if it had
   been said in a query, so both are decided alike.
3. A list is, in a body, an array; in a query, a text that is split at commas after it was decoded. So
   ``%2C`` is a comma like any other, and a value with a comma in it can be listed in a body alone.
4. Values stay text; what a value means is settled by its field's declaration. None is in a refusal.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.domain.catalog import (
    Collection,
    Comparison,
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
from gateway.doors.http.query import has_control, invalid, told_name

MAX_VALUE_CHARACTERS = 1024
CURSOR = "cursor"
"""Name of the gateway's own parameter, in the query, on routes that can skip rows."""

_COUNT = re.compile(r"0|[1-9][0-9]{0,8}")

Texts = str | tuple[str, ...]
"""A value, or the values of a list."""


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


def bind(
    route: Route,
    collection: Collection,
    path_values: Iterable[tuple[str, str]],
    pairs: Sequence[tuple[str, str]],
    members: Iterable[tuple[str, Texts]] = (),
) -> Asked | Deny:
    """Bind the values of path, query and body to what the route declares, or say which one does not fit.

    Args:
        route: As matched; each of its braces is declared as a filter of equality.
        collection: What the route answers with; names the fields that a caller may name.
        path_values: Decoded values of the braces.
        pairs: Of ``pairs_of``.
        members: Of the body of a search, by path.
    """
    binding = _Binding(route, collection)
    for name, value in path_values:
        binding.take(name, route.parameters.get(name), value, in_path=True)
    in_path = binding.taken
    for name, value in pairs:
        declared = None if name in in_path else route.parameters.get(name)
        binding.take(name, declared, _listed(declared, value))
    for name, texts in members:
        binding.take(name, members_of(route).get(name), texts, in_body=True)
    return binding.asked()


def members_of(route: Route) -> Mapping[str, Parameter]:
    """Return the parameters that the route declares for the body of a search, by path."""
    return {} if route.body is None else route.body.parameters


def parameters_of(route: Route) -> tuple[Parameter, ...]:
    """Return all parameters that the route declares, of query and body."""
    return (*route.parameters.values(), *members_of(route).values())


def has_pages(route: Route) -> bool:
    """Tell whether a caller can skip rows, and so go on with a cursor."""
    return any(isinstance(one, OffsetParameter) for one in parameters_of(route))


def _listed(declared: Parameter | None, value: str) -> Texts:
    is_list = isinstance(declared, FilterParameter) and declared.comparison is Comparison.IN
    return tuple(value.split(",")) if is_list else value


class _Binding:
    """Collects what parameters give; the first one that does not fit is kept as the refusal."""

    def __init__(self, route: Route, collection: Collection) -> None:
        self._route = route
        self._collection = collection
        self._refusal: Deny | None = None
        self._fields: tuple[FieldName, ...] | None = None
        self._filters: list[Filter] = []
        self._sorts: tuple[Sort, ...] = ()
        limits = (one.default for one in parameters_of(route) if isinstance(one, LimitParameter))
        self._limit: int | None = next(limits, None)
        self._offset: int | None = None
        self._cursor: str | None = None

    @property
    def taken(self) -> frozenset[str]:
        """Return the parameters that chose so far."""
        return frozenset(each.parameter for each in self._filters)

    def take(
        self, name: str, declared: Parameter | None, value: Texts, *, in_path: bool = False, in_body: bool = False
    ) -> None:
        """Take one value in."""
        if self._refusal is None:
            self._refusal = _unfit(name, declared, value)
        if self._refusal is None:
            self._refusal = self._taken(name, declared, value, in_path=in_path, in_body=in_body)

    def asked(self) -> Asked | Deny:
        """Return all that was taken, or the first refusal."""
        if self._refusal is None and self._cursor is not None and self._offset is not None:
            self._refusal = invalid(CURSOR, "A cursor already says where to go on; leave the offset out.")
        return self._refusal or Asked(
            fields=self._fields,
            filters=tuple(self._filters),
            sorts=self._sorts,
            limit=self._limit,
            offset=self._offset,
            cursor=self._cursor,
        )

    def _taken(
        self, name: str, declared: Parameter | None, value: Texts, *, in_path: bool, in_body: bool
    ) -> Deny | None:
        if isinstance(declared, FilterParameter):
            self._filters.append(_filter(name, declared, value, in_path=in_path, in_body=in_body))
            return None
        text = ",".join(value) if isinstance(value, tuple) else value
        match declared:
            case LimitParameter():
                self._limit = _count(text, 1, declared.most)
                return _if_none(self._limit, name, f"The value must be a number from 1 to {declared.most}.")
            case OffsetParameter():
                self._offset = _count(text, 0, 999_999_999)
                return _if_none(self._offset, name, "The value must be a number from 0 to 999999999.")
            case SortParameter():
                sorts = _sorts(text, declared.fields)
                self._sorts = sorts or ()
                return _if_none(sorts, name, f"Sort by {', '.join(declared.fields)}, each once; - in front descends.")
            case FieldsParameter():
                self._fields = _named(text, self._collection)
                return _if_none(self._fields, name, "Name fields of the collection, each once, joined by commas.")
            case None:
                return self._undeclared(name, text, in_body=in_body)

    def _undeclared(self, name: str, value: str, *, in_body: bool) -> Deny | None:
        if name == CURSOR and not in_body and has_pages(self._route):
            self._cursor = value
            return None
        return Deny(reason=Reason.PARAMETER_UNDECLARED, fields=(told_name(name),))


def _unfit(name: str, declared: Parameter | None, value: Texts) -> Deny | None:
    """Return the refusal of a value, or of a list, that no parameter of its kind can have."""
    values = value if isinstance(value, tuple) else (value,)
    if not all(0 < len(one) <= MAX_VALUE_CHARACTERS and not has_control(one) for one in values):
        return invalid(name, f"The value must have 1 to {MAX_VALUE_CHARACTERS} characters, none of them a control.")
    if not isinstance(declared, FilterParameter) or declared.comparison is not Comparison.IN:
        return None
    if not 0 < len(values) <= declared.most or len(set(values)) < len(values):
        return invalid(name, f"The list must have 1 to {declared.most} values, each of them once.")
    return None


def _filter(name: str, declared: FilterParameter, value: Texts, *, in_path: bool, in_body: bool) -> Filter:
    return Filter(
        field=declared.field,
        comparison=declared.comparison,
        value=value if isinstance(value, str) else "",
        parameter=name,
        in_path=in_path,
        bands=declared.bands,
        in_body=in_body,
        values=value if isinstance(value, tuple) else (),
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
    return invalid(name, sentence) if value is None else None
