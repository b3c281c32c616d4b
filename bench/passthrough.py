# SPDX-License-Identifier: Apache-2.0
"""The reference: the same server and the same client of stores as the gateway, and nothing in between."""

import asyncio
import sys
from typing import Any

import uvicorn
import uvloop
from pyreqwest.client import ClientBuilder

from gateway.app.serving.serve import bound_socket

HEADERS = ("content-type", "content-length")


def application(base_url: str) -> Any:
    """Return an ASGI application that asks the store for the path as it came and passes the answer on."""
    client = ClientBuilder().max_connections(64).build()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        target = base_url + scope["raw_path"].removeprefix(b"/bench").decode() + "?" + scope["query_string"].decode()
        request = client.get(target).header("accept-encoding", "identity").build_streamed()
        async with request as response:
            headers = [(name.encode(), response.headers[name].encode()) for name in HEADERS if name in response.headers]
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            while (chunk := await response.body_reader.read_chunk()) is not None:
                await send({"type": "http.response.body", "body": bytes(chunk), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def main() -> None:
    """Serve until SIGTERM; the port is told at the end of the first line."""
    listening = bound_socket("127.0.0.1", 0)
    config = uvicorn.Config(
        application(sys.argv[1]), http="httptools", lifespan="off", ws="none", access_log=False, log_config=None
    )
    print(f"listening on port :{listening.getsockname()[1]}", flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
