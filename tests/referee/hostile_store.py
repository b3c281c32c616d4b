# SPDX-License-Identifier: Apache-2.0
"""A store that does one of many wrong things; a program, and a part of tests.

Run: ``python -m tests.referee.hostile_store [--port N]`` and put ``http://127.0.0.1:N/<fault>`` as the
base URL of a store, or ``python -m tests.referee.hostile_store --list`` to see the faults. Whatever
path is asked below the fault, the answer is rows of contacts in the format that ``Accept`` names. In a
test the fault is set by the test, and answers are those that the test gives for a path.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Mapping
from typing import Self

import msgspec

from tests.fakes.gated_store import contacts
from tests.fakes.raw_store import reset
from tests.referee.faults import CANARY, FAULTS, Fault, Good

BY_NAME = {fault.name: fault for fault in FAULTS}
GOOD = Fault(name="good", about="nothing is wrong", steps=lambda good: [good.sized()], then="keep", told="same")


def good_answers(n_rows: int, *, mark: bytes = CANARY) -> dict[str, Good]:
    """Return a good answer of each kind; every row has a mark in its note, which no caller may get."""
    rows = [row.replace(b"called back", mark) for row in contacts(n_rows)]
    listed = b"[" + b",".join(rows) + b"]"
    lines = [_cells(rows[0])[0], *(_cells(row)[1] for row in rows)]
    return {
        "array": Good("array", b"application/json", listed),
        "object": Good("object", b"application/json; charset=utf-8", b'{"items":' + listed + b',"total":%d}' % n_rows),
        "record": Good("record", b"application/json", rows[0]),
        "ndjson": Good("ndjson", b"application/x-ndjson", b"".join(row + b"\n" for row in rows)),
        "csv": Good("csv", b"text/csv; charset=utf-8", b"".join(line + b"\r\n" for line in lines)),
    }


def _cells(row: bytes) -> tuple[bytes, bytes]:
    """Return the names and the values of a row of contacts as lines of CSV; no value needs quotes."""
    members = msgspec.json.decode(row, type=dict[str, str | int])
    return ",".join(members).encode(), ",".join(map(str, members.values())).encode()


class HostileStore:
    """Serves on 127.0.0.1; the fault is what is set, or the first segment of the path.

    Attributes:
        fault: What the next answers suffer from; ``None`` to take it from the path.
        n_calls: How many requests came.
        n_connections: How many connections were made.
    """

    def __init__(self, goods: Mapping[str, Good]) -> None:
        """Answer a path that ends in one of the names with that answer; else by ``Accept``."""
        self.fault: Fault | None = GOOD
        self.goods = dict(goods)
        self.n_calls = self.n_connections = 0
        self.port = 0
        self._over = asyncio.Event()
        self._at_work: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=1 << 22)
        self.port = self._server.sockets[0].getsockname()[1]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        self._server.close()
        await asyncio.sleep(0)  # whoever was accepted in this turn comes to work
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed in this turn is gone in the next

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            while await self._answered(reader, writer):
                pass
        self._at_work.discard(task)
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.n_calls += 1
        path = head.split(b" ", 2)[1].partition(b"?")[0].decode("latin-1")
        fault = self.fault or BY_NAME.get(path.split("/")[1], GOOD)
        for step in fault.steps(self._good(path, head.lower())):
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            else:
                await asyncio.sleep(step)
        if fault.then == "reset":
            await reset(writer)
        if fault.then == "hang":
            await self._over.wait()
        return fault.then == "keep"

    def _good(self, path: str, head: bytes) -> Good:
        name = path.rpartition("/")[2]
        kinds = (("ndjson", b"ndjson"), ("csv", b"csv"))
        by_accept = next((kind for kind, word in kinds if b"accept: " in head and word in head), "array")
        return self.goods.get(name) or self.goods[by_accept]


async def main() -> None:
    """Serve until stopped, or list the faults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--list", action="store_true")
    chosen = parser.parse_args()
    if chosen.list:
        print("\n".join(f"{fault.name:<22} {fault.told:<8} {fault.about}" for fault in FAULTS))  # noqa: T201
        return
    store = HostileStore(good_answers(100))
    store.fault = None
    await store.start(chosen.port)
    print(f"http://127.0.0.1:{store.port}/<fault>", flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
