# SPDX-License-Identifier: Apache-2.0
"""What a past call asked, read from the words of its entries: they name fields, comparisons and holds, and no value."""

from collections.abc import Iterable

import msgspec

from gateway.domain.catalog import Route
from gateway.domain.decision import Reason
from gateway.domain.entry import STALE
from gateway.domain.inquiry import Filter, Sort
from gateway.domain.log_query import PERMIT
from gateway.domain.names import (
    AccountId,
    ClientId,
    FieldName,
    PurposeKey,
    RecipientId,
    RoleName,
)
from gateway.domain.parameters import Comparison, filters_of
from gateway.domain.past_call import PastCall, PastHold
from gateway.domain.principal import FRESH_SIGN_IN_US, Assurance, Principal, PrincipalKind
from gateway.domain.viewplan import Hold, ViewPlan


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A filter of a past call, by the parameter that stood for it."""

    parameter: str
    field: FieldName
    comparison: Comparison
    n_values: int
    segment: int | None = None
    """Of the path, where the parameter stands in it: what a brace is called makes no difference."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a past call asked, as far as its entries tell it.

    Attributes:
        by_path: It got as far as a route.
        roles: Those of the entry, or those that the caller of this has found instead.
    """

    past: PastCall
    by_path: bool
    roles: tuple[RoleName, ...]
    filters: tuple[Named, ...] = ()
    sorts: tuple[Sort, ...] = ()
    holds: tuple[Hold, ...] = ()


def held_then(past: PastCall, holds: Iterable[PastHold]) -> tuple[Hold, ...] | None:
    """Return the holds that a call's entry names among its caps; ``None`` if one of them is not known.

    Of several for one reason those count that were in force: a process hears of one a little later, so if none was,
    all of them.
    """
    known, found = tuple(holds), list[Hold]()
    for reason in dict.fromkeys(cap for cap in past.facts.caps if cap != STALE):
        named = [one for one in known if one.hold.reason == reason]
        counted = [one for one in named if one.counted(past.at_us)] or named
        if not counted:
            return None
        found += [one.hold for one in counted]
    return tuple(found)


def principal_of(asked: Asked, at_us: int) -> Principal:
    """Return who called, as far as decisions look at it."""
    facts, past = asked.past.facts, asked.past
    proof = Assurance(min(facts.assurance, Assurance.PERSON))
    in_scope = past.reason != Reason.PURPOSE_NOT_IN_SCOPE and facts.purpose
    return Principal(
        account=AccountId(facts.account),
        kind=PrincipalKind.PERSON if proof is Assurance.PERSON else PrincipalKind.SERVICE,
        roles=asked.roles,
        client=ClientId(facts.client),
        recipient=RecipientId(facts.recipient),
        proof=proof,
        signed_in_us=at_us if is_fresh(past) else at_us - FRESH_SIGN_IN_US - 1,
        scopes=(PurposeKey(facts.purpose),) if in_scope else (),
        session=facts.session,
    )


def is_fresh(past: PastCall) -> bool:
    """Tell whether a person's sign-in counted as fresh: a call may outlast it, so of a permit the caps say it."""
    facts = past.facts
    return STALE not in facts.caps and (past.decision == PERMIT or facts.assurance == Assurance.PERSON_FRESH)


def named_in(text: str, route: Route) -> Named | None:
    """Return a filter of the log by the parameter of a route that stands for it."""
    field, _, told = text.rpartition(" ")
    word, _, n = told.partition("(")
    n_values = int(n[:-1]) if n[:-1].isdigit() else 0
    parameters = {**route.parameters, **(route.body.parameters if route.body else {})}
    for name, parameter in parameters.items():
        for one in filters_of(parameter):
            if one.field == field and one.comparison == word:
                segment = segment_of(name, route)
                return Named(
                    parameter=name, field=one.field, comparison=one.comparison, n_values=n_values, segment=segment
                )
    return None


def segment_of(parameter: str, route: Route) -> int | None:
    """Return which segment of the path a parameter stands in, from 0; ``None`` where it stands in none."""
    pieces = route.template.split("/")
    brace = f"{{{parameter}}}"
    return pieces.index(brace) if brace in pieces else None


def sort_in(text: str) -> Sort | None:
    """Return an order of the log; ``None`` where the text is not one."""
    word, _, field = text.partition(" ")
    return Sort(field=FieldName(field.removeprefix("-")), descending=field.startswith("-")) if word == "sort" else None


def filter_on(named: Named, route: Route) -> Filter | None:
    """Return a filter as a route reads the parameter; ``None`` if it does not declare it."""
    name = named.parameter if named.segment is None else route.template.split("/")[named.segment][1:-1]
    in_body = route.body is not None and name in route.body.parameters
    parameters = route.body.parameters if route.body is not None and in_body else route.parameters
    fitting = [one for one in filters_of(parameters.get(name)) if one.comparison is named.comparison]
    if not fitting:
        return None
    one = next((one for one in fitting if one.field == named.field), fitting[0])
    return Filter(
        field=one.field,
        comparison=one.comparison,
        value="",
        values=("",) * named.n_values if one.comparison is Comparison.IN else (),
        parameter=name,
        bands=one.bands,
        in_path=named.segment is not None,
        in_body=in_body,
        spelling=one.value,
    )


UNDECLARED = PurposeKey("?")
"""In the place of a purpose that was stated and not declared: the log does not repeat a caller's words."""


def stated_purpose(past: PastCall) -> PurposeKey | None:
    """Return the purpose that a call stated; the log has it where it is declared."""
    if past.reason == Reason.PURPOSE_UNKNOWN:
        return UNDECLARED
    return PurposeKey(past.facts.purpose) if past.facts.purpose else None


def words_of(plan: ViewPlan) -> dict[str, tuple[FieldName, ...]]:
    """Return, by word of treatment, the fields that may leave under a plan, as the log says it."""
    words: dict[str, tuple[FieldName, ...]] = {}
    for view in plan.views:
        family = view.chain.family(view.treatment).value
        if family != "drop":
            words[family] = (*words.get(family, ()), view.field)
    return words
