# SPDX-License-Identifier: Apache-2.0
"""Rows are counted by the version that sealed them, sealed anew in batches, and nothing that moved meanwhile is lost."""

import pytest
from sqlalchemy import LargeBinary, insert, select, update

from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store.engine import Store
from gateway.store.people import People
from gateway.store.schema import KEYS, MAIN, account, person_key, totp, vault_value
from gateway.store.sealed_rows import SEALED, SealedRows, Step, rows_of
from gateway.store.vault import Vault
from tests.fakes.clock import FakeClock

CUSTOMER = IdentityKind("crm.customer_id")
PHONES = JoinDomain("phones")
UNDER_A_PERSONS_KEY = {"person_identity.sealed"}
"""Sealed under the key of the person, which is itself a row."""


@pytest.fixture
def people(store: Store, keyring: Keyring, clock: FakeClock) -> People:
    """The room of people."""
    return People(store, keyring, envelope, clock)


def rows(store: Store, keyring: Keyring, label: str = "people/wrap") -> SealedRows:
    """Return the rows of a label."""
    found = rows_of(store, keyring, label)
    assert found is not None
    return found


async def to_the_end(of: SealedRows, version: int, most: int) -> list[Step]:
    """Seal everything anew and return what came of each batch."""
    steps = [await of.rewrap(version, None, most)]
    while steps[-1].after is not None:
        steps.append(await of.rewrap(version, steps[-1].after, most))
    return steps


def test_every_column_of_sealed_values_is_named() -> None:
    """A column that is called so and is in no list could never be sealed anew, and a shredding would lose it."""
    named = {f"{one.table.name}.{one.column}" for one in SEALED} | UNDER_A_PERSONS_KEY
    there = {
        f"{table.name}.{column.name}"
        for base in (MAIN, KEYS)
        for table in base.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name in ("sealed", "wrapped")
    }
    assert there == named


async def test_keys_of_people_are_sealed_anew_in_batches(store: Store, keyring: Keyring, people: People) -> None:
    """Each batch goes on behind the one before; afterwards the old version is needed by nobody."""
    numbers = await people.numbers(CUSTOMER, [f"C-{n}" for n in range(25)])
    keyring.rotate("people/wrap")
    assert await rows(store, keyring).by_version() == {1: 25}
    steps = await to_the_end(rows(store, keyring), 2, 10)

    assert [one.n_done for one in steps] == [10, 10, 5]
    assert await rows(store, keyring).by_version() == {2: 25}
    keyring.shred("people/wrap", 1)
    assert [(await people.identities(number))[0].value for number in numbers] == [f"C-{n}" for n in range(25)]


async def test_a_run_that_was_broken_off_goes_on_by_beginning_again(
    store: Store, keyring: Keyring, people: People
) -> None:
    """What is done is passed over."""
    await people.numbers(CUSTOMER, [f"C-{n}" for n in range(25)])
    keyring.rotate("people/wrap")
    await rows(store, keyring).rewrap(2, None, 10)

    assert sum(one.n_done for one in await to_the_end(rows(store, keyring), 2, 10)) == 15


async def test_authenticators_and_values_of_nobody_are_sealed_anew(store: Store, keyring: Keyring) -> None:
    """Each bound to its own row; a domain's rows are under that domain's label alone."""
    async with store.begin() as connection:
        about = {"kind": "person", "roles": "[]", "recipient": "own", "created_us": 1}
        await connection.execute(insert(account).values(id="a_1", name="one", **about))
        sealed = keyring.seal("totp", b"seed", b"a_1")
        await connection.execute(insert(totp).values(account="a_1", sealed=sealed))
    vault = Vault(store, keyring, envelope)
    tokens = await vault.tokens(PHONES, ["+491512345678"], [None])
    await vault.tokens(JoinDomain("mails"), ["a@example.com"], [None])
    for label in ("totp", "vault/phones"):
        keyring.rotate(label)
        assert await rows(store, keyring, label).by_version() == {1: 1}
        assert (await rows(store, keyring, label).rewrap(2, None, 10)).n_done == 1
        keyring.shred(label, 1)
    assert await rows(store, keyring, "vault/mails").by_version() == {1: 1}
    async with store.connect() as connection:
        (held,) = (await connection.execute(select(totp.c.sealed))).scalars()
    assert keyring.open("totp", held, b"a_1") == b"seed"
    assert await vault.opened(PHONES, tokens) == {tokens[0]: "+491512345678"}


async def test_a_value_of_the_vault_under_a_persons_key_is_no_row_of_the_label(
    store: Store, keyring: Keyring, people: People
) -> None:
    """It is under the person's key, whose row is counted where it belongs."""
    [number] = await people.numbers(CUSTOMER, ["C-1"])
    await Vault(store, keyring, envelope).tokens(PHONES, ["+491512345678"], [number])

    assert await rows(store, keyring, "vault/phones").by_version() == {}


async def test_what_was_deleted_or_written_meanwhile_stays_so(
    store: Store, keyring: Keyring, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of a batch and its writing one person is erased and the row of another is replaced."""
    numbers = await people.numbers(CUSTOMER, ["C-1", "C-2", "C-3"])
    keyring.rotate("people/wrap")
    other = keyring.seal("people/wrap", envelope.new_key(), numbers[1].to_bytes(4, "big"))
    of = rows(store, keyring)
    replaced = of._replaced

    async def late(anew: list[tuple[tuple[int], bytes, bytes]]) -> int:
        await people.shred(numbers[0])
        async with store.keys.begin() as connection:
            mine = person_key.c.number == numbers[1]
            await connection.execute(update(person_key).where(mine).values(wrapped=other))
        return await replaced(anew)

    monkeypatch.setattr(of, "_replaced", late)
    assert (await of.rewrap(2, None, 10)).n_done == 1
    async with store.keys.connect() as connection:
        held = {row.number: row.wrapped for row in await connection.execute(select(person_key))}
    assert set(held) == set(numbers[1:])
    assert held[numbers[1]] == other


async def test_a_row_that_cannot_be_opened_is_left_and_counted(store: Store, keyring: Keyring, people: People) -> None:
    """It holds up none of the others, and the batch after it is begun behind it."""
    numbers = await people.numbers(CUSTOMER, [f"C-{n}" for n in range(3)])
    spoilt = (1).to_bytes(4, "big") + bytes(60)
    async with store.keys.begin() as connection:
        mine = person_key.c.number == min(numbers)
        await connection.execute(update(person_key).where(mine).values(wrapped=spoilt))
    keyring.rotate("people/wrap")
    steps = await to_the_end(rows(store, keyring), 2, 1)

    assert (sum(one.n_done for one in steps), sum(one.n_unreadable for one in steps)) == (2, 1)
    assert await rows(store, keyring).by_version() == {1: 1, 2: 2}


def test_labels_without_rows_have_none(store: Store, keyring: Keyring) -> None:
    """Neither keys that derive nor look-ups of the vault."""
    for label in ("bearer", "people/lookup", "vault/phones/lookup", "vault/", "surrogate/phones", "totp/x"):
        assert rows_of(store, keyring, label) is None


async def test_a_value_keeps_its_place(store: Store, keyring: Keyring) -> None:
    """Two rows of one token, of nobody and of a person: only nobody's is sealed anew."""
    vault = Vault(store, keyring, envelope)
    [token] = await vault.tokens(PHONES, ["+491512345678"], [None])
    async with store.begin() as connection:
        row = {"token": token, "person": PersonNumber(7), "domain": PHONES, "lookup": b"l" * 32, "sealed": b"x" * 70}
        await connection.execute(insert(vault_value).values(**row))
    keyring.rotate("vault/phones")
    assert (await rows(store, keyring, "vault/phones").rewrap(2, None, 10)).n_done == 1
    async with store.connect() as connection:
        held = {row.person: row.sealed for row in await connection.execute(select(vault_value))}
    assert held[7] == b"x" * 70
    assert held[-1][:4] == (2).to_bytes(4, "big")
