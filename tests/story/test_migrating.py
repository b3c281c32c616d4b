# SPDX-License-Identifier: Apache-2.0
"""A column of a live store is turned over and back, while the gateway serves it."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway.app.surrogates.migrating import migration, opened
from gateway.domain.catalog import Form
from gateway.domain.entry import Intent
from gateway.domain.names import DatasetName, FieldName, JoinDomain
from gateway.domain.turning import MIGRATION, ColumnState, Turn
from gateway.flows.migrating.report import Report
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from gateway.store.versions import Topic, bump
from gateway.transform.at_rest import Stored
from gateway.transform.normalise import SPELLINGS
from tests.story.conftest import SUPPORT, Reply, World

AT_REST = {"email": "mails", "phone": "phones"}


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The installation, whose rules say that the store is to hold surrogates for mail addresses and phones."""
    at_rest(settings, AT_REST)
    return settings


def at_rest(settings: Settings, fields: dict[str, str], kind: str = "siv") -> None:
    """Declare fields of customers at rest."""
    file = settings.policies_dir / "datasets" / "crm.yaml"
    text = file.read_text()
    for field, domain in fields.items():
        before, mark, behind = text.partition(f"          - name: {field}\n")
        behind = behind.replace(
            "gateway: {identifies: yes}",
            f"gateway: {{identifies: yes, at_rest: {{domain: {domain}, kind: {kind}}}}}",
            1,
        )
        text = before + mark + behind
    file.write_text(text)


async def migrated(settings: Settings, fields: Sequence[str] = (), *, dry: bool = False, **how: Any) -> Report:
    """Migrate the customers."""
    async with (
        opened(settings) as rooms,
        migration(rooms, "crm.customers", fields, by="local:test", **how) as (work, _),
    ):
        return await (work.look() if dry else work.run())


def table(store_file: Path) -> dict[str, tuple[Any, ...]]:
    """Return every row of the store by its id, as it lies there."""
    with sqlite3.connect(store_file) as connection:
        connection.row_factory = sqlite3.Row
        return {row["id"]: tuple(row) for row in connection.execute("SELECT * FROM customers")}


def only(store_file: Path, n: int) -> None:
    """Leave the first customers in the store: where each row is a call, a few pages of them prove as much."""
    with sqlite3.connect(store_file) as connection:
        connection.execute("DELETE FROM customers WHERE id > ?", (f"c-{n:06}",))


def column(store_file: Path, field: str) -> list[str | None]:
    """Return a column of the store."""
    with sqlite3.connect(store_file) as connection:
        return [value for (value,) in connection.execute(f"SELECT {field} FROM customers ORDER BY id")]  # noqa: S608


async def test_there_and_back_is_where_it_was(world: World, settings: Settings, store_file: Path) -> None:
    """Every row is as it was before, to the byte; between, no value is left in either column."""
    only(store_file, 150)
    before = table(store_file)
    looked = await migrated(settings, dry=True)
    assert table(store_file) == before
    assert (looked.rows, looked.is_dry) == (len(before), True)

    over = await migrated(settings)
    assert (over.whole, over.refused) == (True, {})
    kept = sum(one.loses_spelling for one in over.fields)
    values = [value for field in AT_REST for value in column(store_file, field) if value is not None]
    assert sum(value.startswith("as1_") for value in values) == len(values) - kept > 0

    back = await migrated(settings, back=True)
    assert back.is_right
    assert table(store_file) == before
    entered = [record.line.body for record in records(world.state / "log" / "migration")]
    intents = [one for one in entered if isinstance(one, Intent)]
    assert len(intents) == over.written + back.written
    assert {one.facts.account for one in intents if one.facts is not None} == {MIGRATION}
    assert world.verdict().is_right


async def found(world: World, query: str, value: str, *, ago_s: int = 0) -> list[str]:
    """Return the ids of the customers that an agent finds by a value."""
    reply = await world.get(f"/crm/customers?{query}={quote(value, safe='')}", "service-agent", SUPPORT, ago_s=ago_s)
    assert reply.status == 200, reply.body
    return sorted(reply.ids)


async def test_a_column_that_is_half_turned_over_is_searched_in_every_form(
    world: World, settings: Settings, store_file: Path
) -> None:
    """Of three people with one phone: in clear, under the key of before, under the one in force. Then of one form alone."""
    # Whoever objected to nothing can be found by an agent.
    every = (await world.get("/crm/customers?limit=300&fields=id", "service-agent", SUPPORT)).ids
    ids = tuple(sorted(every)[-46:])
    shared = "+4930555123"
    world.rooms.keyring.ensure("at-rest/phones")
    stored = Stored(world.rooms.keyring, JoinDomain("phones"))
    first = stored.sealed(SPELLINGS[Form.PHONE], shared)
    world.rooms.keyring.rotate("at-rest/phones")
    second = stored.sealed(SPELLINGS[Form.PHONE], shared)
    assert first != second
    set_phones(store_file, {row: (shared, first, second)[n % 3] for n, row in enumerate(ids)})

    assert await found(world, "phone", shared) == sorted(ids)
    one = await world.get(f"/crm/customers/{ids[2]}", "service-agent", SUPPORT)
    assert one.json["phone"] == shared
    # In pages, each row once and no page longer than it was asked for.
    pages = [
        (await world.get(f"/crm/customers?phone={quote(shared)}&limit=20&offset={n}", "service-agent", SUPPORT)).ids
        for n in (0, 20, 40, 60)
    ]
    assert [len(page) for page in pages] == [20, 20, 6, 0]
    assert sorted(one for page in pages for one in page) == sorted(ids)

    assert (await migrated(settings, ("phone",), accept=True)).is_right
    await world.rooms.changes.follow()
    assert await found(world, "phone", shared) == sorted(ids)
    assert world.rooms.columns.of(DatasetName("crm.customers"), FieldName("phone")) == ColumnState(Turn.DONE, 2)
    assert world.verdict().is_right


async def test_after_a_rotation_a_column_is_found_and_made_anew(
    world: World, settings: Settings, store_file: Path
) -> None:
    """At every moment, by a value and by the surrogate that was given before it."""
    wanted = column(store_file, "phone")[210]
    before = await found(world, "phone", wanted or "")
    assert (await migrated(settings, ("phone",), accept=True)).is_right
    world.rooms.keyring.rotate("at-rest/phones")
    async with world.rooms.store.begin() as connection:
        await bump(connection, Topic.KEYS)
    await world.rooms.changes.follow()
    assert await found(world, "phone", wanted or "") == before
    again = await migrated(settings, ("phone",), accept=True)
    assert again.is_right
    assert all(value.startswith("as2_") for value in column(store_file, "phone") if value is not None)
    await world.rooms.changes.follow()
    assert await found(world, "phone", wanted or "") == before


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_migration_notices_what_others_do_to_its_keys(
    world: World, settings: Settings, store_file: Path
) -> None:
    """It goes on for hours: what was shredded meanwhile opens nothing from its next call on."""
    only(store_file, 5)
    assert (await migrated(settings, ("phone",), accept=True)).is_right
    async with opened(settings) as rooms, migration(rooms, "crm.customers", ("phone",), by="local:test") as (work, _):
        before = await work.look()
        world.rooms.keyring.rotate("at-rest/phones")
        world.rooms.keyring.shred("at-rest/phones", 1)
        after = await work.look()
        assert rooms.keyring.current("at-rest/phones").version == 2
    assert ([one.unreadable for one in before.fields], [one.unreadable for one in after.fields]) == ([0], [5])


async def test_while_it_is_turned_over_no_call_fails(world: World, settings: Settings, store_file: Path) -> None:
    """Reads, searches and writes go on; every write is there at the end, and nothing else is changed."""
    only(store_file, 150)
    mails = column(store_file, "email")
    ids = list(table(store_file))
    n_calls, done = 0, asyncio.Event()

    async def reads(worker: int) -> None:
        nonlocal n_calls
        n = worker
        while not done.is_set():
            n = (n + 7) % 140
            reply = await world.get(f"/crm/customers/{ids[n]}", "service-agent", SUPPORT)
            # Whoever objected is withheld; any other answer would be a failure.
            assert reply.status in (200, 404), reply.body
            listed = await world.get("/crm/customers?limit=20&fields=id,phone,email", "service-agent", SUPPORT)
            assert listed.status == 200
            assert all("as1_" not in str(row) for row in listed.json["items"])
            n_calls += 2
            if reply.status == 200:
                sought = await world.get(f"/crm/customers?email={quote(mails[n] or '')}", "service-agent", SUPPORT)
                assert sought.status == 200
                assert ids[n] in sought.ids
                n_calls += 1

    written: dict[str, str] = {}

    async def writes() -> None:
        n = 0
        while not done.is_set():
            n += 1
            row, phone = ids[100 + n % 40], f"+4930{2000000 + n}"
            reply = await patched(world, row, {"phone": phone})
            assert reply.status in (200, 404), reply.body
            if reply.status == 200:
                written[row] = phone

    async def turns() -> None:
        try:
            assert (await migrated(settings, accept=True, batch=50)).is_right
            assert (await migrated(settings, back=True, batch=50)).is_right
            assert not [value for value in column(store_file, "phone") if str(value).startswith("as1_")]
            assert (await migrated(settings, accept=True, batch=50)).is_right
        finally:
            done.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(reads(1))
        group.create_task(reads(3))
        group.create_task(writes())
        group.create_task(turns())
    assert n_calls > 20
    assert written
    for row, phone in written.items():
        assert (await world.get(f"/crm/customers/{row}", "service-agent", SUPPORT)).json["phone"] == phone
    assert all(value.startswith("as1_") for value in column(store_file, "phone") if value is not None)
    assert world.verdict().is_right


async def patched(world: World, row: str, said: dict[str, object]) -> Reply:
    """Change a customer as an agent."""
    headers = {
        "Authorization": "Bearer " + await world.bearer("service-agent"),
        "Data-Purpose": SUPPORT,
        "Data-Reference": "story-1",
        "Content-Type": "application/merge-patch+json",
    }
    return await world.ask("PATCH", f"/crm/customers/{row}", headers, json.dumps(said).encode())


def set_phones(store_file: Path, phones: Mapping[str, str | None]) -> None:
    """Let rows of the store hold these phones."""
    with sqlite3.connect(store_file) as connection:
        connection.executemany("UPDATE customers SET phone = ? WHERE id = ?", [(p, i) for i, p in phones.items()])


async def test_what_is_written_back_as_it_was_read_stays_as_the_store_has_it(
    world: World, settings: Settings, store_file: Path
) -> None:
    """In the store's spelling, or under the key of before; only what was changed is another."""
    row = "c-000150"
    set_phones(store_file, {row: "+49 (30) 555-124"})
    read = (await world.get(f"/crm/customers/{row}", "service-agent", SUPPORT)).json
    before = table(store_file)[row]
    reply = await patched(world, row, {**{k: v for k, v in read.items() if k in WRITABLE}, "city": "Ulm"})
    assert reply.status == 200, reply.body
    after = table(store_file)[row]
    assert [one for one, was in zip(after, before, strict=True) if one != was and "Ulm" not in str(one)] == []
    assert column_of(store_file, row, "phone") == "+49 (30) 555-124"

    await migrated(settings, accept=True)
    sealed = column_of(store_file, row, "phone")
    assert sealed.startswith("as1_")
    world.rooms.keyring.rotate("at-rest/phones")
    read = (await world.get(f"/crm/customers/{row}", "service-agent", SUPPORT)).json
    reply = await patched(world, row, {"phone": read["phone"], "email": read["email"], "city": "Bonn"})
    assert reply.status == 200, reply.body
    assert column_of(store_file, row, "phone") == sealed
    changed = await patched(world, row, {"phone": "+4930555125"})
    assert changed.status == 200
    assert column_of(store_file, row, "phone").startswith("as2_")


WRITABLE = ("name", "email", "phone", "city", "state", "country")


def column_of(store_file: Path, row: str, field: str) -> str:
    """Return one cell of the store."""
    with sqlite3.connect(store_file) as connection:
        (value,) = connection.execute(f"SELECT {field} FROM customers WHERE id = ?", (row,)).fetchone()  # noqa: S608
    return str(value)
