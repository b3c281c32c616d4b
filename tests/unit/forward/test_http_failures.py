# SPDX-License-Identifier: Apache-2.0
"""Store calls that fail over real sockets: time limits, what is known to be unsent, and what is tried again."""

import asyncio
import contextlib
import socket

import pytest

from gateway.domain.errors import Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.forward.http import HttpStores
from tests.fakes.raw_store import JSON_HEAD, RawStore, Reply, json_reply
from tests.fakes.store_calls import CRM, a_call, body_of, store_at


async def test_interim_answers_do_not_keep_a_call_waiting() -> None:
    """A flood of 1xx without an end runs into the time limit."""
    flood = Reply(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2_000, "hang")
    async with RawStore(lambda _: flood) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert caught.value.timed_out


@pytest.mark.parametrize("content", [b"", JSON_HEAD, JSON_HEAD + b"Content-Length: 9\r\n\r\n[1"])
async def test_a_silent_store_times_out(content: bytes) -> None:
    """Silence before the head, inside it, and inside the body."""
    async with RawStore(lambda _: Reply(content, "hang")) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert caught.value.timed_out


async def test_a_dripping_store_times_out_as_a_whole() -> None:
    """Pieces that come in time do not help a call past its total time."""
    async with (
        RawStore(lambda _: Reply(JSON_HEAD + b"Content-Length: 9\r\n\r\n[1", "hang")) as crm,
        HttpStores([store_at(crm.url, read_s=30.0, total_s=0.3)]) as stores,
    ):
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert caught.value.timed_out


async def test_a_store_that_drips_is_given_up_and_one_that_is_waited_for_is_not() -> None:
    """A kilobyte a second is asked while the gateway waits; a caller that reads slowly costs the store nothing."""
    body = b"[" + b" " * 500_000 + b"]"

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(JSON_HEAD + b"Content-Length: 9999\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    dripping = store_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", pace_s=0.2)
    async with server, HttpStores([dripping]) as stores:
        with pytest.raises(StoreUnreachable, match="slowly") as caught:
            await body_of(stores)
    assert caught.value.timed_out
    async with (
        RawStore(lambda _: json_reply(body)) as crm,
        HttpStores([store_at(crm.url, pace_s=0.3, least_bytes_s=1 << 20)]) as stores,
        stores.call(a_call()) as answer,
    ):
        n_bytes = 0
        async for chunk in answer.chunks():
            n_bytes += len(chunk)
            await asyncio.sleep(len(chunk) / 400_000)
    assert n_bytes == len(body)


async def test_a_store_that_cannot_be_reached_is_left_alone_and_tried_again() -> None:
    """Callers are told at once; health tells how it stands; one call finds out that it is back."""
    async with RawStore(lambda _: json_reply()) as crm:
        port, url = crm.port, crm.url
    async with HttpStores([store_at(url, failures=3, pause_s=0.2)]) as stores:
        for _ in range(3):
            with pytest.raises(StoreUnreachable, match="no connection"):
                await body_of(stores)
        assert (stores.health()[CRM].state, stores.health()[CRM].n_failures) == ("open", 3)
        with pytest.raises(StoreUnreachable, match="left alone") as caught:
            await body_of(stores)
        assert (caught.value.not_sent, caught.value.retry_after_s) == (True, 1)
        async with RawStore(lambda _: json_reply(), port=port) as back:
            async with asyncio.timeout(10):
                while stores.health()[CRM].state != "closed":
                    with contextlib.suppress(StoreUnreachable):
                        await body_of(stores)
                    await asyncio.sleep(0.01)
            assert len(back.heads) == 1


async def test_a_store_that_is_not_there_is_unreachable() -> None:
    """A refused connection is not a time-out."""
    async with RawStore(lambda _: json_reply()) as crm:
        url = crm.url
    async with HttpStores([store_at(url)]) as stores:
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert not caught.value.timed_out
    assert caught.value.not_sent


async def test_a_store_that_does_not_take_connections_in_time_got_nothing() -> None:
    """A full backlog is a time-out before anything was sent."""
    with contextlib.ExitStack() as opened:
        full = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        async with HttpStores([store_at(url, connect_s=0.2)]) as stores:
            with pytest.raises(StoreUnreachable) as caught:
                await body_of(stores)
    assert (caught.value.timed_out, caught.value.not_sent) == (True, True)


@pytest.mark.parametrize("then", ["close", "reset", "hang"])
@pytest.mark.parametrize("content", [b"", b"HTTP/1.1 200 OK\r\nX", JSON_HEAD + b"Content-Length: 9\r\n\r\n[1"])
async def test_a_call_that_the_store_read_is_never_said_to_be_unsent(content: bytes, then: str) -> None:
    """Whatever the store did afterwards, it may have acted on the call, which it saw once."""
    async with RawStore(lambda _: Reply(content, then)) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises((StoreUnreachable, StoreMisbehaved)) as caught:
            await body_of(stores)
    assert not getattr(caught.value, "not_sent", False)
    assert len(crm.heads) == 1


async def test_too_many_calls_at_once_are_refused_here() -> None:
    """A full store makes the gateway busy; it does not queue without end."""
    script = {1: Reply(JSON_HEAD + b"Content-Length: 9\r\n\r\n[1", "hang"), 2: json_reply()}
    async with (
        RawStore(script.__getitem__) as crm,
        HttpStores([store_at(crm.url, connections=1, connect_s=0.1, read_s=5.0)]) as stores,
    ):
        async with stores.call(a_call()):
            with pytest.raises(Overloaded):
                await body_of(stores)
        assert await body_of(stores) == b"[]"


async def test_a_cancelled_call_gives_its_place_back() -> None:
    """Leaving in the middle of a body frees the connection."""
    script = {1: Reply(JSON_HEAD + b"Content-Length: 9\r\n\r\n[1", "hang"), 2: json_reply()}
    async with (
        RawStore(script.__getitem__) as crm,
        HttpStores([store_at(crm.url, connections=1, read_s=30.0)]) as stores,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await body_of(stores)
        assert await body_of(stores) == b"[]"


async def test_a_read_that_did_not_reach_the_store_is_tried_once_on_the_next_address() -> None:
    """Nothing listens at the first address; the name is resolved again, and the second answers."""
    rounds: list[str] = []

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        rounds.append(host)
        return ("127.0.0.2", "127.0.0.1")

    async with (
        RawStore(lambda _: json_reply()) as crm,
        HttpStores([store_at(f"http://crm.test:{crm.port}")], resolve=resolve) as stores,
    ):
        assert await body_of(stores) == b"[]"
    assert (len(rounds), len(crm.heads)) == (2, 1)


async def test_a_read_is_not_tried_a_third_time() -> None:
    """Two addresses, nothing at either: the call has failed, and says that nothing was sent."""
    rounds: list[str] = []

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        rounds.append(host)
        return ("127.0.0.2", "127.0.0.3", "127.0.0.1")

    async with (
        RawStore(lambda _: json_reply()) as crm,
        HttpStores([store_at(f"http://crm.test:{crm.port}")], resolve=resolve) as stores,
    ):
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert (caught.value.not_sent, len(rounds), crm.n_connections) == (True, 2, 0)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_never_tried_again(method: str) -> None:
    """Not even where nothing was sent; the next call takes the next address."""

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return ("127.0.0.2", "127.0.0.1")

    async with (
        RawStore(lambda _: json_reply()) as crm,
        HttpStores([store_at(f"http://crm.test:{crm.port}")], resolve=resolve) as stores,
    ):
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores, a_call(method=method, body=b"{}", writes=True))
        assert (caught.value.not_sent, crm.n_connections) == (True, 0)
        assert await body_of(stores, a_call(method=method, body=b"{}", writes=True)) == b"[]"
