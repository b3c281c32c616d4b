# SPDX-License-Identifier: Apache-2.0
"""One scrape gives the whole of a gateway of several processes; crashes and restarts lose no count and double none."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.app.making import make_installation
from gateway.domain.entry import Release
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.processes import Kept, Served, ended, gateway_served
from tests.fakes.wire import request, until
from tests.story.test_restart import call_of

pytestmark = pytest.mark.alone

Samples = dict[tuple[str, ...], float]


@pytest.fixture
async def store() -> AsyncIterator[GatedStore]:
    """A store that outlives every process of the gateway."""
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(7)))
        yield store


@pytest.fixture
def settings(tmp_path: Path, store: GatedStore) -> Settings:
    """An installation whose remarks are objects."""
    return make_installation(
        tmp_path / "state",
        {
            "listen": {"port": 0},
            "stores": {"crm": {"base_url": f"http://127.0.0.1:{store.port}/crm"}},
            "passwords": {"memory_kib": 64, "time_cost": 1},
            "log": {"least_free_bytes": 0, "least_free_percent": 0},
            "remarks": {"format": "json"},
        },
    )


async def asked(served: Served, call: bytes, n: int) -> None:
    """Give a call so many times, each on a connection of its own, so that any door may get it."""
    for _ in range(n):
        kept = Kept(*await asyncio.open_connection("127.0.0.1", served.port))
        assert (await kept.ask(call)).status == 200
        await kept.close()


async def scraped(served: Served) -> Samples:
    """Return what a door tells of all."""
    kept = Kept(*await asyncio.open_connection("127.0.0.1", served.port))
    heard = await kept.ask(request("/-/metrics", {}))
    await kept.close()
    assert heard.status == 200
    families = text_string_to_metric_families(heard.body.decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def permitted(found: Samples) -> float:
    return sum(n for key, n in found.items() if key[0] == "gateway_calls_total" and "permit" in key)


def slots(found: Samples, name: str) -> set[str]:
    return {key[-1] for key in found if key[0] == name}


async def test_counts_outlive_crashes_restarts_and_upgrades(settings: Settings) -> None:
    """At every moment they are what the logs of all doors hold, whichever door tells them."""
    call = await call_of(settings)
    async with gateway_served(settings, "--workers", "2") as served:
        await asked(served, call, 6)
        assert permitted(await scraped(served)) == 6

        gone = served.kill("door-0")
        await served.another("door-0", gone)
        await asked(served, call, 3)
        assert permitted(await scraped(served)) == 9

        await _restarted(served)
        await asked(served, call, 4)
        found = await scraped(served)
        assert permitted(found) == 13
        assert found["gateway_rows_released_total", "crm", "read"] == 13 * 7
        assert slots(found, "gateway_process_resident_bytes") <= {"door-0", "door-1", "worker"}
        assert await ended(served) == 0
    logs = settings.state / "log"
    bodies = [one.line.body for slot in ("door-0", "door-1", "door-2") for one in records(logs / slot)]
    assert sum(isinstance(body, Release) for body in bodies) == 13
    remarks = [json.loads(line) for line in served.remarks.splitlines()]
    assert [one["event"] for one in remarks if one["slot"] == "supervisor"][-1] == "restarted"


async def _restarted(served: Served) -> None:
    served.process.send_signal(signal.SIGUSR1)
    await until(lambda: '"event":"restarted"' in served.remarks, timeout_s=60)


async def test_every_process_tells_of_itself(settings: Settings) -> None:
    """Within a few seconds of the start; a new start counts from nothing."""
    async with gateway_served(settings, "--workers", "2") as served:
        found: Samples = {}
        for _ in range(100):
            found = await scraped(served)
            if len(slots(found, "gateway_log_size_entries")) == 3:
                break
            await asyncio.sleep(0.1)
        assert slots(found, "gateway_log_size_entries") == {"door-0", "door-1", "worker"}
        assert slots(found, "gateway_change_feed_timestamp_seconds") == {"door-0", "door-1"}
        assert slots(found, "gateway_disk_free_bytes") == {"worker"}
        assert found["gateway_series_dropped_total",] == 0
        assert permitted(found) == 0
