# SPDX-License-Identifier: Apache-2.0
"""A past call decided again: what its entries hold, turned back into an inquiry, under any rules. Pure.

RULES

1. An entry holds no value of a filter, no row and no body. What is decided again is what is decided before a store
   is asked: whether the call may go on, what of each field may leave, and by which rules on rows. Whether a value is
   a surrogate or a band, which people were withheld, and what a budget had left are not.
2. A filter is known by its field and comparison; the parameter that stood for it is found on the route of the
   rules that decided then, and asked of the route of other rules by its name.
3. A value that was compared in bands is taken for a proper one; where that gives another outcome than the log has,
   for none. Where other rules would compare in bands what was not, nobody can say.
4. The holds are those that the entry names among its caps; the sign-in is fresh if the entry says so.
5. A call that was refused before its path was read has no route in the log: only its purpose is decided again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from gateway.decide.decide import Decider
from gateway.decide.past.logged import (
    Asked,
    Named,
    filter_on,
    held_then,
    named_in,
    principal_of,
    sort_in,
    stated_purpose,
    words_of,
)
from gateway.decide.rules import RuleSet
from gateway.decide.sending import lifted
from gateway.domain.catalog import REVEAL, WRITES, Route
from gateway.domain.decision import VIEW_CHANGED, Decision, Deny, Permit, Reason, StepUp
from gateway.domain.entry import Facts
from gateway.domain.inquiry import Inquiry, Sort, Written
from gateway.domain.log_query import DENY, PERMIT, STEP_UP
from gateway.domain.names import DatasetName, DecisionId, FieldName, PurposeKey, RecipientId, RoleName
from gateway.domain.parameters import SortParameter
from gateway.domain.past_call import PastCall, PastHold
from gateway.domain.principal import Principal
from gateway.domain.revealed import REVEAL_PATH, route_of

ON_PURPOSE = frozenset(
    {
        Reason.PURPOSE_MISSING,
        Reason.PURPOSE_UNKNOWN,
        Reason.PURPOSE_NOT_IN_SCOPE,
        Reason.PURPOSE_NOT_IN_FORCE,
        Reason.REFERENCE_MISSING,
    }
)
"""Reasons that are decided before the path is read."""

LATER = (
    frozenset(Reason)
    - ON_PURPOSE
    - {
        Reason.PURPOSE_NOT_ALLOWED,
        Reason.GRANT_MISSING,
        Reason.RED_LINE,
        Reason.FIELD_NOT_PERMITTED,
        Reason.FIELD_NOT_COLLECTED,
        Reason.FILTER_NOT_PERMITTED,
        Reason.SORT_NOT_PERMITTED,
        Reason.RECIPIENT_NOT_IN_FORCE,
        Reason.HELD,
        Reason.STEP_UP_REQUIRED,
    }
)
"""Reasons that a call can have met after it was permitted: a value, a store, a budget, the log."""

NO_ROUTE = "path-not-in-log"
NO_HOLD = "hold-not-known"
NO_VALUE = "value-not-in-log"
NO_FILTER = "filter-not-readable"
"""Why a call cannot be decided again."""

_MOST_EDGES = 4
_LONGEST_CALL_US = 15 * 60 * 1_000_000
"""A call is decided when it comes, and entered when the store has answered: not longer ago than this."""

InBand = Callable[[str, str], bool]


class Redone(msgspec.Struct, frozen=True, kw_only=True):
    """A past call decided again.

    Attributes:
        decision: ``None`` where it cannot be decided again.
        why_not: Why not.
        inquiry: What was put to the decider; ``None`` where it did not get so far.
        at_us: As of when.
        in_bands: Values that are compared in bands were taken for proper ones.
    """

    decision: Decision | None = None
    why_not: str | None = None
    inquiry: Inquiry | None = None
    at_us: int = 0
    in_bands: bool = True

    @property
    def word(self) -> str:
        """Return the decision as the log says it; nothing where there is none."""
        return "" if self.decision is None else _WORDS[type(self.decision)]

    @property
    def reason(self) -> str | None:
        """Return why it is refused."""
        if isinstance(self.decision, StepUp):
            return Reason.STEP_UP_REQUIRED.value
        return self.decision.reason.value if isinstance(self.decision, Deny) else None


_WORDS: Mapping[type, str] = {Permit: PERMIT, Deny: DENY, StepUp: STEP_UP}


class PastDecider:
    """One rule set, by which past calls are decided again."""

    def __init__(self, rules: RuleSet) -> None:
        """Keep the rules."""
        self.rules = rules
        self._routes = {(one.method, _shape(one.template)): one for one in rules.catalog.routes}

    @cached_property
    def decider(self) -> Decider:
        """The decider that takes every text for a band."""
        return Decider(self.rules, lambda _rung, _text: True)

    @cached_property
    def _strict(self) -> Decider:
        """The decider that takes no text for a band."""
        return Decider(self.rules, lambda _rung, _text: False)

    def route(self, facts: Facts) -> Route | None:
        """Return the route of these rules that a call of this method and template would take."""
        if (facts.method, facts.route) == ("POST", REVEAL_PATH):
            # The gateway's own: it is of whatever dataset the call named.
            return route_of(DatasetName(facts.dataset)) if facts.dataset in self.rules.catalog.collections else None
        return self._routes.get((facts.method, _shape(facts.route)))

    def decide(self, asked: Asked, at_us: int, *, in_bands: bool = True) -> Redone:
        """Return what these rules decide of a past call as of a time."""
        decider = self.decider if in_bands else self._strict
        who = principal_of(asked, at_us)
        facts = asked.past.facts
        stated = stated_purpose(asked.past)
        purpose = decider.purpose(stated, who, facts.reference, at_us)
        if isinstance(purpose, Deny):
            return Redone(decision=purpose, at_us=at_us, in_bands=in_bands)
        if not asked.by_path:
            return Redone(why_not=NO_ROUTE, at_us=at_us)
        inquiry = self._inquiry(asked, who)
        if isinstance(inquiry, Deny):
            return Redone(decision=inquiry, at_us=at_us, in_bands=in_bands)
        if facts.operation == REVEAL and facts.mandate:
            inquiry = lifted(inquiry, at_us)
        found = decider.decide(inquiry, asked.holds, at_us)
        return Redone(decision=found, inquiry=inquiry, at_us=at_us, in_bands=in_bands)

    def _inquiry(self, asked: Asked, who: Principal) -> Inquiry | Deny:
        """Return the call as these rules' routes read it, or the refusal that the path would meet."""
        facts, route = asked.past.facts, self.route(asked.past.facts)
        if route is None:
            return Deny(reason=Reason.NO_SUCH_ROUTE)
        filters = [(named, filter_on(named, route)) for named in asked.filters]
        undeclared = tuple(named.parameter for named, one in filters if one is None)
        if undeclared:
            return Deny(reason=Reason.PARAMETER_UNDECLARED, fields=undeclared)
        collection = self.rules.catalog.collections.get(route.dataset)
        named = asked.past.written if asked.past.is_write else facts.named
        orders = {name for one in route.every_parameter if isinstance(one, SortParameter) for name in one.fields}
        unknown = [name for name in named if collection is None or collection.field(name) is None]
        unknown += [sort.field for sort in asked.sorts if sort.field not in orders]
        if unknown:
            return Deny(reason=Reason.PARAMETER_INVALID, fields=tuple(unknown))
        writes = route.operation in WRITES
        fields = tuple(map(FieldName, named))
        return Inquiry(
            decision_id=DecisionId(asked.past.call),
            principal=who,
            purpose=stated_purpose(asked.past),
            reference=facts.reference,
            operation=route.operation,
            dataset=DatasetName(route.dataset),
            route=route,
            fields=None if writes else fields or None,
            filters=tuple(one for _, one in filters if one is not None),
            sorts=asked.sorts,
            limit=facts.limit or None,
            # None of the rules on writing looks at a value.
            written=(Written(tuple((name, None) for name in fields)),) if writes and fields else (),
        )


def asked_by(
    past: PastCall, then: PastDecider, holds: Iterable[PastHold], roles: tuple[RoleName, ...] | None = None
) -> Asked | str:
    """Return what a past call asked, or why its entries do not tell it.

    Args:
        past: The call.
        then: By the rules that decided it; others will do where their routes declare the same.
        holds: All that were ever put on the account; those that the entry names are taken.
        roles: In the place of those in the entry, for one of a version that did not enter them.
    """
    facts = past.facts
    told = tuple(map(RoleName, facts.roles)) if roles is None else roles
    if not facts.route:
        is_on_purpose = past.reason in {one.value for one in ON_PURPOSE}
        return Asked(past=past, by_path=False, roles=told) if is_on_purpose else NO_ROUTE
    found = held_then(past, holds)
    if found is None:
        return NO_HOLD
    route = then.route(facts)
    if route is None:
        return NO_ROUTE
    filters, sorts = list[Named](), list[Sort]()
    for text in facts.filters:
        one = named_in(text, route) or sort_in(text)
        if one is None:
            return NO_FILTER
        filters += [one] if isinstance(one, Named) else []
        sorts += [one] if isinstance(one, Sort) else []
    return Asked(past=past, by_path=True, roles=told, filters=tuple(filters), sorts=tuple(sorts), holds=found)


def as_it_was(then: PastDecider, asked: Asked) -> Redone:
    """Return the call decided again by the rules of then: as of its entry, unless only a moment before fits it."""
    first: Redone | None = None
    for at_us in _moments(then.rules, asked.past):
        for in_bands in (True, False):
            found = then.decide(asked, at_us, in_bands=in_bands)
            first = first or found
            if not differences(asked.past, found):
                return found
            if found.inquiry is None or not any(one.bands for one in found.inquiry.filters):
                break
    assert first is not None  # noqa: S101 - there is always the moment of the entry
    return first


def differences(past: PastCall, found: Redone) -> tuple[str, ...]:
    """Return in which of its words the log has another decision than was found; empty where they are equal."""
    decision, facts = found.decision, past.facts
    if decision is None:
        return (found.why_not or "",)
    if past.decision == PERMIT:
        if not isinstance(decision, Permit):
            return (f"decision: {PERMIT} in the log, {found.word} {found.reason} again",)
        shown = decision.shown if past.is_write else decision.plan
        said = (("fields", _sorted(facts.fields), _sorted({} if shown is None else words_of(shown))),
                ("grants", tuple(facts.grants), decision.plan.grants))  # fmt: skip
        return tuple(f"{what} in the log and again are not the same" for what, one, other in said if one != other)
    if isinstance(decision, Permit):
        return () if _is_later(past) else (f"decision: {past.reason} in the log, {PERMIT} again",)
    if found.reason != past.reason:
        return (f"reason: {past.reason} in the log, {found.reason} again",)
    if past.about and set(past.about) != set(decision.fields):
        return ("the fields that it is about are not the same",)
    return ()


def _is_later(past: PastCall) -> bool:
    reason = past.reason
    return (
        reason in {one.value for one in LATER}
        or past.rule == VIEW_CHANGED
        # Of a value that is written it is only known by looking at it whether it is a surrogate.
        or (past.facts.operation in WRITES and reason == Reason.FIELD_NOT_PERMITTED)
    )


def _moments(rules: RuleSet, past: PastCall) -> Iterator[int]:
    """Yield the time of the entry, then those just before a rule began or ended shortly before it."""
    yield past.at_us
    purpose = rules.purposes.get(PurposeKey(past.facts.purpose))
    recipient = rules.recipients.get(RecipientId(past.facts.recipient))
    edges = {edge for grant in rules.grants for edge in (grant.from_us, grant.until_us)}
    edges |= set() if purpose is None else {purpose.from_us, purpose.until_us}
    edges |= set() if recipient is None else {recipient.contract_until_us}
    near = (edge for edge in edges if edge is not None and past.at_us - _LONGEST_CALL_US < edge <= past.at_us)
    yield from (edge - 1 for edge in sorted(near, reverse=True)[:_MOST_EDGES])


def _shape(template: str) -> tuple[str, ...]:
    """Return the segments of a template; what a brace is called makes no difference."""
    return tuple("{}" if piece.startswith("{") else piece for piece in template.split("/"))


def _sorted(words: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    return {word: sorted(names) for word, names in words.items() if names}
