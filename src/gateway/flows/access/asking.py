# SPDX-License-Identifier: Apache-2.0
"""From a permitted inquiry to what the store is asked, and to the facts that the log keeps of it.

The store's request is made from the decided parts alone: template, resolved filter values, order and
page, and the conditions of headers that the route honours. Values that the caller gave as surrogates are
resolved here, in memory, and never kept.

What the caller said in the body of a search is said to the store in a body of the same form, made anew:
objects nested by the declared paths, values of the kinds of their fields, lists and orders as arrays. In
a query a list is joined by commas, so a value with a comma in it cannot be asked for there.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from gateway.domain.catalog import (
    WRITES,
    BodyKind,
    Collection,
    Comparison,
    FieldsParameter,
    FieldType,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    Parameter,
    SortParameter,
)
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.entry import Facts
from gateway.domain.inquiry import Filter, Inquiry
from gateway.domain.names import FieldName
from gateway.domain.principal import assurance_at
from gateway.domain.viewplan import ViewPlan
from gateway.flows.access.ports import StoreCall

Resolve = Callable[[FieldName, str], str | None]
"""Returns the value that an outgoing surrogate of a field stands for, or nothing."""


def store_call(inquiry: Inquiry, permit: Permit, resolve: Resolve) -> StoreCall | Deny:
    """Return what to ask the store, or a refusal where a value is none that this caller can ask for.

    The body of a write is not made here: it is the business of who knows what may be written.
    """
    values: dict[str, tuple[str, ...]] = {}
    for use in permit.filters:
        resolved = _values(use, resolve)
        if resolved is None:
            return Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=(use.filter.parameter,))
        values[use.filter.parameter] = resolved
    filters = {use.filter.parameter: use.filter for use in permit.filters}
    body = _body(inquiry, permit, values)
    if isinstance(body, Deny):
        return body
    return StoreCall(
        store=inquiry.route.store,
        method=inquiry.route.method,
        path=_path(inquiry.route.template, {name: values[name][0] for name in values if filters[name].in_path}),
        query=tuple(_query(inquiry, {name: ",".join(values[name]) for name in values if _in_query(filters[name])})),
        decision_id=inquiry.decision_id,
        shape=inquiry.route.answer,
        body=body,
        headers=inquiry.conditions,
        writes=inquiry.operation in WRITES,
    )


def _in_query(asked: Filter) -> bool:
    return not asked.in_path and not asked.in_body


def _values(use: FilterUse, resolve: Resolve) -> tuple[str, ...] | None:
    """Return the values that the store is asked for; ``None`` if one cannot be asked for."""
    asked, known = use.filter, []
    for text in asked.compared:
        value = resolve(asked.field, text) if use.use is Use.SURROGATE else text
        if value is None or (asked.comparison is Comparison.IN and _in_query(asked) and "," in value):
            return None
        known.append(value)
    return tuple(known)


def _path(template: str, values: Mapping[str, str]) -> str:
    """Return the path below the store, each value as one percent-encoded segment (RFC 3986)."""
    segments = template.split("/")[2:]
    told = [
        quote(values[segment[1:-1]], safe="") if segment.startswith("{") else quote(segment, safe="")
        for segment in segments
    ]
    return "/" + "/".join(told)


def _query(inquiry: Inquiry, filters: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = list(filters.items())
    for name, parameter in inquiry.route.parameters.items():
        pairs.extend(_paging(name, parameter, inquiry))
    return pairs


def _paging(name: str, parameter: Parameter, inquiry: Inquiry) -> list[tuple[str, str]]:
    match parameter:
        case LimitParameter():
            return [(name, str(inquiry.limit if inquiry.limit is not None else parameter.default))]
        case OffsetParameter():
            return [(name, str(inquiry.offset))] if inquiry.offset else []
        case SortParameter():
            order = ",".join(("-" if sort.descending else "") + sort.field for sort in inquiry.sorts)
            return [(name, order)] if order else []
        case FilterParameter() | FieldsParameter():
            return []


def _body(inquiry: Inquiry, permit: Permit, values: Mapping[str, Sequence[str]]) -> bytes | Deny | None:
    """Return the body of a search; ``None`` where the call has none."""
    declared = inquiry.route.body
    if declared is None or declared.kind is not BodyKind.SEARCH:
        return None
    filters = {use.filter.parameter: use.filter for use in permit.filters if use.filter.in_body}
    collection = permit.plan.collection
    said: dict[str, object] = {}
    for path, parameter in declared.parameters.items():
        told: list[object] = []
        if path in filters:
            told = [_typed(value, filters[path], collection) for value in values[path]]
            if _NO_VALUE in told:
                return Deny(reason=Reason.PARAMETER_INVALID, fields=(path,), title=_NOT_OF_TYPE)
            told = [told] if filters[path].comparison is Comparison.IN else told
        else:
            told = list(_page(parameter, inquiry))
        for one in told:
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
        case SortParameter():
            if inquiry.sorts:
                yield [("-" if sort.descending else "") + sort.field for sort in inquiry.sorts]
        case FilterParameter() | FieldsParameter():
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


def facts_of(
    inquiry: Inquiry,
    plan: ViewPlan | None,
    *,
    now_us: int,
    rules: str,
    view: Mapping[str, Sequence[str]] = MappingProxyType({}),
    choices: int = 0,
) -> Facts:
    """Return what the log keeps of a call's decision: names and comparisons, no values.

    Args:
        view: What left by word of treatment; nothing for a refusal.
        choices: Version of the choices that rows are judged by.
    """
    who = inquiry.principal
    caps = plan.lowered if plan else None
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
        caps=() if caps is None else (*(() if caps.fresh else ("stale",)), *(hold.reason for hold in caps.holds)),
        choices=choices,
    )
