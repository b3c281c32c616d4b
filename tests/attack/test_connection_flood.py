# SPDX-License-Identifier: Apache-2.0
"""Attack: one address opens connections until nobody else gets one."""

import asyncio

from gateway.doors.http.connections import TURNED_AWAY, Connections
from gateway.doors.http.wire import counted_by
from tests.fakes.bound_calls import bound_calls

CALL = b"GET /crm/customers HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def test_a_flood_from_one_address_leaves_room_for_others() -> None:
    """Those beyond the bound are told so and counted; when the flood ends, the address is answered again."""
    told: list[None] = []
    held = Connections(40, 25, turned_away=lambda: told.append(None))
    async with bound_calls(counted_by(held)) as (_, port):
        flood = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
        turned_away = await asyncio.gather(*(reader.read() for reader, _ in flood[25:]))
        other = await answered(port, "127.0.0.2")
        for _, writer in flood:
            writer.close()
        async with asyncio.timeout(5):
            while not (again := await answered(port, "127.0.0.1")).startswith(b"HTTP/1.1 200"):
                assert again == TURNED_AWAY
    assert set(turned_away) == {TURNED_AWAY}
    assert len(told) >= 35
    assert other.startswith(b"HTTP/1.1 200")


async def answered(port: int, address: str) -> bytes:
    """Return what a call from an address of this machine gets."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(CALL)
    try:
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
