# SPDX-License-Identifier: Apache-2.0
"""Who may ask for, approve and revoke a mandate, and that each word is entered before it is made."""

from typing import Any

import msgspec
import pytest

from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.mandate import DAY_US, Mandate, MandateTerms
from gateway.domain.names import AccountId
from gateway.domain.principal import PrincipalKind
from gateway.flows.mandates import Heard, Mandates, Person
from tests.unit.domain.test_mandate import NOW_US, a_mandate

OFFICERS = {"officer-1", "officer-2"}


class Kept:
    """Mandates in memory, with what was entered by the time of each change."""

    def __init__(self, log: list[Changed]) -> None:
        """Begin with none."""
        self.held: dict[str, Mandate] = {}
        self.at: list[int] = []
        self.between: AccountId | None = None
        self._log = log

    async def add(self, one: Mandate) -> bool:
        """Keep it."""
        self.at.append(len(self._log))
        self.held[one.id] = one
        return True

    async def approve(
        self, mandate_id: str, account: AccountId, at_us: int, *, after: frozenset[AccountId] | None = None
    ) -> bool:
        """Approve it, unless somebody came in between."""
        if self.between is not None:
            one, between = self.held[mandate_id], self.between
            self.between = None
            self.held[mandate_id] = _changed(one, approved=(*one.approved, (between, at_us)))
        one = self.held[mandate_id]
        if after is not None and after != {who for who, _ in one.approved}:
            return False
        self.at.append(len(self._log))
        self.held[mandate_id] = _changed(one, approved=(*one.approved, (account, at_us)))
        return True

    async def revoke(self, mandate_id: str, by: str, at_us: int) -> bool:
        """Revoke it."""
        self.at.append(len(self._log))
        self.held[mandate_id] = _changed(self.held[mandate_id], revoked_us=at_us, revoked_by=by)
        return True

    async def find(self, mandate_id: str) -> Mandate | None:
        """Find it."""
        return self.held.get(mandate_id)


def _changed(one: Mandate, **changes: Any) -> Mandate:
    return msgspec.structs.replace(one, **changes)


class Office:
    """What people speak to."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.log: list[Changed] = []
        self.kept = Kept(self.log)
        self.flow = Mandates(kept=self.kept, recorder=self, clock=lambda: NOW_US, is_officer=self.is_officer)

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Enter it."""
        del part
        assert isinstance(entry, Changed)
        self.log.append(entry)
        return len(self.log)

    async def is_officer(self, account: AccountId) -> bool:
        """Tell whether it is one's."""
        return account in OFFICERS

    async def asked(self, who: str = "asker", **changes: Any) -> str:
        """Ask for a mandate and return its identifier."""
        found = await self.flow.ask(terms(**changes), person(who), at="local:test")
        assert isinstance(found, Mandate)
        return found.id


def terms(**changes: Any) -> MandateTerms:
    """Return terms that could be."""
    return a_mandate(**changes).terms


def person(name: str, **changes: Any) -> Person:
    """Return somebody from whom nothing is held back."""
    said: dict[str, Any] = {"kind": PrincipalKind.PERSON, "is_officer": name in OFFICERS, "is_free": True}
    return Person(account=AccountId(name), **(said | changes))


@pytest.fixture
def office() -> Office:
    """An office."""
    return Office()


async def test_two_others_of_whom_one_is_an_officer_put_it_in_force(office: Office) -> None:
    """In either order; and each word was entered before it counted."""
    for first, second in (("analyst", "officer-1"), ("officer-1", "analyst")):
        mandate = await office.asked()
        assert await office.flow.approve(mandate, person(first), at="x") is Heard.TAKEN
        assert await office.flow.approve(mandate, person(second), at="x") is Heard.IN_FORCE
        assert await office.flow.approve(mandate, person("officer-2"), at="x") is Heard.NOT_OPEN
    whats = [one.what for one in office.log]
    assert [whats[n - 1] for n in office.kept.at] == ["mandate-asked", "mandate-approved", "mandate-approved"] * 2
    assert whats.count("mandate-refused") == 2


@pytest.mark.parametrize(
    ("who", "heard"),
    [
        (person("asker"), Heard.OWN),
        (person("analyst"), Heard.AGAIN),
        (person("manager"), Heard.NO_OFFICER),
        (person("officer-1", is_free=False), Heard.NOT_FREE),
        (person("officer-1", kind=PrincipalKind.SERVICE), Heard.NOT_FREE),
    ],
)
async def test_some_words_count_for_nothing_and_are_entered(office: Office, who: Person, heard: Heard) -> None:
    """Who asked, who said so already, a second one who is no officer, one who is held, and a service."""
    mandate = await office.asked()
    await office.flow.approve(mandate, person("analyst"), at="x")
    assert await office.flow.approve(mandate, who, at="x") is heard
    assert (office.log[-1].what, office.log[-1].facts["why"]) == ("mandate-refused", heard.value)
    assert len(office.kept.held[mandate].approved) == 1


@pytest.mark.parametrize(
    ("between", "who", "heard"),
    [
        ("manager", "analyst", Heard.NO_OFFICER),
        ("manager", "officer-1", Heard.IN_FORCE),
        ("officer-1", "analyst", Heard.IN_FORCE),
        ("analyst", "analyst", Heard.AGAIN),
    ],
)
async def test_who_approves_in_the_same_moment_is_judged_with(
    office: Office, between: str, who: str, heard: Heard
) -> None:
    """Two of whom neither is an officer never put a mandate in force; and each is told what is so."""
    mandate = await office.asked()
    office.kept.between = AccountId(between)
    assert await office.flow.approve(mandate, person(who), at="x") is heard
    assert len(office.kept.held[mandate].approved) == (2 if heard is Heard.IN_FORCE else 1)


async def test_what_is_not_there_or_has_ended_takes_no_word(office: Office) -> None:
    """And what somebody made up stays out of the log."""
    assert await office.flow.approve("m_of-somebody", person("officer-1"), at="x") is Heard.UNKNOWN
    assert office.log[-1].target == ""
    ended = await office.asked(from_us=NOW_US - 2 * DAY_US, until_us=NOW_US)
    assert await office.flow.approve(ended, person("officer-1"), at="x") is Heard.NOT_OPEN


@pytest.mark.parametrize(("who", "heard"), [("asker", Heard.TAKEN), ("analyst", Heard.TAKEN), ("officer-2", Heard.TAKEN), ("other", Heard.NOT_YOURS)])  # fmt: skip
async def test_whoever_has_a_part_in_it_and_every_officer_revokes_it(office: Office, who: str, heard: Heard) -> None:
    """Once; nobody else does."""
    mandate = await office.asked()
    await office.flow.approve(mandate, person("analyst"), at="x")
    assert await office.flow.revoke(mandate, person(who), at="x") is heard
    if heard is Heard.TAKEN:
        assert await office.flow.revoke(mandate, person("officer-1"), at="x") is Heard.NOT_OPEN
        assert await office.flow.approve(mandate, person("officer-1"), at="x") is Heard.NOT_OPEN
    assert await office.flow.revoke("m_0", person(who), at="x") is Heard.UNKNOWN


async def test_a_service_asks_for_nothing(office: Office) -> None:
    """Nor does somebody from whom something is held back."""
    for who in (person("s", kind=PrincipalKind.SERVICE), person("asker", is_free=False)):
        assert await office.flow.ask(terms(), who, at="x") is Heard.NOT_FREE
    assert not office.kept.held
