# SPDX-License-Identifier: Apache-2.0
"""Attack: somebody who saw what a store holds at rest, as in a dump of it, asks the gateway by that."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.settings.loading import Settings
from gateway.store.schema import vault_token
from tests.story.conftest import ANALYST, SUPPORT, World
from tests.story.test_vault import created, in_vault, search, stored
from tests.story.test_writes import written


@pytest.fixture
def store_file(store_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample store that a test may write to."""
    return Path(shutil.copy(store_file, tmp_path_factory.mktemp("sample-store") / "store.db"))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The installation, whose rules put phones in a vault, and mail addresses at rest under a key."""
    in_vault(settings, email="siv")
    return settings


async def learned(world: World, customer: str) -> list[tuple[str, str]]:
    """Return what the store holds of a customer, as it is and as other programs spell it."""
    held = await stored(world, customer)
    assert held["phone"].startswith("av1_")
    assert held["email"].startswith("as1_")
    texts = [(field, held[field]) for field in ("phone", "email")]
    return [*texts, *((field, text.upper()) for field, text in texts)]


async def tokens(world: World) -> set[bytes]:
    """Return the lookups that have a token."""
    async with world.rooms.store.connect() as connection:
        return set((await connection.execute(select(vault_token.c.lookup))).scalars())


async def test_nobody_filters_by_what_a_store_holds(world: World) -> None:
    """Who may know the value asks for one that nobody has; who gets surrogates has none of these."""
    customer = await created(world)
    before = await tokens(world)
    for field, text in await learned(world, customer):
        for reply in (
            await world.get(f"/crm/customers?{field}={text}", "service-agent", SUPPORT),
            await search(world, {"where": {field: text}}),
        ):
            assert (reply.status, reply.ids) == (200, [])
        reply = await world.get(f"/crm/customers?phone={text}", "analyst", ANALYST)
        assert (reply.status, reply.json["reason"]) == (403, "surrogate-not-recognised")
    assert await tokens(world) == before


async def test_nobody_writes_what_a_store_holds(world: World) -> None:
    """Not into the field that it is of, nor any other, where it could be read back; the store never hears of it."""
    customer, other = await created(world), await created(world, {"name": "Adam", "country": "DE"})
    before = await stored(world, other)
    for _, text in await learned(world, customer):
        for field in ("phone", "email", "name", "city", "notes"):
            for said in (text, f"see {text}"):
                reply = await written(world, "PATCH", f"/crm/customers/{other}", {field: said})
                assert (reply.status, reply.json["reason"]) == (409, "unrevealed-value-written")
                assert reply.json["fields"] == [field]
    assert await stored(world, other) == before


async def test_what_a_store_holds_is_in_no_answer(world: World) -> None:
    """Clear, masked with an old sign-in, as a surrogate; nor does a hidden token show as text of another field."""
    customer = await created(world)
    texts = [text for _, text in await learned(world, customer)]
    for reply in (
        await world.get(f"/crm/customers/{customer}", "service-agent", SUPPORT),
        await world.get(f"/crm/customers/{customer}", "service-agent", SUPPORT, ago_s=7 * 24 * 3600),
        await world.get("/crm/customers?limit=1000", "analyst", ANALYST),
        await world.get("/crm/customers?limit=1000", "analyst", ANALYST, Accept="text/csv"),
    ):
        assert reply.status == 200
        assert not any(text.encode() in reply.body or text[4:].encode() in reply.body for text in texts)
        assert b"av1_" not in reply.body
        assert b"as1_" not in reply.body


async def test_a_token_that_was_changed_or_made_up_stands_for_nothing(world: World, store_file: Path) -> None:
    """Somebody who can write to the store, and not read the vault, puts a bit of chance in a token."""
    import sqlite3

    customer = await created(world)
    held = (await stored(world, customer))["phone"]
    for digit in range(4, len(held), 5):
        turned = held[:digit] + format(int(held[digit], 16) ^ 1, "x") + held[digit + 1 :]
        with sqlite3.connect(store_file) as connection:
            connection.execute("UPDATE customers SET phone = ? WHERE id = ?", (turned, customer))
        reply = await world.get(f"/crm/customers/{customer}", "service-agent", SUPPORT)
        assert (reply.status, reply.json["phone"]) == (200, None)
