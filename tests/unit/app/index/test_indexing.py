# SPDX-License-Identifier: Apache-2.0
"""The index as the worker keeps it: who stands aside, when it is made anew, and that it ends when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import inspect

from gateway.app.index import indexing
from gateway.app.index.building import check, opened_index, rebuild, states
from gateway.app.index.indexing import KeptIndex, index_place, written_alone
from gateway.app.making import make_installation
from gateway.domain.errors import StateUnavailable
from gateway.domain.log_index import IndexBroken
from gateway.settings.loading import Settings
from gateway.store.engine import remove_index
from gateway.store.log.index import LogIndex
from gateway.store.log_schema import INDEX_SCHEMA, log_entry
from tests.fakes.clock import FakeClock
from tests.fakes.log_index import long_log

SLOT = "door-0"


@pytest.fixture
def settings(place: str, tmp_path: Path) -> Settings:
    """An installation with one log of a hundred entries, on either engine."""
    state = Path(place) if "://" not in place else tmp_path / "state"
    content: dict[str, object] = {"installation": "indexed"}
    if "://" in place:
        content["database"] = place
    settings = make_installation(state, content)
    long_log(settings.state / "log" / SLOT, 100)
    return settings


@pytest.fixture
async def kept(settings: Settings, clock: FakeClock) -> AsyncIterator[KeptIndex]:
    """The index of that installation, not opened yet."""
    kept = KeptIndex(settings, clock, asyncio.Event())
    yield kept
    await kept.close()


async def n_indexed(settings: Settings) -> int:
    """Return how many entries the index has."""
    async with opened_index(settings) as index:
        return sum(one.indexed for one in await states(index, settings.state / "log"))


async def test_it_is_brought_up_and_knows_since_when(kept: KeptIndex, settings: Settings, clock: FakeClock) -> None:
    """What comes later is behind until the next time."""
    assert await kept.tick() == ()
    assert (kept.n_behind, kept.whole_us) == (0, clock())
    long_log(settings.state / "log" / SLOT, 120)
    assert await kept.tick() == ()
    assert await n_indexed(settings) >= 120
    async with opened_index(settings) as index:
        assert (await check(index, settings.state / "log")).is_same


async def test_it_stands_aside_while_a_command_builds_it_anew(kept: KeptIndex, settings: Settings) -> None:
    """Two who write the same would each do half of it in vain."""
    with written_alone(settings.state) as is_ours:
        assert is_ours
        assert await kept.tick() == ()
        assert await n_indexed(settings) == 0
        with pytest.raises(StateUnavailable, match="another process"):
            await _impatient(settings)
    await kept.tick()
    assert await n_indexed(settings) > 0
    assert (await rebuild(settings, lambda _n: None)).troubles == {}


async def _impatient(settings: Settings) -> None:
    from gateway.app.index import building as index_building

    patience_s, index_building.PATIENCE_S = index_building.PATIENCE_S, 0.0
    try:
        await rebuild(settings, lambda _n: None)
    finally:
        index_building.PATIENCE_S = patience_s


async def test_it_ends_between_two_batches(
    settings: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is left to do."""
    monkeypatch.setattr(indexing, "MOST_ENTRIES", 10)
    stop = asyncio.Event()
    stop.set()
    kept = KeptIndex(settings, clock, stop)
    await kept.tick()
    await kept.close()
    assert await n_indexed(settings) == 10
    assert kept.whole_us is None
    assert kept.n_behind > 0


async def test_only_a_broken_one_is_made_anew_and_not_again_and_again(
    kept: KeptIndex, settings: Settings, clock: FakeClock
) -> None:
    """A database that is away comes back with what it had."""
    await kept.tick()
    await kept.mend(StateUnavailable("away"))
    assert await n_indexed(settings) > 0
    await kept.mend(IndexBroken("broken"))
    assert await n_indexed(settings) == 0
    await kept.tick()
    await kept.mend(IndexBroken("broken"))
    assert await n_indexed(settings) > 0
    clock.now_us += indexing.MADE_ANEW_EVERY_US
    await kept.mend(IndexBroken("broken"))
    assert await n_indexed(settings) == 0


async def test_a_building_that_was_killed_is_gone_on_with(kept: KeptIndex, settings: Settings) -> None:
    """And the indexes of the tables that it left out are made."""
    async with opened_index(settings) as index:
        await index.drop_indexes()
    assert await kept.tick() == ()
    async with opened_index(settings) as index:
        assert (await check(index, settings.state / "log")).is_same


async def test_one_whose_rebuilding_was_killed_while_it_stood_aside_has_its_indexes_again(
    kept: KeptIndex, settings: Settings
) -> None:
    """Although it had the index open all the time; while it stands aside it makes none."""
    await kept.tick()
    async with opened_index(settings) as index:
        with written_alone(settings.state):
            await index.clear()
            await index.drop_indexes()
            assert await kept.tick() == ()
            assert await _n_indexes(index) == 0
        assert await kept.tick() == ()
        assert await _n_indexes(index) == len(log_entry.indexes)
        assert (await check(index, settings.state / "log")).is_same


async def _n_indexes(index: LogIndex) -> int:
    schema = None if index.base.is_sqlite else INDEX_SCHEMA
    async with index.base.connect() as connection:
        found = await connection.run_sync(lambda one: inspect(one).get_indexes("log_entry", schema=schema))
    return len(found)


async def test_one_that_was_removed_beneath_it_is_opened_again(kept: KeptIndex, settings: Settings) -> None:
    """It would go on writing a file that nobody can find."""
    await kept.tick()
    await remove_index(index_place(settings))
    assert await n_indexed(settings) == 0
    await kept.tick()
    assert await n_indexed(settings) > 0
