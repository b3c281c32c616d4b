# SPDX-License-Identifier: Apache-2.0
"""The decision on messages: whether addresses may go to the recipient that carries them.

RULES

1. The data goes to the route's recipient, so recipient, transfer and the red lines for third parties are that
   recipient's. Grants, scopes, holds and the sign-in are the caller's: it is the caller that causes the
   disclosure. Whoever the caller itself acts for must be in force too.
2. The address must be revealed *to the recipient*: anything less is no address. What the caller may see of it
   by reading is another decision, of another operation, and mostly less.
3. Where the route asks for a level, a person signs in afresh and a service has a mandate.
4. A rule on rows that blanks the address, or that lets nobody's rows be linked, withholds the message: it is
   named by a surrogate.
"""

import msgspec

from gateway.decide.plan import guarded_by
from gateway.domain.decision import FilterUse, Use
from gateway.domain.inquiry import Filter, Inquiry
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison
from gateway.domain.principal import Assurance
from gateway.domain.viewplan import ViewPlan


def address_field(inquiry: Inquiry) -> FieldName:
    """Return the field whose values are the addresses; of a case of the rules' own tests, the one that it names."""
    body = inquiry.route.body
    if body is not None and body.messages is not None:
        return body.messages.field
    return inquiry.fields[0] if inquiry.fields else FieldName("")


def as_sent(inquiry: Inquiry) -> Inquiry:
    """Return the inquiry as the disclosure that it causes: of the address, to the recipient of the route."""
    route = inquiry.route
    to = inquiry.principal.recipient if route.recipient is None else route.recipient
    who = msgspec.structs.replace(inquiry.principal, recipient=to)
    return msgspec.structs.replace(inquiry, principal=who, fields=(address_field(inquiry),))


def lifted(inquiry: Inquiry, now_us: int) -> Inquiry:
    """Return an inquiry under a mandate that is in force for it: as if a person had signed in just now."""
    who = msgspec.structs.replace(inquiry.principal, proof=Assurance.PERSON, signed_in_us=now_us)
    return msgspec.structs.replace(inquiry, principal=who)


def withholding_rules(view: ViewPlan, field: FieldName) -> frozenset[int]:
    """Return the places of the rules on rows that have to withhold."""
    asked = Filter(field=field, comparison=Comparison.EQUAL, value="", parameter=field)
    return guarded_by(view, (field,), (FilterUse(filter=asked, use=Use.SURROGATE),))
