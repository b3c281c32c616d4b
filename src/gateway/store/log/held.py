# SPDX-License-Identifier: Apache-2.0
"""What the index holds, in words again, to go on with or to be compared with the files.

An id that stands for nothing becomes a text that no entry has, so that it shows as a difference.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import eq
from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import INHERITING, SPAN, Counts, Hour, LogPosition, SpanPeople, Use, UseTotals, call_bytes
from gateway.domain.log_packing import PackedBatch
from gateway.domain.log_query import LogRow
from gateway.store.chunks import chunks
from gateway.store.engine import Base
from gateway.store.log.layout import ids_known, laid_out
from gateway.store.log.words import LOST, texts, uses
from gateway.store.log_schema import (
    log_entry,
    log_hour,
    log_people,
    log_person,
    log_place,
    log_slot,
    log_span,
    log_use,
    log_word,
)

_WORDS = ("kind", "session", "account", "client", "purpose", "dataset", "reference", "decision", "reason")


def position_of(row: Row[Any]) -> LogPosition:
    """Return a position from its row of ``log_slot``."""
    return LogPosition(
        slot=row.name,
        size=row.size,
        segment=row.segment,
        line_at=row.line_at,
        part_at=row.part_at,
        head=row.head,
        last_us=row.last_us,
    )


class HeldIndex:
    """Reads the whole of an index."""

    def __init__(self, base: Base) -> None:
        """Keep the base."""
        self._base = base

    async def positions(self) -> dict[str, LogPosition]:
        """Return how far each log was read, by slot."""
        async with self._base.connect() as connection:
            rows = (await connection.execute(select(log_slot).order_by(log_slot.c.name))).all()
        return {row.name: position_of(row) for row in rows}

    async def holds(self, batch: PackedBatch) -> bool:
        """Tell whether the rows of a batch's entries are just what is entered for it."""
        first, until = batch.before.size, batch.after.size
        async with self._base.connect() as connection:
            query = select(log_slot.c.id).where(log_slot.c.name == batch.before.slot)
            slot = (await connection.execute(query)).scalar_one_or_none()
            known = None if slot is None else await ids_known(connection, batch)
            if slot is None or known is None:
                return False
            query = select(log_entry).where(log_entry.c.slot == slot, log_entry.c.seq >= first, log_entry.c.seq < until)
            held = (await connection.execute(query.order_by(log_entry.c.seq))).all()
        rows, _hours = await asyncio.to_thread(laid_out, batch, slot, known)
        return len(held) == len(rows) and all(map(eq, map(tuple, held), rows))

    async def entries(self, slot: str, first: int, until: int) -> list[LogRow]:
        """Return the rows of a slot from one place up to another, in order."""
        query = _of_slot(slot).where(log_entry.c.seq >= first, log_entry.c.seq < until)
        async with self._base.connect() as connection:
            return await told(connection, slot, (await connection.execute(query)).all())

    async def first_of(self, slot: str, calls: Collection[str]) -> dict[str, LogRow]:
        """Return the first entries of those calls that have one in a slot, among those that others inherit from."""
        by_key = {call_bytes(call): call for call in calls}
        found: dict[str, Row[Any]] = {}
        async with self._base.connect() as connection:
            for some in chunks(sorted(by_key)):
                of_calls = _of_slot(slot).where(log_entry.c.call.in_(some), log_entry.c.kind.in_(inheriting()))
                for row in await connection.execute(of_calls):
                    found.setdefault(by_key[bytes(row.call)], row)
            rows = await told(connection, slot, list(found.values()))
        return {call: msgspec.structs.replace(row, call=call) for call, row in zip(found, rows, strict=True)}

    async def span(self, slot: str, number: int) -> SpanPeople | None:
        """Return the people of a span, or ``None`` if the index does not say that it is whole."""
        async with self._base.connect() as connection:
            return await _span(connection, slot, number)

    async def hours(self) -> dict[Hour, Counts]:
        """Return every count by the hour."""
        async with self._base.connect() as connection:
            return await _hours(connection)

    async def words(self) -> tuple[set[str], set[str], set[Use]]:
        """Return every text, every address and every use that the index knows."""
        async with self._base.connect() as connection:
            return await _words(connection)

    async def strays(self, begins: Mapping[str, int]) -> list[str]:
        """Return which tables hold rows of entries or spans that the index does not say that it read.

        Args:
            begins: By slot, the first entry that is here, where segments were moved away.
        """
        positions = await self.positions()
        async with self._base.connect() as connection:
            return await _strays(connection, positions.values(), begins)


def inheriting() -> Select[Any]:
    """Return the ids of the kinds of entries of which only the first of a call says who called, for what."""
    return select(log_word.c.id).where(log_word.c.text.in_(sorted(INHERITING)))


def _of_slot(slot: str) -> Select[Any]:
    of = select(log_slot.c.id).where(log_slot.c.name == slot).scalar_subquery()
    return select(log_entry).where(log_entry.c.slot == of).order_by(log_entry.c.seq)


async def told(connection: AsyncConnection, slot: str, rows: Sequence[Row[Any]]) -> list[LogRow]:
    """Return rows of ``log_entry`` in words."""
    of_use = await uses(connection, {row.use for row in rows})
    words = await texts(connection, log_word, {getattr(row, name) for row in rows for name in _WORDS})
    places = await texts(connection, log_place, {row.place for row in rows})
    return [_told(row, slot, of_use.get(row.use, Use(LOST)), words, places) for row in rows]


def _told(row: Row[Any], slot: str, use: Use, words: dict[int, str], places: dict[int, str]) -> LogRow:
    said = {name: words.get(getattr(row, name), LOST) for name in _WORDS}
    # An entry repeats four texts of its use; where the two do not agree, the entry is not as it was written.
    agree = all(said[name] == getattr(use, name) for name in ("account", "client", "purpose", "dataset"))
    return LogRow(
        slot=slot,
        seq=row.seq,
        at_us=row.at_us,
        call="" if row.call is None else bytes(row.call).hex(),
        recipient=use.recipient if agree else LOST,
        place=places.get(row.place, LOST),
        operation=use.operation,
        fields=use.fields,
        rows=row.rows,
        bytes=row.bytes,
        people=row.people,
        segment=row.segment,
        line_at=row.line_at,
        part_at=row.part_at,
        **said,
    )


async def _span(connection: AsyncConnection, slot: str, number: int) -> SpanPeople | None:
    """Return the people of a span, or ``None`` if the index does not say that it is whole."""
    of_slot = select(log_slot.c.id).where(log_slot.c.name == slot).scalar_subquery()
    whole = (
        await connection.execute(select(log_span).where(log_span.c.slot == of_slot, log_span.c.span == number))
    ).one_or_none()
    if whole is None:
        return None
    query = select(log_people).where(log_people.c.slot == of_slot, log_people.c.span == number)
    rows = (await connection.execute(query)).all()
    of_use = await uses(connection, {row.use for row in rows})
    postings = await connection.execute(
        select(log_person.c.bucket, log_person.c.postings).where(
            log_person.c.slot == of_slot, log_person.c.span == number
        )
    )
    return SpanPeople(
        slot=slot,
        span=number,
        first_us=whole.first_us,
        last_us=whole.last_us,
        uses={of_use.get(row.use, Use(LOST)): _totals(row) for row in rows},
        postings={bucket: bytes(held) for bucket, held in postings},
    )


def _totals(row: Row[Any]) -> UseTotals:
    return UseTotals(
        first_us=row.first_us,
        last_us=row.last_us,
        entries=row.entries,
        rows=row.rows,
        bytes=row.bytes,
        people=bytes(row.people),
    )


async def _hours(connection: AsyncConnection) -> dict[Hour, Counts]:
    """Return every count by the hour."""
    rows = (await connection.execute(select(log_hour))).all()
    of_use = await uses(connection, {row.use for row in rows})
    ids = {number for row in rows for number in (row.kind, row.decision, row.reason)}
    words = await texts(connection, log_word, ids)
    found: dict[Hour, Counts] = {}
    for row in rows:
        said = (words.get(number, LOST) for number in (row.kind, row.decision, row.reason))
        hour = Hour(row.hour, of_use.get(row.use, Use(LOST)), *said)
        found[hour] = (row.entries, row.calls, row.rows, row.bytes)
    return found


async def _words(connection: AsyncConnection) -> tuple[set[str], set[str], set[Use]]:
    """Return every text, every address and every use that the index knows."""
    words = set((await connection.execute(select(log_word.c.text))).scalars())
    places = set((await connection.execute(select(log_place.c.text))).scalars())
    numbers = (await connection.execute(select(log_use.c.id))).scalars().all()
    return words, places, set((await uses(connection, numbers)).values())


async def _strays(
    connection: AsyncConnection, positions: Iterable[LogPosition], begins: Mapping[str, int]
) -> list[str]:
    """Return which tables hold rows of entries or spans that lie before or behind what was read, or of no log at all."""
    sizes = {one.slot: one.size for one in positions}
    names = dict((await connection.execute(select(log_slot.c.id, log_slot.c.name))).all())
    found = []
    counted = await connection.execute(
        select(log_entry.c.slot, func.min(log_entry.c.seq), func.max(log_entry.c.seq)).group_by(log_entry.c.slot)
    )
    for slot, oldest, newest in counted:
        name = names.get(slot, "")
        begin, size = begins.get(name, 0), sizes.get(name, 0)
        if oldest < begin or newest >= size:
            n_read = max(0, size - begin)
            found.append(f"log_entry holds more of {name or f'log {slot}'} than the {n_read} entries that were read")
    for table in (log_span, log_people, log_person):
        spans = select(table.c.slot, func.min(table.c.span), func.max(table.c.span)).group_by(table.c.slot)
        for slot, oldest, newest in await connection.execute(spans):
            name = names.get(slot, "")
            if oldest < begins.get(name, 0) // SPAN or newest >= sizes.get(name, 0) // SPAN:
                found.append(f"{table.name} holds a span of {name or f'log {slot}'} that is not whole")
    return found
