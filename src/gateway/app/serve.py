# SPDX-License-Identifier: Apache-2.0
"""One serving process: an open installation, its HTTP door under uvicorn, and its background work.

Everything that could let a caller set what the gateway believes is off in the server: proxy headers,
root path, access log, server header (DESIGN 9.7).
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn
import uvloop
from typing_extensions import override

from gateway.app.doors import http_door, open_stores
from gateway.app.installation import DOOR_SLOT, Rooms, open_installation, reload_rules
from gateway.domain.errors import GatewayError, SettingsError
from gateway.doors.http.wire import WireProtocol
from gateway.settings import Settings
from gateway.workers.housekeeping import keep_house

DRAIN_S = 10
KEEP_SESSIONS_US = 24 * 3600 * 1_000_000
"""An ended session is kept for a day, so that the reuse of its bearers is still told from an unknown one."""
_log = structlog.get_logger("gateway.serve")


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket, or say plainly that the port is taken.

    Raises:
        SettingsError: The address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio sees TCP and turns Nagle's algorithm off: head and body go
    # in two writes, and with it each answer would wait 40 ms for the caller's delayed acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from None
    listening.setblocking(False)
    return listening


def server_config(app: Any) -> uvicorn.Config:
    """Return the server's settings."""
    return uvicorn.Config(
        app,
        http=WireProtocol,
        lifespan="off",
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        root_path="",
        log_config=None,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=DRAIN_S,
    )


def run(settings: Settings, *, on_ready: Callable[[int], None] | None = None) -> None:
    """Serve on the faster event loop until told to end; see ``serve``. Remarks of the program go to stderr."""
    structlog.configure(logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, on_ready=on_ready))


async def serve(settings: Settings, *, on_ready: Callable[[int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the rules again.

    Args:
        settings: Of the installation.
        on_ready: Called with the port once calls are answered.

    Raises:
        SettingsError: With what to change.
    """
    listening = bound_socket(settings.listen.host, settings.listen.port)
    try:
        async with open_installation(settings, DOOR_SLOT) as rooms, open_stores(settings) as stores:
            await _run(rooms, http_door(rooms, stores), listening, on_ready)
    finally:
        listening.close()


async def _run(rooms: Rooms, app: Any, listening: socket.socket, on_ready: Callable[[int], None] | None) -> None:
    server, stop = _Server(server_config(app)), asyncio.Event()
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: group.create_task(_read_rules_again(rooms)))
        background = [
            group.create_task(work)
            for work in (rooms.changes.run(stop), rooms.counting.run(stop), keep_house(_chores(rooms), stop))
        ]
        if on_ready is not None:
            on_ready(listening.getsockname()[1])
        try:
            await server.serve(sockets=[listening])
        finally:
            stop.set()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
            del background


async def _read_rules_again(rooms: Rooms) -> None:
    """Put the rules of the folder in force; whatever keeps them out, the process goes on with those it has."""
    try:
        await reload_rules(rooms.policy, rooms.settings.policies_dir)
    except GatewayError as error:
        _log.warning("rules not read again", error=type(error).__name__)


def _chores(rooms: Rooms) -> list[Callable[[], Awaitable[object]]]:
    """Return what a door throws away: challenges and sessions that ended and that nothing counts any more."""
    return [
        lambda: rooms.tries.purge(rooms.clock()),
        lambda: rooms.sessions.purge(rooms.clock(), keep_us=KEEP_SESSIONS_US),
    ]


class _Server(uvicorn.Server):
    """A server that leaves the signals to us."""

    @contextmanager
    @override
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def stop(self) -> None:
        """Stop accepting, let calls under way end, then return from ``serve``."""
        self.should_exit = True
