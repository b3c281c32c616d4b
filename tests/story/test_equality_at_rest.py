# SPDX-License-Identifier: Apache-2.0
"""Equality over columns in every state, and over collections: each row is found once, and no other."""

import json
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.app.making import enrol_at_once
from gateway.domain.catalog import AtRest, Form
from gateway.domain.names import DatasetName, FieldName, JoinDomain
from gateway.domain.turning import Turn
from gateway.settings.loading import Settings
from gateway.transform.at_rest import Stored
from gateway.transform.normalise import SPELLINGS
from gateway.transform.vaulted import stored_text
from tests.story.conftest import SUPPORT, Reply, World
from tests.story.test_migrating import column_of, migrated
from tests.story.test_vault import in_vault
from tests.story.test_writes import MERGE

PHONES = {
    "+4930555001": "DE",
    "+4930555002": "FR",
    "13812345679": "CN",
    "13812345678": "FR",
    "0049 30 901820": "US",
    "x7": "DE",
    "": "DE",
    None: "DE",
    "030 / 55 51 23": "DE",
}
"""Of each the country of its rows: some have a normal spelling there, some have none, the last has another than its own."""
EACH = 2
"""Rows of each; where some are turned over already, it is one of them."""
OTHERWISE = ("13812345679", "030 / 55 51 23")
"""Those whose normal spelling is another than the store's, so that by it they are found once they are turned over."""

UNUSUAL = ("13812345678", "0049 30 901820", "030 / 55 51 23")
"""Those that would be spelled otherwise if they were read without their country."""


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def kind() -> AtRest | None:
    """How phones are at rest; not at all unless a test says so."""
    return None


@pytest.fixture
def settings(settings: Settings, kind: AtRest | None) -> Settings:
    """The installation, with a role that sees phones as surrogates, and may write them and cities."""
    if kind is not None:
        in_vault(settings, email=kind, phone=kind)
    grants = settings.policies_dir / "grants.csv"
    lines = [
        f"p, scribe, crm, user.{category}, {SUPPORT}, {operation}, {rung}, yes, allow, ,"
        for category, operation, rung in (
            ("contact", "read", "drop"), ("contact.address", "read", "reveal"), ("unique_id", "read", "reveal"),
            ("contact", "update", "reveal"), ("unique_id", "update", "reveal"),
        )
    ]  # fmt: skip
    grants.write_text(grants.read_text() + "\n".join(lines) + "\n")
    return settings


class Caller:
    """Somebody of a role, with one bearer for all their calls."""

    def __init__(self, world: World, bearer: str) -> None:
        """Keep it."""
        self._world, self._headers = world, {"Authorization": "Bearer " + bearer, "Data-Purpose": SUPPORT}
        self._headers["Data-Reference"] = "story-1"

    async def ask(self, path: str) -> Reply:
        """Read."""
        return await self._world.ask("GET", path, self._headers)

    async def patch(self, customer: str, said: object) -> Reply:
        """Change a customer."""
        headers = {**self._headers, "Content-Type": MERGE}
        return await self._world.ask("PATCH", f"/crm/customers/{customer}", headers, json.dumps(said).encode())

    async def phones(self) -> dict[str, str | None]:
        """Return the phone of every customer as they see it."""
        reply = await self.ask("/crm/customers?limit=1000&fields=id,phone")
        assert reply.status == 200, reply.body
        return {row["id"]: row["phone"] for row in reply.json["items"]}

    async def found(self, phone: str) -> list[str]:
        """Return the ids of the customers that they find by a phone, in order."""
        reply = await self.ask(f"/crm/customers?limit=200&fields=id&phone={quote(phone, safe='')}")
        assert reply.status == 200, reply.body
        return sorted(reply.ids)


@pytest.fixture
async def agent(world: World) -> Caller:
    """Who sees phones in clear."""
    return Caller(world, await world.bearer("service-agent"))


@pytest.fixture
async def scribe(world: World) -> Caller:
    """Who sees surrogates of them."""
    await enrol_at_once(
        world.rooms, "scribe", "scribe correct horse battery", roles=("scribe",), recipient="own", by="local:test"
    )
    return Caller(world, await world.bearer("scribe"))


async def laid(world: World, agent: Caller, store_file: Path, kind: AtRest | None) -> dict[str, list[str]]:
    """Let rows hold the phones, of each that is something one at rest, and return their ids by phone."""
    everybody = sorted(await agent.phones())[-EACH * len(PHONES) :]
    by_phone = {str(phone): everybody[place :: len(PHONES)] for place, phone in enumerate(PHONES)}
    with sqlite3.connect(store_file) as connection:
        # Nobody else has one.
        connection.execute("UPDATE customers SET phone = NULL")
        for phone, country in PHONES.items():
            for place, row in enumerate(by_phone[str(phone)]):
                text = await at_rest(world, kind, phone, country) if kind and phone and place == 0 else phone
                connection.execute("UPDATE customers SET phone = ?, country = ? WHERE id = ?", (text, country, row))
    return by_phone


async def at_rest(world: World, kind: AtRest, phone: str, country: str) -> str:
    """Return what the store holds where a phone stands."""
    if kind is AtRest.SIV:
        world.rooms.keyring.ensure("at-rest/phones")
        return str(Stored(world.rooms.keyring, JoinDomain("phones")).sealed(SPELLINGS[Form.PHONE], phone, country))
    value = SPELLINGS[Form.PHONE](phone, country) or phone
    return stored_text((await world.rooms.vault.tokens(JoinDomain("phones"), [value], [None]))[0])


async def check(scribe: Caller, agent: Caller, store_file: Path, by_phone: Mapping[str, list[str]]) -> None:
    """Ask for every phone, by its surrogate and in clear, by whoever may."""
    surrogates, clear = await scribe.phones(), await agent.phones()
    for phone, rows in by_phone.items():
        in_clear = {row for row in rows if column_of(store_file, row, "phone") == phone}
        (surrogate,) = {surrogates[row] for row in rows}
        sharing = sorted(row for row, told in surrogates.items() if told == surrogate)
        if surrogate is None:
            assert (phone, set(rows) <= set(sharing)) == ("None", True)
            continue
        assert sharing == sorted(rows)
        # By its normal spelling the store cannot be asked for another that it has; that one is asked for as it is.
        hidden = in_clear if phone in OTHERWISE else set[str]()
        assert await scribe.found(surrogate) == sorted(set(rows) - hidden), phone
        for told in {clear[row] for row in rows}:
            if not told:
                # Nobody can ask for nothing in clear.
                assert (await agent.ask("/crm/customers?phone=")).status == 400
                continue
            # What is read without a country as it is in China is found by that too.
            is_read = told == "13812345679"
            expected = [row for row in rows if clear[row] == told or (is_read and row not in in_clear)]
            assert await agent.found(told) == sorted(expected), (phone, told)


async def stays(scribe: Caller, store_file: Path, by_phone: Mapping[str, list[str]]) -> None:
    """Let rows whose spelling is not the normal one be read and written back with another city."""
    for rows in map(by_phone.__getitem__, UNUSUAL):
        before = column_of(store_file, rows[-1], "phone")
        read = (await scribe.ask(f"/crm/customers/{rows[-1]}")).json
        city = "Ulm" if read["city"] != "Ulm" else "Bonn"
        reply = await scribe.patch(rows[-1], {"city": city, "phone": read["phone"]})
        assert reply.status == 200, reply.body
        assert (column_of(store_file, rows[-1], "phone"), column_of(store_file, rows[-1], "city")) == (before, city)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_of_a_column_that_is_not_at_rest_each_row_is_found_once(
    world: World, scribe: Caller, agent: Caller, store_file: Path
) -> None:
    """Normal, without a spelling, empty, null."""
    await check(scribe, agent, store_file, await laid(world, agent, store_file, None))


@pytest.mark.parametrize("kind", list(AtRest))
async def test_while_and_after_a_column_is_turned_over_each_row_is_found_once(
    world: World, scribe: Caller, agent: Caller, settings: Settings, store_file: Path, kind: AtRest
) -> None:
    """Also what has no normal spelling in its country; and written back by its surrogate it stays."""
    by_phone = await laid(world, agent, store_file, kind)
    await check(scribe, agent, store_file, by_phone)
    await stays(scribe, store_file, by_phone)
    assert (await migrated(settings, ("phone",), accept=True)).is_right
    await world.rooms.changes.follow()
    assert world.rooms.columns.of(DatasetName("crm.customers"), FieldName("phone")).turn is Turn.DONE
    await check(scribe, agent, store_file, by_phone)
    await stays(scribe, store_file, by_phone)


@pytest.fixture
def joined(settings: Settings) -> Settings:
    """The installation, in which contacts name the phone that was called; it is clear in their table."""
    file = settings.policies_dir / "datasets" / "crm.yaml"
    before, mark, behind = file.read_text().partition("          - name: channel\n")
    plain = "            data_categories: [user.behavior]\n            fides_meta: {data_type: string}\n"
    phone = plain.replace("user.behavior", "user.contact.phone_number") + "            gateway: {join_domain: phones}\n"
    assert behind.startswith(plain)
    file.write_text(before + mark + behind.replace(plain, phone, 1))
    return settings


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", [AtRest.SIV])
async def test_a_join_domain_leads_from_a_collection_to_another(
    joined: Settings, world: World, scribe: Caller, store_file: Path, kind: AtRest
) -> None:
    """By the surrogate of a phone that is at rest on one side and clear on the other, in both directions."""
    phone, (one, other) = "+4930555001", sorted(await scribe.phones())[-2:]
    with sqlite3.connect(store_file) as connection:
        connection.execute("UPDATE customers SET phone = NULL")
        connection.execute("UPDATE contacts SET channel = NULL")
        connection.execute("INSERT INTO contacts (id, customer_id, channel) VALUES ('k-1', ?, ?)", (one, phone))
        connection.execute(
            "INSERT INTO contacts (id, customer_id, channel) VALUES ('k-2', ?, ?)", (other, "+4930555002")
        )
        for row, text in ((one, phone), (other, "+4930555002")):
            sealed = await at_rest(world, kind, text, "DE")
            connection.execute("UPDATE customers SET phone = ? WHERE id = ?", (sealed, row))

    for row, contact in ((one, "k-1"), (other, "k-2")):
        surrogate = (await scribe.ask(f"/crm/customers/{row}?fields=phone")).json["phone"]
        called = (await scribe.ask(f"/crm/contacts?fields=id,customer_id,channel&channel={surrogate}")).json
        assert called == [{"id": contact, "customer_id": row, "channel": surrogate}]
        assert await scribe.found(called[0]["channel"]) == [row]
    assert column_of(store_file, one, "phone").startswith("as1_")
    assert (await scribe.ask("/crm/contacts?channel=sv1_" + "0" * 96)).json["reason"] == "surrogate-not-recognised"
