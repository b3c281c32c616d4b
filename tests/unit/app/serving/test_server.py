# SPDX-License-Identifier: Apache-2.0
"""A door that leaves: nothing more is accepted, calls go on to their end or to the end of their time."""

import asyncio
from typing import Any

import pytest

from gateway.app.serving.serve import bound_socket, server_config
from gateway.app.serving.server import AT_ONCE, DoorServer, Leaving
from gateway.doors.http.out import Message, opened
from tests.fakes.wire import calling, request


class Waiting:
    """An application whose answer ends when the test says so.

    Attributes:
        ends: How calls ended: ``whole``, or ``cut``.
    """

    def __init__(self) -> None:
        self.go_on, self.ends = asyncio.Event(), list[str]()

    async def __call__(self, _scope: Message, receive: Any, send: Any) -> None:
        """Answer in two pieces."""
        try:
            async with opened(receive, send) as out:
                await out.start(200, [])
                await out.write(b"first")
                await self.go_on.wait()
                await out.finish(b"last")
            self.ends.append("whole")
        except asyncio.CancelledError:
            self.ends.append("cut")
            raise


async def left(how: Leaving, *, goes_on: bool, later: Leaving | None = None) -> tuple[bool, list[str]]:
    """Leave during an answer; return whether it came whole, and how the application's call ended."""
    app, listening = Waiting(), bound_socket("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = DoorServer(server_config(app))
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        serving = group.create_task(server.serve(sockets=[listening]))
        async with calling(port, request("/", {})) as caller:
            await caller.until(lambda heard: heard.body == b"first")
            server.leave(how)
            while True:
                try:
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                except ConnectionError:
                    break
            assert not serving.done()
            if later is not None:
                server.leave(later)
            if goes_on:
                app.go_on.set()
            heard = await caller.to_the_end()
        await serving
    return heard.is_whole, app.ends


async def test_a_call_under_way_is_finished() -> None:
    """Nobody else is accepted meanwhile."""
    assert await left(AT_ONCE, goes_on=True) == (True, ["whole"])


@pytest.mark.parametrize("later", [None, Leaving(0.0, 0.2)])
async def test_a_call_that_does_not_end_in_time_is_cut(later: Leaving | None) -> None:
    """The shortest time that was told counts; the call ends before the server does."""
    first = Leaving(0.0, 0.2) if later is None else Leaving(60.0, 60.0)
    assert await left(first, goes_on=False, later=later) == (False, ["cut"])
