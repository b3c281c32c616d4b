# SPDX-License-Identifier: Apache-2.0
"""From a permitted inquiry to what the store is asked, and to the facts that the log keeps of it.

The store's request is made from the decided parts alone: template, resolved filter values, order and
page. Values that the caller gave as surrogates are resolved here, in memory, and never kept.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import quote

from gateway.domain.catalog import (
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    Parameter,
    SortParameter,
)
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.entry import Facts
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import FieldName
from gateway.domain.principal import assurance_at
from gateway.domain.viewplan import ViewPlan
from gateway.flows.access.ports import StoreCall

Resolve = Callable[[FieldName, str], str | None]
"""Returns the value that an outgoing surrogate of a field stands for, or nothing."""


def store_call(inquiry: Inquiry, permit: Permit, resolve: Resolve) -> StoreCall | Deny:
    """Return what to ask the store, or a refusal where a surrogate is not one of this caller's."""
    values: dict[str, str] = {}
    for use in permit.filters:
        value = _value(use, resolve)
        if value is None:
            return Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=(use.filter.parameter,))
        values[use.filter.parameter] = value
    in_path = {each.parameter for each in inquiry.filters if each.in_path}
    return StoreCall(
        store=inquiry.route.store,
        method=inquiry.route.method,
        path=_path(inquiry.route.template, {name: values[name] for name in in_path}),
        query=tuple(_query(inquiry, {name: v for name, v in values.items() if name not in in_path})),
        decision_id=inquiry.decision_id,
        shape=inquiry.route.answer,
    )


def _value(use: FilterUse, resolve: Resolve) -> str | None:
    return resolve(use.filter.field, use.filter.value) if use.use is Use.SURROGATE else use.filter.value


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
            *(f"{each.field} {each.comparison}" for each in inquiry.filters),
            *(("sort -" if sort.descending else "sort ") + sort.field for sort in inquiry.sorts),
        ),
        rules=rules,
        grants=plan.grants if plan else (),
        assurance=int(assurance_at(who, now_us)),
        caps=() if caps is None else (*(() if caps.fresh else ("stale",)), *(hold.reason for hold in caps.holds)),
        choices=choices,
    )
