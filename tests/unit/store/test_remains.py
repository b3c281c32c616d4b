# SPDX-License-Identifier: Apache-2.0
"""What of a person can be opened is found wherever key and value are, and nothing else is told."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, update

from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.engine import Base, Store
from gateway.store.people import WRAP_LABEL, People
from gateway.store.remains import Remain, Remains
from gateway.store.schema import person_identity, person_key, vault_value
from gateway.store.vault import Vault
from tests.fakes.clock import FakeClock

KIND, PHONES = IdentityKind("crm.customer_id"), JoinDomain("phones")
Frame = tuple[str, list[str], list[list[Any]]]


@pytest.fixture
def people(store: Store, keyring: Keyring, clock: FakeClock) -> People:
    """Nobody yet."""
    return People(store, keyring, envelope, clock)


@pytest.fixture
async def person(people: People, store: Store, keyring: Keyring) -> PersonNumber:
    """Somebody with an identity and a value in the vault, beside somebody else."""
    numbers = await people.numbers(KIND, ["c-1", "c-2"])
    await Vault(store, keyring, envelope).tokens(PHONES, ["+491512345678"] * 2, numbers)
    return numbers[0]


async def frame(base: Base, table: Any) -> Frame:
    """Return a table as a copy has it."""
    async with base.connect() as connection:
        rows = (await connection.execute(select(table))).all()
    return table.name, [column.name for column in table.columns], [list(row) for row in rows]


async def copied(store: Store) -> tuple[list[Frame], list[Frame]]:
    """Return the frames of both bases."""
    main = [await frame(store.main, table) for table in (person_identity, vault_value)]
    return main, [await frame(store.keys, person_key), ("other", ["number"], [[1]])]


async def found(store: Store, keyring: Keyring, person: int, **copies: Sequence[Frame]) -> list[tuple[str, str, int]]:
    """Return what remains, live and in copies."""
    remains = Remains(keyring, envelope, frozenset({person}))
    await remains.look(store)
    for name, frames in copies.items():
        remains.look_into(name, frames)
    return [(one.where, one.what, one.n) for one in await remains.told()]


async def test_somebody_who_was_not_erased_is_found_whole(person: PersonNumber, store: Store, keyring: Keyring) -> None:
    """Key, identity and copy of the vault; of nobody else."""
    assert await found(store, keyring, person) == [
        ("live", "identity", 1),
        ("live", "key", 1),
        ("live", "vault copy", 1),
    ]


async def test_after_an_erasure_nothing_is_left_but_in_copies(
    person: PersonNumber, people: People, store: Store, keyring: Keyring
) -> None:
    """The copy of the state alone opens nothing; with that of the keys everything, also where they came apart."""
    main, keys = await copied(store)
    await Vault(store, keyring, envelope).forget([person])
    await people.shred(person)

    assert await found(store, keyring, person) == []
    assert await found(store, keyring, person, main=main) == []
    assert await found(store, keyring, person, keys=keys) == [("keys", "key", 1)]
    both = [("keys", "key", 1), ("main", "identity", 1), ("main", "vault copy", 1)]
    assert await found(store, keyring, person, main=main, keys=keys) == both


async def test_a_key_that_cannot_be_unwrapped_opens_nothing(
    person: PersonNumber, people: People, store: Store, keyring: Keyring
) -> None:
    """As when the key above it was shredded."""
    main, keys = await copied(store)
    await people.shred(person)
    keyring.rotate(WRAP_LABEL)
    keyring.shred(WRAP_LABEL, 1)
    assert await found(store, keyring, person, main=main, keys=keys) == []


async def test_an_identity_that_nothing_opens_is_told_while_the_person_is_found_by_it(
    person: PersonNumber, store: Store, keyring: Keyring
) -> None:
    """It has no value and still leads to the number: that is not erased."""
    async with store.begin() as connection:
        await connection.execute(update(person_identity).values(sealed=None))
    assert ("live", "entry", 1) in await found(store, keyring, person)


def test_what_remains_has_no_value() -> None:
    """Counts alone."""
    assert set(Remain.__struct_fields__) == {"where", "what", "n"}
