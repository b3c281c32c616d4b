# SPDX-License-Identifier: Apache-2.0
"""The log asked a question: answered by its index, and what the index does not have yet by the files.

RULES

1. The answer is that of the files. What was entered after the index last looked is read from them and put in
   its place, so whoever asks sees the entry of a moment ago.
2. If the files are further ahead than ``MOST_BEHIND`` entries, nothing is answered: a list without its newest
   entries would look whole.
3. People of entries behind the last whole span are looked up in the parts.
4. Pages begin behind a place, so what is entered later shifts none.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Protocol

import msgspec

from gateway.domain.errors import StateUnavailable
from gateway.domain.log_facets import FACETS, LogCount, Tally
from gateway.domain.log_index import IndexEntry, LogPosition
from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.record.reading.search import answers, is_behind, place_of

MOST_BEHIND = 20_000
"""Entries behind the index that are read for a question, in about half a second."""

MOST_TRIES = 5


class Reach(Protocol):
    """How far the index knows one log."""

    @property
    def position(self) -> LogPosition:
        """Return how far it was read."""

    @property
    def open_seq(self) -> int:
        """Return the first entry of which people are only in the files."""


class Index(Protocol):
    """The index, as this flow asks it."""

    async def reach(self) -> Sequence[Reach]:
        """Return how far each log is known."""

    async def rows(
        self,
        query: LogQuery,
        *,
        after: LogPlace | None,
        limit: int,
        newest_first: bool,
        met: Mapping[str, Sequence[int]],
    ) -> Sequence[LogRow]:
        """Return the next entries that answer."""

    async def count(self, query: LogQuery, tally: Tally, met: Mapping[str, Sequence[int]]) -> bool:
        """Count the entries that answer; tell whether all were."""

    async def first_of(self, slot: str, calls: Collection[str]) -> Mapping[str, LogRow]:
        """Return the first entries of calls in a log."""


class Files(Protocol):
    """The files of the log, as this flow reads them."""

    async def slots(self) -> Sequence[str]:
        """Return the names of the logs."""

    async def behind(self, position: LogPosition, index: Index, most: int) -> Sequence[IndexEntry] | None:
        """Return the entries from a position on; ``None`` if there are more than ``most``."""

    async def met(self, slot: str, seq: int, until: int, person: int) -> Sequence[int]:
        """Return the entries of a stretch whose parts speak of a person."""


class Page(msgspec.Struct, frozen=True):
    """Some entries, and the place behind which there are more; ``None`` on the last page."""

    rows: tuple[LogRow, ...]
    next: LogPlace | None


class Counts(msgspec.Struct, frozen=True):
    """Counts by facet; not ``whole`` where only the newest entries were counted."""

    counts: tuple[LogCount, ...]
    whole: bool


class _Around(msgspec.Struct, frozen=True):
    """What the index does not know: entries after it, and where its open spans speak of the person."""

    entries: tuple[IndexEntry, ...]
    met: Mapping[str, Sequence[int]]
    sizes: Mapping[str, int]


class LogReading:
    """Answers questions of the log."""

    def __init__(self, index: Index, files: Files) -> None:
        """Keep both."""
        self._index, self._files = index, files

    async def page(
        self, query: LogQuery, *, after: LogPlace | None = None, limit: int = 100, newest_first: bool = True
    ) -> Page:
        """Return the next entries that answer.

        Args:
            query: What is asked.
            after: Where the page before ended.
            limit: At most so many, at least 1.
            newest_first: The order.

        Raises:
            StateUnavailable: The index does not answer, or is too far behind the files.
        """
        around = await self._around(query)
        held = await self._index.rows(query, after=after, limit=limit + 1, newest_first=newest_first, met=around.met)
        await self._check(around)
        # Read before the index was, so what it took in meanwhile is in both.
        known = {(row.slot, row.seq) for row in held}
        fresh = (
            entry.row
            for entry in around.entries
            if (entry.row.slot, entry.row.seq) not in known
            and answers(entry, query)
            and is_behind(entry.row, after, newest_first=newest_first)
        )
        rows = sorted(chain(held, fresh), key=place_of, reverse=newest_first)
        return Page(tuple(rows[:limit]), place_of(rows[limit - 1]) if len(rows) > limit else None)

    async def counts(self, query: LogQuery, facets: Sequence[str] = FACETS) -> Counts:
        """Return how many entries answer, by facets.

        Raises:
            StateUnavailable: The index does not answer, or is too far behind the files.
        """
        for _ in range(MOST_TRIES):
            tally = Tally(facets)
            around = await self._around(query)
            whole = await self._index.count(query, tally, around.met)
            for entry in around.entries:
                if answers(entry, query):
                    tally.add_row(entry.row)
            # What the index took in meanwhile would be counted twice.
            if await self._check(around):
                return Counts(tally.told(), whole)
        raise StateUnavailable("the index of the log moves on too fast to be counted with the files")

    async def _check(self, around: "_Around") -> bool:
        """Tell whether the index is where it was when an answer began.

        Raises:
            StateUnavailable: It is behind that: it is being built anew, and what it said is not whole.
        """
        now = {one.position.slot: one.position.size for one in await self._index.reach()}
        if any(now.get(slot, 0) < size for slot, size in around.sizes.items()):
            raise StateUnavailable("the index of the log is being built anew")
        return now == around.sizes

    async def _around(self, query: LogQuery) -> _Around:
        known = {one.position.slot: one for one in await self._index.reach()}
        entries: list[IndexEntry] = []
        met: dict[str, Sequence[int]] = {}
        for slot in await self._files.slots():
            reach = known.get(slot)
            position = LogPosition(slot=slot) if reach is None else reach.position
            behind = await self._files.behind(position, self._index, MOST_BEHIND - len(entries))
            if behind is None:
                raise StateUnavailable("the index of the log is far behind it; run `gateway log index rebuild`")
            entries += behind
            if query.person is not None and reach is not None and reach.open_seq < position.size:
                met[slot] = await self._files.met(slot, reach.open_seq, position.size, query.person)
        sizes = {slot: one.position.size for slot, one in known.items()}
        return _Around(tuple(entries), met, sizes)
