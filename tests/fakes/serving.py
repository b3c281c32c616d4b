# SPDX-License-Identifier: Apache-2.0
"""Applications on real connections of uvicorn, and callers that speak in bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from uvicorn.server import ServerState

RESET = b"(reset)"
"""What ``exchange`` returns when the other end reset the connection."""


@asynccontextmanager
async def served(app: Any, http: Any) -> AsyncIterator[int]:
    """Serve an application on 127.0.0.1 and yield the port; ``http`` is uvicorn's protocol class."""
    config = uvicorn.Config(app, http=http, ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: http(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.close()
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        # The transports tell of their end in the next turns of the loop.
        for _ in range(3):
            await asyncio.sleep(0)


async def exchange(port: int, *pieces: bytes, timeout_s: float = 5.0) -> bytes:
    """Return all bytes that come until the other end closes, after sending the pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(timeout_s):
            return await reader.read()
    except ConnectionResetError:
        return RESET
    finally:
        writer.close()


def request(target: bytes = b"/", *headers: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
    """Return a request that closes its connection."""
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: gateway.example", b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
