# SPDX-License-Identifier: Apache-2.0
"""A store that sends as many rows as it is told to, in any format, out of little memory."""

import asyncio
import csv
import io
from collections.abc import Iterator
from typing import Self

import msgspec

PIECE_ROWS = 60
TYPES = {"ndjson": b"application/x-ndjson", "csv": b"text/csv; charset=utf-8"}
FIELDS = ("id", "customer_id", "channel", "contacted_at", "outcome", "duration_s", "note")


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """One row of about 1,000 bytes, most of them in a field that analysts see."""

    id: str
    customer_id: str
    channel: str = "email"
    contacted_at: str = "2026-05-01T10:00:00Z"
    outcome: str
    duration_s: int
    note: str | None = None


def row(person: int) -> Streamed:
    """Return the row of a person."""
    return Streamed(
        id=f"k-{person}",
        customer_id=f"c-{person + 1:06}",
        outcome=f'answered "no", then \u6b27 {person:>6} ' + "x" * 800,
        duration_s=person % 60,
    )


class StreamingStore:
    """Serves ``/crm/<kind>`` on 127.0.0.1: ``array``, ``object``, ``ndjson`` or ``csv``.

    Attributes:
        n_people: They come in turns, so that their numbers are known after the first time round.
        n_bytes: Of a body; it ends with the row that passes them.
        n_rows: That the last answer had.
    """

    def __init__(self) -> None:
        """Begin with little."""
        self.n_people = 45_000
        self.n_bytes = self.n_rows = self.port = 0
        self._laps: dict[str, list[bytes]] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                kind = head.split(b" ", 2)[1].decode().rpartition("/")[2].partition("?")[0]
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: ")
                writer.write(TYPES.get(kind, b"application/json") + b"\r\n\r\n")
                for piece in filter(None, self._body(kind)):
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _body(self, kind: str) -> Iterator[bytes]:
        """Yield a body in pieces of many rows."""
        before, between, behind = {
            "array": (b"[", b",", b"]"),
            "object": (b'{"total":5,"items":[', b",", b'],"next":null}'),
            "ndjson": (b"", b"", b""),
            "csv": (",".join(FIELDS).encode() + b"\r\n", b"", b""),
        }[kind]
        lap = self._laps.setdefault(kind, list(_lap(kind, between, self.n_people)))
        sent, self.n_rows = len(before), 0
        yield before
        while sent < self.n_bytes:
            piece = lap[self.n_rows // PIECE_ROWS % len(lap)]
            yield between + piece if self.n_rows else piece
            sent += len(piece)
            self.n_rows += PIECE_ROWS
        yield behind


def _lap(kind: str, between: bytes, n_people: int) -> Iterator[bytes]:
    """Yield the rows of every person once."""
    for first in range(0, n_people, PIECE_ROWS):
        rows = [row(person) for person in range(first, first + PIECE_ROWS)]
        if kind == "csv":
            text = io.StringIO()
            csv.writer(text).writerows(msgspec.structs.astuple(one) for one in rows)
            yield text.getvalue().encode()
        else:
            lines = [msgspec.json.encode(one) for one in rows]
            yield b"".join(line + b"\n" for line in lines) if kind == "ndjson" else between.join(lines)
