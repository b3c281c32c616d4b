# SPDX-License-Identifier: Apache-2.0
"""Mandates: how they stand at a time, and the words of the log that they are made of again."""

from typing import Any

import msgspec
import pytest

from gateway.domain.mandate import (
    DAY_US,
    Mandate,
    MandateState,
    MandateTerms,
    budget_of,
    facts_of,
    is_mandate_id,
    mandate_of,
)
from gateway.domain.names import AccountId, ClientId, DatasetName, FieldName, PurposeKey, RecipientId

NOW_US = 10 * DAY_US
ONE, TWO = (AccountId("a_1"), 1), (AccountId("a_2"), 2)


def a_mandate(**changes: Any) -> Mandate:
    """Return a mandate that waits, but for the changes of its terms."""
    said: dict[str, Any] = {
        "operation": "send",
        "client": ClientId("night-mailer"),
        "purpose": PurposeKey("marketing.communications.email"),
        "recipient": RecipientId("mail-service"),
        "dataset": DatasetName("crm.customers"),
        "fields": (FieldName("email"), FieldName("id")),
        "most_people": 500,
        "from_us": NOW_US - DAY_US,
        "until_us": NOW_US + DAY_US,
        "reference": "spring",
        "conditions": ((FieldName("country"), "DE"), (FieldName("city"), "Bad = Homburg")),
    }
    terms = MandateTerms(**(said | changes))
    return Mandate(id="m_aaaaaaaaaaaaaaaa", terms=terms, asked_by=AccountId("a_0"), asked_us=3)


@pytest.mark.parametrize(
    ("approved", "changes", "state"),
    [
        ((), {}, MandateState.WAITING),
        ((ONE,), {}, MandateState.WAITING),
        ((ONE, ONE), {}, MandateState.WAITING),
        ((ONE, TWO), {}, MandateState.IN_FORCE),
        ((ONE, TWO), {"from_us": NOW_US}, MandateState.IN_FORCE),
        ((ONE, TWO), {"from_us": NOW_US + 1}, MandateState.NOT_YET),
        ((ONE, TWO), {"until_us": NOW_US + 1}, MandateState.IN_FORCE),
        ((ONE, TWO), {"until_us": NOW_US}, MandateState.ENDED),
        ((), {"until_us": NOW_US}, MandateState.ENDED),
    ],
)
def test_a_mandate_is_in_force_between_its_times_once_two_approved_it(
    approved: tuple[tuple[AccountId, int], ...], changes: dict[str, Any], state: MandateState
) -> None:
    """Its end is exclusive, and one who says so twice is one."""
    assert msgspec.structs.replace(a_mandate(**changes), approved=approved).state(NOW_US) is state


def test_a_revoked_mandate_is_revoked_whatever_its_times() -> None:
    """Even before they begin."""
    made = msgspec.structs.replace(a_mandate(from_us=NOW_US + 1), approved=(ONE, TWO), revoked_us=NOW_US)
    assert made.state(NOW_US) is MandateState.REVOKED


def test_a_mandate_is_made_again_of_the_words_of_its_entry() -> None:
    """Nothing of its terms is lost, and an entry that lacks one of them makes none."""
    made = a_mandate()
    facts = facts_of(made.terms)
    assert mandate_of(made.id, made.asked_by, facts, made.asked_us) == made
    for name in facts:
        with pytest.raises(KeyError):
            mandate_of(made.id, made.asked_by, {key: value for key, value in facts.items() if key != name}, 3)


@pytest.mark.parametrize("text", ["", "m_", "m_AAAAAAAAAAAAAAAA", "m_aaaaaaaaaaaaaaa", "m_aaaaaaaaaaaaaaaaa", "x_aaaaaaaaaaaaaaaa", "m_aaaaaaaaaaaaaaa\n", "m_ääääääääääääääää"])  # fmt: skip
def test_an_identifier_has_one_form(text: str) -> None:
    """So nothing else ever reaches the database or the log."""
    assert not is_mandate_id(text)
    assert is_mandate_id("m_aaaaaaaaaaaa2345")


def test_the_people_of_a_mandate_are_counted_for_nobody_else() -> None:
    """No account has the form of its key."""
    assert budget_of("m_aaaaaaaaaaaaaaaa", "mail-service").account == "mandate:m_aaaaaaaaaaaaaaaa"
