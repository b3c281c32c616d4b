# SPDX-License-Identifier: Apache-2.0
"""The door of a witness answers in the words of the protocol, to bodies of bounded size."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.doors.witness.app import witness_door
from gateway.flows.witnessing import MOST_BODY_BYTES
from tests.fakes.log import NAME, checkpoint_of, written
from tests.fakes.serving import exchange, request, served
from tests.fakes.witness import asked, made, witnessing


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 10)
    return tmp_path / "log" / "door-0"


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    held = made(tmp_path / "witness", NAME)
    async with served(witness_door(witnessing(held)), HttpToolsProtocol) as port:
        yield port


def posted(body: bytes, target: bytes = b"/add-checkpoint") -> bytes:
    return request(target, b"Content-Length: %d" % len(body), method=b"POST", body=body)


async def test_a_checkpoint_is_co_signed_and_can_be_asked_for(port: int, slot: Path) -> None:
    """Plain text that nobody keeps."""
    signed = await exchange(port, posted(asked(slot, 0)))
    newest = await exchange(port, request(b"/checkpoint?origin=" + NAME.encode()))

    head, _, line = signed.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"cache-control: no-store" in head
    assert line.decode().startswith("— witness.example/1 ")
    assert newest.partition(b"\r\n\r\n")[2] == checkpoint_of(slot).encode() + line


async def test_a_stale_size_is_answered_in_its_own_type(port: int, slot: Path) -> None:
    """To the letter, without a charset."""
    answer = await exchange(port, posted(asked(slot, 3)))

    assert answer.startswith(b"HTTP/1.1 409 ")
    assert b"content-type: text/x.tlog.size\r\n" in answer
    assert answer.endswith(b"\r\n\r\n0\n")


async def test_a_body_beyond_the_bound_is_refused(port: int) -> None:
    """Before it is read to its end."""
    answer = await exchange(port, posted(b"a" * (MOST_BODY_BYTES + 1)))

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (request(b"/"), 404),
        (request(b"/add-checkpoint"), 405),
        (request(b"/checkpoint"), 400),
        (request(b"/checkpoint?origin=a&origin=b"), 400),
        (request(b"/checkpoint?origin=a&x=b"), 400),
        (request(b"/checkpoint?origin=" + b"a" * 513), 400),
        (request(b"/checkpoint?origin=..%2f..%2fwitness.key"), 404),
        (posted(b""), 400),
    ],
)
async def test_everything_else_is_refused(port: int, call: bytes, status: int) -> None:
    """A name of a log never becomes a path."""
    assert (await exchange(port, call)).startswith(b"HTTP/1.1 %d " % status)
