# SPDX-License-Identifier: Apache-2.0
"""Somebody whose values lie in the vault is erased: an import knows them again by these, though nobody told them."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.app.slots import DOOR_SLOT
from gateway.app.surrogates.erasing import NOT_OVERWRITTEN, erasing_of, left, remaining
from gateway.domain.names import PersonNumber
from gateway.settings.loading import Settings
from gateway.store.engine import Base
from gateway.store.overwriting import Overwriting
from gateway.store.postgres import pages_of
from gateway.store.schema import person_key
from tests.story.conftest import World
from tests.story.test_vault import EVE, created, in_vault
from tests.story.test_writes import written


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The installation, with tokens for mail addresses and phones."""
    in_vault(settings)
    return settings


async def test_an_import_is_recognised_by_what_the_vault_had(world: World) -> None:
    """The store gives ids, so a re-import comes under another one; mail address and phone are enough, one is not."""
    customer = await created(world)
    [number] = await world.numbers([customer])
    assert (await written(world, "DELETE", f"/crm/customers/{customer}")).status == 204
    erased = await erasing_of(world.rooms, slot=DOOR_SLOT).erase(number, "local:officer", "case 7")

    assert erased.entered.known_by == {"email": 1, "identity": 1, "phone": 1}
    reply = await written(world, "POST", "/crm/customers", EVE)
    assert (reply.status, reply.json["reason"]) == (409, "erased-person")
    other = await written(world, "POST", "/crm/customers", {**EVE, "email": "family@example.com"})
    assert other.status == 201
    said = str([body for body, _ in world.entries()])
    assert "eve.adler@" not in said
    assert "77665544" not in said


async def wrapped_key(world: World, number: PersonNumber) -> bytes:
    """Return somebody's key as it is stored."""
    async with world.rooms.store.keys.connect() as connection:
        found = await connection.execute(select(person_key.c.wrapped).where(person_key.c.number == number))
        return bytes(found.scalar_one())


async def on_disk(base: Base) -> bytes:
    """Return the bytes of a base's files, of PostgreSQL those of the table of keys."""
    if base.file is not None:
        return b"".join(file.read_bytes() for file in base.file.parent.glob(f"{base.file.name}*"))
    async with base.begin() as connection:
        pages = await pages_of(connection, "person_keys.person_key")
    assert pages is not None
    return b"".join(pages)


async def test_no_byte_of_the_sealed_key_is_left_in_the_files(world: World) -> None:
    """Of the base of keys: nothing in the WAL, no dead row; what cannot be looked into is named."""
    customer = await created(world)
    [number] = await world.numbers([customer])
    key = await wrapped_key(world, number)
    assert key in await on_disk(world.rooms.store.keys)
    erased = await erasing_of(world.rooms, slot=DOOR_SLOT).erase(number, "local:officer", "case 7")

    assert erased.is_overwritten
    assert key[8:] not in await on_disk(world.rooms.store.keys)
    told = await left(world.rooms, [number], [])
    assert (told.remains, bool(told.unseen)) == ((), not world.rooms.store.is_sqlite)


async def test_while_somebody_reads_nothing_is_said_to_be_overwritten(world: World) -> None:
    """As a copy that is being made does: the erasure is done and says so, and is proved once they have read."""
    store = world.rooms.store
    customer = await created(world)
    [number] = await world.numbers([customer])
    key = await wrapped_key(world, number)
    async with store.keys.look() as reader:
        await reader.execute(select(person_key.c.number).limit(1))
        erased = await erasing_of(world.rooms, slot=DOOR_SLOT).erase(number, "local:officer", "case 7")
        assert not erased.is_overwritten
        assert key in await on_disk(store.keys)
        if store.is_sqlite:
            found = {one.what for one in await remaining(world.rooms, [number], [])}
            assert found == {NOT_OVERWRITTEN, "deleted key"}
    assert await Overwriting(store).settle()
    assert key[8:] not in await on_disk(store.keys)
    assert await remaining(world.rooms, [number], []) == ()
