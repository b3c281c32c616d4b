# SPDX-License-Identifier: Apache-2.0
"""The sinks of a log: one, or two on different disks, and the rule for when one of two cannot record.

``both``: what either refuses is in neither, so nothing that it authorises leaves.
``either``: what one records is recorded. The other then counts no more, and takes nothing until it was made
equal from the files of the one that went on; so one sink is always whole, and never do two hold half each.
Before the first entry that only one sink has, that one says so itself, in its file ``alone``: whoever opens
the log later knows which to believe, and refuses to begin where the one that says so is missing.

Each of two sinks has a thread of its own, so a batch costs the slower of two disks and not their sum.
"""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Literal, TypeVar

import msgspec

from gateway.record.writing.sink import Sink

Rule = Literal["both", "either"]
FIRST, SECOND = "first", "second"
ALONE = "alone"
PATIENCE_S = 1.0
"""How long a sink may take longer than the other before it counts as lost, under ``either``."""
CLOSE_PATIENCE_S = 5.0
"""How long a lost sink is waited for at the end, so that its lock is free to whoever opens the log next."""
T = TypeVar("T")


class Alone(msgspec.Struct, frozen=True, kw_only=True):
    """What a sink says of itself that went on without the other.

    Attributes:
        size: Entries that both held; every later one is here.
        lost: Which of the two was lost.
        why: In the words of the system.
    """

    size: int
    lost: str
    why: str


class Lane:
    """One of two sinks with the thread that writes to it.

    Attributes:
        name: ``first`` or ``second``.
        lost: Why it takes nothing; empty while it is whole.
        is_back: Whether a lost one was taken again and copying can begin.
    """

    def __init__(self, name: str, sink: Sink, *, is_alone: bool) -> None:
        self.name, self.sink, self.lost = name, sink, ""
        self._thread = None if is_alone else ThreadPoolExecutor(1, thread_name_prefix=f"log-{name}")
        self.following: Future[None] | None = None
        """The copying by which a lost sink is made equal, or the look whether it is back."""
        self.is_back = False

    def start(self, work: Callable[[Sink], T]) -> "Future[T]":
        """Let the sink do something: at once where there is but one, on its own thread where there are two."""
        if self._thread is not None:
            return self._thread.submit(work, self.sink)
        done: Future[T] = Future()
        try:
            done.set_result(work(self.sink))
        except OSError as error:
            done.set_exception(error)
        return done

    def close(self) -> None:
        """Give files and lock back; a disk that hangs is not waited for beyond patience."""
        if self._thread is None:
            self.sink.close()
            return
        closing = self._thread.submit(self.sink.close)
        wait([closing], timeout=CLOSE_PATIENCE_S if self.lost else None)
        self._thread.shutdown(wait=False)


class Sinks:
    """Where a log is written to."""

    def __init__(
        self, first: Sink, second: Sink | None = None, rule: Rule = "both", *, patience_s: float = PATIENCE_S
    ) -> None:
        """Begin with sinks that are equal."""
        pairs = [(FIRST, first)] if second is None else [(FIRST, first), (SECOND, second)]
        self._lanes = [Lane(name, sink, is_alone=second is None) for name, sink in pairs]
        self._rule, self._patience_s = rule, patience_s
        self._only = first if second is None else None
        self.news: list[Alone] = []
        """Losses that the log was not told of yet."""
        self._unsure: list[Lane] = []
        """Sinks that may say that they are alone and are not: the mark could not be written to its end."""

    @property
    def whole(self) -> Sink:
        """A sink that holds every entry."""
        return next(lane.sink for lane in self._lanes if not lane.lost)

    @property
    def lost(self) -> Lane | None:
        """The sink that takes nothing at present."""
        return next((lane for lane in self._lanes if lane.lost), None)

    def write(self, number: int, at_bytes: int, lines: bytes, parts: bytes, size: int) -> None:
        """Make lines and parts durable as the rule asks; ``size`` is the number of entries before them.

        Raises:
            OSError: They are not; ``take_back`` comes next.
        """
        if self._only is not None:
            self._only.write(number, at_bytes, lines, parts)
            return
        self._do(lambda sink: sink.write(number, at_bytes, lines, parts), size)

    def put(self, name: str, content: bytes, size: int) -> None:
        """Put a small file in its place as the rule asks.

        Raises:
            OSError: It is not there, or not everywhere.
        """
        self._do(lambda sink: sink.put(name, content), size)

    def protect(self, number: int) -> None:
        """Let the lines of a segment be written to no more."""
        for lane in self._whole():
            lane.start(lambda sink: sink.protect(number))

    def take_back(self) -> bool:
        """Undo the newest write; tell whether every sink that counts could."""
        return self._did(Sink.take_back)

    def mend(self) -> bool:
        """Cut what failed; tell whether every sink that counts could."""
        return self._did(Sink.mend)

    def lose(self, name: str, why: str) -> None:
        """Begin with one of two that was lost before."""
        lane = next(one for one in self._lanes if one.name == name)
        lane.lost = why

    def rejoin(self, lane: Lane, copy: Callable[[Sink], None]) -> bool:
        """Let a lost sink take what it still lacks and count again; tell whether it does.

        Nothing may be written meanwhile.
        """
        whole = self.whole
        copying = lane.start(copy)
        wait([copying], timeout=self._patience_s)
        lane.following = None
        if not copying.done() or copying.exception() is not None:
            return False
        with suppress(OSError):
            # Gone before the next entry, since from there on this sink is not alone.
            whole.remove(ALONE)
            lane.lost = ""
        return not lane.lost

    def close(self) -> None:
        """Give every file back."""
        for lane in self._lanes:
            lane.close()

    def _whole(self) -> list[Lane]:
        return [lane for lane in self._lanes if not lane.lost]

    def _did(self, work: Callable[[Sink], None]) -> bool:
        done = [lane.start(work) for lane in self._whole()]
        wait(done)
        return all(one.exception() is None for one in done)

    def _do(self, work: Callable[[Sink], None], size: int) -> None:
        self._take_words_back()
        lanes = self._whole()
        failed = self._failed({lane: lane.start(work) for lane in lanes})
        if not failed:
            return
        if self._rule == "both" or len(failed) == len(lanes):
            lane, error = next(iter(failed.items()))
            raise OSError(error.errno, self._told(lane, error)) from error
        self._go_on_without(failed, [lane for lane in lanes if lane not in failed], size)

    def _told(self, lane: Lane, error: OSError) -> str:
        why = error.strerror or type(error).__name__
        return why if len(self._lanes) == 1 else f"{why} (the {lane.name} of two)"

    def _failed(self, under_way: "Mapping[Lane, Future[None]]") -> dict[Lane, OSError]:
        """Return who failed, waiting as long as the rule needs."""
        futures: Sequence[Future[None]] = tuple(under_way.values())
        if self._rule == "both":
            wait(futures)
        else:
            self._wait_for_one(futures)
        return {lane: error for lane, one in under_way.items() if (error := _error(one)) is not None}

    def _wait_for_one(self, futures: "Sequence[Future[None]]") -> None:
        """Wait until one has done it, and then no longer than patience for the rest."""
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            if any(one.exception() is None for one in done):
                wait(waiting, timeout=self._patience_s)
                return

    def _go_on_without(self, failed: Mapping[Lane, OSError], rest: Sequence[Lane], size: int) -> None:
        """Let the others say that they are alone, durably, before anything counts that only they have."""
        for lost, error in failed.items():
            alone = Alone(size=size, lost=lost.name, why=error.strerror or type(error).__name__)
            content = msgspec.json.encode(alone)
            for lane in rest:
                self._say(lane, content)
            lost.lost = alone.why
            self.news.append(alone)

    def _say(self, lane: Lane, content: bytes) -> None:
        try:
            lane.start(_putting(content)).result()
        except OSError:
            if lane.start(_may_say_so).result():
                self._unsure.append(lane)
            raise

    def _take_words_back(self) -> None:
        """Let no sink say that it is alone while both go on: a later opening would believe it.

        Raises:
            OSError: The disk does not let us yet; nothing is recorded before.
        """
        while self._unsure:
            self._unsure[-1].start(lambda sink: sink.remove(ALONE)).result()
            self._unsure.pop()


def _may_say_so(sink: Sink) -> bool:
    try:
        return (sink.directory / ALONE).exists()
    except OSError:
        return True


def _putting(content: bytes) -> Callable[[Sink], None]:
    return lambda sink: sink.put(ALONE, content)


def _error(done: "Future[None]") -> OSError | None:
    """Return how it failed; what is not done yet failed by being silent."""
    if not done.done():
        return OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    error = done.exception()
    if error is None or isinstance(error, OSError):
        return error
    raise error
