# SPDX-License-Identifier: Apache-2.0
"""Whether a call may go on under the mandate that it names: looked at when it comes, and again before each stretch.

RULES

1. A mandate is one client's, for one operation, purpose, recipient, dataset and reference, and for the fields that it
   names: two people who approved messages approved no reveal.
   Whatever is wrong with it is told in one way, so that nobody learns of those of others; the log has the word.
2. It stands in for a person's fresh sign-in, and for nothing else.
"""

import msgspec

from gateway.decide.sending import address_field, lifted
from gateway.domain.catalog import REVEAL
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Inquiry
from gateway.domain.mandate import Mandate, MandateState
from gateway.domain.names import FieldName, RecipientId
from gateway.flows.access.call import RefusedError, Rooms


async def mandated(rooms: Rooms, inquiry: Inquiry, mandate_id: str | None, now_us: int) -> Inquiry | Deny:
    """Return an inquiry as its mandate lifts it, or why the mandate is none for it; without one, the inquiry itself."""
    if mandate_id is None:
        return inquiry
    found = await rooms.mandates.find(mandate_id)
    why = "mandate:unknown" if found is None else why_not(found, inquiry, now_us)
    if why is not None:
        return Deny(reason=Reason.MANDATE_NOT_IN_FORCE, rule=why)
    return msgspec.structs.replace(lifted(inquiry, now_us), mandate=mandate_id)


def why_not(mandate: Mandate, inquiry: Inquiry, now_us: int) -> str | None:
    """Return why a mandate is none for a call, in a word for the log; ``None`` if it is one."""
    state, terms = mandate.state(now_us), mandate.terms
    if state is not MandateState.IN_FORCE:
        return f"mandate:{state}"
    said = (
        ("operation", terms.operation, inquiry.operation),
        ("client", terms.client, inquiry.principal.client),
        ("purpose", terms.purpose, inquiry.purpose),
        ("recipient", terms.recipient, _recipient(inquiry)),
        ("dataset", terms.dataset, inquiry.dataset),
        ("reference", terms.reference, inquiry.reference),
    )
    wrong = next((word for word, mine, asked in said if mine != asked), None)
    if wrong is None and _field(inquiry) not in terms.fields:
        wrong = "field"
    if wrong is None and inquiry.operation == REVEAL and terms.conditions:
        # A surrogate alone does not say what else is so of its person.
        wrong = "condition"
    return None if wrong is None else f"mandate:{wrong}"


async def still_mandated(rooms: Rooms, inquiry: Inquiry) -> Mandate | None:
    """Return the mandate that a call goes on under; ``None`` where it goes on without one.

    Raises:
        RefusedError: It is not in force any more.
    """
    if not inquiry.mandate:
        return None
    found = await rooms.mandates.find(inquiry.mandate)
    why = "mandate:unknown" if found is None else why_not(found, inquiry, rooms.clock())
    if found is None or why is not None:
        raise RefusedError(Deny(reason=Reason.MANDATE_NOT_IN_FORCE, rule=why))
    return found


def _recipient(inquiry: Inquiry) -> RecipientId | None:
    """Return to whom the data goes: what is revealed to the caller's own, what is sent to the route's."""
    return inquiry.principal.recipient if inquiry.operation == REVEAL else inquiry.route.recipient


def _field(inquiry: Inquiry) -> FieldName:
    """Return the field that the mandate has to stand in for."""
    return (inquiry.fields or (FieldName(""),))[0] if inquiry.operation == REVEAL else address_field(inquiry)
