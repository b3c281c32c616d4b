# SPDX-License-Identifier: Apache-2.0
"""The load says of answers that are not 200 which they were."""

import asyncio
import itertools

from bench.load import load
from bench.processes import not_answered

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
BODY = b'{"type":"/-/problems/overloaded","reason":"overloaded","status":503}'
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
BARE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


async def test_statuses_and_reasons_are_counted() -> None:
    """In whatever pieces they come; a connection that is closed is one of them."""
    turns = itertools.cycle((OK, BUSY, OK, BARE))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(50):
            if not await reader.readline():
                break
            for piece in (whole := next(turns))[:40], whole[40:]:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        found = await load(server.sockets[0].getsockname()[1], 1, 60.0, b"GET\n")

    assert found["bad"] == {"503 overloaded": 13, "400 without a reason": 12, "the connection was closed": 1}


def test_what_is_thrown_away_says_why() -> None:
    """The most frequent first."""
    told = not_answered({"400 without a reason": 1, "503 overloaded": 3}, 16)
    assert told == "4 of 16 calls were not answered by 200: 3 by 503 overloaded, 1 by 400 without a reason"
