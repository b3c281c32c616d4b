# SPDX-License-Identifier: Apache-2.0
"""One token for each value, durable, and a sealed copy for each person whose it is."""

import asyncio
import threading
from itertools import zip_longest

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.schema import Table

from gateway.domain.errors import StateUnavailable
from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.keys import envelope
from gateway.keys.keyring import Keyring
from gateway.store import vault as vault_module
from gateway.store.engine import Store, open_store
from gateway.store.people import People
from gateway.store.schema import person_key, vault_token, vault_value
from gateway.store.sealed_rows import rows_of
from gateway.store.vault import Vault
from gateway.store.vault_copies import label_of
from gateway.store.vault_tables import is_persons
from tests.fakes.clock import FakeClock

PHONES, MAILS = JoinDomain("phones"), JoinDomain("mails")
CUSTOMER = IdentityKind("crm.customer_id")
FAMILY = "+4915123456789"


@pytest.fixture
def vault(store: Store, keyring: Keyring) -> Vault:
    """Nothing in it yet."""
    return Vault(store, keyring, envelope)


@pytest.fixture
def people(store: Store, keyring: Keyring, clock: FakeClock) -> People:
    """Nobody yet."""
    return People(store, keyring, envelope, clock)


async def known(people: People, *names: str) -> list[PersonNumber]:
    """Return the numbers of people."""
    return await people.numbers(CUSTOMER, names)


async def count(store: Store, table: Table) -> int:
    """Return the number of rows of a table."""
    async with store.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_a_value_comes_back_from_its_token(vault: Vault, people: People) -> None:
    """Whether it is somebody's or nobody's, and whatever is in it."""
    [anna] = await known(people, "anna")
    values = [FAMILY, "王小明", "half a pair \ud800", ""]
    tokens = await vault.tokens(PHONES, values, [anna, None, anna, None])

    assert await vault.opened(PHONES, tokens) == dict(zip(tokens, values, strict=True))
    assert {len(token) for token in tokens} == {16}
    assert len(set(tokens)) == 4


async def test_what_is_returned_is_durable(vault: Vault, people: People, place: str, keyring: Keyring) -> None:
    """Somebody else who opens the database at that moment has it, though nothing was closed."""
    [anna] = await known(people, "anna")
    values = [f"+49151{n:08}" for n in range(1_000)]
    tokens = await vault.tokens(PHONES, values, [anna, None] * 500)

    other = await open_store(place, upgrade=False)
    try:
        again = Vault(other, keyring, envelope)
        assert await again.find(PHONES, values) == tokens
        assert await again.opened(PHONES, tokens) == dict(zip(tokens, values, strict=True))
    finally:
        await other.close()


async def test_a_value_has_one_token(vault: Vault, people: People) -> None:
    """However often it comes, in whatever order, for whomever."""
    anna, bert = await known(people, "anna", "bert")
    [first] = await vault.tokens(PHONES, [FAMILY], [None])
    again = await vault.tokens(PHONES, ["other", FAMILY, FAMILY, FAMILY], [None, anna, bert, None])

    assert again[1:] == [first] * 3
    assert again[0] != first
    assert await vault.tokens(PHONES, [], []) == []


async def test_a_value_of_two_domains_has_two_tokens(vault: Vault) -> None:
    """And neither opens in the other's domain."""
    [one], [other] = await vault.tokens(PHONES, ["1"], [None]), await vault.tokens(MAILS, ["1"], [None])

    assert one != other
    assert await vault.opened(MAILS, [one]) == {}
    assert await vault.people_of(MAILS, [one]) == {}


async def test_nothing_gets_a_token_by_being_asked_for(vault: Vault, store: Store) -> None:
    """To find is to look."""
    [token] = await vault.tokens(PHONES, ["1"], [None])

    assert await vault.find(PHONES, ["2", "1", "3"]) == [None, token, None]
    assert await count(store, vault_token) == 1


async def test_each_person_has_a_copy_and_nobody_has_none_then(vault: Vault, people: People, store: Store) -> None:
    """A phone of a family is sealed once for each of them."""
    anna, bert = await known(people, "anna", "bert")
    [token] = await vault.tokens(PHONES, [FAMILY], [None])
    assert await vault.people_of(PHONES, [token]) == {token: frozenset()}

    await vault.tokens(PHONES, [FAMILY], [anna])
    await vault.tokens(PHONES, [FAMILY, FAMILY, FAMILY], [bert, None, anna])

    assert await vault.people_of(PHONES, [token]) == {token: {anna, bert}}
    assert await count(store, vault_value) == 2


async def test_to_forget_one_leaves_the_others_copy(vault: Vault, people: People, store: Store) -> None:
    """The token goes with the last of them."""
    anna, bert = await known(people, "anna", "bert")
    tokens = await vault.tokens(PHONES, [FAMILY, FAMILY, "annas"], [anna, bert, anna])

    assert await vault.forget([anna]) == 2
    assert await vault.opened(PHONES, tokens) == {tokens[0]: FAMILY}
    assert await vault.find(PHONES, [FAMILY, "annas"]) == [tokens[0], None]

    assert await vault.forget([anna, bert]) == 1
    assert await vault.opened(PHONES, tokens) == {}
    assert await count(store, vault_token) == await count(store, vault_value) == 0


async def test_a_forgotten_value_gets_another_token(vault: Vault, people: People) -> None:
    """What a store still holds of the old one stands for nothing."""
    anna, bert = await known(people, "anna", "bert")
    [old] = await vault.tokens(PHONES, [FAMILY], [anna])
    await vault.forget([anna])
    [new] = await vault.tokens(PHONES, [FAMILY], [bert])

    assert new != old
    assert await vault.opened(PHONES, [old, new]) == {new: FAMILY}


async def test_who_is_known_takes_over_nobodys_copy(vault: Vault, people: People, store: Store) -> None:
    """A second person gets one beside it, and who has one keeps it."""
    anna, bert = await known(people, "anna", "bert")
    tokens = await vault.tokens(PHONES, [FAMILY, "2"], [None, None])
    await vault.adopt(PHONES, [tokens[0]], [anna])
    await vault.adopt(PHONES, [tokens[0], tokens[0], bytes(16)], [bert, anna, bert])

    assert await vault.people_of(PHONES, tokens) == {tokens[0]: {anna, bert}, tokens[1]: frozenset()}
    assert await count(store, vault_value) == 3
    await vault.forget([anna])
    assert await vault.opened(PHONES, tokens) == {tokens[0]: FAMILY, tokens[1]: "2"}


async def test_a_person_without_a_key_gets_no_copy(vault: Vault, people: People, store: Store) -> None:
    """Somebody who was erased a moment ago is not sealed anew under nobody's key."""
    [anna] = await known(people, "anna")
    async with store.keys.begin() as connection:
        await connection.execute(delete(person_key).where(person_key.c.number == anna))

    with pytest.raises(StateUnavailable):
        await vault.tokens(PHONES, [FAMILY], [anna])
    assert await vault.find(PHONES, [FAMILY]) == [None]


async def test_a_copy_whose_key_is_gone_is_none(vault: Vault, people: People, store: Store) -> None:
    """The other person's opens the token all the same; without it the token stands for nothing."""
    anna, bert = await known(people, "anna", "bert")
    tokens = await vault.tokens(PHONES, [FAMILY, FAMILY, "annas"], [anna, bert, anna])
    async with store.keys.begin() as connection:
        await connection.execute(delete(person_key).where(person_key.c.number == anna))

    assert await vault.opened(PHONES, tokens) == {tokens[0]: FAMILY}


async def test_a_value_of_which_only_dead_copies_are_left_gets_a_living_one(
    vault: Vault, people: People, store: Store
) -> None:
    """A key was deleted and its copies were not: whoever brings the value again does not lose it."""
    anna, bert = await known(people, "anna", "bert")
    [token] = await vault.tokens(PHONES, [FAMILY], [anna])
    async with store.keys.begin() as connection:
        await connection.execute(delete(person_key).where(person_key.c.number == anna))

    assert await vault.tokens(PHONES, [FAMILY], [None]) == [token]
    await vault.adopt(PHONES, [token], [bert])
    assert await vault.opened(PHONES, [token]) == {token: FAMILY}


async def test_who_reads_a_row_keeps_what_is_in_it(vault: Vault, people: People) -> None:
    """A person without a copy of what their row names gets one; nobody and whoever has one get none."""
    anna, bert = await known(people, "anna", "bert")
    tokens = await vault.tokens(PHONES, [FAMILY, "nobody's"], [anna, None])
    assert await vault.read(PHONES, [*tokens, tokens[0], bytes(16)], [bert, None, anna, bert]) == {
        tokens[0]: FAMILY,
        tokens[1]: "nobody's",
    }
    assert await vault.people_of(PHONES, tokens) == {tokens[0]: {anna, bert}, tokens[1]: frozenset()}


async def test_a_copy_moved_to_another_token_opens_nothing(vault: Vault, people: People, store: Store) -> None:
    """What is sealed is bound to its place; nobody's copies are too."""
    [anna] = await known(people, "anna")
    mine, other = await vault.tokens(PHONES, ["1", "2"], [anna, anna])
    nobodys, another = await vault.tokens(PHONES, ["3", "4"], [None, None])
    of = vault_value.c
    async with store.begin() as connection:
        for source, target in ((mine, other), (nobodys, another)):
            sealed = (await connection.execute(select(of.sealed).where(of.token == source))).scalar_one()
            await connection.execute(update(vault_value).where(of.token == target).values(sealed=sealed))

    assert await vault.opened(PHONES, [mine, other, nobodys, another]) == {mine: "1", nobodys: "3"}


async def test_merged_people_have_one_copy_under_the_key_of_the_one_who_stays(
    vault: Vault, people: People, store: Store
) -> None:
    """What only the other had is sealed anew, and nothing is left that nobody can open."""
    anna, anna_too = await known(people, "anna", "anna too")
    tokens = await vault.tokens(PHONES, ["shared", "shared", "only"], [anna, anna_too, anna])
    await people.merge(anna, anna_too)

    assert await vault.opened(PHONES, tokens) == {tokens[0]: "shared", tokens[2]: "only"}
    assert await vault.people_of(PHONES, tokens) == {tokens[0]: {anna_too}, tokens[2]: {anna_too}}
    assert await count(store, vault_value) == 2


async def test_whoever_asks_at_the_same_time_gets_the_same_token(
    place: str, keyring: Keyring, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two processes with values that overlap, in several transactions each."""
    monkeypatch.setattr(vault_module, "AT_ONCE", 25)
    stores = [await open_store(place, upgrade=False) for _ in range(2)]
    vaults = [Vault(store, keyring, envelope) for store in stores for _ in range(4)]
    people = People(stores[0], keyring, envelope, clock)
    numbers = await known(people, *(str(n) for n in range(8)))
    values = [[str(n) for n in range(start, start + 60)] for start in range(0, 80, 10)]
    answers = await asyncio.gather(
        *(
            vault.tokens(PHONES, some if n % 2 else some[::-1], [numbers[n] if n % 3 else None] * 60)
            for n, (vault, some) in enumerate(zip_longest(vaults, values))
        )
    )

    by_value: dict[str, set[bytes]] = {}
    for n, (some, tokens) in enumerate(zip(values, answers, strict=True)):
        for value, token in zip(some if n % 2 else some[::-1], tokens, strict=True):
            by_value.setdefault(value, set()).add(token)
    assert all(len(tokens) == 1 for tokens in by_value.values())
    opened = await vaults[0].opened(PHONES, [token for tokens in by_value.values() for token in tokens])
    assert {value: {token} for token, value in opened.items()} == by_value
    copies = await vaults[-1].people_of(PHONES, opened)
    for n, tokens in enumerate(answers):
        if n % 3:
            assert all(numbers[n] in copies[token] for token in tokens)
    for store in stores:
        await store.close()


async def test_to_forget_while_others_add_loses_no_copy(place: str, keyring: Keyring, clock: FakeClock) -> None:
    """Whose token is returned has it, though another is forgotten all the time."""
    stores = [await open_store(place, upgrade=False) for _ in range(2)]
    one, other = (Vault(store, keyring, envelope) for store in stores)
    anna, bert = await known(People(stores[0], keyring, envelope, clock), "anna", "bert")
    values = [str(n) for n in range(20)]

    async def forget() -> None:
        for _ in range(10):
            await other.tokens(PHONES, values, [anna] * 20)
            await other.forget([anna])

    async def add() -> list[bytes]:
        return await one.tokens(PHONES, values, [bert] * 20)

    _, tokens = await asyncio.gather(forget(), add())

    assert await one.opened(PHONES, tokens) == dict(zip(tokens, values, strict=True))
    for store in stores:
        await store.close()


class Gate:
    """An envelope that lets whoever seals for a person wait, behind the look for the person's key."""

    def __init__(self) -> None:
        self.waits, self.opens = threading.Event(), threading.Event()
        self.new_key, self.open_sealed, self.derive = envelope.new_key, envelope.open_sealed, envelope.derive

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return it sealed, once the test lets it."""
        self.waits.set()
        assert self.opens.wait(60)
        return envelope.seal(key, plaintext, associated)


@pytest.mark.parametrize("by", ["tokens", "adopt"])
async def test_what_was_being_sealed_for_somebody_who_is_erased_is_not_kept(
    store: Store, keyring: Keyring, people: People, vault: Vault, by: str
) -> None:
    """Neither as a copy that nothing opens nor as a token; who asks again has a person again, or nobody."""
    [anna] = await known(people, "anna")
    [token] = await vault.tokens(PHONES, [FAMILY], [None])
    gate = Gate()
    late = Vault(store, keyring, gate)
    work = late.adopt(PHONES, [token], [anna]) if by == "adopt" else late.tokens(PHONES, ["new"], [anna])
    sealing = asyncio.create_task(work)
    await asyncio.to_thread(gate.waits.wait, 60)
    await vault.forget([anna])
    await people.shred(anna)
    gate.opens.set()

    with pytest.raises(StateUnavailable, match="erased or merged"):
        await sealing
    assert await vault.people_of(PHONES, [token]) == {token: frozenset()}
    assert await vault.find(PHONES, ["new"]) == [None]
    assert (await count(store, vault_value), await count(store, vault_token)) == (1, 1)


async def test_a_copy_that_was_kept_between_two_steps_of_an_erasure_goes_with_the_key(
    people: People, vault: Vault, store: Store
) -> None:
    """The last step deletes copies as well, whoever added one behind the step before."""
    [anna] = await known(people, "anna")
    await vault.forget([anna])
    await vault.tokens(PHONES, [FAMILY], [anna])
    await people.shred(anna)

    assert (await count(store, vault_value), await count(store, vault_token)) == (0, 0)


async def test_what_was_being_sealed_for_somebody_who_is_merged_is_not_lost(
    store: Store, keyring: Keyring, people: People, vault: Vault
) -> None:
    """It is not kept under a key that goes; whoever asks again gets a token that stands for it."""
    anna, anna_too = await known(people, "anna", "anna too")
    gate = Gate()
    sealing = asyncio.create_task(Vault(store, keyring, gate).tokens(PHONES, [FAMILY], [anna]))
    await asyncio.to_thread(gate.waits.wait, 60)
    await people.merge(anna, anna_too)
    gate.opens.set()

    with pytest.raises(StateUnavailable, match="erased or merged"):
        await sealing
    [token] = await vault.tokens(PHONES, [FAMILY], [anna_too])
    assert await vault.opened(PHONES, [token]) == {token: FAMILY}


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
async def test_whoever_merges_waits_for_who_has_not_committed_a_copy(
    place: str, keyring: Keyring, clock: FakeClock, people: People, vault: Vault
) -> None:
    """Otherwise it would carry over what it sees and delete the key of what it does not see yet."""
    anna, anna_too = await known(people, "anna", "anna too")
    [token] = await vault.tokens(PHONES, [FAMILY], [None])
    other = await open_store(place, upgrade=False)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        async with other.begin() as connection:
            # Whoever adds a copy of this token comes to stand here, behind the look for keys.
            held = select(vault_token.c.token).where(vault_token.c.token == token).with_for_update()
            assert (await connection.execute(held)).one()
            adding = group.create_task(vault.tokens(PHONES, [FAMILY], [anna]))
            await waiting(other, 1)
            merging = group.create_task(people.merge(anna, anna_too))
            await waiting(other, 2)
        assert await adding == [token]
        await merging
    assert await vault.opened(PHONES, [token]) == {token: FAMILY}
    assert await vault.people_of(PHONES, [token]) == {token: {anna_too}}
    await other.close()


async def waiting(store: Store, n: int) -> None:
    """Return once so many statements wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    found = 0
    while found < n:
        async with store.connect() as connection:
            found = int((await connection.execute(text(query))).scalar_one())


async def test_after_a_rotation_nobodys_copies_are_sealed_anew(vault: Vault, store: Store, keyring: Keyring) -> None:
    """So that the old version can be shredded; tokens stay as they are."""
    tokens = await vault.tokens(PHONES, [str(n) for n in range(5)], [None] * 5)
    keyring.rotate(label_of(PHONES))
    rows = rows_of(store, keyring, label_of(PHONES))
    assert rows is not None
    assert (await rows.rewrap(2, None, 10)).n_done == 5
    keyring.shred(label_of(PHONES), 1)

    assert await vault.opened(PHONES, tokens) == {token: str(n) for n, token in enumerate(tokens)}
    assert await vault.find(PHONES, ["3"]) == [tokens[3]]


async def test_a_persons_copies_are_found_by_their_index(store: Store) -> None:
    """Of millions of copies, to erase somebody reads their own; an index of some rows is taken only if they are named."""
    query = select(vault_value.c.lookup).where(is_persons(PersonNumber(7)))
    told = str(query.compile(compile_kwargs={"literal_binds": True}))
    async with store.connect() as connection:
        if store.is_sqlite:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}")
        else:
            # Of an empty table every page is read, unless that is forbidden.
            await connection.exec_driver_sql("SET enable_seqscan = off")
            plan = await connection.exec_driver_sql(f"EXPLAIN {told}")
        assert "ix_vault_value_person" in str(plan.all())


async def test_no_value_is_in_the_database(vault: Vault, people: People, store: Store) -> None:
    """Neither in a column nor as its plain digest."""
    [anna] = await known(people, "anna")
    await vault.tokens(PHONES, [FAMILY, "+4915199999999"], [anna, None])
    async with store.connect() as connection:
        rows = [*(await connection.execute(select(vault_token))), *(await connection.execute(select(vault_value)))]

    told = b"".join(column for row in rows for column in row if isinstance(column, bytes))
    assert rows
    assert b"15123456789" not in told
    assert b"15199999999" not in told


async def test_values_come_with_whose_they_are(vault: Vault, people: People) -> None:
    """In order; of nobody who is known, nobody; of no token, nothing."""
    one, other = await known(people, "one", "other")
    tokens = await vault.tokens(PHONES, ["+4930901820", "+4930901820", "+4930901821"], [other, one, None])
    assert await vault.found(PHONES, [*tokens, bytes(16)]) == {
        tokens[0]: ("+4930901820", tuple(sorted((one, other)))),
        tokens[2]: ("+4930901821", ()),
    }
    assert await vault.found(MAILS, tokens) == {}
