# SPDX-License-Identifier: Apache-2.0
"""Whoever watches a gateway sees how it is and what it did."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.demo.people import Customer
from gateway.domain.entry import Answered, Refused, Release
from gateway.settings.loading import Settings
from tests.fakes.watched import JSON, Watched, watching
from tests.story.conftest import ANALYST, EMAIL


@pytest.fixture
def place(sqlite_template: Path, tmp_path: Path) -> str:
    """Files: what is asked of a database server is tested where that is (``tests/unit/store/test_meta.py``)."""
    return str(shutil.copytree(sqlite_template, tmp_path / "state"))


@pytest.fixture
async def watched(settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path) -> AsyncIterator[Watched]:
    """A gateway that counts."""
    async with watching(settings, store_port, crowd, tmp_path) as watched:
        yield watched


async def test_a_scrape_tells_what_the_log_tells(watched: Watched) -> None:
    """Calls by decision, rows, bytes, entries: the same numbers."""
    world = watched.world
    for path, role, purpose in (
        ("/crm/customers?limit=50", "analyst", ANALYST),
        ("/crm/customers?limit=3", "campaigner", EMAIL),
        ("/crm/customers?limit=3&religion=none", "analyst", ANALYST),
        ("/crm/nothing", "analyst", ANALYST),
    ):
        await world.get(path, role, purpose)
    await world.get("/crm/customers")
    found = await watched.scrape()
    bodies = [body for body, _ in world.entries()]
    releases = [one for one in bodies if isinstance(one, Release)]
    refusals = [one for one in bodies if isinstance(one, Refused)]
    calls = {key[1:]: n for key, n in found.items() if key[0] == "gateway_calls_total"}
    assert sum(n for labels, n in calls.items() if labels[3] == "permit") == len({one.call for one in releases}) == 2
    assert sorted(labels[4] for labels in calls if labels[3] == "deny") == sorted({one.reason for one in refusals})
    assert calls["crm", "read", ANALYST, "permit", ""] == 1
    assert found["gateway_rows_released_total", "crm", "read"] == sum(one.rows for one in releases)
    assert found["gateway_bytes_released_total", "crm", "read"] == sum(one.bytes for one in releases)
    assert found["gateway_log_entries_total", "release"] == len(releases)
    assert found["gateway_store_seconds_count", "crm"] == 2
    assert found["gateway_own_seconds_count", "read"] >= 2


async def test_the_time_of_a_slow_store_is_not_the_gateways(watched: Watched) -> None:
    """The own part of a call is less than what the whole call took, by the store's part."""
    for _ in range(5):
        await watched.world.get("/crm/customers?limit=50", "analyst", ANALYST)
    found = await watched.scrape()
    assert 0 < found["gateway_own_seconds_sum", "read"] < 5
    assert 0 < found["gateway_store_seconds_sum", "crm"] < 5


async def test_a_scrape_is_entered_as_a_count(watched: Watched) -> None:
    """Nothing is exempt from the log."""
    for _ in range(3):
        await watched.scrape()
    await watched.world.rooms.counting.flush(answers=True)
    counts = [body.counts for body, _ in watched.world.entries() if isinstance(body, Answered)]
    assert sum(one.get("metrics", 0) for one in counts) == 3
    watched.sampler.sample()
    assert (await watched.scrape())["gateway_own_answers_total", "metrics"] == 3


async def test_gauges_tell_how_the_process_is(watched: Watched) -> None:
    """Every look gives every number that a door and the worker have."""
    watched.sampler.sample()
    await watched.sampler.ask()
    found = {name: value for (name, *_), value in (await watched.scrape()).items()}
    now_s = watched.world.rooms.clock() / 1e6
    for name in ("change_feed", "rules_in_force", "process_start"):
        assert now_s - 60 < found[f"gateway_{name}_timestamp_seconds"] <= now_s
    assert found["gateway_log_size_entries"] > 0
    assert found["gateway_log_takes_entries"] == 1
    assert found["gateway_process_resident_bytes"] > 1e7
    assert found["gateway_store_breaker"] == 0
    assert found["gateway_store_calls_most"] == 64
    assert found["gateway_disk_size_bytes"] > found["gateway_disk_free_bytes"] > 0
    assert found["gateway_connections_open"] >= 0
    assert found["gateway_connections_most"] == 1000
    assert "gateway_clock_skew_seconds" not in found


async def test_readiness_tells_watchers_why_not(watched: Watched) -> None:
    """In words of a closed list; without JSON it stays the word that it was."""
    world, rooms = watched.world, watched.world.rooms
    assert (await world.get("/-/readyz", Accept=JSON)).json == {"status": "ready", "reasons": [], "degraded": []}
    rooms.policy.are_newer_refused = True
    degraded = await world.get("/-/readyz", Accept=JSON)
    assert (degraded.status, degraded.json["degraded"]) == (200, ["rules"])
    rooms.log._trouble = "the disk of the log refused: No space left on device"
    failed = await world.get("/-/readyz", Accept=JSON)
    plain = await world.get("/-/readyz")
    rooms.log._trouble = None
    assert (failed.status, failed.json["status"], failed.json["reasons"]) == (503, "not ready", ["log-unavailable"])
    assert (plain.status, plain.body) == (503, b"not ready\n")
    assert b"space" not in failed.body
