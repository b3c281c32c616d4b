# SPDX-License-Identifier: Apache-2.0
"""A store that holds tokens: values lie in the vault, and come out as each caller may have them."""

import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.schema import Table

from gateway.app.surrogates.tracing import tracing
from gateway.domain.errors import StateUnavailable
from gateway.domain.names import FieldName, JoinDomain
from gateway.settings.loading import Settings
from gateway.store.schema import person_identity, person_key, vault_token, vault_value
from gateway.store.vault import Vault
from gateway.transform.codec import compile_codec
from gateway.transform.vaulted import spelled
from tests.attack.test_writing_back import _plan
from tests.story.conftest import ANALYST, SUPPORT, Reply, World
from tests.story.test_writes import written

VAULTS = {"email": JoinDomain("mails"), "phone": JoinDomain("phones")}
TOKEN = re.compile(r"av1_[0-9a-f]{32}")
SURROGATE = re.compile(r"sv1_[0-9a-f]{96}")
OLD_S = 7 * 24 * 3600
"""Age of a sign-in that is not fresh any more."""
EVE = {"name": "Eve Adler", "email": "Eve.Adler@example.com", "phone": "0151 77665544", "country": "DE"}


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The installation, whose rules say that the store is to hold tokens for mail addresses and phones."""
    in_vault(settings)
    return settings


def in_vault(settings: Settings, **kinds: str) -> None:
    """Declare mail addresses and phones of customers as at rest, in a vault unless another kind is named."""
    file = settings.policies_dir / "datasets" / "crm.yaml"
    text = file.read_text()
    for field, domain in VAULTS.items():
        before, mark, behind = text.partition(f"          - name: {field}\n")
        said = f"gateway: {{identifies: yes, at_rest: {{domain: {domain}, kind: {kinds.get(field, 'vault')}}}}}"
        text = before + mark + behind.replace("gateway: {identifies: yes}", said, 1)
    file.write_text(text)


async def stored(world: World, customer: str) -> dict[str, Any]:
    """Return a record as the store has it."""
    found = await world.straight(f"/crm/customers/{customer}")
    assert isinstance(found, dict)
    return found


async def created(world: World, said: dict[str, str] | None = None) -> str:
    """Create a customer and return the id that the store gave."""
    reply = await written(world, "POST", "/crm/customers", said or EVE)
    assert reply.status == 201, reply.body
    return str(reply.json["id"])


async def read(world: World, customer: str, *, ago_s: int = 0) -> dict[str, Any]:
    """Return a customer as a service agent sees them."""
    reply = await world.get(f"/crm/customers/{customer}", "service-agent", SUPPORT, ago_s=ago_s)
    assert reply.status == 200, reply.body
    return dict(reply.json)


async def count(world: World, table: Table) -> int:
    """Return the number of rows of a table."""
    async with world.rooms.store.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_the_store_holds_tokens_and_callers_get_what_they_may_have(world: World) -> None:
    """Created in clear: the store has tokens; read clear, masked with an old sign-in."""
    made = await written(world, "POST", "/crm/customers", EVE)
    customer = made.json["id"]
    held = await stored(world, customer)

    assert TOKEN.fullmatch(held["email"])
    assert TOKEN.fullmatch(held["phone"])
    assert (made.json["email"], made.json["phone"]) == ("eve.adler@example.com", "+4915177665544")
    assert await read(world, customer) == made.json
    masked = await read(world, customer, ago_s=OLD_S)
    assert "***" in masked["phone"]
    assert "+4915177665544" not in str(masked)
    (person,) = await world.numbers([customer])
    for field, domain in VAULTS.items():
        token = bytes.fromhex(held[field].removeprefix("av1_"))
        assert await world.rooms.vault.people_of(domain, [token]) == {token: {person}}
    assert world.verdict().is_right


async def test_a_copy_of_what_the_store_holds_is_told_as_the_stores(world: World) -> None:
    """By the vault, which knows its tokens; with the people, and none for a token that it never gave."""
    held = [await stored(world, await created(world)) for _ in range(3)]
    text = "phone;mail\n" + "".join(f"{one['phone'].upper()};{one['email']}\n" for one in held) + f"av1_{'0' * 32};\n"
    async with tracing(world.rooms, is_thorough=False, from_files=True) as found:
        told = await found.trace([text], by="local:test", most=10)

    (party,) = told.parties
    assert (party.recipient, party.key_class, party.rows, party.people) == ("", "", 3, 3)
    assert {(one.scope.domain, one.scope.kind, one.rows) for one in party.scopes} == {
        ("phones", "vault", 3),
        ("mails", "vault", 3),
    }
    assert (told.cells, told.unknown) == (7, 1)
    assert "comes from a store" in party.remarks[0]


async def rows_of(world: World, query: str) -> Reply:
    """Return customers as an analyst sees them."""
    return await world.get(f"/crm/customers?{query}", "analyst", ANALYST)


async def test_what_was_not_turned_over_leaves_as_it_will_when_it_was(world: World, store_file: Path) -> None:
    """Its token is durable before its surrogate leaves, so the surrogate stays when the store holds the token."""
    before = (await rows_of(world, "limit=300")).json["items"]
    assert {bool(SURROGATE.fullmatch(row["phone"])) for row in before} == {True}
    n_tokens = await count(world, vault_token)
    assert n_tokens >= len({row["phone"] for row in before})

    with sqlite3.connect(store_file) as connection:
        clear = {phone for (phone,) in connection.execute("SELECT DISTINCT phone FROM customers")}
        countries = dict(connection.execute("SELECT phone, country FROM customers"))
        people = dict(connection.execute("SELECT phone, id FROM customers"))
    spec = world.rooms.policy.decider.rules.catalog.collections["crm.customers"].field("phone")  # type: ignore[index]
    assert spec is not None
    with sqlite3.connect(store_file) as connection:
        for phone in clear:
            value = str(spelled(spec, phone, countries[phone]))
            (number,) = await world.numbers([people[phone]])
            (token,) = await world.rooms.vault.tokens(VAULTS["phone"], [value], [number])
            connection.execute("UPDATE customers SET phone = ? WHERE phone = ?", ("av1_" + token.hex(), phone))
    after = (await rows_of(world, "limit=300")).json["items"]

    assert [row["phone"] for row in after] == [row["phone"] for row in before]
    assert [row["email"] for row in after] == [row["email"] for row in before]
    same = [row["phone"] for row in after if row["phone"] == after[0]["phone"]]
    found = (await rows_of(world, f"phone={after[0]['phone']}")).json["items"]
    assert [row["phone"] for row in found] == same


async def test_no_surrogate_leaves_of_a_value_whose_token_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the vault cannot keep it, nothing of the block is released."""

    async def cannot(*_: object) -> list[bytes]:
        raise StateUnavailable("the vault keeps nothing now")

    monkeypatch.setattr(Vault, "tokens", cannot)
    reply = await rows_of(world, "limit=5")

    assert reply.status == 503
    assert "items" not in reply.json
    assert not re.search(r"s[vh][0-9]+_", str(reply.body))


async def test_who_may_know_a_value_filters_by_it(world: World) -> None:
    """However it is spelled, in a query or a body; what is unknown stays so, and finds nothing."""
    customer = await created(world)
    by_value = await world.get("/crm/customers?email=EVE.adler@Example.com", "service-agent", SUPPORT)
    assert by_value.ids == [customer]
    by_phone = await world.get("/crm/customers?phone=%2B49%20151%2077665544", "service-agent", SUPPORT)
    assert by_phone.ids == [customer]
    in_body = await search(world, {"where": {"email": "eve.adler@example.com", "phone": "015177665544"}})
    assert in_body.ids == []
    in_body = await search(world, {"where": {"email": "eve.adler@example.com", "phone": "+4915177665544"}})
    assert in_body.ids == [customer]
    unknown = await world.get("/crm/customers?email=nobody@example.com", "service-agent", SUPPORT)
    assert (unknown.status, unknown.ids) == (200, [])
    assert await world.rooms.vault.find(VAULTS["email"], ["nobody@example.com"]) == [None]


async def test_an_update_gives_the_new_value_its_token(world: World) -> None:
    """And null is null; the value before is still somebody's, and opens for who asks by it."""
    customer = await created(world)
    before = await stored(world, customer)
    reply = await written(world, "PATCH", f"/crm/customers/{customer}", {"phone": "+4915199999999", "email": None})
    after = await stored(world, customer)

    assert (reply.status, reply.json["phone"], reply.json["email"]) == (200, "+4915199999999", None)
    assert TOKEN.fullmatch(after["phone"])
    assert after["phone"] != before["phone"]
    assert after["email"] is None
    (person,) = await world.numbers([customer])
    token = bytes.fromhex(after["phone"].removeprefix("av1_"))
    assert await world.rooms.vault.people_of(VAULTS["phone"], [token]) == {token: {person}}


async def test_a_family_phone_is_two_peoples(world: World) -> None:
    """One token in the store, a copy each; to forget one leaves the other's."""
    eve, adam = await created(world), await created(world, {**EVE, "name": "Adam", "email": "adam@example.com"})
    one, other = await stored(world, eve), await stored(world, adam)
    numbers = await world.numbers([eve, adam])
    token = bytes.fromhex(one["phone"].removeprefix("av1_"))

    assert one["phone"] == other["phone"]
    assert one["email"] != other["email"]
    assert await world.rooms.vault.people_of(VAULTS["phone"], [token]) == {token: set(numbers)}

    await world.rooms.vault.forget(numbers[:1])
    assert (await read(world, adam))["phone"] == "+4915177665544"
    gone = bytes.fromhex(one["email"].removeprefix("av1_"))
    assert await world.rooms.vault.opened(VAULTS["email"], [gone]) == {}
    await world.rooms.vault.forget(numbers[1:])
    assert (await read(world, adam))["phone"] is None


async def test_a_surrogate_that_is_written_becomes_the_token(world: World) -> None:
    """Of the agent's own class; the record that gets it shares the value, and its person has a copy."""
    customer = await created(world)
    held = (await stored(world, customer))["phone"]
    surrogate = _surrogate(world, "phone", held)
    other = await created(world, {**EVE, "email": "adam@example.com", "phone": surrogate})

    assert (await stored(world, other))["phone"] == held
    assert (await read(world, other))["phone"] == "+4915177665544"
    token = bytes.fromhex(held.removeprefix("av1_"))
    assert await world.rooms.vault.people_of(VAULTS["phone"], [token]) == {
        token: set(await world.numbers([customer, other]))
    }


async def test_somebody_who_is_known_from_the_log_alone_can_be_written_to(world: World) -> None:
    """As after a restore, when nobody was met yet: the value is sealed under a key that they get with that."""
    customer = await created(world, {"name": "Adam", "country": "DE"})
    (number,) = await world.numbers([customer])
    async with world.rooms.store.begin() as main, world.rooms.store.keys.begin() as keys:
        bare = update(person_identity).where(person_identity.c.number == number).values(sealed=None)
        await main.execute(bare)
        await keys.execute(delete(person_key).where(person_key.c.number == number))
    world.rooms.people.forget()

    reply = await written(world, "PATCH", f"/crm/customers/{customer}", {"phone": "+49 151 77665544"})
    assert (reply.status, reply.json["phone"]) == (200, "+4915177665544")


async def test_a_value_that_the_store_refused_is_nobodys(world: World) -> None:
    """It has its token by then, sealed under nobody's key, and whoever brings it again takes it over."""
    customer = await created(world)
    reply = await written(world, "POST", "/crm/customers", {**EVE, "id": customer, "email": "adam@example.com"})
    assert (reply.status, reply.json["reason"]) == (409, "store-conflict")
    [token] = await world.rooms.vault.find(VAULTS["email"], ["adam@example.com"])
    assert token is not None
    (own,) = await world.numbers([customer])
    # The path of a create names nobody; its record did, and the person was known.
    assert await world.rooms.vault.people_of(VAULTS["email"], [token]) == {token: {own}}


async def test_no_value_of_the_vault_is_anywhere_in_the_installation(world: World) -> None:
    """Neither in a table nor in a file nor in the log."""
    await created(world)
    async with world.rooms.store.connect() as connection:
        rows = [*(await connection.execute(select(vault_token))), *(await connection.execute(select(vault_value)))]
    told = b"".join(cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)
    told += b"".join(path.read_bytes() for path in world.state.rglob("*") if path.is_file())

    assert rows
    assert not re.search(rb"eve\.adler|15177665544|0151 7766", told, re.IGNORECASE)


async def search(world: World, said: object) -> Reply:
    """Search as a service agent."""
    told = {"Authorization": "Bearer " + await world.bearer("service-agent"), "Data_Purpose": SUPPORT}
    return await world.post("/crm/customers/search", said, Data_Reference="story-1", **told)


def _surrogate(world: World, field: str, held: str) -> str:
    """Return the surrogate that service agents get for what the store holds."""
    codec = compile_codec(_plan(world, "own", "support"), world.rooms.codecs._keys)
    spec = codec.plan.collection.field(FieldName(field))
    assert spec is not None
    made = codec._surrogates.of(spec, held)
    assert made is not None
    return made
