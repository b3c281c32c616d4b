# SPDX-License-Identifier: Apache-2.0
"""The pushing end of one answer over ASGI: whoever writes learns at once that the caller has gone.

RULES

1. A watcher waits in ``receive()`` for the whole answer. Once it heard the disconnect, the next
   write raises ``HangUp``, and a write that is waiting for the socket is ended: uvicorn's ``send()``
   returns as if all were well.
2. A caller that reads nothing for ``stall_s`` counts as gone.
3. ``finish`` is the only end that looks like one. After ``abort`` nothing is sent: the application
   returns, and the server, which misses the last chunk or the rest of the announced length, closes
   the connection. So an answer is complete or visibly broken. (Tested on uvicorn with both parsers.)
4. The watcher belongs to ``async with``: it is gone when the block is left, however it is left.

An answer must have begun when the application returns, or the server makes one up: ``aborted``
without ``started`` is the application's to avoid.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gateway.domain.errors import HangUp

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

STALL_S = 60.0


class Out:
    """One answer; made by ``opened`` and used by one task."""

    def __init__(self, receive: Receive, send: Send, stall_s: float) -> None:
        """Begin with nothing sent."""
        self._receive = receive
        self._send = send
        self._stall_s = stall_s
        self._gone = False
        self._ended = False
        self._writing: asyncio.Timeout | None = None
        self.started = False

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head.

        Raises:
            HangUp: The caller went away.
        """
        await self._push({"type": "http.response.start", "status": status, "headers": list(headers)})
        self.started = True

    async def write(self, content: bytes) -> None:
        """Send a piece of the body.

        Raises:
            HangUp: The caller went away; how much of the piece it got is not known.
        """
        if content:
            await self._push({"type": "http.response.body", "body": content, "more_body": True})

    async def finish(self, content: bytes = b"") -> None:
        """Send the last piece, and the end by which the answer is complete.

        Raises:
            HangUp: The caller went away before.
        """
        # The server tells the watcher of the end of an answer as it does of a disconnect, so what
        # the watcher knows is asked for before: one turn of the loop lets it hear what has happened.
        await asyncio.sleep(0)
        await self._push({"type": "http.response.body", "body": content, "more_body": False})
        self._ended = True

    async def abort(self) -> None:
        """Send nothing more; the answer stays without an end."""
        self._ended = True

    async def _push(self, message: Message) -> None:
        if self._ended:
            raise RuntimeError("the answer has ended")
        if self._gone:
            raise HangUp("the caller went away")
        try:
            async with asyncio.timeout(self._stall_s) as self._writing:
                await self._send(message)
        except (TimeoutError, OSError):
            self._gone = True
        finally:
            self._writing = None
        if self._gone:
            raise HangUp("the caller went away or stopped reading")

    async def watch(self) -> None:
        """Wait until the caller has gone; what is left of a request's body is dropped."""
        try:
            while (await self._receive())["type"] != "http.disconnect":
                pass
        except Exception:  # noqa: BLE001, S110
            # A connection of which nothing can be heard any more is as good as gone.
            pass
        self._gone = True
        if self._writing is not None and not self._writing.expired():
            self._writing.reschedule(asyncio.get_running_loop().time())


@asynccontextmanager
async def opened(receive: Receive, send: Send, *, stall_s: float = STALL_S) -> AsyncIterator[Out]:
    """Yield the ``Out`` of a request whose body was read.

    Args:
        receive: Of ASGI; nobody else may call it from now on.
        send: Of ASGI; likewise.
        stall_s: Longest time that one write waits for the caller to read.
    """
    out = Out(receive, send, stall_s)
    problem: Exception | None = None
    async with asyncio.TaskGroup() as group:
        watcher = group.create_task(out.watch())
        try:
            yield out
        except Exception as error:  # noqa: BLE001
            # Raised again outside: inside, the group would wrap it in another error.
            problem = error
        finally:
            watcher.cancel()
    if problem is not None:
        raise problem
