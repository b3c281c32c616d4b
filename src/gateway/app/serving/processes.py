# SPDX-License-Identifier: Apache-2.0
"""``gateway serve``: the supervisor with its doors and its worker, and what each process does."""

import asyncio
import gc
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from gateway.app.serving.handover import Handover, taken_over
from gateway.app.serving.notify import READY, tell_manager
from gateway.app.serving.serve import bound_socket, serve_door
from gateway.app.serving.supervisor import Supervisor
from gateway.app.serving.work import work
from gateway.app.signals.page import Page
from gateway.app.signals.remarks import remark_on_stderr, remarks
from gateway.app.slots import WORKER_SLOT, check_private
from gateway.settings.loading import Settings


def run(settings: Settings, n_doors: int, on_ready: Callable[[int], None]) -> None:
    """Serve with this many door processes until told to end.

    Args:
        settings: Of the installation.
        n_doors: Number of doors.
        on_ready: Called with the port once every process is ready; not again after a restart.

    Raises:
        SettingsError: With what to change.
        ChildFailed: A process could not be started.
    """
    remark_on_stderr("supervisor", settings.remarks.format)
    left = taken_over()
    if left is None:
        check_private(settings.state)
    with _listening(settings, left) as listening:
        port = listening.getsockname()[1]
        processes = Processes(settings, n_doors, listening, Page.of_supervisor(), is_running=left is not None)
        supervisor = Supervisor(
            n_doors=n_doors,
            listening=listening,
            work=processes.be,
            on_ready=lambda: processes.begin(lambda: on_ready(port)),
            say=remarks().warning,
            left=left,
        )
        # What is shared with children must not be written to by collections of theirs.
        gc.collect()
        gc.freeze()
        supervisor.run()


def _listening(settings: Settings, left: Handover | None) -> socket.socket:
    """Return the socket of the program before, which has callers waiting on it, or a new one."""
    if left is None:
        return bound_socket(settings.listen.host, settings.listen.port)
    listening = left.socket()
    if settings.listen.port not in {0, listening.getsockname()[1]}:
        remarks().warning("listen.host and listen.port are taken at a start, not at a restart")
    return listening


class Processes:
    """What a process becomes under the name of a slot."""

    def __init__(
        self, settings: Settings, n_doors: int, listening: socket.socket, page: Page, *, is_running: bool
    ) -> None:
        """Keep what every process needs."""
        self._settings, self._n_doors, self._listening, self._page = settings, n_doors, listening, page
        self._is_running = is_running

    def begin(self, on_ready: Callable[[], None]) -> None:
        """Tell that the gateway is running, also the service manager; who is started from now on is started again."""
        self._is_running = True
        on_ready()
        tell_manager(READY)

    def be(self, slot: str, tell_ready: Callable[[], None]) -> None:
        """Be the process of a slot until told to end."""
        remark_on_stderr(slot, self._settings.remarks.format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._as(slot, tell_ready))

    def _as(self, slot: str, tell_ready: Callable[[], None]) -> Coroutine[Any, Any, None]:
        if slot == WORKER_SLOT:
            self._listening.close()
            return work(self._settings, tell_ready, self._page, n_doors=self._n_doors, again=self._is_running)
        return serve_door(self._settings, slot, self._listening, tell_ready, self._page, again=self._is_running)
