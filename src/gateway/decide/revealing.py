# SPDX-License-Identifier: Apache-2.0
"""Whether the value of a surrogate may be told: more is asked for than for a read of the same field.

RULES

1. The view of the operation ``reveal`` decides, by its own grants: who may read gets nothing by that.
2. The value itself may leave of every field that is named, or the call is refused as a read would be.
3. A surrogate does not say of which field it is. So the value may leave of every other field that it may be of as
   well (``joined``), or the call is refused.
4. A person has signed in with both factors in the last five minutes. A service cannot have; what stands in for
   that is not decided here.
"""

from collections.abc import Iterable

from gateway.decide.judging import because, is_clear
from gateway.decide.rules import RedLine
from gateway.domain.decision import Decision, Permit, Reason, StepUp
from gateway.domain.inquiry import Inquiry
from gateway.domain.principal import Assurance
from gateway.domain.viewplan import Caps


def settled(inquiry: Inquiry, decision: Decision, caps: Caps, lines: Iterable[RedLine]) -> Decision:
    """Return the decision on a reveal, from that on a read of the same view."""
    if not isinstance(decision, Permit):
        return decision
    named = inquiry.fields or ()
    unclear = [name for name in named if not is_clear(decision.plan.view(name))]
    if unclear or not named:
        return because(Reason.FIELD_NOT_PERMITTED, decision.plan, [(name, name) for name in unclear], lines)
    if not is_fresh(inquiry.principal.proof, caps):
        return StepUp(fields=named)
    return decision


def is_fresh(proof: Assurance, caps: Caps) -> bool:
    """Tell whether a person proved by two factors, just now, who they are."""
    return proof >= Assurance.PERSON and caps.fresh
