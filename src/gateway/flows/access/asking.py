# SPDX-License-Identifier: Apache-2.0
"""From a permitted inquiry to what the store is asked, and to the facts that the log keeps of it.

The store's request is made from the decided parts alone: template, resolved filter values, order and
page, what the route always sends, and the conditions of headers that it honours. Values that the caller gave as surrogates are
resolved here, in memory, and never kept.

What the caller said in the body of a search is said to the store in a body of the same form, made anew:
objects nested by the declared paths, values of the kinds of their fields, lists and orders as arrays. In
a query values are spelled as the store spells them (``domain.spelling``): a list is joined by commas, so a
value with a comma in it can be asked for there only where the store's lists have quotes.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from gateway.decide.writing import written_fields
from gateway.domain import spelling
from gateway.domain.catalog import WRITES, BodyKind, Collection, FieldType
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.entry import STALE, Facts
from gateway.domain.inquiry import Filter, Inquiry, page_number
from gateway.domain.names import FieldName
from gateway.domain.own_data import ACCOUNT_FIELD, OWN_STORE, is_account_id
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
)
from gateway.domain.principal import assurance_at
from gateway.domain.viewplan import Caps, ViewPlan
from gateway.flows.access.ports.stores import StoreCall

Resolve = Callable[[FieldName, str], str | None]
"""Returns what the store holds where an outgoing surrogate of a field stands, or nothing."""


def as_it_is(_field: FieldName, text: str) -> str | None:
    """Return what a store holds that holds the values themselves."""
    return text


def store_call(inquiry: Inquiry, permit: Permit, resolve: Resolve, held: Resolve = as_it_is) -> StoreCall | Deny:
    """Return what to ask the store, or a refusal where a value is none that this caller can ask for.

    The body of a write is not made here: it is the business of who knows what may be written.

    Args:
        inquiry: What is asked.
        permit: For it.
        resolve: Of the codec of the view.
        held: Of the codec too: what the store holds where a clear value of a field stands.
    """
    told: list[tuple[Filter, tuple[str, ...]]] = []
    for use in permit.filters:
        resolved = _values(use, resolve, held)
        if resolved is None:
            return Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=(use.filter.parameter,))
        told.append((use.filter, resolved))
    body = _body(inquiry, permit, told)
    if isinstance(body, Deny):
        return body
    return StoreCall(
        store=inquiry.route.store,
        method=inquiry.route.method,
        path=_path(inquiry.route.template, {each.parameter: values[0] for each, values in told if each.in_path}),
        slash=inquiry.route.slash,
        query=tuple(_query(inquiry, told)),
        decision_id=inquiry.decision_id,
        shape=inquiry.route.answer,
        body=body,
        headers=inquiry.conditions,
        writes=inquiry.operation in WRITES,
    )


def _in_query(asked: Filter) -> bool:
    return not asked.in_path and not asked.in_body


def _values(use: FilterUse, resolve: Resolve, held: Resolve) -> tuple[str, ...] | None:
    """Return the values that the store is asked for; ``None`` if one cannot be asked for."""
    asked, known = use.filter, []
    for text in asked.compared:
        value = (resolve if use.use is Use.SURROGATE else held)(asked.field, text)
        if value is None:
            return None
        known.append(value)
    if _in_query(asked) and not spelling.can_be_written(asked.comparison, asked.spelling, known):
        return None
    return tuple(known)


def _path(template: str, values: Mapping[str, str]) -> str:
    """Return the path below the store, each value as one percent-encoded segment (RFC 3986)."""
    segments = template.split("/")[2:]
    told = [
        quote(values[segment[1:-1]], safe="") if segment.startswith("{") else quote(segment, safe="")
        for segment in segments
    ]
    return "/" + "/".join(told)


def _query(inquiry: Inquiry, told: Iterable[tuple[Filter, tuple[str, ...]]]) -> list[tuple[str, str]]:
    pairs = [*inquiry.route.always]
    pairs += [
        (each.parameter, spelling.written(each.comparison, each.spelling, values))
        for each, values in told
        if _in_query(each)
    ]
    for name, parameter in inquiry.route.parameters.items():
        pairs.extend(_paging(name, parameter, inquiry))
    return pairs


def _paging(name: str, parameter: Parameter, inquiry: Inquiry) -> list[tuple[str, str]]:
    match parameter:
        case LimitParameter():
            return [(name, str(inquiry.limit if inquiry.limit is not None else parameter.default))]
        case OffsetParameter():
            return [(name, str(inquiry.offset))] if inquiry.offset else []
        case PageParameter():
            return [(name, str(page_number(inquiry)))]
        case CursorParameter():
            return [] if inquiry.continuation is None else [(name, inquiry.continuation.told)]
        case SortParameter():
            order = ",".join(spelling.written_order(parameter.style, _order(inquiry)))
            return [(name, order)] if order else []
        case OrderParameter():
            return [(name, spelling.written_directions(_order(inquiry)))] if inquiry.sorts else []
        case FilterParameter() | AlternativeFilters() | FieldsParameter():
            return []


def _order(inquiry: Inquiry) -> spelling.Order:
    return tuple((sort.field, sort.descending) for sort in inquiry.sorts)


def _body(inquiry: Inquiry, permit: Permit, told: Iterable[tuple[Filter, tuple[str, ...]]]) -> bytes | Deny | None:
    """Return the body of a search; ``None`` where the call has none."""
    declared = inquiry.route.body
    if declared is None or declared.kind is not BodyKind.SEARCH:
        return None
    filters = {each.parameter: (each, values) for each, values in told if each.in_body}
    collection = permit.plan.collection
    said: dict[str, object] = {}
    for path, parameter in declared.parameters.items():
        typed: list[object] = []
        if path in filters:
            each, values = filters[path]
            typed = [_typed(value, each, collection) for value in values]
            if _NO_VALUE in typed:
                return Deny(reason=Reason.PARAMETER_INVALID, fields=(path,), title=_NOT_OF_TYPE)
            typed = [typed] if each.comparison is Comparison.IN else typed
        else:
            typed = list(_page(parameter, inquiry))
        for one in typed:
            _put(said, path.split("."), one)
    return _encoder.encode(said)


_NOT_OF_TYPE = "The value is not of the type of its field."
_NO_VALUE = object()
_encoder = msgspec.json.Encoder(decimal_format="number")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,63})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,308})(?:\.[0-9]{1,308})?")


def _typed(text: str, asked: Filter, collection: Collection) -> object:
    """Return a value as the JSON kind of its field; a band stays the text that it is."""
    spec = collection.field(asked.field)
    kind = FieldType.TEXT if spec is None or asked.bands else spec.type
    match kind:
        case FieldType.INTEGER:
            return int(text) if _INTEGER.fullmatch(text) else _NO_VALUE
        case FieldType.DECIMAL:
            return Decimal(text) if _DECIMAL.fullmatch(text) else _NO_VALUE
        case FieldType.BOOLEAN:
            return {"true": True, "false": False}.get(text, _NO_VALUE)
        case _:
            return text


def _page(parameter: Parameter, inquiry: Inquiry) -> Iterator[object]:
    """Yield what the store is told of page and order, as it stands in a body."""
    match parameter:
        case LimitParameter():
            yield inquiry.limit if inquiry.limit is not None else parameter.default
        case OffsetParameter():
            if inquiry.offset:
                yield inquiry.offset
        case PageParameter():
            yield page_number(inquiry)
        case CursorParameter():
            if inquiry.continuation is not None:
                yield inquiry.continuation.told
        case SortParameter():
            order = list(spelling.written_order(parameter.style, _order(inquiry)))
            if order:
                yield order
        case FilterParameter() | AlternativeFilters() | FieldsParameter() | OrderParameter():
            return


def _put(said: dict[str, object], path: Sequence[str], value: object) -> None:
    """Put a value where its path says; the loader saw to it that no path goes through another's value."""
    for name in path[:-1]:
        inside = said.setdefault(name, {})
        assert isinstance(inside, dict)  # noqa: S101 - see above
        said = inside
    said[path[-1]] = value


def told_filter(asked: Filter) -> str:
    """Return a filter for the log: field and comparison, of a list how long it is, and no value."""
    many = f"({len(asked.values)})" if asked.comparison is Comparison.IN else ""
    return f"{asked.field} {asked.comparison}{many}"


def _accounts_asked_for(inquiry: Inquiry) -> tuple[str, ...]:
    """Return the accounts by which the gateway's own data is asked; any other value may be what somebody typed."""
    told = (value for each in inquiry.filters if each.field == ACCOUNT_FIELD for value in each.compared)
    return tuple(value for value in told if is_account_id(value))


def facts_of(
    inquiry: Inquiry,
    plan: ViewPlan | None,
    *,
    now_us: int,
    rules: str,
    view: Mapping[str, Sequence[str]] = MappingProxyType({}),
    choices: int = 0,
    caps: Caps | None = None,
) -> Facts:
    """Return what the log keeps of a call's decision: names and comparisons, no values.

    Args:
        view: What left by word of treatment; nothing for a refusal.
        choices: Version of the choices that rows are judged by.
        caps: Of a call without a plan: what lowered whatever it was judged by.
    """
    who = inquiry.principal
    caps = plan.lowered if plan else caps
    return Facts(
        account=who.account,
        client=who.client,
        recipient=who.recipient,
        session=who.session,
        purpose=inquiry.purpose or "",
        reference=inquiry.reference,
        dataset=inquiry.dataset,
        operation=inquiry.operation,
        method=inquiry.route.method,
        route=inquiry.route.template,
        fields={word: tuple(names) for word, names in view.items() if names},
        filters=(
            *(told_filter(each) for each in inquiry.filters),
            *(("sort -" if sort.descending else "sort ") + sort.field for sort in inquiry.sorts),
        ),
        rules=rules,
        grants=plan.grants if plan else (),
        assurance=int(assurance_at(who, now_us)),
        caps=() if caps is None else (*(() if caps.fresh else (STALE,)), *(hold.reason for hold in caps.holds)),
        choices=choices,
        roles=who.roles,
        # Of a write that goes on, the intent says what it writes.
        named=inquiry.fields or (written_fields(inquiry) if plan is None else ()),
        limit=inquiry.limit or 0,
        asked=_accounts_asked_for(inquiry) if inquiry.route.store == OWN_STORE else (),
        mandate=inquiry.mandate,
    )
