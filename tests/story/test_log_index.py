# SPDX-License-Identifier: Apache-2.0
"""The index of the log in a running gateway: the worker keeps it up, and nothing that befalls it stops anybody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.app.index.building import check, opened_index, states
from gateway.app.installation import Rooms, open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.log_query import LogRow
from gateway.settings.loading import Settings
from gateway.store.engine import INDEX_FILE
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.processes import Served, gateway_served
from tests.fakes.wire import request, until
from tests.story.conftest import ANALYST
from tests.story.test_workers import content_of

PASSWORD = "the index is derived"


class Gateway:
    """A running gateway with one analyst."""

    def __init__(self, served: Served, rooms: Rooms, settings: Settings) -> None:
        self.served, self.rooms, self.settings = served, rooms, settings

    async def call(self) -> str:
        """Ask for contacts and return the decision."""
        told = await issue_locally(self.rooms, "analyst", signed_in_ago_us=0, by="local:test")
        headers = {"Authorization": f"Bearer {told}", "Data-Purpose": ANALYST, "Data-Reference": "s-1"}
        heard = await (await self.served.connected("door-0")).ask(request("/crm/contacts", headers))
        assert heard.status == 200
        return heard.headers["decision-id"]

    async def indexed(self, call: str) -> LogRow:
        """Return the first entry of a decision once it is in the index."""
        async with opened_index(self.settings) as index:
            async with asyncio.timeout(30):
                while not (found := await index.first_of("door-0", [call])):  # noqa: ASYNC110 - nobody tells of it
                    await asyncio.sleep(0.02)
        return found[call]


@asynccontextmanager
async def _gateway(place: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    state = Path(place) if "://" not in place else tmp_path / "state"
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(3)))
        settings = make_installation(state, content_of(place, store.port))
        async with open_installation(settings, "cli") as rooms:
            await enrol_at_once(rooms, "analyst", PASSWORD, roles=("analyst",), recipient="own", by="local:test")
            async with gateway_served(settings) as served:
                yield Gateway(served, rooms, settings)


def _is_database(path: Path) -> bool:
    return path.exists() and path.read_bytes()[:6] == b"SQLite"


@pytest.fixture
async def gateway(place: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway on either engine."""
    async with _gateway(place, tmp_path) as gateway:
        yield gateway


async def test_a_call_is_soon_in_the_index(gateway: Gateway) -> None:
    """With who, for what and how much; a worker that is killed leaves off nothing and doubles nothing."""
    call = await gateway.call()
    row = await gateway.indexed(call)
    assert (row.kind, row.decision, row.purpose, row.dataset) == ("release", "permit", ANALYST, "crm.contacts")
    assert (row.rows, row.reference, row.place) == (3, "s-1", "127.0.0.1")

    gone = gateway.served.kill("worker")
    second = await gateway.call()
    await gateway.served.another("worker", gone)
    await gateway.indexed(second)
    async with opened_index(gateway.settings) as index:
        assert (await check(index, gateway.settings.state / "log")).differences == ()
        slots = {one.slot for one in await states(index, gateway.settings.state / "log")}
    assert {"door-0", "cli", "worker"} <= slots


async def test_an_index_that_is_broken_while_it_is_in_use_is_made_anew(tmp_path: Path) -> None:
    """No call waits for it or fails for it; the worker says so and builds another."""
    state = tmp_path / "state"
    state.mkdir()
    async with _gateway(str(state), tmp_path) as gateway:
        await gateway.indexed(await gateway.call())
        for end in ("", "-wal", "-shm"):
            (state / f"{INDEX_FILE}{end}").unlink(missing_ok=True)
        (state / INDEX_FILE).write_bytes(b"no database at all" * 4_000)

        gone = gateway.served.kill("worker")
        call = await gateway.call()
        await gateway.served.another("worker", gone)
        await until(lambda: "the index of the log" in gateway.served.remarks, timeout_s=30)
        await until(lambda: _is_database(state / INDEX_FILE), timeout_s=30)
        await gateway.indexed(call)
