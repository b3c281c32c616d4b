# SPDX-License-Identifier: Apache-2.0
"""An export of the log: what it holds is settled and entered before the first byte of it is written.

1 how far each log is known is settled · 2 what answers is counted · 3 the export is entered · 4 entries are
written, oldest first.

RULES

1. An export holds exactly what was counted: entries that come while it runs are left to the next one.
2. Where it ends is told as a place in each log. Within a log the index has no gap, so an export that begins behind
   those places misses nothing, however the times of several logs interleave.
3. One page of entries is held at a time, whatever the length of the log.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.flows.export.forms import Pair, Writing
from gateway.record.reading.reader import Record

PAGE = 2_000
"""Entries that are held at a time."""


class Index(Protocol):
    """What is known of the entries of all logs."""

    async def stretches(self) -> "Bounds":
        """Return by log which of its entries are known and here, without a gap."""

    async def count(self, query: LogQuery, within: "Bounds") -> int:
        """Return how many entries answer."""

    async def rows(self, query: LogQuery, *, after: LogPlace | None, limit: int) -> Sequence[LogRow]:
        """Return the next entries that answer, oldest first."""


Pick = Callable[[Sequence[LogRow]], Iterable[Record]]
"""Reads the entries of rows from the files, in their order."""

Bounds = Mapping[str, tuple[int, int]]
"""By log, the first entry and the one behind the last."""


class Bounded(msgspec.Struct, frozen=True, kw_only=True):
    """What an export holds, settled before it begins.

    Attributes:
        entries: How many entries answer within the bounds.
        moved: By log, how many entries would come before them that were moved to other storage.
    """

    query: LogQuery
    within: Bounds
    entries: int
    moved: Mapping[str, int] = {}

    @property
    def ends(self) -> dict[str, int]:
        """By log, the last place that the next export need not look at again; logs without entries are left out."""
        return {slot: end - 1 for slot, (_, end) in sorted(self.within.items()) if end}


async def bounded(index: Index, query: LogQuery, after: Mapping[str, int]) -> Bounded:
    """Return what an export would hold.

    Args:
        index: Where entries are looked up.
        query: What is asked.
        after: By log, the last place that was exported before; a log that it does not name begins at its first.
    """
    within: dict[str, tuple[int, int]] = {}
    moved: dict[str, int] = {}
    for slot, (first, end) in (await index.stretches()).items():
        wanted = min(after.get(slot, -1) + 1, end)
        within[slot] = (max(wanted, first), end)
        if wanted < first:
            moved[slot] = first - wanted
    return Bounded(query=query, within=within, entries=await index.count(query, within), moved=moved)


async def write(
    index: Index, pick: Pick, what: Bounded, writing: Writing, out: Callable[[bytes], object]
) -> AsyncIterator[int]:
    """Write an export, and yield after each page how many entries it wrote.

    Raises:
        LogDamaged: An entry is not where the index says.
        StateUnavailable: The index is being built anew.
    """
    out(writing.opening)
    place: LogPlace | None = None
    left = what.entries
    while left > 0:
        rows = await index.rows(what.query, after=place, limit=PAGE)
        if not rows:
            return
        place = LogPlace(rows[-1].at_us, rows[-1].slot, rows[-1].seq)
        asked = [row for row in rows if _is_within(row, what.within)][:left]
        if asked:
            pairs: list[Pair] = list(zip(asked, pick(asked), strict=True))
            out(writing.block(pairs))
            left -= len(pairs)
            yield len(pairs)


def _is_within(row: LogRow, within: Bounds) -> bool:
    first, end = within.get(row.slot, (0, 0))
    return first <= row.seq < end
