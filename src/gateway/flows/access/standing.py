# SPDX-License-Identifier: Apache-2.0
"""Whether a call that was permitted still is: asked for after whatever took time, before what cannot be undone."""

from gateway.decide.decide import caps_for
from gateway.decide.sending import as_sent, lifted
from gateway.domain.decision import VIEW_CHANGED, Deny, Permit, Reason
from gateway.domain.inquiry import Inquiry
from gateway.domain.sending import SEND
from gateway.domain.viewplan import Hold
from gateway.flows.access.asking import facts_of
from gateway.flows.access.call import Call, RefusedError, Rooms, permitted
from gateway.flows.access.verdicts import covers


def check_still_permitted(rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit) -> None:
    """Look once more at what may have changed since the decision.

    Raises:
        RefusedError: The call would not be permitted now, or less of it.
    """
    holds, now_us = _holds(rooms, inquiry), rooms.clock()
    decider = rooms.rules.decider
    begun = lifted(inquiry, now_us) if inquiry.mandate else call.as_begun(inquiry, now_us)
    if not call.intended:
        # Of a call whose intent is entered, the facts are in it.
        told = as_sent(begun) if begun.operation == SEND else begun
        caps = caps_for(begun, holds, now_us)
        call.know(lambda: facts_of(told, None, now_us=now_us, rules=decider.rules.digest, caps=caps))
    now = permitted(decider.decide(begun, holds, now_us))
    if not covers(now.plan, permit.plan) or not set(now.unjoined) <= set(permit.unjoined):
        reason = Reason.HELD if holds else Reason.GRANT_MISSING
        raise RefusedError(Deny(reason=reason, rule=VIEW_CHANGED))


def check_view_stands(rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit) -> None:
    """Cut an answer on its way if the view would now be less than the one it was begun with.

    Raises:
        RefusedError: With the reason.
    """
    holds, now_us = _holds(rooms, inquiry), rooms.clock()
    decider, judged = rooms.rules.decider, call.judged
    if judged is not None and judged.stands(permit, decider, holds, now_us):
        return
    inquiry = call.as_begun(inquiry, now_us)
    decision = decider.decide(inquiry, holds, now_us)
    if not call.started:
        # The refusal names the rules and caps that it was made by, not those that the call began with.
        caps = caps_for(inquiry, holds, now_us)
        call.know(lambda: facts_of(inquiry, None, now_us=now_us, rules=decider.rules.digest, caps=caps))
    if not isinstance(decision, Permit):
        raise RefusedError(decision if isinstance(decision, Deny) else Deny(reason=Reason.STEP_UP_REQUIRED))
    if not covers(decision.plan, permit.plan):
        lowered = decision.plan.lowered
        reason = Reason.HELD if lowered and lowered.holds else Reason.GRANT_MISSING
        raise RefusedError(Deny(reason=reason, rule=VIEW_CHANGED))


def _holds(rooms: Rooms, inquiry: Inquiry) -> tuple[Hold, ...]:
    """Return what is held back from whoever calls.

    Raises:
        RefusedError: What this process knows is too old, or the sign-in was ended.
    """
    if not rooms.is_current():
        raise RefusedError(Deny(reason=Reason.OVERLOADED))
    if rooms.identify.is_revoked(inquiry.principal):
        raise RefusedError(Deny(reason=Reason.SIGN_IN_REQUIRED))
    return rooms.holds.for_account(inquiry.principal.account)
