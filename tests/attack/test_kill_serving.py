# SPDX-License-Identifier: Apache-2.0
"""Attack: kill -9 of a serving process in the middle of long answers, again and again."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.making import enrol_at_once, issue_locally, make_installation
from gateway.domain.entry import End, Release
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.wire import AnswerParser, Heard, request, until
from tests.story.conftest import ANALYST

pytestmark = pytest.mark.alone

ROWS = 12_000
CALLERS = 6


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store with many rows, which outlives the gateway."""
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(ROWS), *range(2_000, ROWS, 2_000)))
        yield store


@pytest.fixture
async def settings(tmp_path: Path, gated: GatedStore) -> Settings:
    """An installation with an analyst, on a port that each start chooses."""
    content = {
        "installation": "killed",
        "listen": {"port": 0},
        "stores": {"crm": {"base_url": f"http://127.0.0.1:{gated.port}/crm"}},
        "passwords": {"memory_kib": 64, "time_cost": 1},
        "log": {"least_free_bytes": 0, "least_free_percent": 0, "segment_bytes": 200_000},
    }
    made = make_installation(tmp_path / "state", content)
    async with open_installation(made, "cli") as rooms:
        await enrol_at_once(
            rooms, "analyst", "analyst correct horse battery", roles=("analyst",), recipient="own", by="local:test"
        )
    return made


async def bearer(settings: Settings) -> str:
    """Return a bearer for the analyst."""
    async with open_installation(settings, "cli") as rooms:
        told = await issue_locally(rooms, "analyst", signed_in_ago_us=0, by="local:test")
    assert told is not None
    return told


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple["asyncio.subprocess.Process", int, float]]:
    """Start the gateway as its own process; yield it with its port and the seconds until it answered as ready."""
    started_s = time.monotonic()
    command = (sys.executable, "-m", "gateway", "serve", "--state", str(settings.state))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = (await process.stdout.readline()).decode()
        port = int(line.rsplit(":", 1)[1])
        async with asyncio.timeout(10):
            while (await heard_until_cut(port, request("/-/readyz", {}))).status != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield process, port, time.monotonic() - started_s
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def heard_until_cut(port: int, content: bytes, heard: list[Heard] | None = None) -> Heard:
    """Return what comes of an answer, however its connection ends; a list gets it before its first byte."""
    parser = AnswerParser()
    if heard is not None:
        heard.append(parser.heard)
    with suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(content)
        while not parser.heard.is_whole and (piece := await reader.read(1 << 16)):
            parser.feed(piece)
        writer.close()
    return parser.heard


async def called_again_and_again(port: int, call: bytes, heard: list[Heard]) -> None:
    """Call until the process is gone."""
    while True:
        one = await heard_until_cut(port, call, heard)
        if not one.n_raw_bytes:
            return


async def an_answer_stands(gated: GatedStore, heard: list[Heard]) -> None:
    """Return when somebody has the beginning of an answer whose end the store keeps, whatever the others do."""
    n_before = len(heard)
    gated.n_free, gated.is_open = len(gated.pieces) - 1, False

    def stands() -> bool:
        # An answer from before may have its end on its way, unless all of them wait for theirs.
        kept = heard if gated.n_waiting == CALLERS else heard[n_before:]
        return any(one.body and not one.is_whole for one in kept)

    await until(stands, timeout_s=30)


async def killed_once(settings: Settings, gated: GatedStore, after_s: float) -> tuple[list[Heard], float]:
    """Start, let callers take long answers, kill in one; return what they heard and how long the start took."""
    call = request("/crm/contacts", {"Authorization": "Bearer " + await bearer(settings), "Data-Purpose": ANALYST})
    heard: list[Heard] = []
    async with serving(settings) as (process, port, ready_s), asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(called_again_and_again(port, call, heard))
        # On a busy machine the first answer may take longer than the time after which it is killed.
        await until(lambda: any(one.is_whole for one in heard), timeout_s=30)
        await asyncio.sleep(after_s)
        await an_answer_stands(gated, heard)
        os.kill(process.pid, signal.SIGKILL)
    gated.is_open = True
    gated.let_through(gated.n_waiting)
    await until(lambda: gated.n_waiting == 0)
    return heard, ready_s


def assert_all_is_in_the_log(settings: Settings, heard: list[Heard]) -> None:
    """Every answer of which a byte was seen has entries for at least the bytes that were seen, and an end."""
    released: dict[str, list[Release]] = {}
    ends: dict[str, End] = {}
    for record in records(settings.state / "log" / "door-0"):
        body = record.line.body
        if isinstance(body, Release):
            assert record.part is not None
            assert record.part.people
            released.setdefault(body.call, []).append(body)
        elif isinstance(body, End):
            ends[body.call] = body
    for one in heard:
        call = one.headers.get("decision-id", "")
        assert one.status == 200
        assert sum(entry.bytes for entry in released[call]) >= len(one.body)
        assert one.is_whole <= released[call][-1].last
    for call, entries in released.items():
        assert entries[-1].last or ends[call].how == "unknown"


async def killed_many_times(settings: Settings, gated: GatedStore, n_cycles: int) -> None:
    """Kill and start; the log verifies after each kill and says all that was seen."""
    rng, heard, ready = random.Random(5), list[Heard](), list[float]()
    for _ in range(n_cycles):
        told, ready_s = await killed_once(settings, gated, rng.uniform(0.2, 1.2))
        heard += [one for one in told if one.status]
        ready.append(ready_s)
        assert verify_logs(settings.state / "log").is_right
    async with serving(settings) as (process, _, ready_s):
        process.terminate()
        await process.wait()
        ready.append(ready_s)

    assert verify_logs(settings.state / "log").is_right
    assert_all_is_in_the_log(settings, heard)
    n_cut = sum(not one.is_whole for one in heard)
    assert n_cut >= n_cycles
    assert max(ready) < 10
    sys.stdout.write(
        f"{n_cycles} kills, {len(heard)} answers seen, {n_cut} cut; ready after {max(ready):.2f} s at most, "
        f"{sum(ready) / len(ready):.2f} s on average\n"
    )


async def test_what_was_seen_before_a_kill_is_in_the_log(settings: Settings, gated: GatedStore) -> None:
    """Three kills; the crash loop of the referee kills in the midst of a whole mix of calls."""
    await killed_many_times(settings, gated, 3)


@pytest.mark.referee
async def test_what_was_seen_before_a_hundred_kills_is_in_the_log(settings: Settings, gated: GatedStore) -> None:
    """A hundred kills."""
    await killed_many_times(settings, gated, 100)
