# SPDX-License-Identifier: Apache-2.0
"""Restarts, upgrades and crashes of a gateway of several processes, under callers that never stop."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.entry import Closed, End, Release, RulesInForce, RulesRefused
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.processes import KeptCaller, ended, gateway_served, installed_environment
from tests.fakes.wire import called, calling, request, until
from tests.story.conftest import ANALYST

pytestmark = pytest.mark.alone

ROWS = 40
MOST_READY_S = 10.0
"""A bound for tests on any machine; what it takes is measured by `tests/referee/test_restarts.py`."""


@pytest.fixture
async def store() -> AsyncIterator[GatedStore]:
    """A store that outlives every process of the gateway."""
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(ROWS)))
        yield store


@pytest.fixture
def served_settings(tmp_path: Path, store: GatedStore) -> Settings:
    """An installation on a port that its start chooses."""
    return make_installation(
        tmp_path / "state",
        {
            "installation": "restarted",
            "listen": {"port": 0},
            "stores": {"crm": {"base_url": f"http://127.0.0.1:{store.port}/crm"}},
            "passwords": {"memory_kib": 64, "time_cost": 1},
            "log": {"least_free_bytes": 0, "least_free_percent": 0},
        },
    )


async def call_of(settings: Settings) -> bytes:
    """Return a call for contacts by a new analyst."""
    async with open_installation(settings, "cli") as rooms:
        await enrol_at_once(
            rooms, "analyst", "analyst correct horse battery", roles=("analyst",), recipient="own", by="local:test"
        )
        told = await issue_locally(rooms, "analyst", signed_in_ago_us=0, by="local:test")
    return request("/crm/contacts", {"Authorization": f"Bearer {told}", "Data-Purpose": ANALYST})


def kinds(settings: Settings, slot: str) -> list[type]:
    """Return the kinds of entries of a log."""
    return [type(record.line.body) for record in records(settings.state / "log" / slot)]


async def restarted_under_load(settings: Settings, n_callers: int, n_times: int) -> list[KeptCaller]:
    """Restart so many times under callers; return them."""
    call = await call_of(settings)
    callers = [KeptCaller(call) for _ in range(n_callers)]
    async with gateway_served(settings, "--workers", "2") as served:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for place, caller in enumerate(callers):
                group.create_task(caller.run(served.port, stop, pause_s=0.01 * (place % 4)))
            await until(lambda: all(caller.answers for caller in callers))
            for number in range(n_times):
                before = served.children()
                await served.restarted(number + 1)
                after = served.children()
                assert not set(before.values()) & set(after.values())
                assert set(after) == {"door-0", "door-1", "worker"}, served.remarks
            stop.set()
        assert await ended(served) == 0
    return callers


async def test_a_restart_fails_no_call(served_settings: Settings) -> None:
    """Every process is another one afterwards, and every caller has had whole answers alone."""
    callers = await restarted_under_load(served_settings, n_callers=6, n_times=1)

    assert [caller.failures for caller in callers] == [[]] * len(callers)
    assert all(caller.n_connections > 1 for caller in callers)
    n_answers = sum(len(caller.answers) for caller in callers)
    slots = ("door-0", "door-1", "door-2")
    assert sum(kinds(served_settings, slot).count(Release) for slot in slots) == n_answers
    assert all(kinds(served_settings, slot)[-1] is Closed for slot in (*slots, "worker"))
    assert verify_logs(served_settings.state / "log").is_right


async def test_a_process_that_dies_is_replaced_and_all_of_them_end_with_their_supervisor(
    served_settings: Settings,
) -> None:
    """Kill a door, the worker and at last the supervisor; a new start is ready and the logs verify."""
    call = await call_of(served_settings)
    async with gateway_served(served_settings, "--workers", "2") as served:
        for slot in ("door-0", "worker"):
            again_s = await served.another(slot, served.kill(slot))
            assert again_s < MOST_READY_S
        assert (await called(served.port, call)).is_whole
        orphans = served.children()
        served.process.kill()
        await served.process.wait()
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans.values()))
    assert verify_logs(served_settings.state / "log").is_right
    # One door fewer: the log of the one that was killed and is not started any more is closed by the worker.
    async with gateway_served(served_settings) as served:
        assert (await called(served.port, call)).is_whole
        await until(lambda: kinds(served_settings, "door-1")[-1] is Closed)
        assert set(served.children()) == {"door-0", "worker"}
        assert await ended(served) == 0
    assert verify_logs(served_settings.state / "log").is_right


async def test_what_cannot_start_ends_with_its_words_and_what_runs_goes_on(served_settings: Settings) -> None:
    """Broken rules end a start by exit 1, broken settings one by 2; neither harms what runs by better ones."""
    grants, file = served_settings.policies_dir / "grants.csv", served_settings.state / "gateway.yaml"
    good_grants, good_file = grants.read_text(), file.read_text()
    call = await call_of(served_settings)
    async with gateway_served(served_settings) as served:
        before = kinds(served_settings, "door-0").count(RulesInForce)
        grants.write_text("nonsense")
        served.process.send_signal(signal.SIGHUP)
        await until(lambda: RulesRefused in kinds(served_settings, "door-0"))
        await served.another("door-0", served.kill("door-0"))
        assert (await called(served.port, call)).status == 200
        assert served.remarks.count("rules stay as they were") >= 2
        file.write_text(good_file + "nonsense: 1\n")
        served.process.send_signal(signal.SIGUSR1)
        await until(lambda: "not restarted" in served.remarks)
        assert (await called(served.port, request("/-/readyz", {}))).status == 200
        assert kinds(served_settings, "door-0").count(RulesInForce) == before
        assert await ended(served) == 0
    assert await failed_start(served_settings) == (2, "nonsense")
    file.write_text(good_file)
    assert await failed_start(served_settings) == (1, "grants.csv:1")
    grants.write_text(good_grants)


async def failed_start(settings: Settings) -> tuple[int | None, str]:
    """Return the exit code of a start that must fail, and which of the expected words it told."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "serve", "--state", str(settings.state),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=installed_environment(),
    )  # fmt: skip
    async with asyncio.timeout(30):
        out, told = await process.communicate()
    assert out == b""
    return process.returncode, next(word for word in ("nonsense", "grants.csv:1") if word in told.decode())


async def test_a_call_under_way_is_finished_before_a_door_ends(served_settings: Settings, store: GatedStore) -> None:
    """SIGTERM during an answer: it comes whole, says nothing of a close, and its log is closed behind it."""
    call = await call_of(served_settings)
    store.answers(in_pieces(contacts(9_000), 4_500), is_open=False)
    async with gateway_served(served_settings) as served:
        door = served.children()["door-0"]
        async with calling(served.port, call) as caller:
            await until(lambda: store.n_waiting > 0)
            store.let_through()
            await caller.until(lambda heard: len(heard.body) > 100)
            served.process.terminate()
            await until(lambda: not accepts(served.port))
            os.kill(door, 0)
            store.let_through(2)
            heard = await caller.to_the_end()
        assert await ended(served) == 0
    assert heard.is_whole
    assert End not in kinds(served_settings, "door-0")
    assert kinds(served_settings, "door-0")[-1] is Closed


def accepts(port: int) -> bool:
    """Tell whether a connection is taken."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
