# SPDX-License-Identifier: Apache-2.0
"""Looks at a process: what the worker tells of a copied database, and that an end is not waited out."""

import asyncio
from pathlib import Path

from gateway.app.installation import open_installation
from gateway.app.making import make_installation
from gateway.app.serving.sampling import Sampler
from gateway.app.signals.exposition import told
from gateway.app.signals.meters import Meters
from gateway.app.signals.page import Region
from gateway.app.slots import WORKER_SLOT
from gateway.store.meta import BACKED_UP
from tests.fakes.wire import until


async def test_the_worker_tells_of_copies_and_of_the_disk(tmp_path: Path) -> None:
    """A base that was never copied is not told at all: a moment of 1970 would be a lie."""
    settings = make_installation(tmp_path / "state", {"log": {"least_free_bytes": 7, "least_free_percent": 0}})
    region = Region.alone()
    async with open_installation(settings, WORKER_SLOT, with_rules=False) as rooms:
        await rooms.meta.write(BACKED_UP + "main", "1750000000000000")
        sampler = Sampler(Meters(region), rooms).as_worker()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(sampler.run(stop))
            await until(lambda: "gateway_backup_timestamp_seconds{" in told({"worker": region}))
            stop.set()
    text = told({"worker": region})
    assert 'gateway_backup_timestamp_seconds{base="main",slot="worker"} 1750000000.0\n' in text
    assert 'base="keys"' not in text
    assert 'gateway_disk_least_free_bytes{slot="worker"} 7.0\n' in text
    assert "gateway_connections_open{" not in text
