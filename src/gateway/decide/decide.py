# SPDX-License-Identifier: Apache-2.0
"""The decision: (inquiry, rules, caps, time) to a permit, a refusal, or a step up. Pure but for memory.

The checks go in the order in which a caller is told (DESIGN 8): purpose, then decision; framing,
identity and route were settled at the door. A ``Decider`` belongs to one rule set and remembers its
plans; a property test holds the remembered decision equal to the fresh one over random histories.
"""

from collections.abc import Iterable

from gateway.decide import refusing, revealing, sending, writing
from gateway.decide.joined import Joined
from gateway.decide.judging import InBand, because, filter_uses, is_clear, more_when_fresh
from gateway.decide.layers import purposes, transfer
from gateway.decide.layers.collecting import COLLECTING
from gateway.decide.layers.grants import GrantIndex
from gateway.decide.plan import (
    Ask,
    compile_plan,
    guarded_by,
    has_partial_rules,
    lower,
    project,
    valid_until,
    withholding,
)
from gateway.decide.rules import Grant, RuleSet
from gateway.decide.writing import WriteViews
from gateway.domain.catalog import REVEAL, WRITES
from gateway.domain.decision import Decision, Deny, FilterUse, Permit, Reason, StepUp
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import AccountId, DatasetName, FieldName, GrantId, PurposeKey, RecipientId, RoleName, is_under
from gateway.domain.principal import Assurance, Principal, assurance_at
from gateway.domain.purpose import PurposeRule
from gateway.domain.sending import SEND
from gateway.domain.viewplan import Caps, Hold, ViewPlan

KEPT_PLANS = 4096
"""Plans and lowered plans kept at most; past it the memory starts anew. A plan takes about 20 kB."""

NONE_GUARDED: frozenset[int] = frozenset()

_CallKey = tuple[AccountId, tuple[RoleName, ...], RecipientId, PurposeKey, DatasetName, str, Assurance, bool]
_NamedKey = tuple[int, frozenset[FieldName] | None, frozenset[int]]
_PlanKey = tuple[tuple[GrantId, ...], RecipientId, PurposeKey, DatasetName, str, Assurance, bool, int]


class Decider:
    """Decides by one rule set. Not shared between threads; a new rule set gets a new one."""

    def __init__(self, rules: RuleSet, in_band: InBand) -> None:
        """Index the grants."""
        self.rules = rules
        self._in_band = in_band
        self._grants = GrantIndex(rules.grants, rules.roles)
        self._joined = Joined(rules)
        self._calls: dict[_CallKey, tuple[int, int, ViewPlan | Deny]] = {}
        """Plan by call, with the times between which it holds; a clock that was set back settles anew."""
        self._plans: dict[_PlanKey, ViewPlan] = {}
        self._lowered: dict[tuple[int, Caps], tuple[ViewPlan, ViewPlan]] = {}
        self._projected: dict[_NamedKey, tuple[ViewPlan, ViewPlan]] = {}

    def decide(self, inquiry: Inquiry, holds: tuple[Hold, ...], now_us: int) -> Decision:
        """Return what may be done about an inquiry now."""
        purpose = self.purpose(inquiry.purpose, inquiry.principal, inquiry.reference, now_us)
        if isinstance(purpose, Deny):
            return purpose
        if inquiry.operation == SEND:
            return self._sending(inquiry, purpose, holds, now_us)
        plan = self.plan(inquiry, purpose, now_us)
        if isinstance(plan, Deny):
            return plan
        caps = caps_for(inquiry, holds, now_us)
        if inquiry.operation == REVEAL:
            found = revealing.settled(inquiry, self._view_of(inquiry, plan, caps), caps, self.rules.red_lines)
            return found if isinstance(found, Deny) else self._joined.revealed(self, inquiry, found, caps, now_us)
        if inquiry.operation not in WRITES:
            return self._view_of(inquiry, plan, caps)
        # The same grants, so this one is denied where the other is, and settled above.
        addressing = self._settled(inquiry, purpose, now_us, collecting=False)
        return (
            addressing
            if isinstance(addressing, Deny)
            else self._write(inquiry, purpose, (addressing, plan), caps, now_us)
        )

    def purpose(
        self, stated: PurposeKey | None, who: Principal, reference: str | None, now_us: int
    ) -> PurposeRule | Deny:
        """Return the purpose of a call, or why it cannot be used by this bearer now."""
        if stated is None:
            return Deny(reason=Reason.PURPOSE_MISSING)
        rule = self.rules.purposes.get(stated)
        if rule is None:
            return Deny(reason=Reason.PURPOSE_UNKNOWN)
        if stated not in who.scopes and not any(is_under(stated, scope) for scope in who.scopes):
            return Deny(reason=Reason.PURPOSE_NOT_IN_SCOPE)
        if not purposes.in_force(rule, now_us):
            return Deny(reason=Reason.PURPOSE_NOT_IN_FORCE, rule=rule.key)
        if rule.needs_reference and not reference:
            return Deny(reason=Reason.REFERENCE_MISSING, rule=rule.key)
        return rule

    def lowered(self, plan: ViewPlan, caps: Caps) -> ViewPlan:
        """Return the plan under the caps; the same object for the same plan and caps."""
        if caps.fresh and not caps.holds:
            return plan
        key = (id(plan), caps)
        known = self._lowered.get(key)
        if known is None:
            if len(self._lowered) >= KEPT_PLANS:
                self._lowered.clear()
            # The plan is kept beside its lowered form, so that its id cannot be given to another.
            known = self._lowered[key] = (plan, lower(plan, caps))
        return known[1]

    def view(self, inquiry: Inquiry, purpose: PurposeRule, caps: Caps, now_us: int) -> ViewPlan | None:
        """Return the view that an inquiry has under the caps, before what it names is judged; nothing if it is denied."""
        plan = self._settled(inquiry, purpose, now_us, collecting=False)
        return None if isinstance(plan, Deny) else self.lowered(plan, caps)

    def plan(self, inquiry: Inquiry, purpose: PurposeRule, now_us: int) -> ViewPlan | Deny:
        """Return the plan for an inquiry, from memory while it is valid; of what may be written, if it writes."""
        return self._settled(inquiry, purpose, now_us, collecting=inquiry.operation in COLLECTING)

    def _settled(self, inquiry: Inquiry, purpose: PurposeRule, now_us: int, *, collecting: bool) -> ViewPlan | Deny:
        who = inquiry.principal
        key = (
            who.account, who.roles, who.recipient, purpose.key, inquiry.dataset, inquiry.operation, who.proof, collecting,
        )  # fmt: skip
        known = self._calls.get(key)
        if known is None or not known[0] <= now_us < known[1]:
            if len(self._calls) >= KEPT_PLANS:
                self._calls.clear()
            plan, until_us = self._settle(inquiry, purpose, now_us, collecting=collecting)
            known = self._calls[key] = (now_us, until_us, plan)
        return known[2]

    def grants_for(
        self, account: AccountId, roles: Iterable[RoleName], *, operation: str, purpose: str, dataset: str
    ) -> tuple[Grant, ...]:
        """Return the grants that speak of a call of an account with these roles, in force or not."""
        held = self._grants.roles_of(account, roles)
        return self._grants.covering(held, operation=operation, purpose=purpose, dataset=dataset)

    def purposes_of(self, roles: Iterable[RoleName], now_us: int) -> tuple[PurposeKey, ...]:
        """Return the declared purposes that some grant in force gives the roles anything for."""
        held = self._grants.roles_of(AccountId(""), roles)
        granted = {
            grant.purpose
            for grant in self.rules.grants
            if grant.allow and grant.role in held and grant.in_force(now_us)
        }
        return tuple(key for key in self.rules.purposes if any(is_under(key, above) for above in granted))

    def _settle(
        self, inquiry: Inquiry, purpose: PurposeRule, now_us: int, *, collecting: bool
    ) -> tuple[ViewPlan | Deny, int]:
        who = inquiry.principal
        recipient = self.rules.recipients.get(who.recipient)
        if recipient is None:
            return Deny(reason=Reason.RECIPIENT_NOT_IN_FORCE, rule=who.recipient), now_us
        covering = self._grants.covering(
            self._grants.roles_of(who.account, who.roles),
            operation=inquiry.operation,
            purpose=purpose.key,
            dataset=inquiry.dataset,
        )
        until_us = valid_until(covering, purpose, recipient, now_us)
        granted = tuple(grant for grant in covering if grant.in_force(now_us))
        denied = refusing.call_refused(self.rules, inquiry, purpose, recipient, granted, now_us)
        if denied is not None:
            return denied, until_us
        ask = Ask(
            purpose=purpose,
            recipient=recipient,
            collection=self.rules.catalog.collections[inquiry.dataset],
            operation=inquiry.operation,
            proof=who.proof,
            grants=granted,
            valid_until_us=until_us,
            collecting=collecting,
        )
        return self._compiled(ask), until_us

    def _compiled(self, ask: Ask) -> ViewPlan:
        key = (
            tuple(grant.id for grant in ask.grants), ask.recipient.id, ask.purpose.key, ask.collection.dataset,
            ask.operation, ask.proof, ask.collecting, ask.valid_until_us,
        )  # fmt: skip
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= KEPT_PLANS:
                self._plans.clear()
            plan = self._plans[key] = compile_plan(self.rules, ask)
        return plan

    def _view_of(self, inquiry: Inquiry, plan: ViewPlan, caps: Caps) -> Decision:
        view = self.lowered(plan, caps)
        uses = filter_uses(view, inquiry.filters, self._in_band)
        refused = refusing.refused(inquiry, view, uses, self.rules.red_lines)
        more = more_when_fresh(plan, view)
        named = tuple(name for name in inquiry.fields if name in more) if inquiry.fields and more else ()
        if refused is None and not named:
            return Permit(plan=self._for_call(view, inquiry, uses), filters=uses, step_up=more)
        if not caps.fresh:
            fresh = self.lowered(plan, Caps(fresh=True, holds=caps.holds))
            used = filter_uses(fresh, inquiry.filters, self._in_band)
            if refusing.refused(inquiry, fresh, used, self.rules.red_lines) is None:
                return StepUp(fields=refused.fields if refused else named)
        return refused or Permit(plan=self._for_call(view, inquiry, uses), filters=uses, step_up=more)

    def _write(
        self, inquiry: Inquiry, purpose: PurposeRule, plans: tuple[ViewPlan, ViewPlan], caps: Caps, now_us: int
    ) -> Decision:
        """Return the decision on a write; a fresh sign-in is asked for wherever it would let more be written."""
        views = self._write_views(inquiry, plans, caps)
        refused = writing.refused(inquiry, views, purpose, self.rules.red_lines)
        if not caps.fresh:
            fresh = self._write_views(inquiry, plans, Caps(fresh=True, holds=caps.holds))
            more = writing.fresher(views, fresh, inquiry)
            if (refused or more) and writing.refused(inquiry, fresh, purpose, self.rules.red_lines) is None:
                return StepUp(fields=refused.fields if refused else more)
        if refused is not None:
            return refused
        plan = self._narrowed(views.collecting, None, writing.got_round(inquiry, views))
        named = writing.written_fields(inquiry)
        return Permit(
            plan=plan,
            filters=views.uses,
            shown=self._shown(inquiry, views, caps.holds, now_us),
            unjoined=self._joined.unwritable(self, inquiry, plan, named, caps, now_us) if named else (),
        )

    def _sending(self, inquiry: Inquiry, purpose: PurposeRule, holds: tuple[Hold, ...], now_us: int) -> Decision:
        """Return the decision on messages: whether their addresses may go to the recipient of the route."""
        who, field = inquiry.principal, sending.address_field(inquiry)
        own = self.rules.recipients.get(who.recipient)
        if own is None or not transfer.in_force(own, now_us):
            return Deny(reason=Reason.RECIPIENT_NOT_IN_FORCE, rule=who.recipient)
        asked = sending.as_sent(inquiry)
        plan = self.plan(asked, purpose, now_us)
        if isinstance(plan, Deny):
            return plan
        caps = caps_for(asked, holds, now_us)
        view = self.lowered(plan, caps)
        if not is_clear(view.view(field)):
            fresh = self.lowered(plan, Caps(fresh=True, holds=holds))
            if not caps.fresh and is_clear(fresh.view(field)):
                return StepUp(fields=(field,))
            return because(Reason.FIELD_NOT_PERMITTED, view, [(field, field)], self.rules.red_lines)
        if assurance_at(who, now_us) < inquiry.route.assurance:
            return StepUp(fields=(field,)) if who.proof >= Assurance.PERSON else Deny(reason=Reason.MANDATE_NEEDED)
        return Permit(plan=self._narrowed(view, (field,), sending.withholding_rules(view, field)))

    def _write_views(self, inquiry: Inquiry, plans: tuple[ViewPlan, ViewPlan], caps: Caps) -> WriteViews:
        addressing, collecting = (self.lowered(plan, caps) for plan in plans)
        return WriteViews(addressing, collecting, filter_uses(addressing, inquiry.filters, self._in_band))

    def _shown(self, inquiry: Inquiry, views: WriteViews, holds: tuple[Hold, ...], now_us: int) -> ViewPlan | None:
        """Return the view under which the caller would read, by the same path, what the store answers a write with."""
        decision = self.decide(writing.as_read(inquiry), holds, now_us)
        return decision.plan if isinstance(decision, Permit) and decision.filters == views.uses else None

    def _for_call(self, view: ViewPlan, inquiry: Inquiry, uses: tuple[FilterUse, ...]) -> ViewPlan:
        """Return the view of what the call names: of other fields nothing leaves, and no rule on rows is got round."""
        used = NONE_GUARDED
        if (inquiry.filters or inquiry.sorts) and has_partial_rules(view):
            fields = [each.field for each in inquiry.filters] + [each.field for each in inquiry.sorts]
            used = guarded_by(view, fields, uses)
        return self._narrowed(view, inquiry.fields, used)

    def _narrowed(self, view: ViewPlan, fields: tuple[FieldName, ...] | None, used: frozenset[int]) -> ViewPlan:
        """Return the view of some fields with some rules withholding; the same object for the same of each."""
        if fields is None and not used:
            return view
        key = (id(view), None if fields is None else frozenset(fields), used)
        known = self._projected.get(key)
        if known is None:
            if len(self._projected) >= KEPT_PLANS:
                self._projected.clear()
            plan = view if key[1] is None else project(view, key[1])
            known = self._projected[key] = (view, withholding(plan, used))
        return known[1]


def caps_for(inquiry: Inquiry, holds: tuple[Hold, ...], now_us: int) -> Caps:
    """Return what lowers a plan for this call now.

    Freshness concerns people alone: a service's plan was compiled at the level of its proof.
    """
    who = inquiry.principal
    fresh = who.proof < Assurance.PERSON or assurance_at(who, now_us) == Assurance.PERSON_FRESH
    if not holds:
        return _FRESH if fresh else _STALE
    return Caps(fresh=fresh, holds=holds)


_FRESH, _STALE = Caps(fresh=True), Caps(fresh=False)
