# SPDX-License-Identifier: Apache-2.0
"""The life of a mandate: asked for, approved by two others, revoked by any of them or an officer.

RULES

1. A mandate is for what the rules know: to send or to reveal, a client that is in force with a scope for a purpose
   that allows it, fields of a dataset, and to send a route of it to the recipient. Its people have a bound, and its
   time is 31 days at most.
2. Two people other than whoever asked approve it, each for themselves and proved by password and code; at least one
   of them is an officer. No service approves anything, and nobody from whom something is held back. A word counts
   as long as that is so of who gave it: where mandates are used, it is looked at again.
3. Whoever asked for it or approved it, and every officer, revokes it, at once and for good.
4. Each step is entered before it is made, so that a restored database has it again; what is refused is entered too.
5. A mandate opens nothing by itself: grants, red lines, choices, transfers and holds stand above it.
"""

import base64
import secrets
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import Protocol

import msgspec

from gateway.decide.rules import RuleSet
from gateway.domain.catalog import REVEAL, Collection, Route
from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.mandate import APPROVERS, LONGEST_US, Mandate, MandateState, MandateTerms, facts_of
from gateway.domain.names import AccountId, PurposeKey, is_under
from gateway.domain.parameters import Comparison, filters_of
from gateway.domain.principal import PrincipalKind
from gateway.domain.sending import SEND

MOST_PEOPLE = 10_000_000
MOST_CONDITIONS = 8
MOST_CONDITION_CHARACTERS = 100
OPERATIONS = (SEND, REVEAL)
_MOST_LOOKS = 4


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who just proved who they are, as the database and the rules have them now.

    Attributes:
        is_free: Nothing is held back from them, and the account is in force.
    """

    account: AccountId
    kind: PrincipalKind
    is_officer: bool
    is_free: bool


class Heard(StrEnum):
    """What a word came to."""

    TAKEN = "taken"
    IN_FORCE = "in-force"
    """With this word two have approved it."""
    UNKNOWN = "unknown"
    NOT_OPEN = "not-open"
    """It was revoked, has ended, or was approved by two already."""
    OWN = "own"
    """Whoever asked for it does not approve it."""
    AGAIN = "again"
    NOT_FREE = "not-free"
    """A service, a disabled account, or one from which something is held back."""
    NO_OFFICER = "no-officer"
    """One of the two has to be an officer."""
    NOT_YOURS = "not-yours"
    """It is revoked by whoever asked for it or approved it, or by an officer."""


class Kept(Protocol):
    """Where mandates are kept."""

    async def add(self, one: Mandate) -> bool:
        """Keep a new mandate."""

    async def approve(
        self, mandate_id: str, account: AccountId, at_us: int, *, after: frozenset[AccountId] | None = None
    ) -> bool:
        """Let an account approve it; false if it cannot, or if by now others than these have."""

    async def revoke(self, mandate_id: str, by: str, at_us: int) -> bool:
        """Put it out of force for good; false if it was."""

    async def find(self, mandate_id: str) -> Mandate | None:
        """Return a mandate."""


class Recorder(Protocol):
    """The log, as this flow needs it."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class Mandates:
    """Hears what people say of mandates."""

    def __init__(
        self,
        *,
        kept: Kept,
        recorder: Recorder,
        clock: Callable[[], int],
        is_officer: Callable[[AccountId], Awaitable[bool]],
    ) -> None:
        """Take what it stands on.

        Args:
            is_officer: Tells whether an account is an officer's now.
        """
        self._kept, self._recorder, self._clock, self._is_officer = kept, recorder, clock, is_officer

    async def ask(self, terms: MandateTerms, who: Person, *, at: str) -> Mandate | Heard:
        """Keep a mandate that waits for its approvals.

        Args:
            terms: As ``problems`` found them right.
            who: Who asks, having proved it.
            at: Who runs the command, ``local:`` and a user of the operating system.

        Raises:
            LogUnavailable / StateUnavailable: It was not kept.
        """
        if not who.is_free or who.kind is not PrincipalKind.PERSON:
            await self._refuse("", who, Heard.NOT_FREE, at)
            return Heard.NOT_FREE
        one = Mandate(id=new_mandate_id(), terms=terms, asked_by=who.account, asked_us=self._clock())
        await self._enter(who, "mandate-asked", one.id, {**facts_of(terms), "at": at})
        await self._kept.add(one)
        return one

    async def approve(self, mandate_id: str, who: Person, *, at: str) -> Heard:
        """Take somebody's word for a mandate.

        Raises:
            LogUnavailable / StateUnavailable: It was not taken.
        """
        is_entered = False
        # Whoever approves in the same moment is judged with; nobody's word counts beside one that was not seen.
        for _ in range(_MOST_LOOKS):
            now_us = self._clock()
            found = await self._kept.find(mandate_id)
            no = await self._why_not(found, who, now_us)
            if found is None or no is not None:
                no = no or Heard.UNKNOWN
                await self._refuse(mandate_id if found is not None else "", who, no, at)
                return no
            if not is_entered:
                await self._enter(who, "mandate-approved", found.id, {"at": at})
                is_entered = True
            before = frozenset(account for account, _ in found.approved)
            if await self._kept.approve(found.id, who.account, now_us, after=before):
                return Heard.IN_FORCE if len(before) + 1 >= APPROVERS else Heard.TAKEN
        await self._refuse(mandate_id, who, Heard.NOT_OPEN, at)
        return Heard.NOT_OPEN

    async def revoke(self, mandate_id: str, who: Person, *, at: str) -> Heard:
        """Put a mandate out of force, at once and for good.

        Raises:
            LogUnavailable / StateUnavailable: It is in force still.
        """
        found = await self._kept.find(mandate_id)
        if found is None:
            return Heard.UNKNOWN
        concerned = {found.asked_by, *(account for account, _ in found.approved)}
        if not who.is_officer and who.account not in concerned:
            await self._refuse(mandate_id, who, Heard.NOT_YOURS, at)
            return Heard.NOT_YOURS
        if found.revoked_us is not None:
            return Heard.NOT_OPEN
        await self._enter(who, "mandate-revoked", found.id, {"at": at})
        await self._kept.revoke(found.id, who.account, self._clock())
        return Heard.TAKEN

    async def _why_not(self, found: Mandate | None, who: Person, now_us: int) -> Heard | None:
        if found is None:
            return Heard.UNKNOWN
        if not who.is_free or who.kind is not PrincipalKind.PERSON:
            return Heard.NOT_FREE
        if found.state(now_us) is not MandateState.WAITING:
            return Heard.NOT_OPEN
        if found.asked_by == who.account:
            return Heard.OWN
        before = [account for account, _ in found.approved]
        if who.account in before:
            return Heard.AGAIN
        if before and not who.is_officer and not any([await self._is_officer(one) for one in before]):
            return Heard.NO_OFFICER
        return None

    async def _refuse(self, mandate_id: str, who: Person, why: Heard, at: str) -> None:
        await self._enter(who, "mandate-refused", mandate_id, {"why": why.value, "at": at})

    async def _enter(self, who: Person, what: str, target: str, facts: dict[str, str | int]) -> None:
        await self._recorder.append(Changed(by=who.account, what=what, target=target, facts=facts))


def new_mandate_id() -> str:
    """Return an identifier for a mandate: 80 random bits."""
    return "m_" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


def problems(terms: MandateTerms, rules: RuleSet, scopes: tuple[PurposeKey, ...], now_us: int) -> tuple[str, ...]:
    """Return what is wrong with the terms of a mandate, beside the rules; nothing if it can be asked for.

    Args:
        terms: As somebody said them.
        rules: In force.
        scopes: Of the client.
        now_us: UTC microseconds.
    """
    found = []
    if terms.operation not in OPERATIONS:
        found.append(f"a mandate is to {' or to '.join(OPERATIONS)}")
    purpose = rules.purposes.get(terms.purpose)
    if purpose is None:
        found.append(f"no purpose is {terms.purpose}")
    elif terms.operation in OPERATIONS and terms.operation not in purpose.operations:
        found.append(f"{terms.purpose} does not have {terms.operation} among its operations")
    if not any(is_under(terms.purpose, scope) for scope in scopes):
        found.append(f"client {terms.client} has no scope for {terms.purpose}")
    if terms.recipient not in rules.recipients:
        found.append(f"organisation.yaml has no recipient {terms.recipient}")
    found += _of_dataset(terms, rules)
    if not 1 <= terms.most_people <= MOST_PEOPLE:
        found.append(f"the most people are 1 to {MOST_PEOPLE}")
    if not max(now_us, terms.from_us) < terms.until_us:
        found.append("its end is not ahead, or not behind its beginning")
    if terms.until_us - terms.from_us > LONGEST_US:
        found.append("it lasts longer than 31 days")
    if not terms.reference:
        found.append("it needs a reference: the campaign or case that calls under it state")
    return tuple(found)


def _of_dataset(terms: MandateTerms, rules: RuleSet) -> list[str]:
    collection = rules.catalog.collections.get(terms.dataset)
    if collection is None:
        return [f"no dataset is {terms.dataset}"]
    found = [f"{terms.dataset} has no field {name}" for name in terms.fields if collection.field(name) is None]
    if not terms.fields:
        found.append("it names no field")
    if terms.operation == REVEAL:
        # A surrogate alone does not say what else is so of its person.
        return [*found, "a mandate to reveal has no conditions"] if terms.conditions else found
    return found + _of_routes(terms, collection, rules.catalog.routes)


def _of_routes(terms: MandateTerms, collection: Collection, every: Iterable[Route]) -> list[str]:
    """Return what is wrong with the recipient and the conditions of a mandate to send."""
    every, found = tuple(every), list[str]()
    routes = [one for one in every if one.dataset == terms.dataset and one.operation == SEND]
    if not any(one.recipient == terms.recipient for one in routes):
        found.append(f"no route of {terms.dataset} sends to {terms.recipient}")
    if len(terms.conditions) > MOST_CONDITIONS:
        found.append(f"at most {MOST_CONDITIONS} conditions")
    looks = {one.found_by[:2] for one in routes if one.recipient == terms.recipient and one.found_by is not None}
    lists = [one for one in every if (one.method, one.template) in looks]
    asked = {
        each.field
        for one in lists
        for parameter in one.every_parameter
        for each in filters_of(parameter)
        if each.comparison is Comparison.EQUAL and not each.bands
    }
    for name, value in terms.conditions:
        spec = collection.field(name)
        if name not in asked:
            found.append(f"the list by which people are found has no filter of equality on {name}")
        if spec is None or spec.identifies:
            # A condition stands in the log; what points at a person does not.
            found.append(f"{name} is no field that can be a condition")
        elif not (0 < len(value) <= MOST_CONDITION_CHARACTERS and value.isprintable()):
            found.append(f"the condition on {name} is no short text on one line")
    return found
