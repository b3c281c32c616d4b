# SPDX-License-Identifier: Apache-2.0
"""Attack: kill -9 of a serving process while writes are on their way to a store, again and again."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import msgspec
import pytest

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.entry import End, Intent, Refused, Release
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from tests.attack.test_kill_serving import called_again_and_again, serving
from tests.fakes.raw_store import RawStore, Reply, json_reply
from tests.fakes.wire import Heard, request
from tests.story.conftest import SUPPORT

pytestmark = pytest.mark.alone

CALLERS = 4
CYCLES = 3
REFEREE_CYCLES = 40
RECORD = msgspec.json.encode({"id": "c-000001", "name": "Eve", "city": "Ulm", "birth_date": "1980-05-01"})


async def installed(place: Path, port: int) -> Settings:
    """Return an installation with an agent, before a store at a port."""
    content = {
        "installation": "killed",
        "listen": {"port": 0},
        "stores": {"crm": {"base_url": f"http://127.0.0.1:{port}/crm"}},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0},
    }
    made = make_installation(place, content)
    async with open_installation(made, "cli") as rooms:
        await enrol_at_once(
            rooms, "agent", "agent correct horse battery", roles=("service-agent",), recipient="own", by="local:test"
        )
    return made


async def killed_once(settings: Settings, after_s: float) -> list[Heard]:
    """Start, let callers write, kill; return what they heard."""
    async with open_installation(settings, "cli") as rooms:
        bearer = await issue_locally(rooms, "agent", signed_in_ago_us=0, by="local:test")
    told = {
        "Authorization": f"Bearer {bearer}",
        "Data-Purpose": SUPPORT,
        "Content-Type": "application/merge-patch+json",
    }
    call = request("/crm/customers/c-000001", told, method="PATCH", body=b'{"city":"Ulm"}')
    heard: list[Heard] = []
    async with serving(settings) as (process, port, _), asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(called_again_and_again(port, call, heard))
        await asyncio.sleep(after_s)
        os.kill(process.pid, signal.SIGKILL)
    return heard


def written_at(store: RawStore) -> list[str]:
    """Return the decisions whose writes the store saw, by their traces."""
    found = []
    for head in store.heads:
        if head.startswith(b"PATCH "):
            [trace] = [line for line in head.split(b"\r\n") if line.lower().startswith(b"traceparent:")]
            found.append(trace.split(b"-")[1].decode())
    return found


async def killed_many_times(place: Path, n_cycles: int) -> None:
    """Kill and start; each write that the store saw was intended before, once, and each intent has one end."""
    rng, heard = random.Random(11), list[Heard]()

    def script(_: int) -> Reply:
        return json_reply(RECORD)

    async with RawStore(script) as store:
        settings = await installed(place, store.port)
        for _ in range(n_cycles):
            heard += [one for one in await killed_once(settings, rng.uniform(0.2, 0.8)) if one.status]
            assert verify_logs(settings.state / "log").is_right
        async with serving(settings) as (process, _, _):
            process.terminate()
            await process.wait()
        sent = written_at(store)

    assert verify_logs(settings.state / "log").is_right
    entries = [(record.line.body, record.part) for record in records(settings.state / "log" / "door-0")]
    intents = {body.call: part for body, part in entries if isinstance(body, Intent)}
    bodies = [body for body, _ in entries]
    ended = {body.call for body in bodies if isinstance(body, Release) and body.last}
    ended |= {body.call for body in bodies if isinstance(body, Refused | End)}
    unknown = {body.call for body in bodies if isinstance(body, End) and body.how == "unknown"}
    assert len(sent) == len(set(sent))
    assert set(sent) <= intents.keys()
    assert intents.keys() <= ended
    assert all(part is not None and part.met for part in intents.values())
    for one in heard:
        assert one.status == 200
        assert one.headers["decision-id"] in intents
    assert heard
    sys.stdout.write(
        f"{n_cycles} kills, {len(sent)} writes at the store, {len(heard)} answers seen, {len(unknown)} ends unknown\n"
    )


async def test_a_write_that_a_store_saw_is_in_the_log_after_a_kill(tmp_path: Path) -> None:
    """A few kills."""
    await killed_many_times(tmp_path / "state", CYCLES)


@pytest.mark.referee
async def test_a_write_that_a_store_saw_is_in_the_log_after_many_kills(tmp_path: Path) -> None:
    """Many kills."""
    await killed_many_times(tmp_path / "state", REFEREE_CYCLES)
