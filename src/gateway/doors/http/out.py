# SPDX-License-Identifier: Apache-2.0
"""The pushing end of one answer over ASGI: whoever writes learns at once that the caller has gone.

RULES

1. Once the caller has gone, the next write raises ``HangUp``, and a write that is waiting for the socket
   is ended: uvicorn's ``send()`` returns as if all were well. Our own protocol says by itself when its
   connection is lost (``peer.Peer``, in the scope's extensions). Of another server, and of a request with a body,
   a watcher waits in ``receive()`` for the whole answer.
   Of a request with a body nothing is received, and so no ``100 Continue`` sent, until ``body`` is asked
   for; the watcher begins behind it, or behind the head of an answer that does not want the body. So
   ``receive()`` has one reader at any time.
2. A caller that reads nothing for ``stall_s`` counts as gone. A write that the server takes at once, as it
   takes nearly all, has no time limit, because it does not wait.
3. ``finish`` is the only end that looks like one. After ``abort`` nothing is sent: the application
   returns, and the server, which misses the last chunk or the rest of the announced length, closes
   the connection. So an answer is complete or visibly broken. (Tested on uvicorn with both parsers.)
4. The watcher belongs to ``async with``: it is gone when the block is left, however it is left.

An answer must have begun when the application returns, or the server makes one up: ``aborted``
without ``started`` is the application's to avoid.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from types import TracebackType, coroutine
from typing import Any

from gateway.domain.errors import HangUp
from gateway.doors.http.peer import Peer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]
Answers = Callable[[Message, Receive, Send], Awaitable[None]]
"""An application of ASGI, or half of one."""

STALL_S = 60.0
FIRST_S = 10.0
LEAST_BYTES_A_S = 65_536
"""A body may take ten seconds, and one more for each of these: 8 MiB over a slow line are no attack, a byte now
and then is."""


class BodyTooLong(Exception):
    """The body of a request is longer than is read."""


class BodyTooSlow(Exception):
    """The body of a request does not arrive in time."""


class Out:
    """One answer; made by ``opened`` and used by one task."""

    def __init__(self, receive: Receive, send: Send, stall_s: float, *, has_body: bool, peer: Peer | None) -> None:
        """Begin with nothing sent."""
        self._receive = receive
        self._send = send
        self._stall_s = stall_s
        self._gone = False
        self._ended = self._is_whole = False
        self._writing: asyncio.Timeout | None = None
        # What is left of a body has to be taken in, so then there is a watcher all the same.
        self._peer = None if has_body else peer
        self._group: asyncio.TaskGroup | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.started = False
        self.unread = has_body
        """There is a body of which nothing was asked for, or not all."""

    async def enter(self) -> None:
        """Begin to listen."""
        if self._peer is None:
            self._group = asyncio.TaskGroup()
            await self._group.__aenter__()
            if not self.unread:
                self._watch()
        elif self._peer.is_gone:
            self._gone = True
        else:
            self._peer.on_gone = self._leave

    async def body(
        self,
        most_bytes: int,
        *,
        first_s: float | None = None,
        least_bytes_a_s: float = LEAST_BYTES_A_S,
        on_arrived: Callable[[int], None] = lambda _: None,
    ) -> bytes:
        """Return the body of the request; to be asked for once, before the answer is started.

        Args:
            most_bytes: Longest body that is read.
            first_s: Time that any body may take, ``FIRST_S`` if it is not said.
            least_bytes_a_s: More time is given by this rate for what has arrived.
            on_arrived: Told how many bytes have arrived, after each piece; what it raises ends the reading.

        Raises:
            BodyTooLong: There is more; what was read is dropped.
            BodyTooSlow: It is not whole in time.
            HangUp: The caller went away before it was whole.
        """
        if not self.unread:
            return b""
        try:
            async with asyncio.timeout(FIRST_S if first_s is None else first_s) as patience:
                raw = await self._received(most_bytes, patience, least_bytes_a_s, on_arrived)
        except TimeoutError:
            raise BodyTooSlow from None
        self.unread = False
        self._watch()
        return raw

    async def _received(
        self, most_bytes: int, patience: asyncio.Timeout, least_bytes_a_s: float, on_arrived: Callable[[int], None]
    ) -> bytes:
        raw, is_more, until_s = bytearray(), True, patience.when() or 0.0
        while is_more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._gone = True
                raise HangUp("the caller went away inside the body of its call")
            raw += message.get("body", b"")
            if len(raw) > most_bytes:
                raise BodyTooLong
            on_arrived(len(raw))
            patience.reschedule(until_s + len(raw) / least_bytes_a_s)
            is_more = message.get("more_body", False)
        return bytes(raw)

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head.

        Raises:
            HangUp: The caller went away.
        """
        await self._push({"type": "http.response.start", "status": status, "headers": list(headers)})
        self.started = True
        self._watch()

    async def write(self, content: bytes, *, last: bool = False) -> None:
        """Send a piece of the body; the last one in one go with the end, and ``finish`` then finds it done.

        Raises:
            HangUp: The caller went away; how much of the piece it got is not known.
        """
        if last:
            await self.finish(content)
            self._is_whole = True
        elif content:
            await self._push({"type": "http.response.body", "body": content, "more_body": True})

    async def finish(self, content: bytes = b"") -> None:
        """Send the last piece, and the end by which the answer is complete.

        Raises:
            HangUp: The caller went away before.
        """
        if self._is_whole and not content:
            return
        # The server tells the watcher of the end of an answer as it does of a disconnect, so what
        # the watcher knows is asked for before: one turn of the loop lets it hear what has happened.
        if self._watcher is not None:
            await asyncio.sleep(0)
        await self._push({"type": "http.response.body", "body": content, "more_body": False})
        self._ended = True

    def still_there(self) -> None:
        """Tell nothing, and find out whether anybody would hear it.

        Raises:
            HangUp: The caller went away.
        """
        if self._gone:
            raise HangUp("the caller went away")

    async def abort(self) -> None:
        """Send nothing more; the answer stays without an end."""
        self._ended = True

    async def _push(self, message: Message) -> None:
        if self._ended:
            raise RuntimeError("the answer has ended")
        if self._gone:
            raise HangUp("the caller went away")
        steps = self._send(message).__await__()
        try:
            await self._patiently(steps, next(steps))
        except StopIteration:
            # The server took it at once.
            pass
        except OSError:
            self._gone = True
        if self._gone:
            raise HangUp("the caller went away or stopped reading")

    async def _patiently(self, steps: Generator[Any, Any, None], waited_for: Any) -> None:
        """Wait for a write that the server did not take at once, but not for ever."""
        try:
            async with asyncio.timeout(self._stall_s) as self._writing:
                await _going_on(steps, waited_for)
        except TimeoutError:
            self._gone = True
        finally:
            self._writing = None

    def _watch(self) -> None:
        if self._watcher is None and self._group is not None:
            self._watcher = self._group.create_task(self._heard_to_the_end())

    async def leave(self) -> None:
        """End the watcher, and listen no more."""
        if self._peer is not None and self._peer.on_gone == self._leave:
            self._peer.on_gone = None
        if self._group is not None:
            if self._watcher is not None:
                self._watcher.cancel()
            # The group is not told of an error inside: it would wrap it in another.
            await self._group.__aexit__(None, None, None)

    async def _heard_to_the_end(self) -> None:
        """Wait until the caller has gone; what is left of a request's body is dropped."""
        try:
            while (await self._receive())["type"] != "http.disconnect":
                pass
        except Exception:  # noqa: BLE001, S110
            # A connection of which nothing can be heard any more is as good as gone.
            pass
        self._leave()

    def _leave(self) -> None:
        """Note that the caller has gone."""
        self._gone = True
        if self._writing is not None and not self._writing.expired():
            self._writing.reschedule(asyncio.get_running_loop().time())


class opened:  # noqa: N801 - it is used like a function
    """The ``Out`` of a request, to be entered; a class, because a generator in its place costs twice."""

    __slots__ = ("_out",)

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        has_body: bool = False,
        stall_s: float = STALL_S,
        peer: Peer | None = None,
    ) -> None:
        """Begin with nothing heard.

        Args:
            receive: Of ASGI; nobody else may call it from now on.
            send: Of ASGI; likewise.
            has_body: The request announces a body, of which nothing is read before it is asked for.
            stall_s: Longest time that one write waits for the caller to read.
            peer: Says when the caller has gone, where the server does.
        """
        self._out = Out(receive, send, stall_s, has_body=has_body, peer=peer)

    async def __aenter__(self) -> Out:
        """Begin to listen."""
        await self._out.enter()
        return self._out

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End what listens, however the block is left."""
        await self._out.leave()


@coroutine
def _going_on(steps: Generator[Any, Any, None], waited_for: Any) -> Generator[Any, Any, None]:
    """Go on with a write that has begun and waits for something."""
    while True:
        try:
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 - it is the write's to judge
                waited_for = steps.throw(error)
            else:
                waited_for = next(steps)
        except StopIteration:
            return
