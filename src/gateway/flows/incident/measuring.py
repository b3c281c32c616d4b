# SPDX-License-Identifier: Apache-2.0
"""Finds whom calls reached: from the index as far as it goes, and from the files where it does not.

RULES

1. The answer is that of a reader of all files, always. Of the index only what agrees with the files counts:
   a log whose entry is another one than the index read is read from its files, whole.
2. Spans that lie within the time that is asked for come as they were gathered; their edges, what came since
   the last whole span, and everything that is asked by session or place, entry by entry.
3. Where parts were deleted since the index was built, the entries of that segment are looked at one by one.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from gateway.domain.entry import Intent
from gateway.domain.errors import LogDamaged, StateUnavailable
from gateway.domain.log_index import SPAN, LogBatch, Use
from gateway.domain.log_query import LogQuery, LogRow
from gateway.domain.reach import Extent, SpanUse
from gateway.flows.incident.ports import Index
from gateway.flows.incident.tally import OTHERS, Tally, means
from gateway.record.format.layout import slots
from gateway.record.reading.agreeing import Stand, agreeing_extents, has_part_at, spread, stand_of
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.picking import people_of, picked
from gateway.record.reading.reader import Record
from gateway.record.reading.tail import tail

RELEASE, INTENT, REFUSAL = "release", "intent", "refusal"
PICKED_AT_ONCE = 16_384
GOING_ON = frozenset({RELEASE, "passed", "end"})
"""Kinds that can go on with a call whose first entry is elsewhere."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and where.

    Attributes:
        stands: Each log with how much of it was read.
        n_from_files: Entries that were read from files because the index did not have them.
        remarks: Why more was read from files than the newest entries, in sentences.
    """

    tally: Tally
    stands: tuple[Stand, ...]
    n_from_files: int
    remarks: tuple[str, ...]


class Measuring:
    """One measurement."""

    def __init__(self, logs: Path, index: Index | None, *, done: Callable[[int], None] = lambda _n: None) -> None:
        """Begin with nothing.

        Args:
            logs: ``STATE/log``.
            index: ``None`` to read the files alone.
            done: Told how many entries were read from files, again and again.
        """
        self._logs, self._index, self._done = logs, index, done
        self._tally = Tally()
        self._writes: list[LogRow] = []
        self._remarks: list[str] = [] if index is not None else ["the index was not used: every entry was read"]
        self._n_from_files = 0

    async def measured(self, asked: LogQuery) -> Measured:
        """Return what the calls that a query means came to.

        Raises:
            LogDamaged: An entry or a part cannot be read.
        """
        if self._index is None:
            return await self._measured(asked)
        try:
            return await self._measured(asked)
        except (StateUnavailable, LogDamaged) as error:
            # It was built anew, failed, or names entries that are elsewhere: what was added up may be anything.
            # If it is the log that is damaged, the files say so again.
            anew = Measuring(self._logs, None, done=self._done)
            anew._remarks = [f"{error}: every entry was read"]
            return await anew._measured(asked)

    async def _measured(self, asked: LogQuery) -> Measured:
        found = await asyncio.to_thread(slots, self._logs)
        agreed = await self._agreed(found)
        if self._index is not None and agreed:
            await self._from_index(self._index, asked, agreed)
            _insist_on(agreed, await self._index.extents())
        sizes = [await self._from_files(slot, asked, agreed.get(slot)) for slot in found]
        await self._pick(asked, self._writes)
        return Measured(
            tally=self._tally,
            stands=tuple(stand_of(self._logs / slot, size) for slot, size in zip(found, sizes, strict=True)),
            n_from_files=self._n_from_files,
            remarks=tuple(self._remarks),
        )

    async def _agreed(self, found: Sequence[str]) -> dict[str, Extent]:
        """Return how far the index reaches in the logs that it was built from."""
        if self._index is None:
            return {}
        those, remarks = agreeing_extents(self._logs, found, await self._index.extents())
        self._remarks += remarks
        return those

    async def _from_index(self, index: Index, asked: LogQuery, agreed: Mapping[str, Extent]) -> None:
        if asked.session is None and asked.place is None:
            after = await self._from_spans(index, asked, agreed)
        else:
            after = dict.fromkeys(agreed, 0)
        await self._pick(asked, _below(await index.matching(asked, (RELEASE,), after=after), agreed))
        begin = dict.fromkeys(agreed, 0)
        if asked.place is not None:
            # The address is in the part, which may have been deleted since.
            await self._pick(asked, _below(await index.matching(asked, (INTENT, *OTHERS), after=begin), agreed))
            return
        sizes = {slot: extent.size for slot, extent in agreed.items()}
        self._tally.refused.update(await index.refused(asked, below=sizes))
        kinds = (INTENT, *(kind for kind in OTHERS if kind != REFUSAL))
        for row in _below(await index.matching(asked, kinds, after=begin), agreed):
            self._take(row, None)

    async def _from_spans(self, index: Index, asked: LogQuery, agreed: Mapping[str, Extent]) -> dict[str, int]:
        """Take what is gathered in spans; return by slot the place behind the last of them."""
        uses = await index.uses(asked)
        stale = {(slot, span) for slot in agreed for span in await self._stale(index, agreed[slot])}
        held = await index.spans(uses, asked.since_us, asked.until_us)
        spans = [one for one in held if one.slot in agreed and one.span < agreed[one.slot].spans]
        whole = [one for one in spans if _is_within(one, asked) and (one.slot, one.span) not in stale]
        for one in whole:
            self._tally.span(uses[one.use], one)
        for use, people in await index.people(whole):
            self._tally.people(uses[use], people)
        places = {(one.slot, one.span, one.use) for one in whole}
        for bare in await index.bare(asked):
            if (bare.slot, bare.span, bare.use) in places:
                self._tally.bare(uses[bare.use], bare.entries, bare.people)
        await self._edges(index, asked, uses, [one for one in spans if (one.slot, one.span, one.use) not in places])
        return {slot: extent.spans * SPAN for slot, extent in agreed.items()}

    async def _edges(self, index: Index, asked: LogQuery, uses: Mapping[int, Use], edges: Sequence[SpanUse]) -> None:
        """Take the releases in a time of spans that reach beyond it; their uses are those that are asked for."""
        by_span: dict[tuple[str, int], list[int]] = {}
        for one in edges:
            by_span.setdefault((one.slot, one.span), []).append(one.use)
        for (slot, span), those in by_span.items():
            rows = await index.of_span(slot, span, those, asked.since_us, asked.until_us)
            people = await asyncio.to_thread(lambda some: list(people_of(self._logs, some)), rows)
            for row, some in zip(rows, people, strict=True):
                self._tally.released(uses[row.use], row, some)

    async def _stale(self, index: Index, extent: Extent) -> set[int]:
        """Return the spans of segments from which parts were deleted since the index was built."""
        stale: set[int] = set()
        directory = self._logs / extent.slot
        for segment, first, end in spread(directory, extent.spans * SPAN):
            last = await index.last_part(extent.slot, first, end)
            if last is not None and not has_part_at(directory, segment, *last):
                stale.update(range(first // SPAN, (end - 1) // SPAN + 1))
        return stale

    async def _pick(self, asked: LogQuery, rows: Sequence[LogRow]) -> None:
        """Take entries with their parts."""
        for first in range(0, len(rows), PICKED_AT_ONCE):
            some = rows[first : first + PICKED_AT_ONCE]
            records = await asyncio.to_thread(self._picked, some)
            for row, record in zip(some, records, strict=True):
                if asked.place is None or (record.part is not None and record.part.ip == asked.place):
                    self._take_picked(row, record)

    def _picked(self, rows: Sequence[LogRow]) -> list[Record]:
        return list(picked(self._logs, rows))

    def _take_picked(self, row: LogRow, record: Record) -> None:
        part, body = record.part, record.line.body
        if isinstance(body, Intent):
            self._tally.intent(row, body, None if part is None else part.met)
        elif row.kind == RELEASE:
            self._tally.release(row, None if part is None else part.people)
        else:
            self._tally.other(row)

    async def _from_files(self, slot: str, asked: LogQuery, extent: Extent | None) -> int:
        """Take the entries of a slot that the index does not have; return how many the slot has."""
        directory, size = self._logs / slot, 0 if extent is None else extent.size
        reader = await asyncio.to_thread(SlotReader.at, directory, size)
        while (batch := await asyncio.to_thread(reader.read)) is not None:
            batch = reader.completed(batch, await self._beginnings(slot, batch, is_indexed=extent is not None))
            self._n_from_files += len(batch.entries)
            size = batch.after.size
            for entry in batch.entries:
                if means(asked, entry.row):
                    self._take(entry.row, entry.released if entry.row.part_at >= 0 else None)
            self._done(len(batch.entries))
        return size

    async def _beginnings(self, slot: str, batch: LogBatch, *, is_indexed: bool) -> Mapping[str, LogRow]:
        """Return the first entries of calls that go on in a batch."""
        calls = {one.row.call for one in batch.entries if one.row.kind in GOING_ON} & batch.unknown
        if not calls:
            return {}
        if is_indexed and self._index is not None:
            return await self._index.beginnings(slot, calls)
        return await asyncio.to_thread(lambda: dict(_looked_for(self._logs / slot, calls, batch.before.size)))

    def _take(self, row: LogRow, people: bytes | None) -> None:
        if row.kind == RELEASE:
            self._tally.release(row, people)
        elif row.kind == INTENT:
            self._writes.append(row)
        else:
            self._tally.other(row)


def _looked_for(directory: Path, calls: set[str], before: int) -> Iterator[tuple[str, LogRow]]:
    """Yield the first entry of each call, looked for from the beginning of a log; what has none yields none."""
    sought = set(calls)
    for record in tail(directory, 0, kinds=(RELEASE, INTENT, "observed")):
        body = record.line.body
        if record.line.seq >= before or not sought:
            return
        call = getattr(body, "call", "")
        if call in sought and getattr(body, "facts", None) is not None:
            sought.remove(call)
            batch = SlotReader.at(directory, record.line.seq).read(1)
            if batch is not None:
                yield call, batch.entries[0].row


def _insist_on(agreed: Mapping[str, Extent], now: Mapping[str, Extent]) -> None:
    """Make sure that the index still reaches as far as when it was first looked at.

    Raises:
        StateUnavailable: It does not: it is being built anew.
    """
    for slot, before in agreed.items():
        after = now.get(slot)
        if after is None or after.size < before.size or after.spans < before.spans:
            raise StateUnavailable("the index of the log is being built anew")


def _below(rows: Sequence[LogRow], agreed: Mapping[str, Extent]) -> list[LogRow]:
    """Return the entries that were in the index when it was looked at; what came since is read from files."""
    return [row for row in rows if row.slot in agreed and row.seq < agreed[row.slot].size]


def _is_within(one: SpanUse, asked: LogQuery) -> bool:
    return (asked.since_us is None or asked.since_us <= one.first_us) and (
        asked.until_us is None or one.last_us < asked.until_us
    )
