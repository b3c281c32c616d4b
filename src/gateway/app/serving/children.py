# SPDX-License-Identifier: Apache-2.0
"""Processes that a supervisor forks: each tied to its life, and telling by a pipe that it is ready or why not.

1. A child is killed by the kernel when its supervisor ends, however it ends (PR_SET_PDEATHSIG): a door
   that nobody watches would hold its slot, and the next start would find it taken.
2. Signals are held back from the fork until the child's own handlers stand, so that none is lost and none
   ends a child that is half open.
3. What a child tells is a sentence of an error with a name, never a traceback, which could show a value.
"""

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import msgspec

from gateway.domain.errors import GatewayError, RulesError, SettingsError

WATCHED = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1})
"""Signals that the supervisor and its children act upon."""

_PR_SET_PDEATHSIG = 1
_MOST_TOLD = 10_000
"""Letters of a sentence; with all of them the pipe is not full, so a child that tells waits for nobody."""

Work = Callable[[str, Callable[[], None]], None]
"""What a child does under the name of a slot; it calls the function once it is ready."""


class ChildFailed(GatewayError):
    """A process could not be started; the message is the one that it told."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a child says of itself: that it is ready, or why it never will be."""

    ready: bool
    kind: str = ""
    sentence: str = ""

    def error(self) -> GatewayError:
        """Return the error under the name that decides how a command ends."""
        return SettingsError(self.sentence) if self.kind == SettingsError.__name__ else ChildFailed(self.sentence)


class Child:
    """One child, as its supervisor sees it.

    Attributes:
        pid: Of the process; valid until ``is_gone`` told that it ended.
        told: What it said; ``None`` while it starts. One that another program started was ready then.
    """

    def __init__(self, pid: int, pipe: int | None = None) -> None:
        """Keep the process and the reading end of its pipe."""
        self.pid = pid
        self._pipe = pipe
        self.told: Told | None = None if pipe is not None else Told(ready=True)

    @property
    def is_ready(self) -> bool:
        """Tell whether it does its work."""
        return self.told is not None and self.told.ready

    def fileno(self) -> int | None:
        """Return the descriptor on which it will tell, while that is awaited."""
        return self._pipe

    def listen(self) -> None:
        """Take in what it told, if it did."""
        if self._pipe is None:
            return
        try:
            content = os.read(self._pipe, 1 << 16)
        except BlockingIOError:
            return
        os.close(self._pipe)
        self._pipe = None
        if content:
            self.told = msgspec.json.decode(content, type=Told)

    def is_gone(self) -> bool:
        """Tell whether the process ended; ``pid`` names nobody afterwards."""
        try:
            found, _ = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return True
        if found:
            self.listen()
        return bool(found)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; the process was not waited for, so its number is still its own."""
        os.kill(self.pid, number)


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back every watched signal inside the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def signals_let_in() -> Iterator[None]:
    """Deliver, inside the block, what was held back since the fork; for a process whose handlers stand now."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def fork(slot: str, work: Work) -> Child:
    """Start a process that does the work under the name of the slot.

    The caller has one thread and no event loop: what another thread held at the moment of the fork would
    stay locked in the child for good.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    with signals_held():
        pid = os.fork()
        if not pid:
            _live(parent, reading, writing, lambda tell: work(slot, tell))
    os.close(writing)
    return Child(pid, reading)


def _live(parent: int, reading: int, writing: int, work: Callable[[Callable[[], None]], None]) -> NoReturn:
    """Be the child: do the work and end, without ever returning into what was the parent's."""
    code, mouth = 1, _Mouth(writing)
    try:
        os.close(reading)
        _die_with(parent)
        signal.set_wakeup_fd(-1)
        for number in WATCHED:
            signal.signal(number, signal.SIG_DFL)
        work(lambda: mouth.tell(Told(ready=True)))
        code = 0
    except BaseException as error:  # noqa: BLE001 - the end of the process: everything is told here or nowhere
        mouth.tell(_last_words(error))
    finally:
        sys.stderr.flush()
        os._exit(code)


class _Mouth:
    """The writing end of a child's pipe. It tells one thing; what comes after is said on stderr."""

    def __init__(self, pipe: int) -> None:
        self._pipe: int | None = pipe

    def tell(self, told: Told) -> None:
        # The descriptor is given up at once: its number will soon belong to another file.
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            sys.stderr.write(f"{told.sentence}\n")
            return
        with suppress(BrokenPipeError):
            os.write(pipe, msgspec.json.encode(told))
        os.close(pipe)


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends, and end at once if that has happened."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_PDEATHSIG")
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _last_words(error: BaseException) -> Told:
    """Return what may be told of an error: the words of one of ours, else its kind and place."""
    named = first_named(error)
    if named is not None:
        kind = SettingsError if isinstance(named, SettingsError) else RulesError
        return Told(ready=False, kind=kind.__name__, sentence=str(named)[:_MOST_TOLD])
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    place: Any = (traceback.extract_tb(error.__traceback__) or [None])[-1]
    where = f" at {place.filename}:{place.lineno} {place.name}" if place else ""
    return Told(ready=False, kind=type(error).__name__, sentence=f"{type(error).__name__}{where}")


def first_named(error: BaseException) -> GatewayError | None:
    """Return the first error of ours in what ended a process, which tasks may have put into groups."""
    if isinstance(error, BaseExceptionGroup):
        found = (first_named(one) for one in error.exceptions)
        return next((one for one in found if one is not None), None)
    return error if isinstance(error, GatewayError) else None
