# SPDX-License-Identifier: Apache-2.0
"""The index of the log in one process: opened when it is needed, kept up, and made anew when it cannot be used.

Whoever writes the index for long holds ``STATE/log-index.lock``, so that the worker stands aside while a
command builds it anew. The lock spares work and no more: that nothing is entered twice is for the index.
"""

import asyncio
import fcntl
import gc
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from pathlib import Path

from gateway.app.clock import now_us, ticks_s
from gateway.app.index.stretches import FirstOf, read_by_process, read_in_thread
from gateway.domain.errors import LogDamaged, LogUnavailable, StateUnavailable
from gateway.domain.log_index import LogPosition
from gateway.domain.log_packing import Stretch
from gateway.flows.indexing import Indexing
from gateway.record.format.layout import slots
from gateway.record.reading.indexing import MOST_ENTRIES, SlotReader
from gateway.record.reading.tail import size_of
from gateway.settings.loading import Settings
from gateway.store.engine import index_file, open_index, remove_index
from gateway.store.log.index import LogIndex

LOCK = "log-index.lock"
MOST_AT_ONCE = 16_384
"""Entries of a batch where nobody waits for anything else: a whole span."""

WORTH_A_PROCESS = 50_000
"""Entries; a process begins in half a second, in which so many are half read."""

MOST_PROCESSES = 4
"""That read logs beside the one that enters; three keep it busy."""

MOST_RUNS = 10

MADE_ANEW_EVERY_US = 600_000_000
"""How often one that cannot be used is made anew at most."""

LONGEST_S = 5.0
"""After this time the worker lets others have the lock, and tells how far it is."""

_LOOK_EVERY_S = 0.1


class LogFiles:
    """The logs of an installation, as files."""

    def __init__(self, logs: Path) -> None:
        """Keep the folder ``STATE/log``."""
        self.folder = logs

    def slots(self) -> list[str]:
        """Return the names of the logs."""
        return slots(self.folder)

    def size(self, slot: str) -> int:
        """Return the number of whole entries of a log."""
        return size_of(self.folder / slot)

    def reader(self, position: LogPosition) -> SlotReader:
        """Return what reads a log from a position on."""
        return SlotReader(self.folder / position.slot, position)

    def reader_at(self, slot: str, seq: int) -> SlotReader:
        """Return what reads a log from an entry on."""
        return SlotReader.at(self.folder / slot, seq)

    def stretches(self, slot: str, first_of: FirstOf, until: int) -> AsyncGenerator[Stretch, None]:
        """Yield a log from its first entry up to another; a long one is read by a process of its own."""
        read = read_by_process if until >= WORTH_A_PROCESS else read_in_thread
        return read(self.folder / slot, first_of, until)


def index_place(settings: Settings) -> str | Path:
    """Return where the index of an installation is, in the words of ``open_index``."""
    return settings.state if settings.database is None else settings.database.get_secret_value()


async def fill(index: LogIndex, logs: Path, entered: Callable[[int], None] = lambda _n: None) -> dict[str, str]:
    """Bring an index up to ``STATE/log`` as fast as it goes, and return what could not be read, by log.

    Raises:
        StateUnavailable: The index cannot take entries now.
    """
    indexing = Indexing(index, LogFiles(logs), now_us, most=MOST_AT_ONCE)
    with _uncollected():
        await _fill_from_processes(index, LogFiles(logs), entered)
        for _ in range(MOST_RUNS):
            n_changed = len(indexing.changed)
            # Again for logs that were taken out, to be read from their first entries, and where others wrote too.
            if await indexing.catch_up(entered) or (indexing.troubles and len(indexing.changed) == n_changed):
                break
    return indexing.troubles


async def _fill_from_processes(index: LogIndex, files: LogFiles, entered: Callable[[int], None]) -> None:
    """Enter long logs of which the index has nothing, read beside; what they leave is for who comes after."""
    known, sizes = await index.positions(), dict[str, int]()
    for slot in set(files.slots()) - known.keys():
        with suppress(LogDamaged):
            sizes[slot] = await asyncio.to_thread(files.size, slot)
    at_once, one_writes = asyncio.Semaphore(min(os.cpu_count() or 1, MOST_PROCESSES)), asyncio.Lock()

    async def enter(slot: str) -> None:
        # A log that cannot be read on is told by who reads it next, and so is that no process can be started.
        async with at_once, aclosing(files.stretches(slot, partial(index.first_of, slot), sizes[slot])) as read:
            with suppress(LogDamaged, OSError):
                async for one in read:
                    async with one_writes:
                        if not await index.enter(one.batch, one.span(), now_us()):
                            return
                    entered(one.batch.n_entries)

    long = [slot for slot in sorted(sizes, key=lambda slot: -sizes[slot]) if sizes[slot] >= WORTH_A_PROCESS]
    try:
        async with asyncio.TaskGroup() as group:
            for slot in long:
                group.create_task(enter(slot))
    except ExceptionGroup as several:
        # Whoever called knows of each error, and of no group.
        raise several.exceptions[0] from None


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let nobody look for circles of references meanwhile: batches have none, and looking takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def written_alone(state: Path, *, patience_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock of writers of the index; yields whether it could be had within a time.

    Blocks the thread while it waits.
    """
    descriptor = os.open(state / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield _taken(descriptor, ticks_s() + patience_s)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, until_s: float) -> bool:
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if ticks_s() >= until_s:
            return False
        _wait()


def _wait() -> None:
    time.sleep(_LOOK_EVERY_S)


class KeptIndex:
    """The index as the worker keeps it.

    Attributes:
        whole_us: When it last held every entry that there was, UTC microseconds; ``None`` before the first time.
        n_behind: Entries that it had not, when it was last looked.
    """

    def __init__(self, settings: Settings, clock: Callable[[], int], stop: asyncio.Event) -> None:
        """Keep what is needed; nothing is opened yet."""
        self._settings, self._clock, self._stop = settings, clock, stop
        self._index: LogIndex | None = None
        self._file: tuple[int, int] | None = None
        self._indexing: Indexing | None = None
        self._made_anew_us: int | None = None
        self.whole_us: int | None = None
        self.n_behind = 0

    async def tick(self) -> tuple[str, ...]:
        """Bring it up, and return what is wrong with logs, in sentences.

        Raises:
            Exception: It cannot be opened or written; see ``mend``.
        """
        if self._file != index_file(index_place(self._settings)):
            # A command removed it, since it could not be used, and made it anew.
            await self.close()
        with written_alone(self._settings.state) as is_ours:
            if not is_ours:
                # A command builds it anew; if it is killed, it leaves the tables without indexes.
                await self.close()
                return ()
            indexing = self._indexing or await self._opened()
            asked_us, self._began_s = self._clock(), ticks_s()
            self._last_s = self._began_s
            is_whole = await indexing.catch_up(pause=self._pause)
        self.n_behind = await indexing.n_behind()
        if is_whole:
            self.whole_us = asked_us
        return tuple(indexing.troubles.values())

    async def mend(self, error: Exception) -> None:
        """Close it, to be opened again; one that is broken is removed first, and so built anew.

        Args:
            error: What ``tick`` met.
        """
        await self.close()
        if isinstance(error, (StateUnavailable, LogUnavailable)):
            return
        now = self._clock()
        if self._made_anew_us is None or now - self._made_anew_us >= MADE_ANEW_EVERY_US:
            self._made_anew_us = now
            await remove_index(index_place(self._settings))

    async def close(self) -> None:
        """Close it."""
        index, self._index, self._indexing = self._index, None, None
        if index is not None:
            await index.close()

    async def _opened(self) -> Indexing:
        self._index = LogIndex(await open_index(index_place(self._settings)))
        self._file = index_file(index_place(self._settings))
        # A building anew that was ended halfway has left it without them.
        await self._index.make_indexes()
        self._indexing = Indexing(self._index, LogFiles(self._settings.state / "log"), self._clock, most=MOST_ENTRIES)
        return self._indexing

    async def _pause(self) -> bool:
        """Leave the processor to others for as long as a batch took, and tell whether to go on now."""
        took_s = ticks_s() - self._last_s
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), took_s)
        self._last_s = ticks_s()
        return not self._stop.is_set() and self._last_s - self._began_s < LONGEST_S
