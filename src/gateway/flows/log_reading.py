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

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
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


class Reach(Protocol):
    """How far the index knows one log."""

    @property
    def position(self) -> LogPosition:
        """Return how far it was read."""

    @property
    def open_seq(self) -> int:
        """Return the first entry of which people are only in the files."""


Met = Callable[[Sequence[Reach]], Awaitable[Mapping[str, Sequence[int]]]]
"""Tells which entries behind the last whole span of each log speak of the person who is asked for."""


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

    async def count(self, query: LogQuery, tally: Tally, met: Met) -> tuple[bool, Sequence[Reach]]:
        """Count the entries that answer, as of one moment; tell whether all were, and how far the index was."""

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
        reach = await self._index.reach()
        behind, met = await self._behind(reach), await self._met(query, reach)
        held = await self._index.rows(query, after=after, limit=limit + 1, newest_first=newest_first, met=met)
        await self._check({one.position.slot: one.position.size for one in reach})
        # Read before the index was, so what it took in meanwhile is in both.
        known = {(row.slot, row.seq) for row in held}
        fresh = (
            entry.row
            for entry in behind
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
        tally = Tally(facets)
        whole, reach = await self._index.count(query, tally, partial(self._met, query))
        for entry in await self._behind(reach):
            if answers(entry, query):
                tally.add_row(entry.row)
        return Counts(tally.told(), whole)

    async def _check(self, sizes: Mapping[str, int]) -> None:
        """See that the index is no shorter than it was when an answer began.

        Raises:
            StateUnavailable: It is being built anew, and what it said is not whole.
        """
        now = {one.position.slot: one.position.size for one in await self._index.reach()}
        if any(now.get(slot, 0) < size for slot, size in sizes.items()):
            raise StateUnavailable("the index of the log is being built anew")

    async def _behind(self, reach: Sequence[Reach]) -> list[IndexEntry]:
        """Return the entries that the index did not have.

        Raises:
            StateUnavailable: There are too many.
        """
        known = {one.position.slot: one.position for one in reach}
        entries: list[IndexEntry] = []
        for slot in await self._files.slots():
            position = known.get(slot, LogPosition(slot=slot))
            behind = await self._files.behind(position, self._index, MOST_BEHIND - len(entries))
            if behind is None:
                raise StateUnavailable("the index of the log is far behind it; run `gateway log index rebuild`")
            entries += behind
        return entries

    async def _met(self, query: LogQuery, reach: Sequence[Reach]) -> Mapping[str, Sequence[int]]:
        here = await self._files.slots() if query.person is not None else ()
        return {
            one.position.slot: await self._files.met(one.position.slot, one.open_seq, one.position.size, query.person)
            for one in reach
            if query.person is not None and one.position.slot in here and one.open_seq < one.position.size
        }
