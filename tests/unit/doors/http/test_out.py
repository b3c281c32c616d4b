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
from gateway.doors.http.out import Message, Out, opened
from gateway.doors.http.wire import WireProtocol
from tests.fakes.serving import exchange, request, served

PROTOCOLS = [WireProtocol, HttpToolsProtocol, H11Protocol]
LENGTH_2 = [(b"content-length", b"2")]


def app_of(answer: Callable[[Out], Awaitable[None]]) -> Any:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        async with opened(receive, send) as out:
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
