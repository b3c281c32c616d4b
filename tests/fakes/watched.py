# SPDX-License-Identifier: Apache-2.0
"""A gateway that counts, on a real socket, and what a watcher reads of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from gateway.app.doors import connections_of, http_door
from gateway.app.installation import open_installation
from gateway.app.roads import open_stores
from gateway.app.serving.sampling import Sampler
from gateway.app.serving.serve import server_config
from gateway.app.signals.metering import signals_of
from gateway.app.signals.page import Page
from gateway.app.slots import DOOR_SLOT
from gateway.demo.people import Customer
from gateway.settings.loading import Settings
from tests.story.conftest import World, _serving, fill

JSON = "application/json"


class Watched:
    """A world whose gateway counts, and its numbers."""

    def __init__(self, world: World, sampler: Sampler) -> None:
        """Keep both."""
        self.world, self.sampler = world, sampler

    async def scrape(self) -> dict[tuple[str, ...], float]:
        """Return the samples that a scrape gives, by name and values of labels."""
        reply = await self.world.get("/-/metrics")
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        families = text_string_to_metric_families(reply.body.decode())
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


@asynccontextmanager
async def watching(
    settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path
) -> AsyncIterator[Watched]:
    """Open a door that counts until the block ends."""
    async with open_installation(settings, DOOR_SLOT) as rooms, open_stores(settings) as stores:
        signals, stop = signals_of(Page.new(), DOOR_SLOT), asyncio.Event()
        app, connections = http_door(rooms, stores, signals), connections_of(rooms)
        sampler = Sampler(signals.meters, rooms).as_door(stores, connections).as_worker()
        async with asyncio.TaskGroup() as group:
            group.create_task(rooms.changes.run(stop))
            group.create_task(rooms.counting.run(stop))
            async with _serving(server_config(app, connections)) as port:
                await fill(rooms, crowd)
                yield Watched(World(rooms, port, store_port, crowd, tmp_path / "wire.log"), sampler)
            stop.set()
