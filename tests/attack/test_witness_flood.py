# SPDX-License-Identifier: Apache-2.0
"""Attack: somebody opens connections to a witness that say nothing, or heads that do not end, until no gateway gets through."""

import asyncio
from pathlib import Path

from gateway.app.evidence.witness import MOST_AN_ADDRESS
from tests.fakes.log import NAME
from tests.fakes.witness import made, witness_served

ASKED = b"GET /checkpoint?origin=" + NAME.encode() + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def answered(port: int, sent: bytes, address: str = "127.0.0.1") -> bytes:
    """Return what a request from an address of this machine gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        writer.write(sent)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


async def test_connections_that_say_nothing_leave_room_for_others(tmp_path: Path) -> None:
    """Of one address so many are held; a gateway at another is answered."""
    made(tmp_path / "witness", NAME)
    async with witness_served(tmp_path / "witness") as running:
        port = int(running.url.rpartition(":")[2])
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_AN_ADDRESS + 20)]
        turned_away = await asyncio.gather(*(reader.read() for reader, _ in silent[MOST_AN_ADDRESS:]))
        other = await answered(port, ASKED, "127.0.0.2")
        for _, writer in silent:
            writer.close()
    assert {one[:12] for one in turned_away} == {b"HTTP/1.1 503"}
    assert other.startswith(b"HTTP/1.1 404")


async def test_a_head_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    """A few KiB are read of it, and the connection is closed."""
    made(tmp_path / "witness", NAME)
    async with witness_served(tmp_path / "witness") as running:
        port = int(running.url.rpartition(":")[2])
        for endless in (b"GET /checkpoint?origin=" + b"a" * 17_000, ASKED[:-2] + b"x: y\r\n" * 3_000):
            assert (await answered(port, endless)).startswith(b"HTTP/1.1 400")
        assert (await answered(port, ASKED)).startswith(b"HTTP/1.1 404")
