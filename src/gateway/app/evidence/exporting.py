# SPDX-License-Identifier: Apache-2.0
"""Joins an export of the log with the index that finds its entries, and with the files that hold them."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.app.index.indexing import fill, index_place
from gateway.app.index.reading import LogFiles
from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.record.reading.calls import first_seq
from gateway.record.reading.picking import picked
from gateway.record.reading.reader import Record
from gateway.settings.loading import Settings
from gateway.store.engine import open_index
from gateway.store.log.counts import LogCounts
from gateway.store.log.index import LogIndex
from gateway.store.log.search import LogSearch

_COUNTED_AT_ONCE = 10_000


class IndexedLog:
    """The entries of all logs, as an export asks for them."""

    def __init__(self, index: LogIndex, logs: Path) -> None:
        """Keep the index and ``STATE/log``."""
        self._index, self._logs, self._files = index, logs, LogFiles(logs)
        self._met: dict[int, Mapping[str, Sequence[int]]] = {}
        self._search, self._counts = LogSearch(index.base), LogCounts(index.base)

    async def catch_up(self, entered: Callable[[int], None]) -> dict[str, str]:
        """Bring the index up to the log as it is now, and return what could not be read, by log.

        Where another process is at it, the same entries are entered once all the same.

        Args:
            entered: Told of the entries of each batch.

        Raises:
            StateUnavailable: It cannot take entries now.
        """
        return await fill(self._index, self._logs, entered)

    async def stretches(self) -> Mapping[str, tuple[int, int]]:
        """Return by log the first of its entries that is here, and the one behind the last that is known.

        Segments at the front of a log can have been moved to other storage; the index still knows their entries.
        """
        known = {one.position.slot: one.position.size for one in await self._search.reach()}
        return {slot: (min(first_seq(self._logs / slot), size), size) for slot, size in known.items()}

    async def count(self, query: LogQuery, within: Mapping[str, tuple[int, int]]) -> int:
        """Return how many entries answer within stretches of the logs."""
        if query.person is None:
            return await self._counts.count(query, within)
        # Only the postings of people tell whom an entry speaks of, and no count is kept of them.
        n_found, after = 0, None
        while rows := await self.rows(query, after=after, limit=_COUNTED_AT_ONCE):
            n_found += sum(first <= row.seq < end for row in rows for first, end in (within.get(row.slot, (0, 0)),))
            after = LogPlace(rows[-1].at_us, rows[-1].slot, rows[-1].seq)
        return n_found

    async def rows(self, query: LogQuery, *, after: LogPlace | None, limit: int) -> Sequence[LogRow]:
        """Return the next entries that answer, oldest first."""
        met = await self._met_by(query)
        return await self._search.rows(query, after=after, limit=limit, newest_first=False, met=met)

    async def _met_by(self, query: LogQuery) -> Mapping[str, Sequence[int]]:
        """Return which entries behind the last whole spans speak of the person that is asked for."""
        if query.person is None:
            return {}
        if query.person not in self._met:
            self._met[query.person] = {
                one.position.slot: await self._files.met(
                    one.position.slot, one.open_seq, one.position.size, query.person
                )
                for one in await self._search.reach()
                if one.open_seq < one.position.size
            }
        return self._met[query.person]

    def pick(self, rows: Sequence[LogRow]) -> Iterator[Record]:
        """Yield the entries of rows, in their order."""
        return picked(self._logs, rows)


@asynccontextmanager
async def open_indexed(settings: Settings) -> AsyncIterator[IndexedLog]:
    """Open the index of an installation.

    Raises:
        SettingsError: The index cannot be opened.
    """
    index = LogIndex(await open_index(index_place(settings)))
    try:
        yield IndexedLog(index, settings.state / "log")
    finally:
        await index.close()
