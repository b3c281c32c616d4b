# SPDX-License-Identifier: Apache-2.0
"""The load: so many kept-alive connections, each asking again as soon as its answer is whole.

    python -m bench.load PORT CONNECTIONS SECONDS < request

The request is read from standard input as it is sent; what is told is one line of JSON: calls, calls that
were not answered by 200 and what they were answered by, seconds, seconds of the load's own processor time, and
times of answers in milliseconds. Heads are looked at as bytes and no further than status and length, so that a core of its
own holds far more of it than any server here can answer.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from typing import cast

import uvloop
from typing_extensions import override

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_REASON = re.compile(rb'"reason": *"([a-z-]{1,60})"')
MOST_KEPT_BYTES = 4_096
"""Of an answer that is not 200, for its reason."""
_LAST_CHUNK = b"0\r\n\r\n"


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, until_s: float, taken_ms: list[tuple[float, float]]) -> None:
        self._request, self._until_s, self._taken_ms = request, until_s, taken_ms
        self._left = -1
        self._head = b""
        self._refused: bytes | None = None
        self.bad: Counter[str] = Counter()
        """Answers that were not 200, by status and reason."""
        self.done = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """End; a connection that was closed on us counts as a bad answer."""
        del exc
        if not self.done.done():
            self.bad["the connection was closed"] += 1
            self.done.set_result(None)

    @override
    def data_received(self, data: bytes) -> None:
        """Count what is left of an answer, and ask again behind it."""
        if self._left < 0:
            data = self._head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            self._refused = None if data.startswith(b"HTTP/1.1 200") else data[9:12] + b" "
            found = _LENGTH.search(data, 0, end)
            self._is_chunked = found is None
            self._left = int(found[1]) if found else sys.maxsize
            data, self._head = data[end + 4 :], b""
        if self._refused is not None:
            self._refused = (self._refused + data)[:MOST_KEPT_BYTES]
        self._left -= len(data)
        if self._left == 0 or (self._is_chunked and data.endswith(_LAST_CHUNK)):
            now_s = time.perf_counter()
            if self._refused is not None:
                self.bad[told_of(self._refused)] += 1
            self._taken_ms.append((now_s, (now_s - self._asked_s) * 1000))
            if now_s < self._until_s:
                self._ask()
            else:
                self.done.set_result(None)
                self._transport.close()

    def _ask(self) -> None:
        self._left, self._asked_s = -1, time.perf_counter()
        self._transport.write(self._request)


def told_of(answer: bytes) -> str:
    """Return status and reason of an answer that was not 200, from its status, a space and its body."""
    status, _, body = answer.partition(b" ")
    found = _REASON.search(body)
    return f"{status.decode(errors='replace')} {found[1].decode() if found else 'without a reason'}"


async def load(port: int, n_connections: int, seconds: float, request: bytes) -> dict[str, object]:
    """Load a port and return what is told."""
    started_s = time.perf_counter()
    taken_ms: list[tuple[float, float]] = []
    loop = asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(lambda: Caller(request, started_s + seconds, taken_ms), "127.0.0.1", port))[1]
        for _ in range(n_connections)
    ]
    await asyncio.gather(*(caller.done for caller in callers))
    taken_s = time.perf_counter() - started_s
    times = sorted(ms for _, ms in taken_ms)
    return {
        "calls": len(times),
        "bad": dict(sum((caller.bad for caller in callers), Counter())),
        "seconds": taken_s,
        "load_cpu_s": time.process_time(),
        "p50_ms": times[len(times) // 2] if times else None,
        "p99_ms": times[len(times) * 99 // 100] if times else None,
        "most_ms": times[-1] if times else None,
        "slices_ms": _slices(taken_ms, started_s),
    }


def _slices(taken_ms: list[tuple[float, float]], started_s: float, width_s: float = 1.0) -> list[float]:
    """Return the 99th percentile of each second, in order."""
    by_slice: dict[int, list[float]] = {}
    for at_s, ms in taken_ms:
        by_slice.setdefault(int((at_s - started_s) / width_s), []).append(ms)
    return [round(sorted(some)[len(some) * 99 // 100], 2) for _, some in sorted(by_slice.items())]


def main() -> None:
    """Read the request, load, tell."""
    request = sys.stdin.buffer.read()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), request))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
