# SPDX-License-Identifier: Apache-2.0
"""When the log cannot be written: a real disk that is full, slow, broken or torn, under a gateway of its own process.

While nothing can be entered, nothing leaves: 503 without a body, soon, and calls under way are cut for
everybody to see. When the disk takes writes again the gateway serves by itself, and what was acknowledged
before is all there.
"""

import asyncio
import errno
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.domain.entry import Answered, End, Release
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from tests.referee import numbers, rig
from tests.referee.callers import JSON_TYPE, Crew, Line, request
from tests.referee.crash_loop import FAULTS
from tests.referee.http1 import Answers, Message
from tests.referee.reckoner import Ledger, Reckoner
from tests.referee.report import summary
from tests.referee.shortage import on_short_disk

pytestmark = pytest.mark.alone

N_PEOPLE = 400
SLOWLY = ("--piece", "8192", "--pause", "0.02", "--up-only")
"""How fast the store sends, so that long answers are under way for a while."""


@dataclass
class Scene:
    """A gateway before a slow store, with callers.

    Attributes:
        state: Its state folder, as seen from here.
    """

    made: rig.Rig
    running: rig.Running
    state: Path
    line: Line

    async def rows(self, target: str = "/crm/customers?limit=20") -> Message:
        """Ask for rows as an analyst."""
        return await self.line.ask(target, await stated(self.line))

    async def timed(self) -> tuple[Message, float]:
        """Ask for rows and tell how long the answer took."""
        began_s = time.monotonic()
        return await self.rows(), time.monotonic() - began_s

    async def until_refused(self) -> tuple[Message, float]:
        """Return the first answer without rows and how long it took: a full disk may have room in its last page."""
        for _ in range(200):
            answer, took_s = await self.timed()
            if answer.status != 200:
                return answer, took_s
        raise AssertionError("nothing was refused")

    async def until_back(self) -> float:
        """Return the seconds until rows are answered again."""
        began_s = time.monotonic()
        async with asyncio.timeout(30):
            while (await self.rows()).status != 200:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        return time.monotonic() - began_s

    async def ready_again(self) -> None:
        """Return when the gateway says that it is ready."""
        async with asyncio.timeout(numbers.BACK_WITHIN_S):
            while not await rig.is_ready(self.running.port):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def stated(line: Line) -> dict[str, str]:
    """Return the headers of an analyst."""
    return {"Authorization": await line.bearer(rig.SUSPECT), "Data-Purpose": rig.ANALYST}


@asynccontextmanager
async def before_slow_store(folder: Path) -> AsyncIterator[rig.Rig]:
    """Make an installation, and run its store behind a wiretap that takes its time."""
    store_port = rig.free_port()
    async with rig.wiretap(store_port, folder / "wire-stores", *SLOWLY) as tap:
        made = await rig.made(folder, N_PEOPLE, store_port=tap.port)
        async with rig.sample_store(folder, store_port):
            yield made


@asynccontextmanager
async def on_faulty_disk(made: rig.Rig) -> AsyncIterator[tuple[Scene, Path]]:
    """Run the gateway on a disk whose faults are told in a file; yield it with that file's folder."""
    faults = made.folder / "disk"
    faults.mkdir()
    path = os.pathsep.join([str(FAULTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    made = replace(made, environment={"GATEWAY_TEST_FAULTS": str(faults), "PYTHONPATH": path})
    async with rig.gateway(made) as running:
        line = Line(Crew(made, running.port, 0), 1)
        await line.bearer(rig.SUSPECT)
        yield Scene(made, running, made.state, line), faults
        await line.close()


def let_disk(folder: Path, **faults: object) -> None:
    """Tell the disk what to do from now on."""
    (folder / "faults.new").write_text(json.dumps(faults))
    (folder / "faults.new").rename(folder / "faults")


class UnderWay:
    """A long answer under way: what came of it, and whether it came to its end."""

    def __init__(self, scene: Scene, content: bytes) -> None:
        """Begin with nothing heard."""
        self._scene, self._content = scene, content
        self.begun = asyncio.Event()
        self.whole: list[Message] = []
        self.cut: Message | None = None

    async def run(self) -> None:
        """Take what comes until it ends."""
        answers = Answers(["GET"])
        reader, writer = await asyncio.open_connection(rig.HOST, self._scene.running.port)
        writer.write(self._content)
        with suppress(ConnectionError):
            while not self.whole and (piece := await reader.read(1 << 14)):
                self.whole += answers.feed(piece)
                self.begun.set()
        self.begun.set()
        self.cut = answers.cut_off()
        writer.close()


def assert_nothing_left(answer: Message) -> None:
    """Hold that an answer is the bodyless 503, and nothing else."""
    assert (answer.status, bytes(answer.body), answer.is_whole) == (503, b"", True)
    assert answer.headers["content-length"] == "0"
    assert int(answer.headers["retry-after"]) > 0
    assert "decision-id" not in answer.headers


def assert_log_is_whole(logs: Path, seen: list[Message]) -> None:
    """Hold that the logs verify, that calls close once, and that what was seen is authorised."""
    verdict = verify_logs(logs)
    assert verdict.is_right, [log.problems for log in verdict.logs]
    ledger = Ledger.of(logs)
    reckoner = Reckoner(ledger)
    for call, entries in ledger.calls.items():
        reckoner.check_closing(call, entries)
    assert reckoner.result.wrong == []
    for answer in seen:
        assert len(answer.body) <= ledger.authorised(answer.headers["decision-id"])


@pytest.mark.parametrize("kind", ["small disk", "size limit"])
async def test_on_a_full_disk_nothing_leaves_and_the_gateway_is_back_by_itself(tmp_path: Path, kind: str) -> None:
    """State, database and log on a disk that is really full: refusals in time, a cut stream, a whole log."""
    async with before_slow_store(tmp_path) as made, on_short_disk(made, kind) as short:
        scene = Scene(made, short.running, short.state, Line(Crew(made, short.running.port, 0), 1))
        before = [await scene.rows() for _ in range(5)]
        stream = UnderWay(scene, request("/crm/contacts?limit=10000", await stated(scene.line)))
        async with asyncio.TaskGroup() as group:
            group.create_task(stream.run())
            await asyncio.wait_for(stream.begun.wait(), 10)
            short.begin()
            first, took_s = await scene.until_refused()
        others = [
            await scene.line.ask("/crm/customers"),
            await scene.line.ask("/-/me", await stated(scene.line)),
            await scene.line.ask("/-/login", JSON_TYPE, method="POST", body=b'{"username":"x","password":"y"}'),
        ]
        flood = [await scene.line.ask("/crm/customers") for _ in range(30)]
        live, ready = await scene.line.ask("/-/livez"), await scene.line.ask("/-/readyz")
        short.end()
        back_s = await scene.until_back()
        await scene.ready_again()
        after = [await scene.rows() for _ in range(5)]
        await scene.line.close()
        await rig.ended(short.running.process)
        summary(f"disk full ({kind})", f"503 after {took_s * 1000:.0f} ms, rows again after {back_s * 1000:.0f} ms")

        assert [answer.status for answer in (*before, *after)] == [200] * 10
        assert took_s <= numbers.REFUSED_WITHIN_S
        assert back_s <= numbers.BACK_WITHIN_S
        for answer in (first, *others, *flood):
            assert_nothing_left(answer)
        assert (bytes(live.body), bytes(ready.body), ready.status) == (b"live\n", b"not ready\n", 503)
        assert stream.whole == []
        assert stream.cut is not None
        assert_log_is_whole(short.state / "log", [*before, *after, stream.cut])
        entries = [one.line.body for one in records(short.state / "log" / "door-0")]
        ends = {str(one.call): one for one in entries if isinstance(one, End)}
        # Whichever failed first: the log, or the database on the same disk.
        assert ends[stream.cut.headers["decision-id"]].how in ("cut", "failed")
        counted = [one.counts for one in entries if isinstance(one, Answered)]
        assert sum(one.get("unavailable", 0) for one in counted) >= 1 + len(others) + len(flood)
        assert sum(one.get("live", 0) for one in counted) == 1


@pytest.mark.mounts
async def test_a_nearly_full_disk_refuses_data_calls_and_still_enters_what_it_can(tmp_path: Path) -> None:
    """The last room is the log's: who asks for rows gets nothing, who asks about itself is still answered."""
    async with before_slow_store(tmp_path) as made:
        path = made.state / "gateway.yaml"
        path.write_text(path.read_text().replace("least_free_bytes: 0", f"least_free_bytes: {4 << 20}"))
        async with on_short_disk(made, "small disk") as short:
            scene = Scene(made, short.running, short.state, Line(Crew(made, short.running.port, 0), 1))
            if short.state == made.state:
                pytest.skip("nobody may mount a small disk here; the figure itself is tested in tests/unit/record")
            assert (await scene.rows()).status == 200
            short.begin(left_bytes=3 << 20)
            await asyncio.sleep(1.1)
            refused, me = await scene.rows(), await scene.line.ask("/-/me", await stated(scene.line))
            ready = await scene.line.ask("/-/readyz")
            short.end()
            back_s = await scene.until_back()
            await scene.line.close()

            assert_nothing_left(refused)
            assert (me.status, ready.status) == (200, 503)
            assert back_s <= numbers.BACK_WITHIN_S


FAULTS_IN_TURN: tuple[dict[str, object], ...] = (
    {"fail": {"write": errno.EIO}, "short_bytes": 100},
    {"fail": {"sync": errno.EIO}},
    {"fail": {"write": errno.ENOSPC}},
    # Files are opened after another fault alone: the segment that is open is given up first.
    {"fail": {"sync": errno.EIO, "open": errno.EROFS}},
    {"fail": {"sync": errno.EIO, "cut": errno.EIO}, "short_bytes": 300},
    {"fail": {"rename": errno.EDQUOT, "write": errno.EDQUOT}},
)
"""What the disk does in turn: torn writes, lost syncs, no room, nothing can be opened, cut or published."""


async def test_after_a_fault_nothing_is_tried_again_on_the_old_descriptor(tmp_path: Path) -> None:
    """The journal of the disk says so; torn writes are cut off, and the log goes on elsewhere, fault after fault."""
    seen, times_s = list[Message](), list[tuple[float, float]]()
    async with before_slow_store(tmp_path) as made, on_faulty_disk(made) as (scene, faults):
        for fault in FAULTS_IN_TURN:
            seen.append(await scene.rows())
            let_disk(faults, **fault)
            refused, took_s = await scene.timed()
            refused_again = await scene.rows()
            let_disk(faults)
            times_s.append((took_s, await scene.until_back()))
            assert_nothing_left(refused)
            assert_nothing_left(refused_again)
        seen.append(await scene.rows())
        await scene.line.close()
        await rig.ended(scene.running.process)
    slowest = [max(times) for times in zip(*times_s, strict=True)]
    summary(
        f"{len(FAULTS_IN_TURN)} faults of the disk",
        f"503 after {slowest[0]:.2f} s, rows again after {slowest[1]:.2f} s",
    )

    assert slowest[0] <= numbers.REFUSED_WITHIN_S
    assert slowest[1] <= numbers.BACK_WITHIN_S
    assert [answer.status for answer in seen] == [200] * len(seen)
    assert_log_is_whole(made.logs, seen)
    assert retried(faults / "journal") == []


def retried(journal: Path) -> list[str]:
    """Return what was done over a descriptor after it had failed, other than closing it."""
    failed: set[tuple[int, int]] = set()
    found = []
    for line in journal.read_text().splitlines():
        process, operation, descriptor, name, outcome = json.loads(line)
        key = (process, descriptor)
        if operation in ("close", "open"):
            failed.discard(key)
        elif key in failed:
            found.append(f"{operation} of {name} after it had failed")
        if descriptor >= 0 and operation in ("write", "sync", "cut") and "bytes" not in outcome and outcome != "ok":
            failed.add(key)
    return found


@pytest.mark.referee
async def test_a_silent_disk_lets_nobody_wait_long_and_leaves_no_call_open(tmp_path: Path) -> None:
    """Whoever waits is told within the log's patience, newcomers within a second; what became durable is ended."""
    async with before_slow_store(tmp_path) as made, on_faulty_disk(made) as (scene, faults):
        assert (await scene.rows()).status == 200
        let_disk(faults, sync_s=7.0)
        other = replace(scene, line=Line(scene.line.crew, 2))
        waiting = asyncio.ensure_future(other.timed())
        await asyncio.sleep(1.5)
        turned_away, took_s = await scene.timed()
        ready = await scene.line.ask("/-/readyz")
        waited, waited_s = await waiting
        let_disk(faults)
        back_s = await scene.until_back()
        await scene.line.close()
        await other.line.close()
        await rig.ended(scene.running.process)
        summary(
            "silent disk", f"newcomer 503 after {took_s:.2f} s, who waited after {waited_s:.2f} s, back {back_s:.2f} s"
        )

    assert_nothing_left(waited)
    assert_nothing_left(turned_away)
    assert ready.status == 503
    assert took_s <= numbers.REFUSED_WITHIN_S
    assert_log_is_whole(made.logs, [])
    bodies = [one.line.body for one in records(made.logs / "door-0")]
    released = {one.call for one in bodies if isinstance(one, Release)}
    [end] = [one for one in bodies if isinstance(one, End)]
    assert (end.how, end.bytes, end.reason, end.call in released) == ("failed", 0, "log-unavailable", True)
