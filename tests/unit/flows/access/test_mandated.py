# SPDX-License-Identifier: Apache-2.0
"""Whether a call may go on under a mandate: each term by itself ends it, and nothing tells which did."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from gateway.domain.catalog import REVEAL
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Inquiry
from gateway.domain.mandate import DAY_US, Mandate, MandateTerms
from gateway.domain.names import AccountId, ClientId, DatasetName, FieldName, PurposeKey, RecipientId
from gateway.domain.principal import Assurance
from gateway.flows.access.call import RefusedError
from gateway.flows.access.mandated import mandated, still_mandated, why_not
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import NOW_US, inquiry

ID = "m_aaaaaaaaaaaaaaaa"


def asked(**changes: Any) -> Inquiry:
    """Return a reveal as the mandate is for, but for the changes."""
    one = inquiry(fields=("email",))
    who = msgspec.structs.replace(one.principal, client=ClientId("nightly"), recipient=RecipientId("own"))
    said = {"principal": who, "operation": REVEAL, "reference": "spring"} | changes
    return msgspec.structs.replace(one, **said)


def a_mandate(inquiry: Inquiry, **changes: Any) -> Mandate:
    """Return a mandate that two approved, for an inquiry but for the changes."""
    said: dict[str, Any] = {
        "operation": inquiry.operation,
        "client": ClientId("nightly"),
        "purpose": inquiry.purpose,
        "recipient": RecipientId("own"),
        "dataset": inquiry.dataset,
        "fields": (FieldName("email"),),
        "most_people": 5,
        "from_us": NOW_US - DAY_US,
        "until_us": NOW_US + DAY_US,
        "reference": "spring",
    }
    approved = ((AccountId("a_1"), 1), (AccountId("a_2"), 2))
    terms = MandateTerms(**(said | changes))
    return Mandate(id=ID, terms=terms, asked_by=AccountId("a_0"), asked_us=1, approved=approved)


class Mandates:
    """One mandate."""

    def __init__(self, one: Mandate) -> None:
        """Keep it."""
        self.one = one

    async def find(self, mandate_id: str) -> Mandate | None:
        """Return it."""
        return self.one if mandate_id == ID else None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"operation": "send"}, "mandate:operation"),
        ({"client": ClientId("daily")}, "mandate:client"),
        ({"purpose": PurposeKey("other")}, "mandate:purpose"),
        ({"recipient": RecipientId("adnet")}, "mandate:recipient"),
        ({"dataset": DatasetName("crm.other")}, "mandate:dataset"),
        ({"reference": "autumn"}, "mandate:reference"),
        ({"fields": (FieldName("phone"),)}, "mandate:field"),
        ({"conditions": ((FieldName("country"), "DE"),)}, "mandate:condition"),
        ({"until_us": NOW_US}, "mandate:ended"),
        ({"from_us": NOW_US + 1}, "mandate:not-yet"),
    ],
)
async def test_each_term_by_itself_ends_it_and_the_caller_is_told_one_word(
    changes: Mapping[str, Any], why: str | None
) -> None:
    """When the call comes, and again while it is under way; only the log has the word."""
    one = asked()
    mandate = a_mandate(one, **changes)
    assert why_not(mandate, one, NOW_US) == why
    rooms = msgspec.structs.replace(AccessHouse().rooms, mandates=Mandates(mandate))
    found, begun = await mandated(rooms, one, ID, NOW_US), asked(mandate=ID)
    if why is None:
        assert isinstance(found, Inquiry)
        assert (found.mandate, found.principal.proof, found.principal.signed_in_us) == (ID, Assurance.PERSON, NOW_US)
        assert await still_mandated(rooms, begun) is mandate
        return
    assert found == Deny(reason=Reason.MANDATE_NOT_IN_FORCE, rule=why)
    with pytest.raises(RefusedError) as told:
        await still_mandated(rooms, begun)
    assert told.value.deny == found


async def test_without_a_mandate_a_call_is_as_it_is_and_an_unknown_one_is_none() -> None:
    """Nothing is lifted by a name."""
    one = asked()
    rooms = msgspec.structs.replace(AccessHouse().rooms, mandates=Mandates(a_mandate(one)))
    assert await mandated(rooms, one, None, NOW_US) is one
    assert await still_mandated(rooms, one) is None
    unknown = await mandated(rooms, one, "m_" + "b" * 16, NOW_US)
    assert unknown == Deny(reason=Reason.MANDATE_NOT_IN_FORCE, rule="mandate:unknown")
