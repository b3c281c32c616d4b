# SPDX-License-Identifier: Apache-2.0
"""The store of the bench: answers of canned rows, written as fast as Python writes bytes to a socket.

``GET …?limit=N`` is answered by an array of N rows, each time the next page of its people; any other
path by as many rows as its argument says, a long answer in chunks. It listens on a port of its own and tells it at the end of its first line.
"""

import asyncio
import re
import sys
from collections.abc import Iterator
from itertools import cycle
from typing import cast

import msgspec
import uvloop
from typing_extensions import override

from bench.world import N_PEOPLE, identity

COUNTRIES = ("DE", "FR", "NL", "ES", "IT", "PL")
_LIMIT = re.compile(rb"limit=(\d+)")
_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
PIECE_ROWS = 500
MOST_AT_ONCE = 10_000
"""Longer answers are sent in chunks, as fast as they are read."""
ROW_BYTES = 154
"""Of a row and its comma, about."""


def row(number: int) -> dict[str, object]:
    """Return one of the people, in 8 fields."""
    return {
        "id": identity(number),
        "email": f"person.{number}@example.com",
        "name": f"Person Number {number}",
        "country": COUNTRIES[number % len(COUNTRIES)],
        "tier": ("bronze", "silver", "gold")[number % 3],
        "points": number % 10_000,
        "channel": ("web", "shop", "phone")[number % 3],
        "visits": number % 97,
    }


class Pages:
    """Answers by their number of rows, made once."""

    def __init__(self) -> None:
        self._rows = [msgspec.json.encode(row(number)) for number in range(N_PEOPLE)]
        self._made: dict[int, Iterator[bytes]] = {}

    def page(self, n_rows: int) -> bytes:
        """Return the next answer of so many rows."""
        if n_rows not in self._made:
            self._made[n_rows] = cycle([_answer(self._some(first, n_rows)) for first in self._firsts(n_rows)])
        return next(self._made[n_rows])

    def piece(self, first: int, n_rows: int) -> bytes:
        """Return rows for a long answer, joined by commas."""
        return b",".join(self._some(first % N_PEOPLE, n_rows))

    def _firsts(self, n_rows: int) -> range:
        # At most 1,000 answers a length are kept; short ones begin at places spread over all people.
        return range(0, N_PEOPLE, max(n_rows, N_PEOPLE // 1_000))

    def _some(self, first: int, n_rows: int) -> list[bytes]:
        return [self._rows[place % N_PEOPLE] for place in range(first, first + n_rows)]


def _answer(rows: list[bytes]) -> bytes:
    body = b"[" + b",".join(rows) + b"]"
    return _HEAD % len(body) + body


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests have no body and come whole."""

    def __init__(self, pages: Pages, n_export: int) -> None:
        self._pages, self._n_export = pages, n_export
        self._waiting = b""
        self._left = 0
        self._begun = self._is_paused = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        """Answer each head that is complete."""
        *heads, self._waiting = (self._waiting + data).split(b"\r\n\r\n")
        for head in heads:
            found = _LIMIT.search(head)
            n_rows = int(found[1]) if found else self._n_export
            if n_rows <= MOST_AT_ONCE:
                self._transport.write(self._pages.page(n_rows))
            else:
                self._left = n_rows
                self._transport.write(_CHUNKED_HEAD)
                self._write_on()

    @override
    def pause_writing(self) -> None:
        """Wait until the other side has read."""
        self._is_paused = True

    @override
    def resume_writing(self) -> None:
        """Go on."""
        self._is_paused = False
        self._write_on()

    def _write_on(self) -> None:
        """Write pieces of a long answer until the other side has to read first."""
        while self._left > 0 and not self._is_paused:
            n_rows = min(self._left, PIECE_ROWS)
            self._left -= n_rows
            opening, closing = (b"[", b"")[self._begun], (b",", b"]")[not self._left]
            self._begun = bool(self._left)
            piece = opening + self._pages.piece(self._left, n_rows) + closing
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) + (b"" if self._left else b"0\r\n\r\n"))


async def serve(n_export: int) -> None:
    """Listen until the process is ended; an export holds so many rows."""
    pages, loop = Pages(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(pages, n_export), "127.0.0.1", 0, backlog=512)
    print(f"listening on port :{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
        except KeyboardInterrupt:
            sys.exit(0)
