# SPDX-License-Identifier: Apache-2.0
"""What the log tells of people, choices and holds is written into an older database."""

import pytest
from sqlalchemy import delete, select

from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.names import AccountId, CategoryKey, IdentityKind, JoinDomain, PersonNumber, PurposeKey
from gateway.domain.replay import (
    ChoicesMade,
    HoldsLifted,
    HoldsSet,
    NumbersGiven,
    PeopleMerged,
    PersonShredded,
    Replayed,
)
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.choices import Choices
from gateway.store.engine import Store
from gateway.store.holds import Holds
from gateway.store.people import People
from gateway.store.replay import Replay
from gateway.store.schema import person_identity, person_key
from gateway.store.vault import Vault
from gateway.store.vault_copies import Copies
from gateway.store.versions import ChangeFeed, Topic
from tests.fakes.clock import FakeClock

CUSTOMER = IdentityKind("crm.customer_id")
PHONES = JoinDomain("phones")
A, B = b"a" * 32, b"b" * 32


@pytest.fixture
def replay(store: Store, clock: FakeClock) -> Replay:
    """Into an empty database."""
    return Replay(store, clock)


def given(*pairs: tuple[bytes, int]) -> NumbersGiven:
    """Return that lookups got numbers."""
    return NumbersGiven(kind=CUSTOMER, numbers=tuple((one, PersonNumber(n)) for one, n in pairs), at_us=1)


def merged(source: int, target: int) -> PeopleMerged:
    """Return that one number became another's."""
    return PeopleMerged(source=PersonNumber(source), target=PersonNumber(target), at_us=2)


def chosen(person: int, state: ChoiceState = ChoiceState.OBJECTED) -> ChoicesMade:
    """Return that a person chose."""
    one = Choice(person=PersonNumber(person), purpose=PurposeKey("marketing"), state=state, at_us=3)
    return ChoicesMade(choices=(one, one), source="cli", at_us=3)


async def numbers(store: Store) -> dict[bytes, int]:
    """Return every lookup with its number."""
    async with store.connect() as connection:
        rows = await connection.execute(select(person_identity.c.lookup, person_identity.c.number))
        return {row[0]: row[1] for row in rows}


async def test_the_last_number_of_a_lookup_counts(replay: Replay, store: Store) -> None:
    """Somebody who was shredded and came again has another number."""
    story: list[Replayed] = [given((A, 1), (B, 2)), PersonShredded(person=PersonNumber(1)), given((A, 3))]
    assert await replay.apply(story) == {"people numbered": 3, "people shredded": 1}
    assert await numbers(store) == {A: 3, B: 2}
    assert (await replay.apply(story[2:])) == {}


async def test_a_shredded_number_is_nobodys_whatever_is_said_later(replay: Replay, store: Store) -> None:
    """By a process that had read the row before it was shredded."""
    await replay.apply([given((A, 1)), PersonShredded(person=PersonNumber(1)), given((A, 1))])
    assert await numbers(store) == {}


async def test_a_number_that_was_merged_is_the_one_it_was_merged_into(replay: Replay, store: Store) -> None:
    """Also where the entry that gave it is replayed once more."""
    await replay.apply([given((A, 1), (B, 2)), chosen(1), merged(1, 2)])
    assert await replay.apply([given((A, 1)), merged(1, 2)]) == {}
    assert await numbers(store) == {A: 2, B: 2}
    assert [one.state for one in await Choices(store, lambda: 9).of(PersonNumber(2))] == [ChoiceState.OBJECTED]


async def test_a_person_who_came_back_is_sealed_again_under_one_key(
    replay: Replay, store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """Two identities of one person, seen in one page."""
    people = People(store, keyring, envelope, clock)
    one, two = people._lookups(CUSTOMER, ["x", "y"])
    await replay.apply([given((one, 7), (two, 7))])

    assert await people.identities(PersonNumber(7)) == []
    assert await people.numbers(CUSTOMER, ["x", "y"]) == [7, 7]
    assert {found.value for found in await people.identities(PersonNumber(7))} == {"x", "y"}


async def test_shredding_takes_the_key_too(replay: Replay, store: Store, keyring: Keyring, clock: FakeClock) -> None:
    """A restored copy of the keys has it still."""
    [number] = await People(store, keyring, envelope, clock).numbers(CUSTOMER, ["x"])
    await replay.apply([PersonShredded(person=number)])
    async with store.keys.connect() as connection:
        assert (await connection.execute(select(person_key))).all() == []


async def test_values_whose_key_is_gone_are_forgotten(
    replay: Replay, store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """They can be sealed again; with the old one in place nobody would."""
    people = People(store, keyring, envelope, clock)
    [gone, kept] = await people.numbers(CUSTOMER, ["x", "y"])
    async with store.keys.begin() as connection:
        await connection.execute(person_key.delete().where(person_key.c.number == gone))

    assert await replay.forget_unreadable() == 1
    people.forget()
    assert await people.numbers(CUSTOMER, ["x", "y"]) == [gone, kept]
    assert [found.value for found in await people.identities(gone)] == ["x"]


async def test_holds_are_set_and_lifted_by_their_ids(replay: Replay, store: Store, clock: FakeClock) -> None:
    """Once each, however often they are told; doors hear of it."""
    who, cap = AccountId("a_1"), Hold(category=CategoryKey("user"), rung=DROP, link=False, reason="lock")
    put = HoldsSet(account=who, holds=(("h_1", cap), ("h_2", cap)), until_us=None, at_us=4)
    feed = ChangeFeed(store)
    await feed.poll()

    assert await replay.apply([put]) == {"holds set": 2}
    assert await replay.apply([put, HoldsLifted(ids=("h_1",), at_us=5)]) == {"holds lifted": 1}
    assert await replay.apply([put, HoldsLifted(ids=("h_1",), at_us=5)]) == {}

    assert await Holds(store, clock).on(who) == (("h_2", cap),)
    assert Topic.HOLDS in await feed.poll()
    await feed.close()


async def test_a_choice_that_is_recorded_is_not_recorded_again(replay: Replay, store: Store) -> None:
    """Nor twice where an entry names it twice."""
    assert await replay.apply([chosen(1)]) == {"choices": 1}
    assert await replay.apply([chosen(1), chosen(1, ChoiceState.GIVEN)]) == {"choices": 1}
    assert len(await Choices(store, lambda: 9).of(PersonNumber(1))) == 2


async def test_what_the_vault_has_of_merged_people_is_carried_over(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """The other one was met after the backup, so the copy that is put back has no key of theirs."""
    people, vault = People(store, keyring, envelope, clock), Vault(store, keyring, envelope)
    anna, bert, late = *await people.numbers(CUSTOMER, ["anna", "bert"]), PersonNumber(7)
    tokens = await vault.tokens(PHONES, ["only hers", "shared"], [anna, anna])
    await vault.tokens(PHONES, ["shared"], [bert])
    replay = Replay(store, clock, vault=Copies(store, keyring, envelope))
    story: list[Replayed] = [given((A, late)), merged(anna, late), merged(bert, late)]

    for _ in range(2):
        await replay.apply(story)
        await replay.forget_unreadable()
        assert await vault.opened(PHONES, tokens) == dict(zip(tokens, ["only hers", "shared"], strict=True))
        assert await vault.people_of(PHONES, tokens) == {token: {late} for token in tokens}


async def test_a_value_whose_key_was_not_put_back_gets_a_copy_and_its_token_again(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """Its person has a key by then, so no dead copy may pass for a living one."""
    people, vault = People(store, keyring, envelope, clock), Vault(store, keyring, envelope)
    [anna] = await people.numbers(CUSTOMER, ["anna"])
    tokens = await vault.tokens(PHONES, ["hers", "nobody's"], [anna, None])
    async with store.keys.begin() as connection:
        await connection.execute(delete(person_key))
    assert await Replay(store, clock).forget_unreadable() == 1
    people.forget()
    await people.numbers(CUSTOMER, ["anna"])
    assert await vault.opened(PHONES, tokens) == {tokens[1]: "nobody's"}

    assert await vault.tokens(PHONES, ["hers"], [anna]) == tokens[:1]
    assert await vault.opened(PHONES, tokens) == dict(zip(tokens, ["hers", "nobody's"], strict=True))


async def test_keys_under_a_version_that_is_shredded_are_keys_no_more(
    store: Store, keyring: Keyring, clock: FakeClock
) -> None:
    """Their people are as those whose key is gone: known by number, sealed again when they are seen."""
    people = People(store, keyring, envelope, clock)
    await people.numbers(CUSTOMER, ["C-1", "C-2"])
    keyring.rotate("people/wrap")
    [kept] = await people.numbers(CUSTOMER, ["C-3"])

    assert await Replay(store, clock).forget_unreadable() == 0
    assert await Replay(store, clock, lambda version: version == 1).forget_unreadable() == 2
    async with store.keys.connect() as connection:
        assert list((await connection.execute(select(person_key.c.number))).scalars()) == [kept]
