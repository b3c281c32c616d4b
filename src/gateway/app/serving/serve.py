# SPDX-License-Identifier: Apache-2.0
"""One serving process: an open installation, its HTTP door under uvicorn, and its background work.

Everything that could let a caller set what the gateway believes is off in the server: proxy headers,
root path, access log, server header (DESIGN 9.7).
"""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
import uvloop

from gateway.app.doors import connections_of, http_door
from gateway.app.evidence.witnessing import watch_logs, witnessed
from gateway.app.installation import Rooms, open_installation, reload_rules
from gateway.app.roads import open_stores
from gateway.app.serving.children import signals_let_in
from gateway.app.serving.sampling import Sampler
from gateway.app.serving.server import AT_ONCE, KEEP_ALIVE_S, KINDLY, DoorServer
from gateway.app.serving.work import chores, index_logs
from gateway.app.signals.metering import signals_of
from gateway.app.signals.page import Page
from gateway.app.signals.remarks import remark_on_stderr
from gateway.app.slots import DOOR_SLOT
from gateway.domain.errors import GatewayError, SettingsError
from gateway.doors.http.connections import Connections
from gateway.doors.http.wire import WireProtocol, counted_by
from gateway.settings.loading import Settings
from gateway.workers.housekeeping import keep_house

_log = logging.getLogger("gateway.serve")


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
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror}; say another in listen.port of gateway.yaml"
        ) from None
    listening.setblocking(False)
    return listening


def server_config(app: Any, held: Connections | None = None) -> uvicorn.Config:
    """Return the server's settings; ``held`` counts its connections."""
    return uvicorn.Config(
        app,
        http=WireProtocol if held is None else counted_by(held),
        lifespan="off",
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        root_path="",
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
    )


def run(settings: Settings, *, on_ready: Callable[[int], None] | None = None) -> None:
    """Serve in this one process on the faster event loop until told to end; see ``serve``."""
    remark_on_stderr("gateway", settings.remarks.format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, on_ready=on_ready))


async def serve(settings: Settings, *, on_ready: Callable[[int], None] | None = None) -> None:
    """Serve in one process until SIGTERM or SIGINT; SIGHUP reads the rules again.

    Args:
        settings: Of the installation.
        on_ready: Called with the port once calls are answered.

    Raises:
        SettingsError: With what to change.
    """
    listening = bound_socket(settings.listen.host, settings.listen.port)
    port = listening.getsockname()[1]
    try:
        async with (
            witnessed(settings, DOOR_SLOT, and_others=True),
            open_installation(settings, DOOR_SLOT) as rooms,
            open_stores(settings) as stores,
        ):
            signals = signals_of(Page.new(), DOOR_SLOT)
            door = Door(rooms, http_door(rooms, stores, signals))
            sampler = Sampler(signals.meters, rooms).as_door(stores, door.connections).as_worker()
            more = (
                keep_house(chores(rooms), door.ended),
                sampler.run(door.ended),
                watch_logs(settings, door.ended, signals.meters),
                index_logs(rooms, signals, door.ended),
            )
            await door.run(listening, lambda: on_ready and on_ready(port), *more)
    finally:
        listening.close()


async def serve_door(
    settings: Settings, slot: str, listening: socket.socket, tell_ready: Callable[[], None], page: Page, *, again: bool
) -> None:
    """Serve as one of several doors on a socket that another process bound.

    Args:
        settings: Of the installation.
        slot: The door's own log.
        listening: The socket; it stays open in the process that bound it.
        tell_ready: Called once calls are answered.
        page: What every process of the gateway counts on.
        again: The gateway is running already, so rules that cannot be used must not keep a door from it.
    """
    async with (
        witnessed(settings, slot),
        open_installation(settings, slot, or_kept_rules=again) as rooms,
        open_stores(settings) as stores,
    ):
        signals = signals_of(page, slot)
        door = Door(rooms, http_door(rooms, stores, signals))
        sampler = Sampler(signals.meters, rooms).as_door(stores, door.connections)
        await door.run(listening, tell_ready, sampler.run(door.ended))


class Door:
    """One door at work: its server, its background work and its signals.

    Attributes:
        ended: Set when no more calls are answered.
        connections: What counts the connections of callers.
    """

    def __init__(self, rooms: Rooms, app: Any) -> None:
        """Keep what answers calls."""
        self._rooms = rooms
        self.connections = connections_of(rooms)
        self._server = DoorServer(server_config(app, self.connections))
        self.ended = asyncio.Event()

    async def run(
        self, listening: socket.socket, tell_ready: Callable[[], object], *more: Coroutine[Any, Any, None]
    ) -> None:
        """Answer calls, with more work beside it, until a signal ends it: SIGTERM and SIGINT at once, SIGUSR1 kindly."""
        rooms, ended = self._rooms, self.ended
        background = (each.run(ended) for each in (rooms.changes, rooms.counting, rooms.keeper, rooms.new_fields))
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(work) for work in (*background, *more)]
            _leave_alone_what_stays()
            with self._signals(lambda: group.create_task(_read_rules_again(rooms))):
                tell_ready()
                await self._server.serve(sockets=[listening])
            self.ended.set()
            del working

    @contextmanager
    def _signals(self, read_rules: Callable[[], object]) -> Iterator[None]:
        loop, server = asyncio.get_running_loop(), self._server
        handlers: dict[signal.Signals, Callable[[], object]] = {
            signal.SIGTERM: lambda: server.leave(AT_ONCE),
            signal.SIGINT: lambda: server.leave(AT_ONCE),
            signal.SIGUSR1: lambda: server.leave(KINDLY),
            signal.SIGHUP: read_rules,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            with signals_let_in():
                yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)


def _leave_alone_what_stays() -> None:
    """Keep the collector from looking through what lives as long as the process, and from looking all the time.

    It took a twentieth of a call's time: some 200,000 objects of libraries and rules, for the few circles that an
    error leaves behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _read_rules_again(rooms: Rooms) -> None:
    """Put the rules of the folder in force; whatever keeps them out, the process goes on with those it has."""
    try:
        await reload_rules(rooms.policy, rooms.settings.policies_dir)
    except GatewayError as error:
        _log.warning("rules not read again: %s", type(error).__name__)
