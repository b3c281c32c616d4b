# SPDX-License-Identifier: Apache-2.0
"""The connection below ASGI: heads have limits, targets arrive whole, and broken bytes get no body."""

import asyncio
from typing import Any

import pytest

from gateway.domain.errors import HangUp
from gateway.doors.http.connections import TURNED_AWAY, Connections
from gateway.doors.http.out import Message, opened
from gateway.doors.http.peer import peer_of
from gateway.doors.http.wire import MAX_HEAD_BYTES, WireProtocol, counted_by
from tests.fakes.serving import RESET, exchange, request, served
from tests.fakes.wire import until

NOTHING = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Seen:
    """An application that keeps what it was asked."""

    def __init__(self) -> None:
        self.targets: list[tuple[str, bytes, bytes]] = []
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Answer ``ok``; for ``/slow`` in two pieces."""
        self.targets.append((scope["method"], scope["raw_path"], scope["query_string"]))
        async with opened(receive, send) as out:
            if scope["raw_path"] == b"/slow":
                await out.start(200, [])
                await out.write(b"first")
                await self.go_on.wait()
                await out.finish(b"second")
            else:
                await out.start(200, [(b"content-length", b"2")])
                await out.finish(b"ok")


@pytest.mark.parametrize(
    ("target", "raw_path", "query"),
    [
        (b"/crm/a%20b?x=1&y", b"/crm/a%20b", b"x=1&y"),
        (b"http://evil/crm", b"http://evil/crm", b""),
        (b"http://evil/crm?x=1", b"http://evil/crm", b"x=1"),
        (b"/crm#x", b"/crm#x", b""),
        (b"//evil/crm", b"//evil/crm", b""),
        (b"*", b"*", b""),
    ],
)
async def test_a_target_arrives_as_it_was_received(target: bytes, raw_path: bytes, query: bytes) -> None:
    """Scheme, host and fragment are not taken off, so the door can refuse them."""
    seen = Seen()
    async with served(seen, WireProtocol) as port:
        await exchange(port, request(target, method=b"OPTIONS"))
    assert seen.targets == [("OPTIONS", raw_path, query)]


BROKEN = {
    "garbage": b"\x00\x01\x02\r\n\r\n",
    "no HTTP": b"SSH-2.0-x\r\n\r\n",
    "no path": b"GET HTTP://evil HTTP/1.1\r\nHost: a\r\n\r\n",
    "connect": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "lower-case method": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown method": b"FETCH / HTTP/1.1\r\nHost: a\r\n\r\n",
    "raw utf-8": "GET /ü HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "bare LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "folded": b"GET / HTTP/1.1\r\nX: a\r\n b\r\nHost: a\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "NUL in value": b"GET / HTTP/1.1\r\nHost: a\x00\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and coding": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
    "endless header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * MAX_HEAD_BYTES,
    "many headers": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 4000 + b"\r\n",
    "long target": b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_cannot_be_parsed_gets_no_body(name: str) -> None:
    """400 and the end of the connection, before any code of the door ran."""
    seen = Seen()
    async with served(seen, WireProtocol) as port:
        # A connection that is closed with bytes unread is reset, which may take the answer with it.
        assert await exchange(port, BROKEN[name]) in ((NOTHING,) if len(BROKEN[name]) < 1000 else (NOTHING, RESET))
    assert seen.targets == []


async def test_a_head_in_small_pieces_has_the_same_limit() -> None:
    """The limit counts bytes, not reads."""
    seen = Seen()
    async with served(seen, WireProtocol) as port:
        assert await exchange(port, b"GET / HTTP/1.1\r\n", *[b"X: " + b"a" * 500 + b"\r\n"] * 40) in (NOTHING, RESET)
    assert seen.targets == []


async def test_a_large_body_is_no_head() -> None:
    """Bytes of the body do not count, even in the same piece."""
    seen = Seen()
    body = b"x" * 60_000
    async with served(seen, WireProtocol) as port:
        answer = await exchange(port, request(b"/", b"Content-Length: 60000", method=b"POST", body=body))
    assert answer.endswith(b"ok")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET"])
async def test_a_late_head_ends_the_connection(begun: bytes) -> None:
    """Whether it was begun or not."""

    class Hasty(WireProtocol):
        head_s = 0.1

    async with served(Seen(), Hasty) as port:
        assert await exchange(port, begun) == NOTHING


async def test_a_second_head_on_a_connection_has_its_own_time() -> None:
    """A kept-alive connection is not cut by the timer of its first head."""

    class Hasty(WireProtocol):
        head_s = 0.2

    first = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    async with served(Seen(), Hasty) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.write(first + b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(5):
            rest = await reader.read()
        writer.close()
    assert rest.endswith(b"ok" + NOTHING)


async def test_garbage_behind_a_request_does_not_get_into_its_answer() -> None:
    """An answer under way is cut, not mixed with another."""
    seen = Seen()
    async with served(seen, WireProtocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        begun = await reader.readuntil(b"first\r\n")
        writer.write(b"\x00\x01\r\n\r\n")
        async with asyncio.timeout(5):
            rest = await reader.read()
        writer.close()
    assert begun.startswith(b"HTTP/1.1 200")
    assert rest == b""


async def test_fields_behind_a_body_are_no_headers() -> None:
    """Neither when all comes in one piece, before the application runs, nor later."""
    names: list[bytes] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        names.extend(name for name, _ in scope["headers"])
        await Seen()(scope, receive, send)

    head = request(b"/", b"Transfer-Encoding: chunked", method=b"POST")
    body = (b"2\r\n{}\r\n", b"0\r\nAuthorization: Bearer x\r\nData-Purpose: y\r\n\r\n")
    async with served(app, WireProtocol) as port:
        for pieces in ((head + body[0] + body[1],), (head, *body)):
            assert (await exchange(port, *pieces)).endswith(b"ok")
    assert names == [b"host", b"connection", b"transfer-encoding"] * 2


async def test_pipelined_requests_are_answered_in_their_order() -> None:
    """Two requests in one piece, two answers."""
    seen = Seen()
    async with served(seen, WireProtocol) as port:
        answers = await exchange(port, b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" + request(b"/2"))
    assert answers.count(b"HTTP/1.1 200") == 2
    assert [path for _, path, _ in seen.targets] == [b"/1", b"/2"]


async def test_the_answer_under_way_hears_of_a_lost_connection_though_another_request_waits() -> None:
    """The server marks the request that was read last; the answer is told by the protocol, once a write finds out."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        async with opened(receive, send, peer=peer_of(scope)) as out:
            await out.start(200, [])
            began.set()
            try:
                while True:
                    await out.write(b"x" * 1_000)
                    await asyncio.sleep(0)
            except HangUp:
                ended.set()

    async with served(app, WireProtocol) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        async with asyncio.timeout(5):
            await began.wait()
            writer.transport.abort()
            await ended.wait()


async def test_a_connection_too_many_is_told_so_and_nothing_of_it_is_read() -> None:
    """A bare 503; when one of the others ends, the next is answered."""
    paths: list[bytes] = []

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        paths.append(scope["raw_path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with served(app, counted_by(Connections(2, 2))) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        came = await exchange(port, request(b"/too-many"))
        assert came == TURNED_AWAY
        assert came.startswith(b"HTTP/1.1 503 ")
        idle[0][1].close()
        await idle[0][1].wait_closed()
        async with asyncio.timeout(5):
            while not (await exchange(port, request(b"/next"))).startswith(b"HTTP/1.1 204"):
                pass
        idle[1][1].close()
    assert set(paths) == {b"/next"}


class Made(WireProtocol):
    """Protocols that a test can tell to leave; the newest is the last."""

    made: list["Made"] = []  # noqa: RUF012 - emptied by each test

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        Made.made.append(self)


PLAIN = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"


async def opened_and_answered(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a kept connection after one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PLAIN)
    assert b"connection: close" not in await reader.readuntil(b"ok")
    return reader, writer


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the other end closes."""
    async with asyncio.timeout(5):
        return await reader.read()


async def test_an_idle_connection_of_one_that_leaves_is_answered_once_more() -> None:
    """The request was on its way: it is answered, told that it was the last, and the connection ends."""
    async with served(Seen(), Made) as port:
        reader, writer = await opened_and_answered(port)
        Made.made[-1].leave(60)
        writer.write(PLAIN)
        answer = await rest_of(reader)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"ok")


@pytest.mark.parametrize("is_fresh", [True, False])
async def test_an_idle_connection_of_one_that_leaves_is_closed_when_it_has_lingered(is_fresh: bool) -> None:
    """Whether it had a call before or none at all; a shorter time may be told later, a longer one changes nothing."""
    async with served(Seen(), Made) as port:
        if is_fresh:
            before = len(Made.made)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await until(lambda: len(Made.made) > before)
        else:
            reader, writer = await opened_and_answered(port)
        for linger_s in (60, 0.05, 60):
            Made.made[-1].leave(linger_s)
        assert await rest_of(reader) == b""
        writer.close()


async def test_an_answer_that_has_not_begun_says_that_it_is_the_last() -> None:
    """The caller learns it in time and sends nothing more."""
    waiting = asyncio.Event()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await waiting.wait()
        await Seen()(scope, receive, send)

    async with served(app, Made) as port:
        before = len(Made.made)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(PLAIN)
        await until(lambda: len(Made.made) > before and Made.made[-1].cycle is not None)
        Made.made[-1].leave(60)
        waiting.set()
        answer = await rest_of(reader)
        writer.close()
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"ok")


async def test_behind_an_answer_that_had_begun_one_more_call_is_answered() -> None:
    """Its head had promised to keep the connection, so the next request may be on its way."""
    seen = Seen()
    async with served(seen, Made) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(SLOW)
        begun = await reader.readuntil(b"first\r\n")
        Made.made[-1].leave(60)
        seen.go_on.set()
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(PLAIN)
        answer = await rest_of(reader)
        writer.close()
    assert b"connection: close" not in begun
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"ok")


async def test_a_request_that_comes_with_the_end_of_the_time_is_answered() -> None:
    """Bytes that are there when an idle connection is to be closed are read first."""
    async with served(Seen(), Made) as port:
        reader, writer = await opened_and_answered(port)
        writer.write(PLAIN)
        Made.made[-1].timeout_keep_alive_handler()
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.close()
