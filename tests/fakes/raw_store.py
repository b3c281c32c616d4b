# SPDX-License-Identifier: Apache-2.0
"""A store as bytes on a socket: it records what arrives and answers exactly what it is told to."""

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Callable
from typing import Self

import msgspec

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Reply(msgspec.Struct, frozen=True):
    """Bytes of one answer, and what happens to the connection after them.

    Attributes:
        then: ``keep``, ``close`` (FIN), ``reset`` (RST) or ``hang`` (silence until the store closes).
    """

    content: bytes
    then: str = "keep"


def json_reply(body: bytes = b"[]", *, then: str = "keep", more: bytes = b"") -> Reply:
    """Return an ordinary answer with a length; ``more`` is whole header lines."""
    return Reply(JSON_HEAD + more + b"Content-Length: %d\r\n\r\n" % len(body) + body, then)


async def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST once the other end has what was written: without lingering, a close is one."""
    connection = writer.get_extra_info("socket")
    writer.transport.set_write_buffer_limits(high=0)
    await writer.drain()
    async with asyncio.timeout(10):
        while n_underway(connection.fileno()):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.001)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def n_underway(descriptor: int) -> int:
    """Return how many bytes a connection was given that the other end has not acknowledged."""
    (n_bytes,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
    return int(n_bytes)


class RawStore:
    """Serves on 127.0.0.1; ``heads`` and ``bodies`` are the requests as they arrived, byte for byte."""

    def __init__(self, script: Callable[[int], Reply], *, port: int = 0) -> None:
        """Answer the n-th request ever seen, counted from 1, with ``script(n)``; at a port or at any."""
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.n_connections = 0
        self.port = port
        self._script = script
        self._over = asyncio.Event()
        self._at_work: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Origin of the store."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 22)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        self._server.close()
        await asyncio.sleep(0)  # whoever was accepted in this turn comes to work
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        await asyncio.sleep(0)  # what was closed in this turn is gone in the next
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._at_work.add(task)
        try:
            while await self._answered(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._at_work.discard(task)
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")), 0
        )
        body = await reader.readexactly(length)
        self.heads.append(head)
        self.bodies.append(body)
        reply = self._script(len(self.heads))
        writer.write(reply.content)
        if reply.then == "reset":
            await reset(writer)
            return False
        await writer.drain()
        if reply.then == "hang":
            await self._over.wait()
        return reply.then == "keep"
