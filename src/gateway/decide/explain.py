# SPDX-License-Identifier: Apache-2.0
"""Why: every layer's word on every field, and the nearest change that would permit what was refused.

The same code serves the command line, the evaluation endpoint and the console; it re-uses the plan
that the road uses, so an explanation cannot differ from the decision.
"""

from gateway.decide.decide import Decider, caps_for
from gateway.domain.decision import Decision, Deny, Permit, Reason, StepUp
from gateway.domain.explanation import Explanation, FieldWord, LayerWord
from gateway.domain.inquiry import Inquiry
from gateway.domain.viewplan import (
    AgeRule,
    ChoiceRule,
    FieldView,
    Hold,
    Layer,
    LinkRule,
    RowRule,
    TransferRule,
    ViewPlan,
)
from gateway.domain.wording import counted


def explain(inquiry: Inquiry, decision: Decision, plan: ViewPlan | None) -> Explanation:
    """Return the explanation of a decision; the plan is the one in force, if the call got that far."""
    change, ask = _nearest_change(inquiry, decision, plan)
    deny = decision if isinstance(decision, Deny) else None
    return Explanation(
        decision={Permit: "permit", StepUp: "step-up", Deny: "deny"}[type(decision)],
        reason=deny.reason if deny else (Reason.STEP_UP_REQUIRED if isinstance(decision, StepUp) else None),
        about=() if isinstance(decision, Permit) else decision.fields,
        rule=deny.rule if deny else None,
        title=deny.title if deny else None,
        fields=tuple(_word(plan, view) for view in plan.views) if plan else (),
        rows=row_sentences(plan) if plan else (),
        change=change,
        ask=ask,
    )


def explained(
    decider: Decider, inquiry: Inquiry, decision: Decision, holds: tuple[Hold, ...], now_us: int
) -> Explanation:
    """Return the explanation of a decision that the decider made, with the whole view behind it."""
    return explain(inquiry, decision, plan_behind(decider, inquiry, holds, now_us))


def plan_behind(decider: Decider, inquiry: Inquiry, holds: tuple[Hold, ...], now_us: int) -> ViewPlan | None:
    """Return the whole view behind a decision, whatever the call names of it; ``None`` if it did not get so far."""
    purpose = decider.purpose(inquiry.purpose, inquiry.principal, inquiry.reference, now_us)
    if isinstance(purpose, Deny) and purpose.reason is not Reason.REFERENCE_MISSING:
        return None
    rule = decider.rules.purposes[inquiry.purpose] if inquiry.purpose else None
    plan = decider.plan(inquiry, rule, now_us) if rule else None
    if plan is None or isinstance(plan, Deny):
        return None
    return decider.lowered(plan, caps_for(inquiry, holds, now_us))


def simple_change(reason: Reason) -> tuple[str, str] | None:
    """Return the nearest change for a reason that needs no view to tell it, and who can make it."""
    return _SIMPLE.get(reason)


def row_sentences(plan: ViewPlan) -> tuple[str, ...]:
    """Return what a view says of rows: the rules that take of them, and whose devices it shows as one."""
    rules = (*plan.row_rules, plan.link_rule) if plan.link_rule is not None else plan.row_rules
    return tuple(map(row_sentence, rules))


def row_sentence(rule: RowRule | LinkRule) -> str:
    """Return a row rule as a sentence."""
    match rule:
        case ChoiceRule():
            need = "who did not consent to" if rule.needs_consent else "who objected to or refused"
            return f"rows of people {need} {rule.purpose} are withheld"
        case AgeRule():
            done = {"withhold": "withheld", "blank": "blanked in " + ", ".join(rule.fields), "unlink": "not linked"}
            return (
                f"rows of people under {rule.under_years} or of unknown age are {done[rule.effect]} ({rule.red_line})"
            )
        case TransferRule():
            where = counted(len(rule.blocked_countries), "country")
            return f"rows of people in {where} without a transfer mechanism are withheld"
        case LinkRule():
            who = "agreed to" if rule.needs_consent else "did not object to"
            return f"surrogates of {', '.join(rule.fields)} are one for all that belong to a person who {who} {rule.purpose}"


def _word(plan: ViewPlan, view: FieldView) -> FieldWord:
    spec = plan.collection.field(view.field)
    binding = view.binding()
    return FieldWord(
        field=view.field,
        categories=spec.categories if spec else (),
        leaves=view.chain.family(view.treatment),
        rung=view.chain.rungs[view.treatment.level],
        layers=tuple(
            LayerWord(
                layer=ceiling.layer,
                rung=view.chain.rungs[ceiling.treatment.level],
                link=ceiling.treatment.link,
                rule=ceiling.rule,
                binds=ceiling in binding,
            )
            for ceiling in view.ceilings
        ),
    )


def _nearest_change(inquiry: Inquiry, decision: Decision, plan: ViewPlan | None) -> tuple[str | None, str | None]:
    match decision:
        case Permit():
            return None, None
        case StepUp():
            return "Sign in again with both factors; the call is permitted for five minutes after that.", "caller"
        case Deny(reason=Reason.RED_LINE):
            return (
                "No change permits this: the red line stands above grants and consent. Use another purpose.",
                "officer",
            )
        case Deny(reason=Reason.GRANT_MISSING):
            where = f"for {inquiry.operation} on {inquiry.dataset}, purpose {inquiry.purpose}"
            return f"A grant to one of the roles {', '.join(inquiry.principal.roles) or '(none)'} {where}.", "owner"
        case Deny(reason=reason) if reason in _SIMPLE:
            return _SIMPLE[reason]
        case Deny(fields=about):
            return _field_change(inquiry, about, plan)


_SIMPLE: dict[Reason, tuple[str, str]] = {
    Reason.PURPOSE_MISSING: ("State one purpose in the header Data-Purpose.", "caller"),
    Reason.PURPOSE_UNKNOWN: ("Use a purpose that purposes.yaml declares.", "caller"),
    Reason.PURPOSE_NOT_IN_SCOPE: ("Sign in for this purpose: the bearer is for others.", "caller"),
    Reason.PURPOSE_NOT_IN_FORCE: ("The purpose's owner extends or renews it in purposes.yaml.", "owner"),
    Reason.PURPOSE_NOT_ALLOWED: ("The purpose would have to list this dataset and operation.", "owner"),
    Reason.REFERENCE_MISSING: ("State a campaign or case in the header Data-Reference.", "caller"),
    Reason.RECIPIENT_NOT_IN_FORCE: ("The contract with the recipient is renewed in organisation.yaml.", "officer"),
    Reason.FIELD_NOT_COLLECTED: ("The purpose would have to list the category of these fields in `collects`.", "owner"),
    Reason.HELD: ("The hold on this account is lifted.", "officer"),
}


def _field_change(inquiry: Inquiry, about: tuple[str, ...], plan: ViewPlan | None) -> tuple[str, str]:
    filters = {each.parameter: each.field for each in inquiry.filters}
    views = [view for name in about if plan and (view := plan.view(filters.get(name, name)))]
    layers = [c.layer for view in views for c in view.ceilings if c.treatment != view.chain.top and c.layer in _CHANGES]
    wanted = "its clear value" if any(name in filters for name in about) else "anything of it"
    names = ", ".join(about) or "any field"
    if not layers:
        return f"No single rule stands against {names}; ask for a route that declares this use.", "owner"
    changes = [_CHANGES[layer] for layer in Layer if layer in layers]
    return f"To use {wanted} ({names}): {'; and '.join(text for text, _ in changes)}.", changes[-1][1]


_CHANGES: dict[Layer, tuple[str, str]] = {
    Layer.REVIEW: ("somebody reviews the field (`gateway dataset review`)", "owner"),
    Layer.GRANTS: ("a grant that reaches reveal", "owner"),
    Layer.PURPOSE: ("the purpose lists the category at reveal", "owner"),
    Layer.ASSURANCE: ("a stronger or fresher sign-in", "caller"),
    Layer.HOLDS: ("the hold is lifted", "officer"),
}
