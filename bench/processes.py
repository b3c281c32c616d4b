# SPDX-License-Identifier: Apache-2.0
"""Processes of the bench: each on the core it is given, with what they used of it read from the kernel.

The server that is measured has core 0, store and load have core 1; on a machine with one core all share it
and the run says so.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import msgspec

_PORT = re.compile(r":(\d+)\s*$")
_TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = str(CORES[0])
OTHER_CORES = str(CORES[-1])
ALL_CORES = ",".join(map(str, CORES))


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A process that listens."""

    pid: int
    port: int

    def cpu_s(self) -> float:
        """Return the processor time of the process and its children so far."""
        return sum(_cpu_s(pid) for pid in (self.pid, *children(self.pid)))

    def rss_bytes(self) -> int:
        """Return the memory that the process and its children hold."""
        return sum(_rss_bytes(pid) for pid in (self.pid, *children(self.pid)))


def children(pid: int) -> list[int]:
    """Return the processes that a process started, and theirs."""
    with suppress(OSError):
        own = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return own + [other for one in own for other in children(one)]
    return []


def _cpu_s(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0


def _rss_bytes(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


@contextmanager
def program(
    command: Sequence[str], *, cores: str, environment: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[Running]:
    """Run a program until the block ends; it tells its port at the end of its first line, unless that is known."""
    process = subprocess.Popen(
        ["taskset", "-c", cores, *command],  # noqa: S607 - of the operating system
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        assert process.stdout is not None
        if port is None:
            line = process.stdout.readline()
            told = _PORT.search(line)
            if told is None:
                raise SystemExit(f"{command} told no port but {line!r}")
            port = int(told[1])
        _await_port(port)
        yield Running(pid=process.pid, port=port)
    finally:
        ended(process)


def _await_port(port: int) -> None:
    for _ in range(1_000):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.01)
    raise SystemExit(f"nobody listens on port {port}")


def store(cores: str = OTHER_CORES, n_export: int = 1) -> AbstractContextManager[Running]:
    """Run the store of the bench; its export holds so many rows."""
    return program(python("-m", "bench.backend", str(n_export)), cores=cores)


def ended(process: "subprocess.Popen[str]") -> None:
    """End a process in order, or by force after 20 seconds."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def python(*arguments: str) -> list[str]:
    """Return the command of a Python program of this environment."""
    return [sys.executable, *arguments]


def request(path: str, headers: Mapping[str, str]) -> bytes:
    """Return a call as it is sent."""
    lines = [f"GET {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def loaded(port: int, call: bytes, *, connections: int, seconds: float, cores: str = OTHER_CORES) -> dict[str, float]:
    """Load a port from a process of its own and return what it tells."""
    command = ["taskset", "-c", cores, *python("-m", "bench.load", str(port), str(connections), str(seconds))]
    told = subprocess.run(command, input=call, stdout=subprocess.PIPE, check=True, timeout=seconds + 30)
    found: dict[str, float] = json.loads(told.stdout)
    bad: dict[str, int] = json.loads(told.stdout)["bad"]
    if bad:
        raise SystemExit(not_answered(bad, int(found["calls"])))
    return found


def not_answered(bad: Mapping[str, int], n_calls: int) -> str:
    """Return in a sentence how many calls of a load were not answered by 200, and by what instead."""
    each = ", ".join(f"{n} by {told}" for told, n in sorted(bad.items(), key=lambda one: -one[1]))
    return f"{sum(bad.values())} of {n_calls} calls were not answered by 200: {each}"
