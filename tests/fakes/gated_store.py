# SPDX-License-Identifier: Apache-2.0
"""A store that sends its answer piece by piece, each when the test lets it, and contacts for it to send."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import msgspec

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def contacts(n_rows: int, *, first: int = 0, people: int = 300) -> list[bytes]:
    """Return contacts with the first ``people`` customers, in turns."""
    return [
        msgspec.json.encode(
            {
                "id": f"k-{place}",
                "customer_id": f"c-{place % people + 1:06}",
                "channel": "email",
                "contacted_at": "2026-05-01T10:00:00Z",
                "outcome": "success",
                "duration_s": place % 60,
                "note": "called back",
            }
        )
        for place in range(first, first + n_rows)
    ]


def in_pieces(rows: Sequence[bytes], *cuts: int) -> list[bytes]:
    """Return an array of the rows as JSON, cut before the rows of these places."""
    edges = [0, *cuts, len(rows)]
    pieces = [b",".join(rows[start:end]) for start, end in pairwise(edges)]
    pieces[0] = b"[" + pieces[0]
    pieces[-1] += b"]"
    return [piece if place == 0 else b"," + piece for place, piece in enumerate(pieces)]


class GatedStore:
    """Serves on 127.0.0.1. A piece goes out once it was let through, or at once while ``is_open``.

    Attributes:
        pieces: Of the answer to every call.
        is_open: All pieces go out by themselves.
        n_free: How many pieces of each answer go out by themselves in any case.
        n_calls: How many calls came.
        n_waiting: How many answers wait for the next piece to be let through.
    """

    def __init__(self) -> None:
        """Begin with an answer without rows."""
        self.pieces: list[bytes] = [b"[]"]
        self.is_open = True
        self.n_free = 0
        self.n_calls = 0
        self.port = 0
        self._let_through = asyncio.Semaphore(0)
        self._tasks: set[asyncio.Task[None]] = set()
        self.n_waiting = 0

    def answers(self, pieces: Sequence[bytes], *, is_open: bool = True) -> None:
        """Set the answer, and whether its pieces go out by themselves."""
        self.pieces, self.is_open = list(pieces), is_open

    def let_through(self, n_pieces: int = 1) -> None:
        """Let so many pieces go out."""
        for _ in range(n_pieces):
            self._let_through.release()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.n_calls += 1
                await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED)
        for place, piece in enumerate(self.pieces):
            if place >= self.n_free and not self.is_open:
                self.n_waiting += 1
                await self._let_through.acquire()
                self.n_waiting -= 1
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
