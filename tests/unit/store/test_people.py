# SPDX-License-Identifier: Apache-2.0
"""One number for each person, committed, without a trace of the value in clear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.errors import GatewayError, KeyUnavailable
from gateway.domain.names import IdentityKind, PurposeKey
from gateway.domain.people import BLOCK_SIZE, Identity
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.keys.providers import HeldKek
from gateway.store import people as people_module
from gateway.store.choices import Choices
from gateway.store.engine import Base, Store, open_store
from gateway.store.people import People
from gateway.store.schema import person_identity, person_key, person_sequence
from gateway.store.versions import ChangeFeed, Topic
from tests.fakes.clock import FakeClock

CUSTOMER = IdentityKind("crm.customer_id")
CONTACT = IdentityKind("crm.contact_id")


@pytest.fixture
def people(store: Store, keyring: Keyring, clock: FakeClock) -> People:
    """Nobody yet."""
    return People(store, keyring, envelope, clock)


class PowerCut(Base):
    """A base whose transactions fail at their end while ``cut`` is set."""

    cut = False

    @override
    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that is undone if the power is cut."""
        async with super().begin() as connection:
            yield connection
            if self.cut:
                raise OSError("power cut")


async def count(store: Store, *, keys: bool = False) -> int:
    """Return the number of rows of identities, or of keys."""
    base, table = (store.keys, person_key) if keys else (store.main, person_identity)
    async with base.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_numbers_come_in_the_order_of_the_values(people: People) -> None:
    """Also where a value comes twice, and whether it is new, known or in memory."""
    a, b, a_again = await people.numbers(CUSTOMER, ["a", "b", "a"])
    people.forget()
    got = await people.numbers(CUSTOMER, ["c", "b", "a"])

    assert a == a_again != b
    assert got[1:] == [b, a]
    assert await people.numbers(CUSTOMER, ["a", "c"]) == [a, got[0]]
    assert await people.numbers(CUSTOMER, []) == []


async def test_equal_values_of_two_kinds_are_two_people(people: People) -> None:
    """The kind is part of the identity."""
    assert await people.numbers(CUSTOMER, ["1"]) != await people.numbers(CONTACT, ["1"])


async def test_kind_and_value_cannot_be_cut_elsewhere(people: People) -> None:
    """``a`` of kind ``k`` and the value that continues its kind are different people."""
    [one] = await people.numbers(IdentityKind("k"), ["a"])
    [other] = await people.numbers(IdentityKind("ka"), [""])

    assert one != other


async def test_numbers_of_neighbours_are_no_neighbours(people: People) -> None:
    """The first people fill their block in a shuffled order, without a gap in the sequence of places."""
    numbers = await people.numbers(CUSTOMER, [str(n) for n in range(500)])

    assert len(set(numbers)) == 500
    assert max(numbers) < BLOCK_SIZE
    assert sum(abs(one - other) == 1 for one, other in pairwise(numbers)) < 10


async def test_a_number_is_committed_before_it_is_returned(place: str, keyring: Keyring, clock: FakeClock) -> None:
    """Another process finds it at once."""
    one, other = await open_store(place, upgrade=False), await open_store(place, upgrade=False)
    [number] = await People(one, keyring, envelope, clock).numbers(CUSTOMER, ["a"])

    assert await People(other, keyring, envelope, clock).find(CUSTOMER, "a") == number
    await one.close()
    await other.close()


async def test_callers_at_the_same_time_get_one_number(place: str, keyring: Keyring, clock: FakeClock) -> None:
    """Tasks of two stores ask for overlapping new people; each person has one number and one key."""
    stores = [await open_store(place, upgrade=False) for _ in range(2)]
    crowd = [People(store, keyring, envelope, clock) for store in stores for _ in range(4)]
    values = [[str(n) for n in range(start, start + 60)] for start in range(0, 80, 10)]

    answers = await asyncio.gather(
        *(people.numbers(CUSTOMER, some) for people, some in zip(crowd, values, strict=True))
    )

    by_value: dict[str, set[int]] = {}
    for some, numbers in zip(values, answers, strict=True):
        for value, number in zip(some, numbers, strict=True):
            by_value.setdefault(value, set()).add(number)
    assert all(len(numbers) == 1 for numbers in by_value.values())
    assert len({number for numbers in by_value.values() for number in numbers}) == len(by_value) == 130
    assert await count(stores[0]) == await count(stores[0], keys=True) == 130
    for store in stores:
        await store.close()


async def test_looking_for_somebody_makes_nobody(people: People, store: Store) -> None:
    """A filter with an unknown value must not fill the tables."""
    assert await people.find(CUSTOMER, "a") is None
    assert await count(store) == 0


async def test_orphans_are_new_every_time(people: People, store: Store) -> None:
    """A row without a readable person counts as one new person, whom nothing leads to."""
    [known] = await people.numbers(CUSTOMER, ["a"])
    orphans = [*await people.orphan_numbers(3), *await people.orphan_numbers(2)]

    assert len({known, *orphans}) == 6
    assert await people.orphan_numbers(0) == []
    assert await people.identities(orphans[0]) == []
    assert await count(store) == 1


async def test_an_identity_can_be_read_again(people: People) -> None:
    """Also text beyond ASCII, and halves of surrogate pairs that a store sent."""
    values = ["张*伟", "", "half \ud800"]
    numbers = await people.numbers(CUSTOMER, values)

    assert [await people.identities(number) for number in numbers] == [[Identity(CUSTOMER, value)] for value in values]


async def test_a_value_moved_to_another_row_is_not_opened(people: People, store: Store) -> None:
    """The seal is bound to the row; whoever swaps rows in the database is found out."""
    one, other = await people.numbers(CUSTOMER, ["a", "b"])
    async with store.begin() as connection:
        sealed = select(person_identity.c.sealed).where(person_identity.c.number == one)
        value = (await connection.execute(sealed)).scalar_one()
        await connection.execute(update(person_identity).where(person_identity.c.number == other).values(sealed=value))

    with pytest.raises(KeyUnavailable):
        await people.identities(other)


async def test_no_value_is_in_any_file(tmp_path: Path, keyring: Keyring, clock: FakeClock) -> None:
    """Neither in the databases nor in what SQLite keeps beside them."""
    store = await open_store(tmp_path)
    people = People(store, keyring, envelope, clock)
    await people.numbers(CUSTOMER, ["canary-of-a-person"])
    files = [path.read_bytes() for path in tmp_path.glob("*") if path.is_file()]  # noqa: ASYNC240
    await store.close()

    assert len(files) >= 2
    assert not any(b"canary-of-a-person" in file for file in files)


async def test_a_shredded_person_is_nobody_any_more(people: People, store: Store) -> None:
    """No identity, no key; the same value is a new person afterwards."""
    [number, other] = await people.numbers(CUSTOMER, ["a", "b"])

    await people.shred(number)

    assert await people.identities(number) == []
    assert await people.find(CUSTOMER, "a") is None
    assert (await count(store), await count(store, keys=True)) == (1, 1)
    assert await people.identities(other) == [Identity(CUSTOMER, "b")]
    assert await people.known_still([number, other, number]) == {other}
    [again] = await people.numbers(CUSTOMER, ["a"])
    assert again not in {number, other}


async def test_no_byte_of_a_shredded_key_is_left_in_the_files(
    tmp_path: Path, keyring: Keyring, clock: FakeClock
) -> None:
    """Neither in a free page nor in the WAL, and the same for what it sealed."""
    store = await open_store(tmp_path)
    people = People(store, keyring, envelope, clock)
    [number] = await people.numbers(CUSTOMER, ["a"])
    async with store.keys.connect() as connection:
        wrapped = (await connection.execute(select(person_key.c.wrapped))).scalar_one()
    async with store.connect() as connection:
        sealed = (await connection.execute(select(person_identity.c.sealed))).scalar_one()

    await people.shred(number)

    files = [path.read_bytes() for path in tmp_path.glob("*") if path.is_file()]  # noqa: ASYNC240
    await store.close()
    assert not any(wrapped[-24:] in file or sealed[-16:] in file for file in files)


async def test_a_crash_between_the_two_commits_costs_nothing(store: Store, keyring: Keyring, clock: FakeClock) -> None:
    """Keys without people are left; the next caller takes their numbers and can read everybody."""
    cut = PowerCut(store.main._writer, store.main._reader)
    broken = People(Store(cut, store.keys), keyring, envelope, clock)
    cut.cut = True
    with pytest.raises(OSError, match="power cut"):
        await broken.numbers(CUSTOMER, ["a", "b"])
    assert (await count(store), await count(store, keys=True)) == (0, 2)

    people = People(store, keyring, envelope, clock)
    one, other = await people.numbers(CUSTOMER, ["c", "d"])

    assert await people.identities(one) == [Identity(CUSTOMER, "c")]
    assert await people.identities(other) == [Identity(CUSTOMER, "d")]
    assert await count(store, keys=True) == 2


async def test_a_crash_while_shredding_leaves_an_identity_that_nobody_can_read(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """The key goes first; shredding again finishes the work."""
    people = People(store, keyring, envelope, clock)
    [number] = await people.numbers(CUSTOMER, ["a"])
    cut = PowerCut(store.main._writer, store.main._reader)
    cut.cut = True
    with pytest.raises(OSError, match="power cut"):
        await People(Store(cut, store.keys), keyring, envelope, clock).shred(number)

    assert await people.identities(number) == []
    await people.shred(number)
    assert await count(store) == 0


async def test_a_merge_makes_two_people_one(people: People, store: Store, clock: FakeClock) -> None:
    """Both identities lead to the number that stays; the log's older number is remembered as theirs."""
    [stays] = await people.numbers(CUSTOMER, ["a"])
    clock.advance(s=1)
    [goes] = await people.numbers(CONTACT, ["b"])

    await people.merge(goes, stays)

    assert await people.numbers(CONTACT, ["b"]) == [stays]
    assert await people.identities(stays) == [Identity(CUSTOMER, "a"), Identity(CONTACT, "b")]
    assert await people.identities(goes) == []
    assert await people.numbers_of(stays) == (stays, goes)
    assert await count(store, keys=True) == 1


async def test_merging_again_remembers_every_number(people: People) -> None:
    """One into a second, that into a third: all three numbers are the third's."""
    a, b, c = await people.numbers(CUSTOMER, ["a", "b", "c"])
    await people.merge(a, b)
    await people.merge(b, c)

    assert set(await people.numbers_of(c)) == {a, b, c}
    assert await people.known_still([a, b, c]) == {c}
    assert {identity.value for identity in await people.identities(c)} == {"a", "b", "c"}


async def test_choices_follow_their_person(people: People, store: Store, clock: FakeClock) -> None:
    """An objection under the number that goes holds for the number that stays."""
    stays, goes = await people.numbers(CUSTOMER, ["a", "b"])
    purpose = PurposeKey("marketing")
    choices = Choices(store, clock)
    await choices.load([purpose])
    await choices.record(
        [
            Choice(person=stays, purpose=purpose, state=ChoiceState.GIVEN, at_us=1),
            Choice(person=goes, purpose=purpose, state=ChoiceState.OBJECTED, at_us=2),
        ],
        "test",
    )

    await people.merge(goes, stays)
    await choices.refresh()

    assert stays in choices.sets_for(purpose).negative


async def test_only_people_with_identities_can_be_merged(people: People) -> None:
    """Not an orphan, not a shredded person, and nobody with themselves."""
    one, other = await people.numbers(CUSTOMER, ["a", "b"])
    [orphan] = await people.orphan_numbers(1)
    await people.shred(other)

    for source, target in ((one, orphan), (orphan, one), (one, other), (other, one)):
        with pytest.raises(KeyUnavailable):
            await people.merge(source, target)
    with pytest.raises(ValueError, match="itself"):
        await people.merge(one, one)
    assert await people.identities(one) == [Identity(CUSTOMER, "a")]


async def test_other_processes_hear_of_merged_and_shredded_people(
    place: str, store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """After word of the change and ``forget`` they give the new number."""
    other_store = await open_store(place, upgrade=False)
    people, other = People(store, keyring, envelope, clock), People(other_store, keyring, envelope, clock)
    feed = ChangeFeed(other_store)
    stays, goes = await people.numbers(CUSTOMER, ["a", "b"])
    assert await other.numbers(CUSTOMER, ["b"]) == [goes]
    await feed.poll()

    await people.merge(goes, stays)

    assert Topic.PEOPLE in await feed.poll()
    other.forget()
    assert await other.numbers(CUSTOMER, ["b"]) == [stays]
    await feed.close()
    await other_store.close()


async def test_memory_is_bounded(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest make room; whoever was dropped is found in the database."""
    monkeypatch.setattr("gateway.store.people.CACHED", 50)
    first = await people.numbers(CUSTOMER, [str(n) for n in range(40)])
    await people.numbers(CUSTOMER, [str(n) for n in range(40, 80)])

    assert len(people._known) <= 50
    assert await people.numbers(CUSTOMER, [str(n) for n in range(40)]) == first


async def test_the_last_number_is_the_last(people: People, store: Store) -> None:
    """Numbers are 32 bits; the next person is refused rather than given somebody's number."""
    async with store.begin() as connection:
        await connection.execute(update(person_sequence).values(next_place=2**32 - 1))

    [last] = await people.orphan_numbers(1)
    assert last < 2**32
    with pytest.raises(GatewayError, match="used up"):
        await people.orphan_numbers(1)


async def test_who_has_another_keyring_finds_nobody(
    store: Store, people: People, tmp_path: Path, clock: FakeClock
) -> None:
    """Lookups are keyed: the table tells nothing to who guesses values without the key."""
    await people.numbers(CUSTOMER, ["a"])
    stranger = Keyring(tmp_path, HeldKek(envelope.new_key()), clock)

    assert await People(store, stranger, envelope, clock).find(CUSTOMER, "a") is None


async def test_values_are_remembered_up_to_a_number_and_not_beyond_a_shredding(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What spares their lookups is memory of the values met last, and of nobody who was shredded."""
    monkeypatch.setattr(people_module, "MEMO", 3)
    first = await people.numbers(CUSTOMER, [f"c{n}" for n in range(5)])
    assert await people.numbers(CUSTOMER, ["c0"]) == first[:1]
    assert len(people._met[CUSTOMER]) == 5
    assert await people.numbers(CUSTOMER, ["c5"]) != first[:1]
    assert list(people._met[CUSTOMER]) == ["c5"]
    await people.shred(first[0])
    assert not people._met
