# SPDX-License-Identifier: Apache-2.0
"""The log of an installation, asked: its index, opened when it is first asked for, and its files beside it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from gateway.app.index.indexing import index_place
from gateway.domain.errors import LogDamaged, StateUnavailable
from gateway.domain.log_facets import Tally
from gateway.domain.log_index import IndexEntry, LogPosition
from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.flows.log_reading import Index, LogReading
from gateway.record.format.layout import slots
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.search import met_from
from gateway.settings.loading import Settings
from gateway.store.engine import Base, index_file, open_index
from gateway.store.log.facets import LogFacets, Met
from gateway.store.log.held import HeldIndex
from gateway.store.log.search import LogSearch, Reach


class LogIndexJoin:
    """The tables of the index, as the reading of the log asks them."""

    def __init__(self, base: Base) -> None:
        """Keep the base."""
        self._search, self._facets, self._held = LogSearch(base), LogFacets(base), HeldIndex(base)

    async def reach(self) -> Sequence[Reach]:
        """Return how far each log is known."""
        return await self._search.reach()

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
        return await self._search.rows(query, after=after, limit=limit, newest_first=newest_first, met=met)

    async def count(self, query: LogQuery, tally: Tally, met: Met) -> tuple[bool, Sequence[Reach]]:
        """Count the entries that answer, as of one moment; tell whether all were, and how far the index was."""
        return await self._facets.count(query, tally, met)

    async def first_of(self, slot: str, calls: Collection[str]) -> Mapping[str, LogRow]:
        """Return the first entries of calls in a log."""
        return await self._held.first_of(slot, calls)


class LogFiles:
    """The files of the log, read beside the calls."""

    def __init__(self, logs: Path) -> None:
        """Keep the folder ``STATE/log``."""
        self._logs = logs

    async def slots(self) -> Sequence[str]:
        """Return the names of the logs."""
        return await asyncio.to_thread(slots, self._logs)

    async def behind(self, position: LogPosition, index: Index, most: int) -> Sequence[IndexEntry] | None:
        """Return the entries from a position on; ``None`` if there are more than ``most``.

        Raises:
            StateUnavailable: The files are not those that the index was built from, or cannot be read.
        """
        reader = SlotReader(self._logs / position.slot, position)
        found: list[IndexEntry] = []
        try:
            await asyncio.to_thread(reader.check)
            while (batch := await asyncio.to_thread(reader.read)) is not None:
                if batch.unknown:
                    batch = reader.completed(batch, await index.first_of(position.slot, batch.unknown))
                found += batch.entries
                if len(found) > most:
                    return None
        except LogDamaged as error:
            raise StateUnavailable(f"the log cannot be read beside its index: {error}") from error
        return found

    async def met(self, slot: str, seq: int, until: int, person: int) -> Sequence[int]:
        """Return the entries of a stretch whose parts speak of a person.

        Raises:
            StateUnavailable: A part cannot be read.
        """
        try:
            return await asyncio.to_thread(met_from, self._logs / slot, seq, until, person)
        except LogDamaged as error:
            raise StateUnavailable(f"the log cannot be read beside its index: {error}") from error


class LogQuestions:
    """Who asks the log in one process; the index is opened with the first question."""

    def __init__(self, settings: Settings) -> None:
        """Keep where everything lies; nothing is opened."""
        self._place, self._files = index_place(settings), LogFiles(settings.state / "log")
        self._base: Base | None = None
        self._file: tuple[int, int] | None = None
        self._one_opening = asyncio.Lock()

    async def reading(self) -> LogReading:
        """Return what answers questions.

        Raises:
            SettingsError / StateUnavailable: The index cannot be opened.
        """
        async with self._one_opening:
            if self._base is not None and self._file != index_file(self._place):
                # One that could not be used was removed and made anew.
                await self.close()
            if self._base is None:
                self._base = await open_index(self._place)
                self._file = index_file(self._place)
        return LogReading(LogIndexJoin(self._base), self._files)

    async def close(self) -> None:
        """Close the index if it was opened."""
        if self._base is not None:
            await self._base.close()
            self._base = None
