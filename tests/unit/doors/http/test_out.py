# SPDX-License-Identifier: Apache-2.0
"""Pushing an answer: complete or visibly broken, and a caller that goes away is noticed."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.domain.errors import HangUp
from gateway.doors.http.out import BodyTooLong, BodyTooSlow, Message, Out, opened
from gateway.doors.http.peer import Peer, peer_of
from gateway.doors.http.wire import WireProtocol
from tests.fakes.serving import exchange, request, served

PROTOCOLS = [WireProtocol, HttpToolsProtocol, H11Protocol]
LENGTH_2 = [(b"content-length", b"2")]


def app_of(answer: Callable[[Out], Awaitable[None]]) -> Any:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        async with opened(receive, send, peer=peer_of(scope)) as out:
            await answer(out)

    return app


@pytest.mark.parametrize("http", PROTOCOLS)
async def test_a_finished_answer_is_complete(http: Any) -> None:
    """With a length, or as chunks with the last one."""

    async def whole(out: Out) -> None:
        await out.start(200, LENGTH_2)
        await out.finish(b"ok")

    async def chunked(out: Out) -> None:
        await out.start(200, [])
        await out.write(b"one")
        await out.write(b"")
        await out.write(b"two")
        await out.finish()

    async with served(app_of(whole), http) as port:
        assert (await exchange(port, request())).endswith(b"\r\n\r\nok")
    async with served(app_of(chunked), http) as port:
        assert (await exchange(port, request())).endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


@pytest.mark.parametrize("http", PROTOCOLS)
async def test_an_aborted_answer_is_visibly_broken(http: Any) -> None:
    """The connection is closed without the last chunk, or short of the announced length."""

    async def cut(out: Out) -> None:
        await out.start(200, [])
        await out.write(b"[1")
        await out.abort()

    async def short(out: Out) -> None:
        await out.start(200, [(b"content-length", b"100")])
        await out.write(b"[1")
        await out.abort()

    async with served(app_of(cut), http) as port:
        assert (await exchange(port, request())).endswith(b"\r\n\r\n2\r\n[1\r\n")
    async with served(app_of(short), http) as port:
        assert (await exchange(port, request())).endswith(b"\r\n\r\n[1")


@pytest.mark.parametrize("http", PROTOCOLS)
async def test_a_caller_that_goes_away_is_noticed_at_the_next_write(http: Any) -> None:
    """Although the server's send returns as if all were well."""
    raised: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def endless(out: Out) -> None:
        n = 0
        await out.start(200, [])
        try:
            while True:
                await out.write(b"x" * 1000)
                n += 1
                await asyncio.sleep(0)
        except HangUp:
            raised.set_result(n)
            raise

    async def app(scope: Message, receive: Any, send: Any) -> None:
        with pytest.raises(HangUp):
            await app_of(endless)(scope, receive, send)

    async with served(app, http) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request())
        await reader.readexactly(5000)
        writer.transport.abort()
        async with asyncio.timeout(5):
            assert await raised > 0


@pytest.mark.parametrize("http", PROTOCOLS)
async def test_a_write_that_waits_for_a_caller_is_ended_when_it_goes(http: Any) -> None:
    """A full socket does not hold the flow once the caller is gone."""
    full, raised = asyncio.Event(), asyncio.Event()

    async def flood(out: Out) -> None:
        await out.start(200, [])
        try:
            while True:
                waiting = asyncio.get_running_loop().call_later(0.2, full.set)
                await out.write(b"x" * 1_000_000)
                waiting.cancel()
        except HangUp:
            raised.set()

    async with served(app_of(flood), http) as port:
        writer = (await asyncio.open_connection("127.0.0.1", port, limit=1))[1]
        writer.write(request())
        async with asyncio.timeout(5):
            await full.wait()
            assert not raised.is_set()
            writer.transport.abort()
            await raised.wait()


async def test_a_caller_that_reads_nothing_counts_as_gone() -> None:
    """After the time that one write may wait."""

    async def app(scope: Message, receive: Any, send: Any) -> None:
        async with opened(receive, send, stall_s=0.1) as out:
            try:
                await out.start(200, [])
                while True:
                    await out.write(b"x" * 1_000_000)
            except HangUp:
                done.set()

    done = asyncio.Event()
    async with served(app, WireProtocol) as port:
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(request())
            async with asyncio.timeout(5):
                await done.wait()


class FakeServer:
    """The server's side of ASGI, without a socket."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.disconnected = asyncio.Event()
        self.blocked: asyncio.Event | None = None

    async def receive(self) -> Message:
        """Wait for the disconnect."""
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Keep the message, after a while if blocked."""
        if self.blocked:
            await self.blocked.wait()
        self.sent.append(message)


async def test_a_disconnect_before_the_last_piece_is_no_clean_end() -> None:
    """What the server already knows is asked for before the end is told."""
    server = FakeServer()
    async with opened(server.receive, server.send) as out:
        await out.start(200, [])
        server.disconnected.set()
        with pytest.raises(HangUp):
            await out.finish(b"x")
    assert len(server.sent) == 1


async def test_a_send_that_never_returns_is_ended_by_the_disconnect() -> None:
    """On a server whose send waits for ever after a disconnect."""
    server = FakeServer()
    server.blocked = asyncio.Event()
    async with opened(server.receive, server.send) as out:
        asyncio.get_running_loop().call_soon(server.disconnected.set)
        with pytest.raises(HangUp):
            await out.start(200, [])


async def never() -> Message:
    """Fail: nobody has to ask a server that tells by itself."""
    raise AssertionError("receive was called")


async def test_a_server_that_tells_of_a_loss_is_not_asked() -> None:
    """Before the answer, in a write that waits, and never for the next answer on the connection."""
    gone = Peer()
    gone.leave()
    async with opened(never, FakeServer().send, peer=gone) as out:
        with pytest.raises(HangUp):
            await out.start(200, [])

    peer, server = Peer(), FakeServer()
    server.blocked = asyncio.Event()
    async with opened(never, server.send, peer=peer) as out:
        asyncio.get_running_loop().call_soon(peer.leave)
        with pytest.raises(HangUp):
            await out.start(200, [])
        with pytest.raises(HangUp):
            out.still_there()

    peer = Peer()
    async with opened(never, FakeServer().send, peer=peer) as first, opened(never, FakeServer().send, peer=peer) as out:
        await first.leave()
        peer.leave()
        first.still_there()
        with pytest.raises(HangUp):
            out.still_there()


async def test_a_write_that_waits_goes_on_where_it_waited() -> None:
    """However often it waits, and its message is sent once; cancelled, it is not."""
    server = FakeServer()

    async def slow(message: Message) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        await server.send(message)

    async with opened(server.receive, slow) as out:
        await out.start(200, LENGTH_2)
        await out.finish(b"ok")
    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]

    async with opened(server.receive, slow) as out:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(out.start(200, []), 0)
    assert len(server.sent) == 2


async def test_the_last_piece_goes_in_one_with_the_end() -> None:
    """Also an empty one; what finishes the answer afterwards finds it finished."""
    for content in (b"x", b""):
        server = FakeServer()
        async with opened(server.receive, server.send, peer=Peer()) as out:
            await out.start(200, [])
            await out.write(content, last=True)
            await out.finish()
            with pytest.raises(RuntimeError, match="ended"):
                await out.write(b"more")
        assert server.sent[1:] == [{"type": "http.response.body", "body": content, "more_body": False}]


async def test_nothing_is_sent_after_an_end() -> None:
    """Neither after a finish nor after an abort."""
    for ended in ("finish", "abort"):
        server = FakeServer()
        async with opened(server.receive, server.send) as out:
            await out.start(200, [])
            await getattr(out, ended)()
            n_sent = len(server.sent)
            with pytest.raises(RuntimeError, match="ended"):
                await out.write(b"x")
            assert len(server.sent) == n_sent


async def test_no_task_is_left_behind() -> None:
    """Whether the block ends well, by an error or by cancelling; errors come out as they are."""
    before = asyncio.all_tasks()

    async def wait_inside() -> None:
        async with opened(FakeServer().receive, FakeServer().send):
            await asyncio.Event().wait()

    async def run(error: BaseException | None) -> None:
        server = FakeServer()
        async with opened(server.receive, server.send) as out:
            await out.start(200, [])
            if error:
                raise error

    await run(None)
    with pytest.raises(LookupError):
        await run(LookupError("x"))
    with pytest.raises(asyncio.CancelledError):
        await run(asyncio.CancelledError())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wait_inside(), 0.01)
    assert asyncio.all_tasks() == before


async def test_a_receive_that_fails_counts_as_a_disconnect() -> None:
    """Nothing can be heard of the caller any more."""

    async def receive() -> Message:
        raise OSError

    async with opened(receive, FakeServer().send) as out:
        await asyncio.sleep(0)
        with pytest.raises(HangUp):
            await out.start(200, [])


async def test_what_is_left_of_a_requests_body_is_no_disconnect() -> None:
    """The watcher reads past it."""
    messages: list[Message] = [{"type": "http.request", "body": b"x", "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else await FakeServer().receive()

    server = FakeServer()
    async with opened(receive, server.send) as out:
        await asyncio.sleep(0)
        await out.start(200, LENGTH_2)
        await out.finish(b"ok")
    assert [message["type"] for message in server.sent] == ["http.response.start", "http.response.body"]


class Body:
    """A request's body in pieces, each told when it is asked for; then silence or a disconnect.

    Attributes:
        n_asked: How often ``receive`` was called.
        n_at_once: How many were waiting in it at most.
    """

    def __init__(self, *pieces: bytes, whole: bool = True, gone: bool = False) -> None:
        self._pieces, self._whole, self._gone = list(pieces), whole, gone
        self.n_asked = self.n_at_once = self._n_waiting = 0

    async def receive(self) -> Message:
        """Tell the next piece."""
        self.n_asked += 1
        self._n_waiting += 1
        self.n_at_once = max(self.n_at_once, self._n_waiting)
        try:
            await asyncio.sleep(0)
            if self._pieces:
                piece = self._pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(self._pieces) or not self._whole}
            if self._gone:
                return {"type": "http.disconnect"}
            return await FakeServer().receive()
        finally:
            self._n_waiting -= 1


async def test_nothing_is_received_of_a_body_that_nobody_asked_for() -> None:
    """So no `100 Continue` is sent before the answer's own head; behind it the watcher begins."""
    body, server = Body(b"x"), FakeServer()
    async with opened(body.receive, server.send, has_body=True) as out:
        await asyncio.sleep(0.01)
        assert body.n_asked == 0
        assert out.unread
        await out.start(403, LENGTH_2)
        await out.finish(b"no")
    assert body.n_asked > 0


async def test_a_body_is_read_whole_and_by_one_reader() -> None:
    """The watcher begins behind its last piece, and hears the disconnect."""
    body, server = Body(b"ab", b"", b"cd", gone=True), FakeServer()
    async with opened(body.receive, server.send, has_body=True) as out:
        assert await out.body(4) == b"abcd"
        assert not out.unread
        await asyncio.sleep(0.01)
        with pytest.raises(HangUp):
            await out.start(200, LENGTH_2)
    assert body.n_at_once == 1


async def test_a_body_of_a_request_without_one_is_empty() -> None:
    """And costs nothing."""
    async with opened(FakeServer().receive, FakeServer().send) as out:
        assert await out.body(4) == b""


async def test_a_body_that_is_too_long_is_not_read_further() -> None:
    """At most one piece beyond the bound is in memory."""
    body = Body(*[b"x" * 10] * 100)
    async with opened(body.receive, FakeServer().send, has_body=True) as out:
        with pytest.raises(BodyTooLong):
            await out.body(25)
        assert body.n_asked == 3
        assert out.unread


async def test_a_caller_that_goes_away_inside_its_body_hangs_up() -> None:
    """Nothing can be told it any more."""
    body = Body(b"ab", whole=False, gone=True)
    async with opened(body.receive, FakeServer().send, has_body=True) as out:
        with pytest.raises(HangUp):
            await out.body(100)
        with pytest.raises(HangUp):
            await out.start(200, LENGTH_2)


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """Nor one that stops in the middle; a refusal can still be told."""
    for pieces in ((), (b"ab",)):
        server = FakeServer()
        async with opened(Body(*pieces, whole=False).receive, server.send, has_body=True) as out:
            with pytest.raises(BodyTooSlow):
                await out.body(100, first_s=0.05, least_bytes_a_s=1000)
            await out.start(400, LENGTH_2)
            await out.finish(b"no")
        assert len(server.sent) == 2


async def test_what_arrives_gives_more_time() -> None:
    """By the rate; so a long body over a slow line is read to its end."""
    gate = asyncio.Event()

    async def receive() -> Message:
        if not gate.is_set():
            gate.set()
            return {"type": "http.request", "body": b"x" * 100, "more_body": True}
        await asyncio.sleep(0.1)
        return {"type": "http.request", "body": b"y", "more_body": False}

    async with opened(receive, FakeServer().send, has_body=True) as out:
        assert len(await out.body(1000, first_s=0.02, least_bytes_a_s=100)) == 101
