# SPDX-License-Identifier: Apache-2.0
"""Writes the index of the log: owner of all of its tables.

RULES

1. A batch is one transaction: entries, counts, people of a span and the position behind them, or none of it.
2. A batch is taken only if the index stands where the batch begins, so two writers never enter twice.
3. Writers come one after the other: BEGIN IMMEDIATE on SQLite, an advisory lock on PostgreSQL.
4. What is remembered between two batches is ids of texts, until somebody else gives any or positions are
   asked for, which each run over the logs begins with.

Hours are counted as batches come; the people of a span come with the batch that ends it.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import IndexEntry, LogBatch, LogPosition, SpanPeople
from gateway.domain.log_packing import PackedBatch, packed
from gateway.domain.log_query import LogRow
from gateway.store.engine import Base
from gateway.store.log import filling
from gateway.store.log.begun import BegunCalls
from gateway.store.log.bulk import add_counts, add_rows
from gateway.store.log.held import HeldIndex
from gateway.store.log.layout import laid_out
from gateway.store.log.words import interned
from gateway.store.log_schema import (
    INDEX,
    log_entry,
    log_hour,
    log_people,
    log_person,
    log_place,
    log_slot,
    log_span,
)

ADVISORY_LOCK = 0x6C_6F_67_69
"""Number of the PostgreSQL lock that writers of the index take; it spells ``logi``."""

OF_CALLS = "ix_log_entry_call"
"""The index by which the first entry of a call is found."""

SORTING_MB = 256
"""Memory in which PostgreSQL may sort an index that is made; SQLite sorts in its cache."""

MOST_KNOWN = 200_000
"""Ids that are remembered from one batch to the next."""


class LogIndex:
    """The index of one installation's log.

    Attributes:
        base: Where it is.
        held: Reads what it holds.
    """

    def __init__(self, base: Base) -> None:
        """Keep the base."""
        self.base = base
        self.held = HeldIndex(base)
        self._known, self._newest = filling.NONE, (0, 0, 0)
        self._begun: BegunCalls | None = None

    async def positions(self) -> dict[str, LogPosition]:
        """Return how far each log was read, by slot."""
        self._known = filling.NONE
        return await self.held.positions()

    async def first_of(self, slot: str, calls: Collection[str]) -> dict[str, LogRow]:
        """Return the first entries of those calls that have one in a slot."""
        if self._begun is not None:
            calls = self._begun.possible(slot, calls)
            if not calls:
                return {}
            # Without its index, finding a call is reading the table.
            self._begun = None
            async with self._writing() as connection:
                await _make(connection, OF_CALLS)
        return await self.held.first_of(slot, calls)

    async def add(self, batch: LogBatch, span: SpanPeople | None, now_us: int) -> bool:
        """Enter a batch, no call of which is unknown, as ``enter`` does."""
        return await self.enter(await asyncio.to_thread(packed, batch), span, now_us)

    async def enter(self, batch: PackedBatch, span: SpanPeople | None, now_us: int) -> bool:
        """Enter a batch, and the people of the span that it ends.

        Args:
            batch: Of one log, in order.
            span: Given if and only if the batch ends a span.
            now_us: When the log was looked at.

        Returns:
            Whether the index stood where the batch begins; if not, nothing was entered.

        Raises:
            StateUnavailable: The database cannot take it now.
        """
        async with self._writing() as connection:
            slot = await filling.slot_at(connection, batch.before, now_us)
            if slot is None:
                return False
            known = self._known if await filling.newest_ids(connection) == self._newest else filling.NONE
            ids = await filling.ids_of(connection, batch, known)
            rows, hours = await asyncio.to_thread(laid_out, batch, slot, ids)
            await add_rows(connection, log_entry, rows)
            await add_counts(connection, hours)
            if span is not None:
                await filling.add_span(connection, slot, span, ids.uses)
            await filling.move(connection, slot, batch.after, now_us)
            newest = await filling.newest_ids(connection)
        # Only what was committed is remembered.
        self._known = known | ids if len(known) < MOST_KNOWN else ids
        self._newest = newest
        if self._begun is not None:
            self._begun.add(batch)
        return True

    async def renew(self, entries: Sequence[IndexEntry], span: SpanPeople | None) -> None:
        """Bring the index up to parts that were deleted: addresses, places of parts, and the people of a span.

        Args:
            entries: Of one log and one span, as they are read now; they are in the index.
            span: The people of their span as they are read now, if it is whole.
        """
        async with self._writing() as connection:
            name = entries[0].row.slot
            slot = (await connection.execute(select(log_slot.c.id).where(log_slot.c.name == name))).scalar_one_or_none()
            if slot is None:
                return
            places = await interned(connection, log_place, {entry.row.place for entry in entries})
            await filling.move_parts(connection, slot, entries, places)
            if span is not None:
                await filling.remove_span(connection, slot, span.span)
                await filling.add_span(connection, slot, span, {})

    async def drop_unused_places(self) -> None:
        """Forget the addresses that no entry has any more."""
        async with self._writing() as connection:
            await connection.execute(filling.without_unused()[0])
        await self.base.fold()

    async def forget(self, slot: str) -> None:
        """Take a log out of the index, so that it is read anew; hours are counted again from the other logs."""
        async with self._writing() as connection:
            query = select(log_slot.c.id).where(log_slot.c.name == slot)
            number = (await connection.execute(query)).scalar_one_or_none()
            if number is None:
                return
            for table in (log_entry, log_span, log_people, log_person):
                await connection.execute(delete(table).where(table.c.slot == number))
            await connection.execute(delete(log_slot).where(log_slot.c.id == number))
            await connection.execute(delete(log_hour))
            await connection.execute(filling.hours_again())
            for statement in filling.without_unused():
                await connection.execute(statement)

    async def clear(self) -> None:
        """Empty the index."""
        async with self._writing() as connection:
            for table in INDEX.sorted_tables:
                await connection.execute(delete(table))

    async def drop_indexes(self) -> None:
        """Let many entries be added faster; until ``make_indexes`` searches take long."""
        async with self._writing() as connection:
            for index in log_entry.indexes:
                await connection.run_sync(index.drop, checkfirst=True)
        self._begun = BegunCalls()

    async def make_indexes(self) -> None:
        """Make those indexes that are missing, each in a transaction of its own."""
        self._begun = None
        for name in sorted(str(one.name) for one in log_entry.indexes):
            async with self._writing() as connection:
                await _make(connection, name)

    async def close(self) -> None:
        """Close every connection."""
        await self.base.close()

    def _writing(self) -> "_Writing":
        return _Writing(self.base)


async def _make(connection: AsyncConnection, name: str) -> None:
    """Make an index of the entries if it is missing."""
    if connection.dialect.name == "postgresql":
        # A million keys of an index are sorted in 64 MB.
        await connection.execute(text(f"SET LOCAL maintenance_work_mem = '{SORTING_MB}MB'"))
    (index,) = (one for one in log_entry.indexes if one.name == name)
    await connection.run_sync(index.create, checkfirst=True)


class _Writing:
    """A transaction in which nobody else writes."""

    def __init__(self, base: Base) -> None:
        self._base, self._begun = base, base.begin()

    async def __aenter__(self) -> AsyncConnection:
        connection = await self._begun.__aenter__()
        if not self._base.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
        return connection

    async def __aexit__(self, *ended: Any) -> bool | None:  # noqa: PYI036 - handed on as they came
        return await self._begun.__aexit__(*ended)
