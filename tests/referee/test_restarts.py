# SPDX-License-Identifier: Apache-2.0
"""Long runs of restarts and crashes under load. What was measured is printed; `make referee ARGS=-s` shows it."""

import asyncio
import random
import sys
import time
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.record.proof.verify import verify_logs
from gateway.settings.loading import Settings
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.processes import KeptCaller, Served, ended, gateway_served
from tests.fakes.wire import called, request, until
from tests.referee.numbers import DOOR_KILLS, READY_WITHIN_S, RESTARTS, STARTS
from tests.story.conftest import ANALYST

pytestmark = pytest.mark.referee

N_CALLERS = 8


def settings_of(state: Path, store_port: int) -> Settings:
    """Return the settings of a new installation before a store."""
    content = {
        "installation": "restarts",
        "listen": {"port": 0},
        "stores": {"crm": {"base_url": f"http://127.0.0.1:{store_port}/crm"}},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    return make_installation(state, content)


async def call_of(settings: Settings) -> bytes:
    """Return a call for contacts, good for five minutes."""
    async with open_installation(settings, "cli") as rooms:
        if await rooms.accounts.named("analyst") is None:
            password = "analyst correct horse battery"
            await enrol_at_once(rooms, "analyst", password, roles=("analyst",), recipient="own", by="local:test")
        told = await issue_locally(rooms, "analyst", signed_in_ago_us=0, by="local:test")
    return request("/crm/contacts", {"Authorization": f"Bearer {told}", "Data-Purpose": ANALYST})


async def is_ready(served: Served) -> bool:
    """Tell whether a new connection is answered as ready."""
    return (await called(served.port, request("/-/readyz", {}))).status == 200


def told(what: str, times_s: list[float]) -> None:
    """Print what was measured."""
    middle = sorted(times_s)[len(times_s) // 2]
    sys.stdout.write(f"{what}: {len(times_s)} times, {middle:.2f} s in the middle, {max(times_s):.2f} s at most\n")


async def test_restarts_under_load_fail_no_call(tmp_path: Path) -> None:
    """Callers that keep their connections as long as answers let them never see a failure."""
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(200)))
        settings = settings_of(tmp_path / "state", store.port)
        callers = [KeptCaller(await call_of(settings)) for _ in range(N_CALLERS)]
        took_s = []
        async with gateway_served(settings, "--workers", "2") as served:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for place, caller in enumerate(callers):
                    group.create_task(caller.run(served.port, stop, pause_s=0.005 * place))
                for number in range(RESTARTS.of(referee=True)):
                    started_s = time.monotonic()
                    await served.restarted(number + 1)
                    took_s.append(time.monotonic() - started_s)
                stop.set()
            assert await ended(served) == 0
    n_answers = sum(len(caller.answers) for caller in callers)
    told(f"restart of two doors and the worker under {n_answers} calls", took_s)
    assert [caller.failures for caller in callers] == [[]] * N_CALLERS
    assert all(heard.status == 200 for caller in callers for heard in caller.answers)
    assert verify_logs(settings.state / "log").is_right


async def test_a_killed_door_is_ready_again(tmp_path: Path) -> None:
    """The one door of a gateway is killed under load; a new connection is answered as ready by the next one."""
    rng, took_s = random.Random(7), list[float]()
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(200)))
        settings = settings_of(tmp_path / "state", store.port)
        callers = [KeptCaller(await call_of(settings)) for _ in range(N_CALLERS)]
        async with gateway_served(settings) as served:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for caller in callers:
                    group.create_task(caller.run(served.port, stop, pause_s=0.005))
                for _ in range(DOOR_KILLS.of(referee=True)):
                    await asyncio.sleep(rng.uniform(0.1, 1.0))
                    started_s = time.monotonic()
                    gone = served.kill("door-0")
                    await served.another("door-0", gone)
                    assert await is_ready(served)
                    took_s.append(time.monotonic() - started_s)
                stop.set()
            assert await ended(served) == 0
    told("kill -9 of the door to ready", took_s)
    assert max(took_s) < READY_WITHIN_S
    assert verify_logs(settings.state / "log").is_right


async def test_a_killed_gateway_starts_again(tmp_path: Path) -> None:
    """The supervisor is killed and everything with it; a new start is ready in time."""
    took_s = []
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(200)))
        settings = settings_of(tmp_path / "state", store.port)
        call = await call_of(settings)
        async with gateway_served(settings, "--workers", "2"):
            pass
        for _ in range(STARTS.of(referee=True)):
            async with gateway_served(settings, "--workers", "2") as served:
                took_s.append(served.ready_s)
                assert (await called(served.port, call)).is_whole
                children = served.children()
                served.process.kill()
                await served.process.wait()
                await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()))  # noqa: B023
    told("start of two doors and the worker after kill -9 of all", took_s)
    assert max(took_s) < READY_WITHIN_S
    assert verify_logs(settings.state / "log").is_right
