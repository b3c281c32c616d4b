# SPDX-License-Identifier: Apache-2.0
"""A mandate: a standing approval by two people, under which a client acts while nobody is there.

It stands in for a fresh sign-in and for the second person of a reveal. It never stands in for a grant, a red
line, a choice, a transfer or a hold.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gateway.domain.budget import BudgetKey, BudgetRule, Counted
from gateway.domain.names import AccountId, ClientId, DatasetName, FieldName, PurposeKey, RecipientId

APPROVERS = 2
"""People who approve a mandate before it is in force, none of whom asked for it."""

DAY_US = 86_400 * 1_000_000
LONGEST_US = 31 * DAY_US

WHOLE_HOURS = 744
"""Its people are counted over all of its life: 31 days, the longest window that a budget has."""


class MandateState(StrEnum):
    """How a mandate stands at a time."""

    WAITING = "waiting"
    IN_FORCE = "in-force"
    NOT_YET = "not-yet"
    ENDED = "ended"
    REVOKED = "revoked"


class MandateTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a mandate is for.

    Attributes:
        operation: ``send`` or ``reveal``: of the two it opens one.
        client: Who may name it.
        recipient: To whom the data goes: of a message, who carries it.
        fields: Of the dataset, for which it stands in.
        conditions: Fields that must have these values; filters of equality on the route by which people are found.
        most_people: Distinct people whom it reaches over its whole life.
        from_us / until_us: In force from the first up to the second, at most 31 days.
        reference: Campaign or case, the only one that a call under it may state.
    """

    operation: str
    client: ClientId
    purpose: PurposeKey
    recipient: RecipientId
    dataset: DatasetName
    fields: tuple[FieldName, ...]
    most_people: int
    from_us: int
    until_us: int
    reference: str
    conditions: tuple[tuple[FieldName, str], ...] = ()


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate as it is kept.

    Attributes:
        asked_by: The account that asked for it, which may not approve it.
        approved: Accounts that approved it, with their times; nobody twice.
    """

    id: str
    terms: MandateTerms
    asked_by: AccountId
    asked_us: int
    approved: tuple[tuple[AccountId, int], ...] = ()
    revoked_us: int | None = None
    revoked_by: str | None = None

    def state(self, now_us: int) -> MandateState:
        """Return how it stands."""
        if self.revoked_us is not None:
            return MandateState.REVOKED
        if now_us >= self.terms.until_us:
            return MandateState.ENDED
        if len({who for who, _ in self.approved}) < APPROVERS:
            return MandateState.WAITING
        return MandateState.IN_FORCE if now_us >= self.terms.from_us else MandateState.NOT_YET


def facts_of(terms: MandateTerms) -> dict[str, str | int]:
    """Return the terms as the facts of the entry that asks for them."""
    return {
        "operation": terms.operation,
        "client": terms.client,
        "purpose": terms.purpose,
        "recipient": terms.recipient,
        "dataset": terms.dataset,
        "fields": " ".join(terms.fields),
        "most_people": terms.most_people,
        "from_us": terms.from_us,
        "until_us": terms.until_us,
        "reference": terms.reference,
        "conditions": msgspec.json.encode(terms.conditions).decode(),
    }


def mandate_of(mandate_id: str, by: str, facts: Mapping[str, str | int], at_us: int) -> Mandate:
    """Return the mandate that an entry asks for.

    Raises:
        KeyError / ValueError: The facts do not say all of it.
    """
    terms = MandateTerms(
        operation=str(facts["operation"]),
        client=ClientId(str(facts["client"])),
        purpose=PurposeKey(str(facts["purpose"])),
        recipient=RecipientId(str(facts["recipient"])),
        dataset=DatasetName(str(facts["dataset"])),
        fields=tuple(map(FieldName, str(facts["fields"]).split())),
        most_people=int(facts["most_people"]),
        from_us=int(facts["from_us"]),
        until_us=int(facts["until_us"]),
        reference=str(facts["reference"]),
        conditions=msgspec.json.decode(str(facts["conditions"]), type=tuple[tuple[FieldName, str], ...]),
    )
    return Mandate(id=mandate_id, terms=terms, asked_by=AccountId(by), asked_us=at_us)


def is_mandate_id(text: str) -> bool:
    """Tell whether a text has the form of a mandate's identifier."""
    return len(text) == 18 and text.startswith("m_") and text[2:].isascii() and text[2:].isalnum() and text.islower()


def budget_of(mandate_id: str, recipient: str) -> BudgetKey:
    """Return under which key the people of a mandate are counted; no account has this form of name."""
    return BudgetKey(account=AccountId(f"mandate:{mandate_id}"), key_class="mandate", recipient=RecipientId(recipient))


def rule_of(most_people: int) -> BudgetRule:
    """Return the bound on its people."""
    return BudgetRule(counts=Counted.PEOPLE, most=most_people, hours=WHOLE_HOURS)
