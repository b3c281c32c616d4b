# SPDX-License-Identifier: Apache-2.0
"""Whether a call that was permitted still is: asked for after whatever took time, before what cannot be undone."""

from gateway.decide.decide import caps_for
from gateway.decide.sending import lifted
from gateway.domain.decision import VIEW_CHANGED, Deny, Permit, Reason
from gateway.domain.inquiry import Inquiry
from gateway.flows.access.asking import facts_of
from gateway.flows.access.call import Call, RefusedError, Rooms, permitted
from gateway.flows.access.verdicts import covers


def check_still_permitted(rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit) -> None:
    """Look once more at what may have changed since the decision.

    Raises:
        RefusedError: The call would not be permitted now, or less of it.
    """
    if not rooms.is_current():
        raise RefusedError(Deny(reason=Reason.OVERLOADED))
    if rooms.identify.is_revoked(inquiry.principal):
        raise RefusedError(Deny(reason=Reason.SIGN_IN_REQUIRED))
    holds, now_us = rooms.holds.for_account(inquiry.principal.account), rooms.clock()
    decider = rooms.rules.decider
    begun = lifted(inquiry, now_us) if inquiry.mandate else call.as_begun(inquiry, now_us)
    caps = caps_for(begun, holds, now_us)
    call.know(lambda: facts_of(begun, None, now_us=now_us, rules=decider.rules.digest, caps=caps))
    now = permitted(decider.decide(begun, holds, now_us)).plan
    if not covers(now, permit.plan):
        reason = Reason.HELD if holds else Reason.GRANT_MISSING
        raise RefusedError(Deny(reason=reason, rule=VIEW_CHANGED))
