# SPDX-License-Identifier: Apache-2.0
"""The values of path, query and body, bound to the parameters that the route declares.

RULES

1. What the route does not declare is refused, never dropped: a filter that is ignored shows more.
2. A parameter means the same wherever it stands: what the body of a search says is bound as if it had
   been said in a query, so both are decided alike.
3. A list is, in a body, an array; in a query, a text that is split at commas after it was decoded. So
   ``%2C`` is a comma like any other, and a value with a comma in it can be listed in a body alone, or where
   the store's lists have quotes.
4. In a query a value is spelled as the store spells it (``domain.spelling``): what stands for the ``{}`` of
   the declared spelling is judged, and a text that fits none is refused. A name occurs once, but for one that
   has several spellings, of which each occurs once.
5. Values stay text; what a value means is settled by its field's declaration. None is in a refusal.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.domain import spelling
from gateway.domain.catalog import Collection, Route
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Filter, Sort
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
    filters_of,
)
from gateway.doors.http.reading.fitting import (
    MAX_CURSOR_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_VALUE_CHARACTERS,
    count_of,
    directed,
    named_in,
    order_sentence,
    spellings,
    unfit_text,
    unfit_values,
)
from gateway.doors.http.reading.query import invalid, told_name

MAX_OFFSET = 999_999_999
CURSOR = "cursor"
"""Name of the gateway's own parameter, in the query, on routes that can skip rows."""

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
    in_path, seen = binding.taken, set[str]()
    for name, value in pairs:
        binding.take(name, None if name in in_path else route.parameters.get(name), value, is_first=name not in seen)
        seen.add(name)
    for name, texts in members:
        binding.take(name, members_of(route).get(name), texts, in_body=True)
    return binding.asked()


def members_of(route: Route) -> Mapping[str, Parameter]:
    """Return the parameters that the route declares for the body of a search, by path."""
    return {} if route.body is None else route.body.parameters


def has_pages(route: Route) -> bool:
    """Tell whether a caller can skip rows, and so go on with a cursor."""
    return any(isinstance(one, WAYS_ON) for one in route.every_parameter)


WAYS_ON = (OffsetParameter, PageParameter, CursorParameter)
"""Parameters that say where a list goes on; a cursor can stand in the place of each."""


class _Binding:
    """Collects what parameters give; the first one that does not fit is kept as the refusal."""

    def __init__(self, route: Route, collection: Collection) -> None:
        self._route = route
        self._collection = collection
        self._refusal: Deny | None = None
        self._fields: tuple[FieldName, ...] | None = None
        self._filters: list[Filter] = []
        self._sorts: tuple[Sort, ...] = ()
        limits = (one.default for one in route.every_parameter if isinstance(one, LimitParameter))
        self._limit: int | None = next(limits, None)
        self._offset: int | None = None
        self._page: int | None = None
        self._cursor: str | None = None
        self._directions: tuple[bool, ...] | None = None
        self._page_name = self._order_name = ""

    @property
    def taken(self) -> frozenset[str]:
        """Return the parameters that chose so far."""
        return frozenset(each.parameter for each in self._filters)

    def take(
        self,
        name: str,
        declared: Parameter | None,
        value: Texts,
        *,
        in_path: bool = False,
        in_body: bool = False,
        is_first: bool = True,
    ) -> None:
        """Take one value in; of a second one under its name, whether it may be there is judged here."""
        if self._refusal is not None:
            return
        if not is_first and not isinstance(declared, AlternativeFilters):
            self._refusal = invalid(name, _TWICE)
        elif isinstance(declared, FilterParameter | AlternativeFilters):
            self._refusal = self._take_filter(name, declared, value, in_path=in_path, in_body=in_body)
        else:
            text = ",".join(value) if isinstance(value, tuple) else value
            self._refusal = unfit_text(name, text, self._most(name, declared)) or self._taken(
                name, declared, text, in_body=in_body
            )

    def asked(self) -> Asked | Deny:
        """Return all that was taken, or the first refusal."""
        if self._refusal is None:
            self._refusal = self._contradiction()
        offset = self._offset if self._page is None else (self._page - 1) * (self._limit or 1)
        return self._refusal or Asked(
            fields=self._fields,
            filters=tuple(self._filters),
            sorts=directed(self._sorts, self._directions),
            limit=self._limit,
            offset=offset,
            cursor=self._cursor,
        )

    def _contradiction(self) -> Deny | None:
        """Return the refusal of what was said in two ways, or in half of one."""
        if self._cursor is not None and (self._offset is not None or self._page is not None):
            return invalid(CURSOR, "A cursor already says where to go on; leave the offset or page out.")
        if self._page is not None and (self._page - 1) * (self._limit or 1) > MAX_OFFSET:
            return invalid(self._page_name, f"The page must begin within the first {MAX_OFFSET} rows.")
        if self._directions is not None and len(self._directions) != len(self._sorts):
            return invalid(self._order_name, "There must be one direction for each name of the order.")
        return None

    def _take_filter(
        self, name: str, declared: FilterParameter | AlternativeFilters, value: Texts, *, in_path: bool, in_body: bool
    ) -> Deny | None:
        if isinstance(value, str) and (refused := unfit_text(name, value, MAX_TEXT_CHARACTERS)):
            return refused
        if in_path or in_body or isinstance(value, tuple):
            found = (filters_of(declared)[0], value if isinstance(value, tuple) else (value,))
        else:
            read = spelling.read(filters_of(declared), value)
            if read is None:
                return invalid(name, f"The value must be spelled {spellings(declared)}.")
            found = read
        if refused := unfit_values(name, *found):
            return refused
        each = _filter(name, *found, in_path=in_path, in_body=in_body)
        if any((one.parameter, one.spelling) == (name, each.spelling) for one in self._filters):
            return invalid(name, _TWICE)
        self._filters.append(each)
        return None

    def _taken(self, name: str, declared: Parameter | None, text: str, *, in_body: bool) -> Deny | None:
        match declared:
            case LimitParameter():
                self._limit = count_of(text, 1, declared.most)
                return _if_none(self._limit, name, f"The value must be a number from 1 to {declared.most}.")
            case OffsetParameter():
                self._offset = count_of(text, 0, MAX_OFFSET)
                return _if_none(self._offset, name, f"The value must be a number from 0 to {MAX_OFFSET}.")
            case PageParameter():
                self._page, self._page_name = count_of(text, 1, MAX_OFFSET), name
                return _if_none(self._page, name, f"The value must be a number from 1 to {MAX_OFFSET}.")
            case CursorParameter():
                return self._take_cursor(name, text)
            case SortParameter():
                return self._take_sort(name, declared, text)
            case OrderParameter():
                self._directions, self._order_name = spelling.read_directions(text), name
                return _if_none(
                    self._directions, name, "The value must be asc or desc, one for each name of the order."
                )
            case FieldsParameter():
                self._fields = named_in(text, self._collection)
                return _if_none(self._fields, name, "Name fields of the collection, each once, joined by commas.")
            case FilterParameter() | AlternativeFilters() | None:
                return self._undeclared(name, text, in_body=in_body)

    def _most(self, name: str, declared: Parameter | None) -> int:
        """Return how long a text may be that is no filter."""
        is_cursor = isinstance(declared, CursorParameter) or (declared is None and name == CURSOR)
        return MAX_CURSOR_CHARACTERS if is_cursor else MAX_VALUE_CHARACTERS

    def _take_cursor(self, name: str, text: str) -> Deny | None:
        if self._cursor is not None:
            return invalid(name, "There are two cursors; leave one out.")
        self._cursor = text
        return None

    def _take_sort(self, name: str, declared: SortParameter, text: str) -> Deny | None:
        order = spelling.read_order(declared.style, text, declared.fields)
        if order is None:
            return invalid(name, order_sentence(declared))
        if self._sorts:
            return invalid(name, "The order is already said; leave one out.")
        self._sorts = tuple(Sort(field=field, descending=descends) for field, descends in order)
        return None

    def _undeclared(self, name: str, value: str, *, in_body: bool) -> Deny | None:
        if name == CURSOR and not in_body and has_pages(self._route):
            return self._take_cursor(name, value)
        if (name, value) in self._route.always and not in_body:
            # It is what the store is told in any case.
            return None
        return Deny(reason=Reason.PARAMETER_UNDECLARED, fields=(told_name(name),))


_TWICE = "The parameter occurs twice."


def _filter(name: str, declared: FilterParameter, values: tuple[str, ...], *, in_path: bool, in_body: bool) -> Filter:
    is_list = declared.comparison is Comparison.IN
    return Filter(
        field=declared.field,
        comparison=declared.comparison,
        value="" if is_list else values[0],
        parameter=name,
        in_path=in_path,
        bands=declared.bands,
        in_body=in_body,
        values=values if is_list else (),
        spelling=declared.value,
    )


def _if_none(value: object, name: str, sentence: str) -> Deny | None:
    return invalid(name, sentence) if value is None else None
