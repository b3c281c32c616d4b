# SPDX-License-Identifier: Apache-2.0
"""The wire as bytes: an answer parsed as it comes, a caller that can stop anywhere, a tee that counts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PIECE_BYTES = 65_536


@dataclass
class Heard:
    """One answer, as far as it was heard.

    Attributes:
        is_whole: It came to the end that its framing announced.
        n_raw_bytes: Everything on the wire, the head included.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_whole: bool = False
    n_raw_bytes: int = 0


class AnswerParser:
    """Takes one HTTP/1.1 answer apart, byte by byte if need be; strict, and no code of the gateway's."""

    def __init__(self, *, has_body: bool = True) -> None:
        """Begin before the first byte; an answer to HEAD has no body whatever it announces."""
        self.heard = Heard()
        self._has_body = has_body
        self._raw = bytearray()
        self._body = bytearray()
        self._left: int | None = None
        self._step: Callable[[], bool] = self._head

    def feed(self, content: bytes) -> Heard:
        """Take bytes and return what was heard so far."""
        self.heard.n_raw_bytes += len(content)
        self._raw += content
        while not self.heard.is_whole and self._step():
            pass
        self.heard.body = bytes(self._body)
        return self.heard

    @property
    def rest(self) -> bytes:
        """What came behind the answer."""
        return bytes(self._raw)

    def _head(self) -> bool:
        head, found, rest = bytes(self._raw).partition(b"\r\n\r\n")
        if not found:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        self.heard.status = int(first.split(" ")[1])
        self.heard.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._raw = bytearray(rest)
        if 100 <= self.heard.status < 200:
            return True
        if self.heard.headers.get("transfer-encoding") == "chunked":
            self._step = self._chunk_head
        elif "content-length" in self.heard.headers and self._has_body:
            self._left, self._step = int(self.heard.headers["content-length"]), self._sized
        else:
            self._end()
        return True

    def _sized(self) -> bool:
        self._take()
        if not self._left:
            self._end()
        return False

    def _chunk_head(self) -> bool:
        line, found, rest = bytes(self._raw).partition(b"\r\n")
        if not found:
            return False
        self._raw, self._left = bytearray(rest), int(line, 16)
        self._step = self._chunk if self._left else self._chunk_end
        return True

    def _chunk(self) -> bool:
        self._take()
        if not self._left:
            self._step = self._chunk_end
            self._left = None
        return not self._left

    def _chunk_end(self) -> bool:
        if len(self._raw) < 2:
            return False
        assert self._raw[:2] == b"\r\n"
        del self._raw[:2]
        if self._left == 0:
            self._end()
        self._step = self._chunk_head
        return True

    def _take(self) -> None:
        assert self._left is not None
        piece = self._raw[: self._left]
        del self._raw[: self._left]
        self._body += piece
        self._left -= len(piece)

    def _end(self) -> None:
        self.heard.is_whole = True


async def until(is_so: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
    """Return once something is so that nobody tells of."""
    async with asyncio.timeout(timeout_s):
        while not is_so():  # noqa: ASYNC110 - a file that grows, another's task that ends
            await asyncio.sleep(0.005)


def request(target: str, headers: Mapping[str, str], *, method: str = "GET", body: bytes = b"") -> bytes:
    """Return a request; a body gets its length."""
    lines = [f"{method} {target} HTTP/1.1", "Host: gateway.example", *(f"{name}: {v}" for name, v in headers.items())]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Caller:
    """One connection, read as far as the test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, has_body: bool) -> None:
        self._reader, self.writer = reader, writer
        self._parser = AnswerParser(has_body=has_body)

    @property
    def heard(self) -> Heard:
        """What came so far."""
        return self._parser.heard

    @property
    def rest(self) -> bytes:
        """What came behind the answer."""
        return self._parser.rest

    async def until(self, is_enough: Callable[[Heard], bool]) -> Heard:
        """Read until there is enough, the answer is whole, or the other end closes."""
        async with asyncio.timeout(20):
            while not self.heard.is_whole and not is_enough(self.heard):
                try:
                    piece = await self._reader.read(PIECE_BYTES)
                except ConnectionError:
                    break
                if not piece:
                    break
                self._parser.feed(piece)
        return self.heard

    async def to_the_end(self) -> Heard:
        """Read all that comes."""
        return await self.until(lambda _: False)


@asynccontextmanager
async def calling(port: int, content: bytes, *, buffer_bytes: int = 1 << 16) -> AsyncIterator[Caller]:
    """Send a request and yield the caller; leaving closes the connection, whatever is still to come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=buffer_bytes)
    writer.write(content)
    await writer.drain()
    try:
        yield Caller(reader, writer, has_body=not content.startswith(b"HEAD "))
    finally:
        writer.transport.abort()


async def called(port: int, content: bytes) -> Heard:
    """Send a request and return all that comes."""
    async with calling(port, content) as caller:
        return await caller.to_the_end()


@asynccontextmanager
async def teed(port: int, on_bytes: Callable[[Heard], None]) -> AsyncIterator[int]:
    """Stand between callers and a server; yield the port to call instead.

    Args:
        port: Of the server.
        on_bytes: Told what was heard of an answer whenever more of it came from the server, before the
            caller gets it.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        first = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.TaskGroup() as group:
                upward = group.create_task(_upward(reader, up_writer, first))
                parser = AnswerParser(has_body=not (await first).startswith(b"HEAD "))
                while piece := await up_reader.read(PIECE_BYTES):
                    on_bytes(parser.feed(piece))
                    writer.write(piece)
                    await writer.drain()
                upward.cancel()
        except* (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, up_writer):
                one.close()
            tasks.discard(task)

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _upward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: "asyncio.Future[bytes]") -> None:
    while piece := await reader.read(PIECE_BYTES):
        if not first.done():
            first.set_result(piece)
        writer.write(piece)
        await writer.drain()
    if not first.done():
        first.set_result(b"")
    writer.close()
