# SPDX-License-Identifier: Apache-2.0
"""The gateway as `gateway serve` starts it: supervisor, doors and worker, and callers that keep connections."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway.settings.loading import Settings
from tests.fakes.wire import AnswerParser, Heard, request, until

START_S = 30
BYTECODE = Path(tempfile.gettempdir()) / f"gateway-bytecode-{os.getuid()}"
"""Where started programs keep their bytecode, as an installed one has it beside its source."""


class Served:
    """A running gateway.

    Attributes:
        process: The supervisor.
        port: Where it listens.
        ready_s: Seconds from the start of the process to the line that says so.
    """

    def __init__(self, process: "asyncio.subprocess.Process", remarks: Path) -> None:
        self.process, self._remarks = process, remarks
        self.port, self.ready_s = 0, 0.0
        self._kept: list[Kept] = []

    @property
    def remarks(self) -> str:
        """What it said on stderr."""
        return self._remarks.read_text()

    def children(self) -> dict[str, int]:
        """Return the processes of the supervisor by slot."""
        pid = self.process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {slot: int(child) for child in listed if (slot := _slot_of(int(child)))}

    def kill(self, slot: str) -> int:
        """End one process as a crash would, and return which it was."""
        pid = self.children()[slot]
        os.kill(pid, signal.SIGKILL)
        return pid

    async def another(self, slot: str, gone: int) -> float:
        """Return the seconds until a slot's log is held by another process than the one that is gone."""
        started_s = time.monotonic()
        await until(lambda: self.children().get(slot, gone) != gone, timeout_s=START_S)
        return time.monotonic() - started_s

    async def restarted(self, n_times: int = 1) -> None:
        """Restart and wait until it says that it is done, for so many times in all."""
        self.process.send_signal(signal.SIGUSR1)
        await until(lambda: self.remarks.count(": restarted\n") >= n_times, timeout_s=60)

    async def close(self) -> None:
        """Close what ``connected`` returned."""
        for kept in self._kept:
            await kept.close()

    async def connected(self, slot: str) -> "Kept":
        """Return a connection to the door of a slot; the others are stopped while it is accepted."""
        others = [pid for other, pid in self.children().items() if other not in {slot, "worker"}]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            kept = Kept(*await asyncio.open_connection("127.0.0.1", self.port))
            self._kept.append(kept)
            assert (await kept.ask(request("/-/livez", {}))).status == 200
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
        return kept


def _slot_of(pid: int) -> str | None:
    """Return the slot whose log a process holds; none if it has gone meanwhile."""
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return None
    for descriptor in descriptors:
        try:
            target = descriptor.readlink()
        except OSError:
            continue
        if target.name == "lock" and target.parent.parent.name == "log":
            return target.parent.name
    return None


def installed_environment() -> dict[str, str]:
    """Return an environment in which a program finds its bytecode, as one that was installed does."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {"PYTHONPYCACHEPREFIX": str(BYTECODE), **kept}


@asynccontextmanager
async def gateway_served(settings: Settings, *options: str) -> AsyncIterator[Served]:
    """Start ``gateway serve`` and yield it once it says where it listens; kill it at the end if it still runs."""
    remarks = settings.state.parent / f"remarks-{time.monotonic_ns()}.txt"
    started_s = time.monotonic()
    with remarks.open("w") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "serve", "--state", str(settings.state), *options,
            stdout=asyncio.subprocess.PIPE, stderr=stderr, env=installed_environment(),
        )  # fmt: skip
    served = Served(process, remarks)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = (await process.stdout.readline()).decode()
        assert line, served.remarks
        served.port, served.ready_s = int(line.rsplit(":", 1)[1]), time.monotonic() - started_s
        yield served
    finally:
        await served.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(served: Served) -> int | None:
    """Tell it to end in order and return its exit code."""
    served.process.terminate()
    async with asyncio.timeout(START_S):
        return await served.process.wait()


class Kept:
    """One connection that is kept for many calls."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep both directions."""
        self._reader, self._writer = reader, writer

    async def ask(self, call: bytes) -> Heard:
        """Return the answer to a call, as far as it came."""
        parser = AnswerParser()
        async with asyncio.timeout(20):
            self._writer.write(call)
            while not parser.heard.is_whole and (piece := await self._reader.read(1 << 16)):
                parser.feed(piece)
        return parser.heard

    async def close(self) -> None:
        """Close it; once more changes nothing."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


class KeptCaller:
    """Calls again and again on connections that it keeps as long as the answers let it, as clients do.

    Attributes:
        answers: Every answer that was whole.
        failures: Calls that were not answered whole, by what was seen of them.
        n_connections: How many it needed.
    """

    def __init__(self, call: bytes) -> None:
        """Begin without a connection."""
        self._call = call
        self.answers: list[Heard] = []
        self.failures: list[str] = []
        self.n_connections = 0

    async def run(self, port: int, stop: asyncio.Event, *, pause_s: float = 0.0) -> None:
        """Call until told to stop."""
        while not stop.is_set():
            kept = Kept(*await asyncio.open_connection("127.0.0.1", port))
            self.n_connections += 1
            try:
                while not stop.is_set() and await self._is_kept_after_a_call(kept):  # noqa: ASYNC110 - a caller's own pace
                    await asyncio.sleep(pause_s)
            finally:
                await kept.close()

    async def _is_kept_after_a_call(self, kept: Kept) -> bool:
        try:
            heard = await kept.ask(self._call)
        except (ConnectionError, TimeoutError) as error:
            self.failures.append(type(error).__name__)
            return False
        if not heard.is_whole or heard.status >= 500:
            self.failures.append(f"{heard.status} after {heard.n_raw_bytes} bytes")
            return False
        self.answers.append(heard)
        return heard.headers.get("connection") != "close"
