# SPDX-License-Identifier: Apache-2.0
"""A witness is asked over the road of stores, and everything that is no short answer in time is silence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.domain.errors import SettingsError, WitnessSilent
from gateway.forward.witness import MOST_ANSWER_BYTES, HttpWitness, WitnessAnswer

Handle = Callable[[bytes], bytes]


@asynccontextmanager
async def answering(handle: Handle) -> AsyncIterator[int]:
    """Serve one answer a connection, made from the whole request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        writer.write(handle(head + await reader.readexactly(length)))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def told(body: bytes, status: bytes = b"200 OK", content_type: bytes = b"text/plain; charset=utf-8") -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % (status, content_type, len(body)) + body


async def test_what_is_sent_and_what_comes_back() -> None:
    """Method, path below the address, body; status, type and text."""
    seen = []

    def handle(call: bytes) -> bytes:
        seen.append(call)
        return told(b"7\n", b"409 Conflict", b"text/x.tlog.size")

    async with answering(handle) as port, HttpWitness("w", f"http://127.0.0.1:{port}/prefix") as witness:
        answer = await witness.add_checkpoint(b"old 0\n\nnote\n")
        await witness.newest("demo/node-1/door-0")

    assert answer == WitnessAnswer(status=409, content_type="text/x.tlog.size", body="7\n")
    assert seen[0].startswith(b"POST /prefix/add-checkpoint HTTP/1.1\r\n")
    assert seen[0].endswith(b"\r\n\r\nold 0\n\nnote\n")
    assert seen[1].startswith(b"GET /prefix/checkpoint?origin=demo/node-1/door-0 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello\r\n\r\n",
        told(b"\xff"),
        told(b"a" * (MOST_ANSWER_BYTES + 1)),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
    ],
)
async def test_what_is_no_answer_is_silence(answer: bytes) -> None:
    """The error holds nothing of it."""
    async with answering(lambda _call: answer) as port, HttpWitness("w", f"http://127.0.0.1:{port}") as witness:
        with pytest.raises(WitnessSilent, match="the witness w does not answer now") as silent:
            await witness.add_checkpoint(b"x")
    assert silent.value.__cause__ is None


async def test_a_redirect_is_not_followed() -> None:
    """It is an answer like any other, which the flow refuses."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with answering(lambda _call: moved) as port, HttpWitness("w", f"http://127.0.0.1:{port}") as witness:
        assert (await witness.newest("a/b/c")).status == 302


async def test_nobody_there_is_silence_and_whoever_comes_back_is_heard() -> None:
    """On the same port, without a new start."""
    async with answering(lambda _call: told(b"x")) as port:
        witness = HttpWitness("w", f"http://127.0.0.1:{port}")
        assert (await witness.newest("a/b/c")).body == "x"
    with pytest.raises(WitnessSilent):
        await witness.newest("a/b/c")
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] = _answer_x
    server = await asyncio.start_server(handler, "127.0.0.1", port)
    async with server:
        assert (await witness.newest("a/b/c")).body == "x"
    await witness.__aexit__(None, None, None)


async def _answer_x(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(told(b"x"))
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("url", ["ftp://w.example", "http://u:secret@w.example", "w.example", "http://w.example/?a=b"])
def test_an_address_that_cannot_be_used_is_refused(url: str) -> None:
    """With the setting, and without the address, which may hold credentials."""
    with pytest.raises(SettingsError, match=r"log\.witnesses: w: its address") as wrong:
        HttpWitness("w", url)
    assert "secret" not in str(wrong.value)
