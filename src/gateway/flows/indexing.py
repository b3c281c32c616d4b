# SPDX-License-Identifier: Apache-2.0
"""Keeps the index of the log up to its files.

RULES

1. The files are the truth. What the index holds follows from them, and it is never asked what they are.
2. A log whose files are not those that were read is taken out of the index and read anew.
3. A log that cannot be read keeps no other from being read; what is wrong with it is told.
4. Who else enters the same is noticed by the index, and nothing is entered twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

from gateway.domain.errors import LogDamaged
from gateway.domain.log_index import SPAN, LogBatch, LogPosition, SpanPeople
from gateway.domain.log_query import LogRow
from gateway.record.reading.indexing import LogChanged
from gateway.record.reading.spans import SpanGathering


class Reader(Protocol):
    """Reads one log."""

    position: LogPosition

    def check(self) -> None:
        """Make sure that the files are those that were read before."""

    def read(self, most: int) -> LogBatch | None:
        """Return the next entries, if there are any."""

    def completed(self, batch: LogBatch, first: Mapping[str, LogRow]) -> LogBatch:
        """Return a batch with what the first entries of its unknown calls say."""


class Logs(Protocol):
    """The logs of an installation, as files."""

    def slots(self) -> list[str]:
        """Return the names of the logs."""

    def size(self, slot: str) -> int:
        """Return the number of whole entries of a log."""

    def reader(self, position: LogPosition) -> Reader:
        """Return what reads a log from a position on."""

    def reader_at(self, slot: str, seq: int) -> Reader:
        """Return what reads a log from an entry on."""


class Index(Protocol):
    """The index of the log."""

    async def positions(self) -> dict[str, LogPosition]:
        """Return how far each log was read."""

    async def first_of(self, slot: str, calls: Collection[str]) -> dict[str, LogRow]:
        """Return the first entries of calls."""

    async def add(self, batch: LogBatch, span: SpanPeople | None, now_us: int) -> bool:
        """Enter a batch, if the index stands where it begins."""

    async def forget(self, slot: str) -> None:
        """Take a log out of the index."""


async def at_once() -> bool:
    """Go on without a pause."""
    return True


class Indexing:
    """Brings an index up to the files, as often as it is told to.

    Attributes:
        troubles: By log, why it was not read to its end the last time.
        changed: Logs whose files were found to be others, since the beginning.
    """

    def __init__(self, index: Index, logs: Logs, clock: Callable[[], int], *, most: int) -> None:
        """Begin.

        Args:
            index: To bring up.
            logs: To read.
            clock: UTC microseconds.
            most: Entries of a batch at most.
        """
        self._index, self._logs, self._clock, self._most = index, logs, clock, most
        self._readers: dict[str, Reader] = {}
        self._is_alone = True
        self.troubles: dict[str, str] = {}
        self.changed: list[str] = []

    async def catch_up(
        self, entered: Callable[[int], None] = lambda _n: None, pause: Callable[[], Awaitable[bool]] = at_once
    ) -> bool:
        """Read every log to its end as it is now, and tell whether that was done for all of them.

        Args:
            entered: Told of the entries of each batch.
            pause: Awaited after each batch; tells whether to go on.

        Raises:
            StateUnavailable: The index cannot take them now.
        """
        slots = await asyncio.to_thread(self._logs.slots)
        positions = await self._index.positions()
        self.troubles, self._is_alone = {}, True
        for slot in slots:
            try:
                if not await self._read(slot, positions.get(slot, LogPosition(slot=slot)), entered, pause):
                    return False
            except LogChanged:
                self.changed.append(slot)
                self._readers.pop(slot, None)
                await self._index.forget(slot)
                self.troubles[slot] = f"the files of {slot} are not those that were read: it is read anew"
            except LogDamaged as error:
                self._readers.pop(slot, None)
                self.troubles[slot] = str(error)
        return self._is_alone and not self.troubles

    async def n_behind(self) -> int:
        """Return how many whole entries the logs have that the index has not.

        Raises:
            StateUnavailable: The index does not answer.
        """
        positions = await self._index.positions()
        return await asyncio.to_thread(self._n_behind, positions)

    def _n_behind(self, positions: Mapping[str, LogPosition]) -> int:
        n_entries = 0
        for slot in self._logs.slots():
            try:
                held = positions.get(slot)
                n_entries += max(0, self._logs.size(slot) - (held.size if held else 0))
            except LogDamaged as error:
                self.troubles.setdefault(slot, str(error))
        return n_entries

    async def _read(
        self, slot: str, held: LogPosition, entered: Callable[[int], None], pause: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Read a log to its end, and tell whether to go on with others."""
        reader = await self._reader(slot, held)
        while (batch := await asyncio.to_thread(reader.read, self._most)) is not None:
            batch = await self._completed(reader, batch)
            if not await self._index.add(batch, await self._span(batch), self._clock()):
                # Somebody else entered meanwhile, or cleared the index; the next time begins where it stands.
                del self._readers[slot]
                self._is_alone = False
                return True
            entered(len(batch.entries))
            if not await pause():
                return False
        return True

    async def _reader(self, slot: str, held: LogPosition) -> Reader:
        reader = self._readers.get(slot)
        if reader is None or (reader.position.size, reader.position.head) != (held.size, held.head):
            reader = self._logs.reader(held)
            await asyncio.to_thread(reader.check)
            self._readers[slot] = reader
        return reader

    async def _completed(self, reader: Reader, batch: LogBatch) -> LogBatch:
        if not batch.unknown:
            return batch
        return reader.completed(batch, await self._index.first_of(batch.before.slot, batch.unknown))

    async def _span(self, batch: LogBatch) -> SpanPeople | None:
        """Return the people of the span that a batch ends; what came before the batch is read once more."""
        if not batch.ends_span:
            return None
        slot, span = batch.before.slot, (batch.after.size - 1) // SPAN
        gathering = SpanGathering(slot, span)
        if not batch.is_span:
            reader = await asyncio.to_thread(self._logs.reader_at, slot, span * SPAN)
            while (missing := batch.before.size - reader.position.size) > 0:
                again = await asyncio.to_thread(reader.read, missing)
                if again is None:
                    raise LogChanged(f"the files of {slot} are shorter than when they were read")
                again = await self._completed(reader, again)
                await asyncio.to_thread(gathering.add, again.entries)
        await asyncio.to_thread(gathering.add, batch.entries)
        return await asyncio.to_thread(gathering.people)
