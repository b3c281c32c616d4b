# SPDX-License-Identifier: Apache-2.0
"""Attack: one officer alone, or one too late, or many at once, want the list of the people of an incident opened."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from pyroaring import BitMap

from gateway.domain.entry import Changed
from gateway.domain.errors import KeyUnavailable, LogUnavailable, SettingsError
from gateway.domain.names import AccountId
from gateway.domain.replay import ListOpened
from gateway.flows.incident.opening import LASTS_US, Answer, Heard, Opening, SealedList, read_list, sealed_list
from gateway.flows.incident.ports import Officer
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store, open_store
from gateway.store.incident_lists import IncidentLists
from gateway.store.replay import Replay
from tests.fakes.clock import FakeClock
from tests.fakes.signin import MemoryLog

PEOPLE = BitMap((7, 11, 65_536))
BY = "local:root"


class Desk:
    """A list, and officers who speak about it."""

    def __init__(self, store: Store, keyring: Keyring, clock: FakeClock) -> None:
        """Have no list yet."""
        self.log, self.clock, self.keyring = MemoryLog(), clock, keyring
        self.not_officers: set[str] = set()
        self.opening = Opening(
            approvals=IncidentLists(store), vault=keyring, recorder=self.log, clock=clock, may_open=self.may_open
        )

    async def may_open(self, account: AccountId) -> bool:
        """Tell whether somebody is an officer now."""
        return account not in self.not_officers

    async def sealed(self) -> SealedList:
        """Seal the list."""
        content = await sealed_list(
            PEOPLE, query="principal:a_1", vault=self.keyring, recorder=self.log, clock=self.clock, by=BY
        )
        assert all(PEOPLE.serialize() not in one for one in (content, msgspec.json.encode(str(self.log.entries))))
        return read_list(content)

    async def say(self, listed: SealedList, name: str) -> Answer:
        """Let somebody who was proven speak."""
        officer = Officer(account=AccountId(name))
        return await self.opening.say(listed, officer, by=BY)

    def whats(self) -> list[tuple[str, str]]:
        """Return what was entered, and by whom."""
        return [(entry.what, entry.by) for entry, _ in self.log.entries if isinstance(entry, Changed)]


@pytest.fixture
def desk(store: Store, keyring: Keyring, clock: FakeClock) -> Desk:
    """Nothing said yet, on either engine."""
    return Desk(store, keyring, clock)


async def test_two_officers_open_a_list_once(desk: Desk) -> None:
    """The second word opens it and tells the numbers; every step is in the log, the opening with the people."""
    listed = await desk.sealed()

    assert (await desk.say(listed, "a_1")).heard is Heard.WAITS
    answer = await desk.say(listed, "a_2")

    assert (answer.heard, answer.people) == (Heard.OPENED, PEOPLE)
    assert desk.whats() == [
        ("incident-list-sealed", BY),
        ("incident-list-approved", "a_1"),
        ("incident-list-opened", "a_2"),
    ]
    part = desk.log.entries[-1][1]
    assert part is not None
    assert BitMap.deserialize(part.people) == PEOPLE


async def test_one_officer_alone_opens_nothing_however_often_they_say_so(desk: Desk) -> None:
    """Nor does saying so again let the first word live longer."""
    listed = await desk.sealed()
    first = await desk.say(listed, "a_1")
    desk.clock.advance(us=LASTS_US - 1)

    again = [await desk.say(listed, "a_1") for _ in range(3)]

    assert {(one.heard, one.until_us, one.people) for one in again} == {(Heard.SAME_PERSON, first.until_us, None)}
    assert desk.whats()[-1] == ("incident-list-refused", "a_1")


async def test_a_second_word_that_comes_too_late_opens_nothing(desk: Desk) -> None:
    """It is a first word then, and is told what lapsed."""
    listed = await desk.sealed()
    first = await desk.say(listed, "a_1")
    desk.clock.advance(us=LASTS_US)

    late = await desk.say(listed, "a_2")

    assert (late.heard, late.lapsed_us) == (Heard.WAITS, first.until_us)
    assert (await desk.say(listed, "a_1")).heard is Heard.OPENED


async def test_a_clock_that_was_set_back_lets_no_word_live_longer(desk: Desk) -> None:
    """A word from a time that has not come yet counts for nothing."""
    listed = await desk.sealed()
    await desk.say(listed, "a_1")
    desk.clock.advance(us=-60_000_000)

    assert (await desk.say(listed, "a_2")).heard is Heard.WAITS


async def test_both_words_are_spent_by_the_opening(desk: Desk) -> None:
    """To open it again needs two new ones."""
    listed = await desk.sealed()
    await desk.say(listed, "a_1")
    await desk.say(listed, "a_2")

    assert (await desk.say(listed, "a_2")).heard is Heard.WAITS
    assert (await desk.say(listed, "a_1")).heard is Heard.OPENED


async def test_a_word_for_one_list_opens_no_other(desk: Desk) -> None:
    """Each list has words of its own."""
    one, other = await desk.sealed(), await desk.sealed()
    await desk.say(one, "a_1")

    assert (await desk.say(other, "a_2")).heard is Heard.WAITS


async def test_who_is_no_officer_is_not_heard(desk: Desk) -> None:
    """Also not as the second one; the word that waits goes on waiting."""
    listed = await desk.sealed()
    await desk.say(listed, "a_1")

    desk.not_officers.add("a_2")
    assert (await desk.say(listed, "a_2")).heard is Heard.NO_OFFICER
    assert (await desk.say(listed, "a_3")).heard is Heard.OPENED


async def test_the_word_of_somebody_who_fell_in_between_opens_nothing(desk: Desk) -> None:
    """Demoted, disabled or locked after they spoke: the second word becomes a first one, and the log says why."""
    listed = await desk.sealed()
    await desk.say(listed, "a_1")
    desk.not_officers.add("a_1")

    second = await desk.say(listed, "a_2")

    assert (second.heard, second.people, second.is_first_void) == (Heard.WAITS, None, True)
    assert desk.whats()[1:] == [
        ("incident-list-approved", "a_1"),
        ("incident-list-refused", "a_2"),
        ("incident-list-approved", "a_2"),
    ]
    desk.not_officers.clear()
    assert (await desk.say(listed, "a_2")).heard is Heard.SAME_PERSON
    assert (await desk.say(listed, "a_1")).heard is Heard.OPENED


@pytest.mark.parametrize("n_officers", [2, 7, 8])
async def test_of_many_at_once_every_two_words_open_a_list_once(
    place: str, keyring: Keyring, clock: FakeClock, n_officers: int
) -> None:
    """By two processes that share nothing but the database: as many openings as pairs, whoever comes first."""
    stores = [await open_store(place, upgrade=False) for _ in range(2)]
    desks = [Desk(store, keyring, clock) for store in stores]
    listed = await desks[0].sealed()

    answers = await asyncio.gather(*(desks[n % 2].say(listed, f"a_{n}") for n in range(n_officers)))

    assert sum(one.heard is Heard.OPENED for one in answers) == n_officers // 2
    assert sum(one.heard is Heard.WAITS for one in answers) == n_officers - n_officers // 2
    for store in stores:
        await store.close()


async def test_a_file_that_was_changed_opens_nothing_and_spends_no_word(desk: Desk) -> None:
    """Whatever it says in clear is bound to what is sealed."""
    listed = await desk.sealed()
    await desk.say(listed, "a_1")
    changed = [
        msgspec.structs.replace(listed, query="principal:a_9"),
        msgspec.structs.replace(listed, people=2),
        msgspec.structs.replace(listed, id="0" * 32),
        msgspec.structs.replace(listed, sealed=listed.sealed[:-1] + bytes((listed.sealed[-1] ^ 1,))),
    ]

    for one in changed:
        with pytest.raises(KeyUnavailable):
            await desk.say(one, "a_2")
    assert (await desk.say(listed, "a_2")).heard is Heard.OPENED


async def test_a_list_whose_key_was_shredded_is_closed_for_good(desk: Desk) -> None:
    """``gateway key shred`` ends every copy of the file."""
    listed = await desk.sealed()
    desk.keyring.shred(f"incident-list/{listed.id}", 1)

    with pytest.raises(KeyUnavailable):
        await desk.say(listed, "a_1")


async def test_what_cannot_be_entered_is_not_opened(desk: Desk) -> None:
    """The words are spent then, and nobody was told."""
    listed = await desk.sealed()
    await desk.say(listed, "a_1")
    desk.log.is_full = True

    with pytest.raises(LogUnavailable):
        await desk.say(listed, "a_2")
    desk.log.is_full = False
    assert (await desk.say(listed, "a_2")).heard is Heard.WAITS


async def test_an_older_database_that_is_put_back_has_no_word_that_was_spent(
    desk: Desk, store: Store, clock: FakeClock
) -> None:
    """The replay takes it back; one that was said after the opening waits still."""
    listed = await desk.sealed()
    await desk.say(listed, "a_1")
    opened = ListOpened(list_id=listed.id, at_us=clock())
    replay = Replay(store, clock)

    assert await replay.apply([opened]) == {"words for lists of incidents": 1}
    assert await replay.apply([opened]) == {}
    assert (await desk.say(listed, "a_2")).heard is Heard.WAITS
    clock.advance(us=1)
    assert (await desk.say(listed, "a_3")).heard is Heard.OPENED


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format":"x"}', Path(__file__).read_bytes()])
def test_what_is_no_list_is_said_to_be_none(content: bytes) -> None:
    """In a sentence that tells what makes one."""
    with pytest.raises(SettingsError, match="list of an incident"):
        read_list(content)
