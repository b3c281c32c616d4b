# SPDX-License-Identifier: Apache-2.0
"""From rules to a view: compiling a plan, and lowering it for one call.

Every layer gives each field a ceiling; the view is the smaller of each part over all of them, so a
layer or a deny that is added can only take away. What changes by the second is in no plan: age of
sign-in and holds lower it afterwards.
"""

from collections.abc import Container, Iterable

import msgspec

from gateway.decide.layers import assurance, choices, collecting, purposes, redlines, transfer
from gateway.decide.layers.grants import GrantedCategories
from gateway.decide.rules import Grant, Recipient, RedLine, RuleSet
from gateway.domain.catalog import Collection, FieldSpec
from gateway.domain.decision import FilterUse, Use
from gateway.domain.names import FieldName, is_under
from gateway.domain.principal import Assurance
from gateway.domain.purpose import PurposeRule
from gateway.domain.treatment import NOTHING, Chain, Treatment, smaller
from gateway.domain.viewplan import AgeRule, Caps, Ceiling, FieldView, Hold, Layer, RowEffect, ViewPlan

UNREVIEWED = Ceiling(Layer.REVIEW, NOTHING, "unreviewed")
"""What is guessed gives nothing away: a ceiling that no grant, purpose or sign-in can lift."""

NEVER_US = 2**62
"""An end that does not come: the year 148,108."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan is compiled for; everything else about a call does not change the view."""

    purpose: PurposeRule
    recipient: Recipient
    collection: Collection
    operation: str
    proof: Assurance
    grants: tuple[Grant, ...]
    """Grants in force now."""
    valid_until_us: int
    collecting: bool = False
    """The view is of what may be written: the purpose's collection whitelist stands in its whitelist's place."""


def valid_until(covering: Iterable[Grant], purpose: PurposeRule, recipient: Recipient, now_us: int) -> int:
    """Return the earliest moment after now at which a rule that the view rests on begins or ends."""
    edges = [edge for grant in covering for edge in (grant.from_us, grant.until_us)]
    edges += [purpose.from_us, purpose.until_us, recipient.contract_until_us]
    return min((edge for edge in edges if edge is not None and edge > now_us), default=NEVER_US)


def compile_plan(rules: RuleSet, ask: Ask) -> ViewPlan:
    """Return the view for what is asked."""
    drawn = redlines.drawn(rules.red_lines, purpose=ask.purpose.key, recipient=ask.recipient)
    granted = GrantedCategories(ask.grants)
    return ViewPlan(
        dataset=ask.collection.dataset,
        collection=ask.collection,
        operation=ask.operation,
        purpose=ask.purpose.key,
        recipient=ask.recipient.id,
        key_class=ask.purpose.key_class,
        proof=ask.proof,
        rules=rules.digest,
        grants=tuple(grant.id for grant in ask.grants),
        views=tuple(_view(rules, ask, granted, drawn, field) for field in ask.collection.fields),
        row_rules=(
            *choices.choice_rules(ask.purpose, ask.collection),
            *redlines.age_rules(drawn, ask.collection),
            *transfer.transfer_rules(ask.recipient, rules.regimes.values(), ask.collection),
        ),
        valid_until_us=ask.valid_until_us,
        link_rule=choices.link_rule(rules.purposes.get(rules.linking) if rules.linking else None, ask.collection),
    )


def _view(
    rules: RuleSet, ask: Ask, granted: GrantedCategories, drawn: tuple[RedLine, ...], field: FieldSpec
) -> FieldView:
    chain = rules.chains[field.chain]
    settled = (
        *((UNREVIEWED,) if not field.reviewed else ()),
        granted.ceiling(field, chain),
        (collecting if ask.collecting else purposes).ceiling(ask.purpose, field, chain),
        redlines.ceiling(drawn, field, chain),
        transfer.ceiling(ask.recipient, chain),
        choices.ceiling(ask.purpose, chain),
    )
    fresh, stale = (
        assurance.ceiling(rules.assurance, rules.sensitive, field, chain, level, ask.collection.assurance)
        for level in (assurance.freshest(ask.proof), ask.proof)
    )
    return FieldView(
        field=field.name,
        chain=chain,
        treatment=lowest(chain, (*settled, fresh)),
        stale=lowest(chain, (*settled, stale)),
        ceilings=(*settled, fresh),
        stale_ceiling=stale,
    )


def lowest(chain: Chain, ceilings: Iterable[Ceiling]) -> Treatment:
    """Return the smaller of each part over all ceilings."""
    treatment = chain.top
    for ceiling in ceilings:
        treatment = smaller(treatment, ceiling.treatment)
    return treatment


def lower(plan: ViewPlan, caps: Caps) -> ViewPlan:
    """Return the plan under what changes by the second; each cap can only take away."""
    views = tuple(_lowered(plan, view, caps) for view in plan.views)
    return msgspec.structs.replace(plan, views=views, lowered=caps)


def project(plan: ViewPlan, fields: Container[FieldName]) -> ViewPlan:
    """Return the plan with nothing of the fields that the caller did not name."""
    views = tuple(
        view if view.field in fields else msgspec.structs.replace(view, treatment=NOTHING, stale=NOTHING)
        for view in plan.views
    )
    return msgspec.structs.replace(plan, views=views)


def has_partial_rules(plan: ViewPlan) -> bool:
    """Tell whether a rule on rows blanks or unlinks, rather than withholds."""
    # On the way of every decision: a loop takes a third of the time of any() over one or two rules.
    for rule in plan.row_rules:  # noqa: SIM110
        if isinstance(rule, AgeRule) and rule.effect is not RowEffect.WITHHOLD:
            return True
    return False


def guarded_by(plan: ViewPlan, used: Iterable[FieldName], uses: Iterable[FilterUse]) -> frozenset[int]:
    """Return the places of the rules on rows that a call's filters or order would get round.

    Whoever filters or sorts by a field learns of it in every row; whoever asks by a surrogate links a
    row. So a rule that blanks a used field, or unlinks where a surrogate is used, has to withhold.
    """
    fields, by_surrogate = set(used), any(use.use is Use.SURROGATE for use in uses)
    return frozenset(
        place
        for place, rule in enumerate(plan.row_rules)
        if isinstance(rule, AgeRule)
        and (
            (rule.effect is RowEffect.BLANK and not fields.isdisjoint(rule.fields))
            or (rule.effect is RowEffect.UNLINK and by_surrogate)
        )
    )


def withholding(plan: ViewPlan, places: frozenset[int]) -> ViewPlan:
    """Return the plan with these rules withholding the rows that they catch."""
    rules = tuple(
        msgspec.structs.replace(rule, effect=RowEffect.WITHHOLD, fields=())
        if place in places and isinstance(rule, AgeRule)
        else rule
        for place, rule in enumerate(plan.row_rules)
    )
    return msgspec.structs.replace(plan, row_rules=rules) if places else plan


def _lowered(plan: ViewPlan, view: FieldView, caps: Caps) -> FieldView:
    treatment = view.treatment if caps.fresh else smaller(view.treatment, view.stale)
    ceilings = view.ceilings
    if not caps.fresh and view.stale_ceiling is not None:
        ceilings = tuple(view.stale_ceiling if one.layer is Layer.ASSURANCE else one for one in ceilings)
    field = plan.collection.field(view.field)
    held = [hold for hold in caps.holds if field is not None and _held(hold, field)]
    for hold in held:
        treatment = smaller(treatment, view.chain.cap(hold.rung, link=hold.link))
    if held:
        cap = lowest(view.chain, (Ceiling(Layer.HOLDS, view.chain.cap(h.rung, link=h.link), h.reason) for h in held))
        ceilings = (*ceilings, Ceiling(Layer.HOLDS, cap, " ".join(hold.reason for hold in held)))
    return msgspec.structs.replace(view, treatment=treatment, ceilings=ceilings)


def _held(hold: Hold, field: FieldSpec) -> bool:
    return any(is_under(category, hold.category) for category in field.categories)
