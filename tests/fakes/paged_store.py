# SPDX-License-Identifier: Apache-2.0
"""A store of as many contacts as one likes, made when they are asked for by ``limit`` and ``offset``."""

import asyncio
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.gated_store import contacts


class PagedStore:
    """Serves ``/crm/contacts`` on 127.0.0.1: row n is about person n.

    Attributes:
        n_rows: How many there are.
        n_calls: How many calls came.
    """

    def __init__(self, n_rows: int) -> None:
        """Keep the number."""
        self.n_rows = n_rows
        self.n_calls = self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.n_calls += 1
                body = self._page(head.split(b" ", 2)[1].decode())
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                )
                writer.write(body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def _page(self, target: str) -> bytes:
        asked = dict(parse_qsl(urlsplit(target).query))
        first = min(int(asked.get("offset", "0")), self.n_rows)
        n_rows = min(int(asked.get("limit", "100")), self.n_rows - first)
        return b"[" + b",".join(contacts(n_rows, first=first, people=self.n_rows)) + b"]"
