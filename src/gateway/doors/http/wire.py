# SPDX-License-Identifier: Apache-2.0
"""The connection below ASGI: uvicorn's HTTP/1.1 protocol with what the gateway adds to it.

RULES

1. A head is at most 16 KiB and complete within 10 seconds of the connection, or of its first byte.
2. What cannot be parsed is answered by 400 without a body, and the connection is closed; so is a call
   whose body turns out to be framed wrongly before its answer began. Inside an answer that is under way
   nothing is written: the connection is closed.
3. The target reaches the application as it was received. uvicorn takes the scheme and host off an
   absolute target and drops a fragment; here ``raw_path`` then keeps them, and the door refuses it.
4. Trailer fields are dropped: they never become headers.
5. A process that leaves fails no call. The answers that it begins say ``Connection: close``; a connection
   without a call lingers, and a request that comes meanwhile is answered as its last; an answer that had
   begun before said nothing of a close, so its connection lingers too.
6. What is lost is told to the answer that is under way (``peer.Peer``), and not only to who waits in ``receive()``.
7. A connection too many is told so by a bare 503, and nothing of it is read (see ``connections``).

Source: RFC 9112 sections 3.2, 9.6 and 11.2; written against uvicorn 0.51 to 0.54.
"""

import asyncio
from typing import Any

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.doors.http.connections import TURNED_AWAY, Connections
from gateway.doors.http.peer import PEER, Peer

MAX_HEAD_BYTES = 16_384
HEAD_S = 10.0
LAST_WORD_S = 0.5
"""How long a connection that was turned away is kept for its caller to read why."""
LAST_LOOK_S = 0.01
"""Between the end of an idle connection's time and its close: bytes that came in time are read first."""

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HeadTooLong(Exception):
    """A head is longer than is read; the parser turns it into its own error."""


class WireProtocol(HttpToolsProtocol):
    """One connection. Give it to uvicorn as ``http=WireProtocol``."""

    head_s = HEAD_S
    held: Connections | None = None
    """What counts the connections; nothing counts them where there is none."""

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
        self._linger_s: float | None = None
        self._address: str | None = None
        """By which the connection was counted."""
        self._is_turned_away = False
        self._peer = Peer()

    def leave(self, linger_s: float) -> None:
        """Let this be the last call on the connection; close it once it was idle for ``linger_s``, or earlier.

        To be told the same again changes nothing; a shorter time may be told later.
        """
        if self._linger_s is not None and self._linger_s <= linger_s:
            return
        self._linger_s = linger_s
        self.timeout_keep_alive = min(self.timeout_keep_alive, linger_s)  # type: ignore[assignment]
        if self._is_answering():
            self._say_close()
        elif self._is_idle():
            self._linger(linger_s)

    @override
    def timeout_keep_alive_handler(self) -> None:
        # What came in time may wait in the socket: it is read before this is called, and then this is not.
        self.timeout_keep_alive_task = self.loop.call_later(LAST_LOOK_S, super().timeout_keep_alive_handler)

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if self.held is not None and address:
            if not self.held.take(address):
                self._turn_away()
                return
            self._address = address
        self._await_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self.held is not None and self._address is not None:
            self.held.give_back(self._address)
            self._address = None
        super().connection_lost(exc)
        self._peer.leave()

    def _turn_away(self) -> None:
        """Tell that the connection is one too many.

        It is closed a moment later: a close beside bytes that were not read resets the connection, and the
        caller would see that and no answer.
        """
        self._is_turned_away = True
        self.transport.write(TURNED_AWAY)
        self.transport.write_eof()
        self._head_timer = self.loop.call_later(LAST_WORD_S, self.transport.close)

    @override
    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._is_turned_away:
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
        self.scope["extensions"] = {PEER: {"peer": self._peer}}
        super().on_headers_complete()
        if not self.url.startswith(b"/") or b"#" in self.url:
            # The application has not run yet: its task was only made.
            self.scope["raw_path"] = self.url.partition(b"?")[0]
        if self._linger_s is not None:
            self._say_close()

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed; ``msg`` is not told."""
        if self._is_unanswered():
            # What answers the call finds its caller gone, and writes nothing behind this.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._peer.leave()
            self.transport.write(_BAD_REQUEST)
        elif not self._is_answering():
            self.transport.write(_BAD_REQUEST)
        self.transport.close()

    def _is_unanswered(self) -> bool:
        """Tell whether the newest call is the only one under way, and no byte of its answer left."""
        return self._is_answering() and not self.cycle.response_started and not self.pipeline

    def _is_answering(self) -> bool:
        # uvicorn declares it without the None that it is before the first request.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def _is_idle(self) -> bool:
        """Tell whether nothing of a next request was read yet."""
        is_fresh = self._in_head and not self._n_head_bytes
        return is_fresh or self.timeout_keep_alive_task is not None

    def _say_close(self) -> None:
        """Let the newest answer say that it is the last, if its head did not leave yet."""
        if not self.cycle.response_started:
            self.cycle.keep_alive = False

    def _linger(self, linger_s: float) -> None:
        """Close the connection after a time, unless it closes before or a request comes."""
        waiting = self.timeout_keep_alive_task
        if waiting is not None and waiting.when() <= self.loop.time() + linger_s:
            return
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(linger_s, self.timeout_keep_alive_handler)

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


def counted_by(held: Connections) -> type[WireProtocol]:
    """Return the protocol of connections that ``held`` counts; give it to uvicorn as ``http``."""

    class Counted(WireProtocol):
        pass

    Counted.held = held
    return Counted
