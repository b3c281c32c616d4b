# SPDX-License-Identifier: Apache-2.0
"""The supervisor: N doors and a worker in processes of their own, on one listening socket.

1. It has one thread and no event loop, and imports everything before it forks, so a child is at work
   as soon as its installation is open. It holds no state of the gateway and no lock.
2. A child that dies is started again at once; one that dies before it is ready waits longer each time.
   At the first start, what keeps one of them from being ready ends all of them with that error.
3. SIGTERM and SIGINT end everything in order: doors accept no more, calls under way get their time.
   SIGHUP lets every door read the rules again.
4. SIGUSR1 is a restart that fails no call. The supervisor first becomes the program that is installed now
   (``handover``), if that can read the settings. Then one door after the other leaves kindly and comes
   back, while one more door stands in, so that there are never fewer than N that accept.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self

from gateway.app.serving.children import WATCHED, Child, Work, fork
from gateway.app.serving.handover import Handover, become_new
from gateway.app.slots import WORKER_SLOT, door_slot

FIRST_DELAY_S = 0.25
MOST_DELAY_S = 5.0
STOP_S = 20.0
"""What children are given to end in order; more than a door gives its calls and the log its close."""
TRIAL_S = 60.0

Say = Callable[[str], None]


def delay_s(n_failures: int) -> float:
    """Return how long to wait after so many starts in a row that failed; the first is tried again at once."""
    return 0.0 if n_failures <= 1 else min(MOST_DELAY_S, FIRST_DELAY_S * 2.0 ** (n_failures - 2))


class Supervisor:
    """Owner of the processes; ``run`` lives as long as they do."""

    def __init__(
        self,
        *,
        n_doors: int,
        listening: socket.socket,
        work: Work,
        on_ready: Callable[[], None],
        say: Say,
        trial: Callable[[], bool] | None = None,
        left: Handover | None = None,
    ) -> None:
        """Keep what children are made of.

        Args:
            n_doors: Number of doors.
            listening: The socket that every door accepts on.
            work: What a child does under its slot.
            on_ready: Called once, when every child is ready; not after a restart.
            say: Takes remarks for whoever operates it.
            trial: Tells whether the program that is installed now can read the settings.
            left: What a program before this one left, to be restarted.
        """
        self._doors = [door_slot(number) for number in range(n_doors)]
        self._listening = listening
        self._work = work
        self._on_ready = on_ready
        self._say = say
        self._trial = trial or _can_start
        self._children = {slot: Child(pid) for slot, pid in (left.children if left else {}).items()}
        self._failures: dict[str, int] = {}
        self._due_s: dict[str, float] = {}
        self._leaving: set[str] = set()
        self._was_ready = left is not None
        self._restart: Iterator[Callable[[], bool]] | None = None
        self._until: Callable[[], bool] = _at_once
        self._is_restart_wanted = False
        self._is_stopping = False
        self._kill_at_s: float | None = None

    def run(self) -> None:
        """Return when everything has ended in order.

        Raises:
            SettingsError: The configuration keeps the first start from being ready.
            ChildFailed: Something else does.
        """
        with _Signals() as signals:
            if self._was_ready:
                self._restart = self._one_after_the_other()
            else:
                self._start_all([*self._doors, WORKER_SLOT])
            while True:
                self._take_in()
                self._start_due()
                self._go_on()
                if not self._children and not self._due_s:
                    return
                self._hear(signals.wait(self._children.values(), self._patience_s()))

    def _hear(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number in {signal.SIGTERM, signal.SIGINT}:
                self._stop()
            elif number == signal.SIGHUP:
                self._send_doors(signal.SIGHUP)
            elif number == signal.SIGUSR1:
                self._is_restart_wanted = True

    def _stop(self) -> None:
        """Let every child end in order; connections that none of them has taken are refused from now on."""
        if self._is_stopping:
            return
        self._is_stopping, self._kill_at_s = True, time.monotonic() + STOP_S
        self._restart = None
        self._due_s.clear()
        self._listening.close()
        for child in self._children.values():
            child.send(signal.SIGTERM)

    def _take_in(self) -> None:
        """Learn which children are ready and which are gone."""
        for slot, child in list(self._children.items()):
            child.listen()
            if child.is_gone():
                del self._children[slot]
                self._lose(slot, child)
            elif child.is_ready:
                self._failures.pop(slot, None)
        if not self._was_ready and len(self._children) > len(self._doors):
            self._was_ready = all(child.is_ready for child in self._children.values())
            if self._was_ready:
                self._on_ready()
        if self._kill_at_s is not None and time.monotonic() >= self._kill_at_s:
            self._kill_at_s = None
            self._kill_all()

    def _lose(self, slot: str, child: Child) -> None:
        """Decide what becomes of a slot whose process ended."""
        if slot in self._leaving or self._is_stopping:
            self._leaving.discard(slot)
            return
        if not self._was_ready and child.told is not None and not child.told.ready:
            self._kill_all()
            raise child.told.error()
        n_failures = 0 if child.is_ready else self._failures.get(slot, 0) + 1
        self._failures[slot] = n_failures
        why = child.told.sentence if child.told and not child.told.ready else ""
        self._say(f"{slot} ended and is started again{': ' if why else ''}{why}")
        self._due_s[slot] = time.monotonic() + delay_s(n_failures)

    def _start_all(self, slots: Iterable[str]) -> None:
        for slot in slots:
            self._children[slot] = fork(slot, self._work)

    def _start_due(self) -> None:
        now_s = time.monotonic()
        for slot in [slot for slot, due_s in self._due_s.items() if due_s <= now_s]:
            del self._due_s[slot]
            self._start_all([slot])

    def _patience_s(self) -> float | None:
        """Return how long nothing needs to be done by itself."""
        times_s = [*self._due_s.values(), *([] if self._kill_at_s is None else [self._kill_at_s])]
        return max(0.0, min(times_s) - time.monotonic()) if times_s else None

    def _go_on(self) -> None:
        """Take the next steps of a restart, or begin one."""
        while self._restart is not None and self._until():
            following = next(self._restart, None)
            if following is None:
                self._restart, self._until = None, _at_once
                self._say("restarted")
                return
            self._until = following
        if self._is_restart_wanted and self._may_begin_anew():
            self._is_restart_wanted = False
            self._begin_anew()

    def _may_begin_anew(self) -> bool:
        """Tell whether all children can be handed on: none starts or leaves, and no restart is going well."""
        is_quiet = not self._is_stopping and not self._leaving
        is_settled = bool(self._failures) or (self._restart is None and not self._due_s)
        return is_quiet and is_settled and all(child.is_ready for child in self._children.values())

    def _begin_anew(self) -> None:
        """Become the program that is installed now; it restarts the doors. Go on with this one if it cannot."""
        if not self._trial():
            self._say("not restarted: the program that is installed now cannot start")
            return
        try:
            become_new(self._listening, {slot: child.pid for slot, child in self._children.items()})
        except OSError as error:
            self._say(f"not restarted: {error.strerror}")

    def _one_after_the_other(self) -> Iterator[Callable[[], bool]]:
        """Restart the doors and the worker; each thing yielded tells when the next step may be taken."""
        before = list(self._children)
        extra = [slot for slot in before if slot not in {*self._doors, WORKER_SLOT}]
        fresh = [slot for slot in (*self._doors, WORKER_SLOT) if slot not in before]
        if not extra and not fresh:
            extra = [door_slot(len(self._doors))]
            fresh = extra
        self._start_all(fresh)
        yield self._when_ready(fresh)
        for slot in [slot for slot in before if slot not in extra]:
            self._let_go(slot)
            yield self._when_gone([slot])
            self._start_all([slot])
            yield self._when_ready([slot])
        for slot in extra:
            self._let_go(slot)
        yield self._when_gone(extra)

    def _when_ready(self, slots: Sequence[str]) -> Callable[[], bool]:
        return lambda: all(slot in self._children and self._children[slot].is_ready for slot in slots)

    def _when_gone(self, slots: Sequence[str]) -> Callable[[], bool]:
        return lambda: not any(slot in self._children for slot in slots)

    def _let_go(self, slot: str) -> None:
        """Let a child end without failing a call."""
        self._due_s.pop(slot, None)
        if slot in self._children:
            self._leaving.add(slot)
            self._children[slot].send(signal.SIGUSR1 if slot != WORKER_SLOT else signal.SIGTERM)

    def _send_doors(self, number: signal.Signals) -> None:
        for slot, child in self._children.items():
            if slot != WORKER_SLOT:
                child.send(number)

    def _kill_all(self) -> None:
        """End what does not end by itself."""
        for child in self._children.values():
            child.send(signal.SIGKILL)


class _Signals:
    """Watched signals as numbers that can be waited for together with pipes."""

    def __enter__(self) -> Self:
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        self._before = {number: signal.signal(number, _nothing) for number in WATCHED}
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        # A program that was handed over to holds them back since then.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        return self

    def __exit__(self, *_error: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._reading.close()
        self._writing.close()

    def wait(self, children: Iterable[Child], patience_s: float | None) -> bytes:
        """Return the numbers of signals that came, once any came, a child told something, or time is over."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ)
            for pipe in {child.fileno() for child in children} - {None}:
                selector.register(pipe, selectors.EVENT_READ)  # type: ignore[arg-type]
            selector.select(patience_s)
        try:
            return self._reading.recv(4096)
        except BlockingIOError:
            return b""


def _at_once() -> bool:
    """Tell that the first step of a restart waits for nothing."""
    return True


def _nothing(_number: int, _frame: object) -> None:
    """Let the signal come to the descriptor instead of ending the process."""


def _can_start() -> bool:
    """Ask the program that is installed now, under the command of this one, whether it could start."""
    try:
        found = subprocess.run(  # noqa: S603 - our own command, as it was given
            [sys.executable, *sys.orig_argv[1:], "--check"], stdout=subprocess.DEVNULL, timeout=TRIAL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == os.EX_OK
