# SPDX-License-Identifier: Apache-2.0
"""Finds the entries of the log that speak of one person: by the index, and in the files where it does not reach.

The index gathers whole spans; what came since the last one is read. A log that the index was not built from
is read whole. What is found is read again from the files, with its part: the index alone tells nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.domain.errors import LogDamaged, StateUnavailable
from gateway.domain.log_index import SPAN, IndexEntry
from gateway.domain.log_query import LogRow
from gateway.domain.reach import Extent
from gateway.flows.accesses.ports import Index
from gateway.record.format.layout import slots
from gateway.record.reading.agreeing import agreeing_extents
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.picking import picked
from gateway.record.reading.reader import Record


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that speaks of the person.

    Attributes:
        of_call: Entries of its call as they stand in the log, this one among them; empty for no call.
        is_released: The person was in what was released, or in what was written down.
    """

    row: LogRow
    record: Record
    of_call: tuple[LogRow, ...]
    is_released: bool


class Finding:
    """One search for one person."""

    def __init__(
        self,
        logs: Path,
        index: Index | None,
        numbers: Collection[int],
        *,
        done: Callable[[int], None] = lambda _n: None,
    ) -> None:
        """Begin with nothing.

        Args:
            logs: ``STATE/log``.
            index: ``None`` to read the files alone.
            numbers: Every number of the person.
            done: Told how many entries were read from files, again and again.
        """
        self._logs, self._index, self._numbers, self._done = logs, index, BitMap(numbers), done
        self.remarks: list[str] = [] if index is not None else ["the index was not used: every entry was read"]
        self.sizes: dict[str, int] = {}

    async def found(self) -> list[Named]:
        """Return the entries that speak of the person, by time.

        Raises:
            LogDamaged: An entry or a part cannot be read.
        """
        try:
            return await self._found()
        except (StateUnavailable, LogDamaged) as error:
            if self._index is None:
                raise
            # It was built anew, failed, or names entries that are elsewhere: what was found may be a part of all.
            self._index, self.sizes = None, {}
            self.remarks = [f"{error}: every entry was read"]
            return await self._found()

    async def _found(self) -> list[Named]:
        extents = await self._agreed()
        places = await self._index.naming(list(self._numbers)) if self._index is not None and extents else {}
        found: list[Named] = []
        for slot in await asyncio.to_thread(slots, self._logs):
            found += await self._of_slot(slot, extents.get(slot), places.get(slot, ()))
        if self._index is not None:
            now = await self._index.extents()
            if any(slot not in now or now[slot].spans < extent.spans for slot, extent in extents.items()):
                raise StateUnavailable("the index of the log is being built anew")
        return sorted(found, key=lambda one: (one.row.at_us, one.row.slot, one.row.seq))

    async def _agreed(self) -> dict[str, Extent]:
        if self._index is None:
            return {}
        those, remarks = agreeing_extents(self._logs, slots(self._logs), await self._index.extents())
        self.remarks += remarks
        return those

    async def _of_slot(self, slot: str, extent: Extent | None, places: Sequence[int]) -> list[Named]:
        first = 0 if extent is None else extent.spans * SPAN
        rows: list[LogRow] = []
        if self._index is not None and extent is not None:
            rows += await self._index.at(slot, [place for place in places if place < first])
        by_call: dict[str, list[LogRow]] | None = None if extent is None else {}
        rows += await asyncio.to_thread(self._read, slot, first, by_call)
        records = await asyncio.to_thread(lambda: list(picked(self._logs, rows)))
        about = [(row, record) for row, record in zip(rows, records, strict=True) if self._speaks(record)]
        calls = {record_call(record) for _, record in about} - {""}
        of_calls = await self._of_calls(slot, first, by_call, calls)
        return [
            Named(
                row=row,
                record=record,
                of_call=tuple(of_calls.get(record_call(record), ())),
                is_released=self._is_among(record.part.people if record.part is not None else b""),
            )
            for row, record in about
        ]

    def _read(self, slot: str, first: int, by_call: dict[str, list[LogRow]] | None) -> list[LogRow]:
        """Return the entries of a slot from a place on that may speak of the person.

        Args:
            by_call: Takes every entry of a call; ``None`` where they are too many to be kept.
        """
        reader = SlotReader.at(self._logs / slot, first)
        self.sizes[slot] = first
        found: list[LogRow] = []
        while (batch := reader.read()) is not None:
            self.sizes[slot] = batch.after.size
            found += [entry.row for entry in batch.entries if self._may_speak(entry)]
            if by_call is not None:
                for entry in batch.entries:
                    by_call.setdefault(entry.row.call, []).append(entry.row)
            self._done(len(batch.entries))
        return found

    def _may_speak(self, entry: IndexEntry) -> bool:
        return any(number in self._numbers for number in entry.met) or self._is_among(entry.released)

    def _speaks(self, record: Record) -> bool:
        """Tell whether an entry speaks of the person now: its part may have been deleted meanwhile."""
        part = record.part
        return part is not None and (any(one in self._numbers for one in part.met) or self._is_among(part.people))

    def _is_among(self, people: bytes) -> bool:
        return bool(people) and not self._numbers.isdisjoint(BitMap.deserialize(people))

    async def _of_calls(
        self, slot: str, first: int, by_call: Mapping[str, Sequence[LogRow]] | None, calls: Collection[str]
    ) -> Mapping[str, list[LogRow]]:
        """Return by call all of its entries."""
        if not calls:
            return {}
        if self._index is None or by_call is None:
            return await asyncio.to_thread(_rows_of, self._logs / slot, calls)
        known = await self._index.of_calls(slot, calls)
        return {
            call: [*(row for row in known.get(call, ()) if row.seq < first), *by_call.get(call, ())] for call in calls
        }


def record_call(record: Record) -> str:
    """Return the call that an entry belongs to; empty for none."""
    return str(getattr(record.line.body, "call", ""))


def _rows_of(directory: Path, calls: Collection[str]) -> dict[str, list[LogRow]]:
    reader, found = SlotReader.at(directory, 0), dict[str, list[LogRow]]()
    while (batch := reader.read()) is not None:
        for entry in batch.entries:
            if entry.row.call in calls:
                found.setdefault(entry.row.call, []).append(entry.row)
    return found
