# SPDX-License-Identifier: Apache-2.0
"""Attack: bodies that are small to send and large to read, or simply do not end."""

import asyncio
import tracemalloc

import pytest

from gateway.doors.http.reading.bodies import LONG_BYTES, MOST_LONG_OF_ONE
from tests.fakes.bound_calls import BindingFlow, bound_calls
from tests.fakes.serving import RESET

MIB = 1 << 20
BOMBS: dict[str, tuple[bytes, bytes]] = {
    "a million keys": (b"/crm/bulk", b"[{" + b",".join(b'"k%d":1' % n for n in range(700_000)) + b"}]"),
    "one key a million times": (b"/crm/bulk", b"[{" + b'"id":1,' * 1_000_000 + b'"id":1}]'),
    "a million empty records": (b"/crm/bulk", b"[" + b"{}," * 1_000_000 + b"{}]"),
    "a million empty arrays": (b"/crm/bulk", b"[" + b"[]," * 1_000_000 + b"[]]"),
    "a million empty texts": (b"/crm/bulk", b"[" + b'"",' * 1_000_000 + b'""]'),
    "a hundred thousand deep": (b"/crm/bulk", b"[" * 100_000 + b"]" * 100_000),
    "a hundred thousand objects deep": (b"/crm/bulk", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a number of a million digits": (b"/crm/bulk", b'[{"age":' + b"9" * 1_000_000 + b"}]"),
    "a fraction of a million digits": (b"/crm/bulk", b'[{"age":0.' + b"9" * 1_000_000 + b"}]"),
    "an exponent of a million": (b"/crm/bulk", b'[{"age":1e1000000}]'),
    "many escapes": (b"/crm/bulk", b'[{"id":"' + b"\\u0000" * 300_000 + b'\\ud800"}]'),
    "a text without an end": (b"/crm/bulk", b'[{"id":"' + b"a" * 8_000_000),
    "backslashes without an end": (b"/crm/bulk", b'[{"id":"' + b"\\" * 8_000_001),
    "a search of keys": (b"/crm/search", b"{" + b",".join(b'"%d":1' % n for n in range(6_000)) + b"}"),
    "a deep search": (b"/crm/search", b'{"a":' * 9 + b"1" + b"}" * 9),
    "zip": (b"/crm/search", b"\x1f\x8b\x08" + bytes(1000)),
}


def head(path: bytes, length: bytes) -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n%b\r\n\r\n" % (path, length)


async def sent(port: int, *pieces: bytes) -> tuple[bytes, int]:
    """Send pieces until all are taken or the other end closes; return what came, and how many bytes were taken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    n_taken = 0
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            n_taken += len(piece)
    except ConnectionError:
        pass
    try:
        async with asyncio.timeout(20):
            return await reader.read(65_536), n_taken
    except ConnectionError:
        return RESET, n_taken
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_refused_and_binds_nothing(name: str) -> None:
    """The next call is answered; no piece of the bomb is in the refusal."""
    path, content = BOMBS[name]
    async with bound_calls() as (flow, port):
        came, _ = await sent(port, head(path, b"Content-Length: %d" % len(content)), content)
        assert came.startswith(b"HTTP/1.1 4"), came[:100]
        assert len(came) < 2000
        assert flow.bound == []
        assert (await sent(port, head(b"/crm/search", b"Content-Length: 2"), b"{}"))[0].startswith(b"HTTP/1.1 200")


def cost_bytes(content: bytes) -> int:
    """Return the memory that reading the content takes at most beyond its own."""
    from gateway.domain import strictjson

    tracemalloc.start()
    try:
        strictjson.read(content, max_bytes=8 * MIB)
    except ValueError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize("name", [name for name, (path, _) in BOMBS.items() if path == b"/crm/bulk"])
def test_a_bomb_takes_a_small_multiple_of_its_size(name: str) -> None:
    """Text and bytes side by side, and at most 262,144 values of 100 bytes."""
    assert cost_bytes(BOMBS[name][1]) < 64 * MIB


async def test_a_body_of_64_mib_is_not_read() -> None:
    """Announced it is refused before a byte; in chunks, once the bound is passed; both close the connection."""
    piece = b" " * 65_536
    async with bound_calls() as (flow, port):
        announced, _ = await sent(port, head(b"/crm/search", b"Content-Length: %d" % (64 * MIB)))
        chunks = [b"%x\r\n%b\r\n" % (len(piece), piece)] * 1024
        chunked, n_taken = await sent(port, head(b"/crm/search", b"Transfer-Encoding: chunked"), *chunks)
    assert b" 413 " in announced
    assert b"connection: close" in announced
    assert chunked == RESET or b" 413 " in chunked
    # What the kernel's buffers of both ends hold is taken, too.
    assert n_taken < 32 * MIB
    assert flow.bound == []


async def test_many_long_bodies_at_once_are_bounded() -> None:
    """Two of one account are read; more are told to come again, and short writes and searches are still answered."""

    async def hold(flow: BindingFlow, port: int, n: int) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head(b"/crm/bulk", b"Content-Length: 1000000") + b"[" * LONG_BYTES)
        async with asyncio.timeout(5):
            while len(flow.paths) < n:  # noqa: ASYNC110 - the flow tells nobody
                await asyncio.sleep(0.005)
        return writer

    async with bound_calls() as (flow, port):
        held = [await hold(flow, port, n) for n in range(1, MOST_LONG_OF_ONE + 1)]
        more, _ = await sent(port, head(b"/crm/bulk", b"Content-Length: 1000000"))
        short, _ = await sent(port, head(b"/crm/bulk", b"Content-Length: 13"), b'[{"id": "a"}]')
        search, _ = await sent(port, head(b"/crm/search", b"Content-Length: 2"), b"{}")
        for writer in held:
            writer.transport.abort()
    assert more.startswith(b"HTTP/1.1 503")
    assert b'"reason":"overloaded"' in more
    assert short.startswith(b"HTTP/1.1 200")
    assert search.startswith(b"HTTP/1.1 200")
