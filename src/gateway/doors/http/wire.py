# SPDX-License-Identifier: Apache-2.0
"""The connection below ASGI: uvicorn's HTTP/1.1 protocol with what the gateway adds to it.

RULES

1. A head is at most 16 KiB and complete within 10 seconds of the connection, or of its first byte.
2. What cannot be parsed is answered by 400 without a body, and the connection is closed. Inside an
   answer that is under way nothing is written: the connection is closed.
3. The target reaches the application as it was received. uvicorn takes the scheme and host off an
   absolute target and drops a fragment; here ``raw_path`` then keeps them, and the door refuses it.
4. Trailer fields are dropped: they never become headers.

Source: RFC 9112 sections 3.2 and 11.2; written against uvicorn 0.51 to 0.54.
"""

import asyncio
from typing import Any

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEAD_BYTES = 16_384
HEAD_S = 10.0

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HeadTooLong(Exception):
    """A head is longer than is read; the parser turns it into its own error."""


class WireProtocol(HttpToolsProtocol):
    """One connection. Give it to uvicorn as ``http=WireProtocol``."""

    head_s = HEAD_S

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take over a connection that uvicorn accepted."""
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._n_head_bytes = 0
        self._n_parsed_bytes = 0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            # Counts what stood before the head in the same piece too: only pipelining puts it there.
            self._n_head_bytes += len(data)
            if self._n_head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("")

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._n_head_bytes, self._n_parsed_bytes = True, 0, 0
        if self._head_timer is None:
            self._await_head()

    @override
    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        # Fields behind a chunked body are no headers: uvicorn would add them to those of the scope.
        if self._in_head:
            super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()
        if not self.url.startswith(b"/") or b"#" in self.url:
            # The application has not run yet: its task was only made.
            self.scope["raw_path"] = self.url.partition(b"?")[0]

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed; ``msg`` is not told."""
        # uvicorn declares it without the None that it is before the first request.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self.transport.write(_BAD_REQUEST)
        self.transport.close()

    def _count(self, n_bytes: int) -> None:
        """Count what the parser has read of the head; a body in the same piece is not in it."""
        self._n_parsed_bytes += n_bytes
        if self._n_parsed_bytes > MAX_HEAD_BYTES:
            raise HeadTooLong

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_s, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.send_400_response("")
