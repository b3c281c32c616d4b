# SPDX-License-Identifier: Apache-2.0
"""To replay any end of a log once more changes nothing, so a replay that was broken off is begun again."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.names import AccountId, CategoryKey, IdentityKind, PersonNumber, PurposeKey
from gateway.domain.replay import (
    ChoicesMade,
    HoldsLifted,
    HoldsSet,
    NumbersGiven,
    PeopleMerged,
    PersonErased,
    PersonShredded,
    Replayed,
    TombstoneLifted,
)
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from gateway.store.engine import Store
from gateway.store.replay import Replay
from gateway.store.schema import choice, hold, person_identity, person_merge, tombstone, tombstone_digest
from tests.fakes.clock import FakeClock

CUSTOMER = IdentityKind("k")
LOOKUPS = [bytes((n,)) * 32 for n in range(4)]
CAP = Hold(category=CategoryKey("user"), rung=DROP, link=False, reason="lock")
TABLES = (person_identity, person_merge, choice, hold, tombstone_digest, tombstone)
WORDS = ("see", "see", "say-again", "merge", "shred", "erase", "come-back", "choose", "hold", "lift")


class Story:
    """A gateway that lives, and what its log would tell: numbers are given once, merged and shredded while in use."""

    def __init__(self) -> None:
        self.log: list[Replayed] = []
        self.numbers: dict[bytes, int] = {}
        self.said: list[tuple[bytes, int]] = []
        self.n_given = self.n_holds = self.n_erased = 0

    def go_on(self, word: str, one: int, other: int) -> None:
        """Let one thing happen, if it can."""
        alive = sorted(set(self.numbers.values()))
        match word:
            case "see":
                self._see(LOOKUPS[one % len(LOOKUPS)])
            case "say-again" if self.said:
                # A process that read the row before it was merged is late.
                self._given(*self.said[one % len(self.said)])
            case "merge" if len(alive) > 1:
                self._merge(alive[one % len(alive)], alive[other % len(alive)])
            case "come-back" if self.n_erased:
                self.log.append(TombstoneLifted(tombstone=f"t{one % self.n_erased + 1}", at_us=7))
            case "shred" | "erase" if alive:
                gone = alive[one % len(alive)]
                self.numbers = {lookup: number for lookup, number in self.numbers.items() if number != gone}
                self.said = [(lookup, number) for lookup, number in self.said if lookup in self.numbers]
                self.log.append(PersonShredded(person=PersonNumber(gone)) if word == "shred" else self._erased(gone))
            case "choose" if alive:
                self._choose(alive[one % len(alive)], other)
            case "hold":
                self.n_holds += 1
                put = ((f"h_{self.n_holds}", CAP),)
                self.log.append(HoldsSet(account=AccountId("a"), holds=put, until_us=None, at_us=4))
            case "lift" if self.n_holds:
                self.log.append(HoldsLifted(ids=(f"h_{one % self.n_holds + 1}",), at_us=5))
            case _:
                pass

    def _erased(self, gone: int) -> PersonErased:
        self.n_erased += 1
        digests = (f"d{gone}", f"d{gone}+{self.n_erased}")
        return PersonErased(people=(PersonNumber(gone),), tombstone=f"t{self.n_erased}", digests=digests, at_us=6)

    def _see(self, lookup: bytes) -> None:
        if lookup not in self.numbers:
            self.numbers[lookup] = self.n_given
            self.said.append((lookup, self.n_given))
            self._given(lookup, self.n_given)
            self.n_given += 1

    def _given(self, lookup: bytes, number: int) -> None:
        # Of somebody who was shredded and came again only the newest number is said.
        if dict(self.said)[lookup] == number:
            self.log.append(NumbersGiven(kind=CUSTOMER, numbers=((lookup, PersonNumber(number)),), at_us=1))

    def _merge(self, source: int, target: int) -> None:
        if source != target:
            self.numbers = {one: target if number == source else number for one, number in self.numbers.items()}
            self.log.append(PeopleMerged(source=PersonNumber(source), target=PersonNumber(target), at_us=2))

    def _choose(self, person: int, at_us: int) -> None:
        state = ChoiceState.GIVEN if at_us % 2 else ChoiceState.OBJECTED
        one = Choice(person=PersonNumber(person), purpose=PurposeKey("p"), state=state, at_us=at_us)
        self.log.append(ChoicesMade(choices=(one,), source="s", at_us=3))


def lived(happened: list[tuple[str, int, int]]) -> Story:
    """Return the story in which these things happened."""
    story = Story()
    for thing in happened:
        story.go_on(*thing)
    return story


LIVES = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 7), st.integers(0, 7)), max_size=16).map(lived)


async def state(store: Store) -> list[set[tuple[object, ...]]]:
    """Return what the tables say, without ids that count up."""
    found = []
    async with store.connect() as connection:
        for table in TABLES:
            columns = [column for column in table.columns if not (table is choice and column.name == "id")]
            found.append({tuple(row) for row in await connection.execute(select(*columns))})
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=LIVES, place=st.integers(0, 15), cut=st.integers(0, 16))
async def test_any_end_of_a_log_replayed_once_more_changes_nothing(
    store: Store, clock: FakeClock, story: Story, place: int, cut: int
) -> None:
    """From any place on, however it was cut into transactions; and the first time comes to what was so."""
    async with store.begin() as connection:
        for table in TABLES:
            await connection.execute(delete(table))
    await Replay(store, clock).apply(story.log)
    once = await state(store)
    assert {(row[0], row[2]) for row in once[0]} == set(story.numbers.items())

    again, behind = Replay(store, clock), story.log[place:]
    for some in (behind[:cut], behind[cut:]):
        await again.apply(some)

    assert await state(store) == once
