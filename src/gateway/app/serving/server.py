# SPDX-License-Identifier: Apache-2.0
"""uvicorn's server as a door uses it: it leaves the signals to us, and it can leave without failing a call.

Who leaves accepts nothing more at once; connections that the kernel holds for the listening socket stay
there for whoever else listens on it. Calls under way go on to their end, and connections without a call
linger (see ``doors/http/wire``), so that a request which is on its way is still answered.
"""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import msgspec
import uvicorn
from typing_extensions import override

from gateway.doors.http.wire import WireProtocol

KEEP_ALIVE_S = 15
"""How long a connection stays open between two calls."""

LOOK_EVERY_S = 0.05
LAST_WORDS_S = 5.0
"""What a call that was cut is given to enter its end."""


class Leaving(msgspec.Struct, frozen=True):
    """How long a leaving door waits: for a connection that is idle, and for everything."""

    linger_s: float
    most_s: float


AT_ONCE = Leaving(1.0, 10.0)
"""For an end of the whole gateway: whoever calls must go elsewhere anyway."""

KINDLY = Leaving(float(KEEP_ALIVE_S), 600.0)
"""For a restart: no connection is closed earlier than without it, no call is cut that a store would finish."""


class DoorServer(uvicorn.Server):
    """The server of one door."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Begin as one that stays."""
        super().__init__(config)
        self._linger_s = float("inf")
        self._until_s = float("inf")

    @contextmanager
    @override
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def leave(self, how: Leaving) -> None:
        """Accept nothing more, and return from ``serve`` when nothing is left to do; a shorter time may follow."""
        self._linger_s = min(self._linger_s, how.linger_s)
        self._until_s = min(self._until_s, asyncio.get_running_loop().time() + how.most_s)
        self.should_exit = True

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        loop, state = asyncio.get_running_loop(), self.server_state
        while (state.connections or state.tasks) and loop.time() < self._until_s:
            # Each time again: one may have been accepted before the close and be made only now.
            for connection in list(state.connections):
                cast("WireProtocol", connection).leave(self._linger_s)
            await asyncio.sleep(LOOK_EVERY_S)
        await self._cut()

    async def _cut(self) -> None:
        """End what did not end in time, and let each call enter how far it came."""
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel("the door closes")
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORDS_S)
        for connection in list(self.server_state.connections):
            connection.transport.close()
