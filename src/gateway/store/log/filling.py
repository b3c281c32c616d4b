# SPDX-License-Identifier: Apache-2.0
"""The statements that write the index of the log; whoever calls them holds the lock of writers.

What a batch means to the tables stands here; when a batch may be taken stands in ``index``.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, case, delete, exists, func, insert, literal, select, text, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import HOUR_US, IndexEntry, LogPosition, SpanPeople, Use
from gateway.domain.log_packing import PackedBatch
from gateway.store.log.bulk import add_rows
from gateway.store.log.held import inheriting
from gateway.store.log.layout import Ids, said
from gateway.store.log.words import interned, uses_interned
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

_COUNTS = ("entries", "calls", "rows", "bytes")

NONE = Ids({}, {}, {})
Newest = tuple[int, int, int]
"""Newest ids of words, places and uses."""

_NAMED = (log_word, log_place, log_use)


async def slot_at(connection: AsyncConnection, before: LogPosition, now_us: int) -> int | None:
    """Return the number of a log if the index stands at a position of it."""
    row = (await connection.execute(select(log_slot).where(log_slot.c.name == before.slot))).one_or_none()
    if row is not None:
        return row.id if (row.size, row.head) == (before.size, before.head) else None
    if not before.is_beginning:
        return None
    number = int((await connection.execute(select(func.coalesce(func.max(log_slot.c.id), 0)))).scalar_one()) + 1
    await connection.execute(insert(log_slot).values(id=number, **_place_of(before, now_us)))
    return number


async def move(connection: AsyncConnection, slot: int, after: LogPosition, now_us: int) -> None:
    """Note how far a log was read."""
    await connection.execute(update(log_slot).where(log_slot.c.id == slot).values(**_place_of(after, now_us)))


def _place_of(position: LogPosition, now_us: int) -> dict[str, Any]:
    return {
        "name": position.slot,
        "size": position.size,
        "segment": position.segment,
        "line_at": position.line_at,
        "part_at": position.part_at,
        "head": position.head,
        "last_us": position.last_us,
        "looked_us": now_us,
    }


async def newest_ids(connection: AsyncConnection) -> Newest:
    """Return the newest ids, by which one can tell that nobody else gave any."""
    newest = (select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery() for table in _NAMED)
    words, places, uses = (await connection.execute(select(*newest))).one()
    return words, places, uses


async def ids_of(connection: AsyncConnection, batch: PackedBatch, known: Ids) -> Ids:
    """Return ids of all texts of a batch; those that are known are not looked up."""
    words = await _with_known(connection, log_word, said(batch.uses).union(batch.words), known.words)
    places = await _with_known(connection, log_place, set(batch.places), known.places)
    uses = set(batch.uses)
    new = await uses_interned(connection, words, uses - known.uses.keys())
    return Ids(words, places, new | {use: known.uses[use] for use in uses if use in known.uses})


async def _with_known(
    connection: AsyncConnection, table: Table, texts: set[str], known: dict[str, int]
) -> dict[str, int]:
    found = {text: known[text] for text in texts if text in known}
    return await interned(connection, table, texts - found.keys()) | found


def without_unused() -> list[Any]:
    """Return the statements that forget addresses, uses and texts that no entry has, in this order."""
    of_entries = ("kind", "session", "account", "client", "purpose", "dataset", "reference", "decision", "reason")
    of_uses = ("account", "client", "recipient", "purpose", "dataset", "operation")
    words = union(*(select(log_entry.c[name]) for name in of_entries), *(select(log_use.c[name]) for name in of_uses))
    return [
        delete(log_place).where(log_place.c.id.not_in(select(log_entry.c.place))),
        delete(log_use).where(log_use.c.id.not_in(select(log_entry.c.use))),
        delete(log_word).where(log_word.c.id.not_in(words)),
    ]


def hours_again() -> Any:
    """Return the statement that counts every hour from the entries."""
    before = log_entry.alias()
    is_later = exists().where(
        before.c.call == log_entry.c.call,
        before.c.slot == log_entry.c.slot,
        before.c.seq < log_entry.c.seq,
        before.c.kind.in_(inheriting()),
    )
    speaks_for_itself = log_entry.c.kind.not_in(inheriting())
    begins = case((log_entry.c.call.is_(None), 0), (speaks_for_itself, 1), (is_later, 0), else_=1)
    keys = (log_entry.c.use, log_entry.c.kind, log_entry.c.decision, log_entry.c.reason)
    hour = log_entry.c.at_us.op("/")(literal(HOUR_US)).label("hour")
    counts = (func.count(), func.sum(begins), func.sum(log_entry.c.rows), func.sum(log_entry.c.bytes))
    counted = select(hour, *keys, *counts).group_by(text("1"), *keys)
    return insert(log_hour).from_select(["hour", "use", "kind", "decision", "reason", *_COUNTS], counted)


async def add_span(connection: AsyncConnection, slot: int, span: SpanPeople, known: dict[Use, int]) -> None:
    """Add the people of a span; ids of some of its uses may be known."""
    place = {"slot": slot, "span": span.span}
    await connection.execute(insert(log_span).values(**place, first_us=span.first_us, last_us=span.last_us))
    if span.uses:
        missing = span.uses.keys() - known.keys()
        ids = {**known, **(await _use_ids(connection, missing) if missing else {})}
        rows = [
            (slot, span.span, ids[use], of.first_us, of.last_us, of.entries, of.rows, of.bytes, of.people)
            for use, of in span.uses.items()
        ]
        await add_rows(connection, log_people, rows)
    if span.postings:
        postings = [(bucket, slot, span.span, held) for bucket, held in span.postings.items()]
        await add_rows(connection, log_person, postings)


async def _use_ids(connection: AsyncConnection, uses: Collection[Use]) -> dict[Use, int]:
    return await uses_interned(connection, await interned(connection, log_word, said(uses)), uses)


async def remove_span(connection: AsyncConnection, slot: int, span: int) -> None:
    """Take the people of a span out."""
    for table in (log_span, log_people, log_person):
        await connection.execute(delete(table).where(table.c.slot == slot, table.c.span == span))


async def move_parts(
    connection: AsyncConnection, slot: int, entries: Sequence[IndexEntry], places: dict[str, int]
) -> None:
    """Note where the parts of entries lie now, and forget the addresses of those that are gone."""
    first, last = entries[0].row.seq, entries[-1].row.seq
    query = select(log_entry.c.seq, log_entry.c.place, log_entry.c.part_at).where(
        log_entry.c.slot == slot, log_entry.c.seq >= first, log_entry.c.seq <= last
    )
    held = {seq: (place, part_at) for seq, place, part_at in (await connection.execute(query))}
    now = {entry.row.seq: (places[entry.row.place], entry.row.part_at) for entry in entries}
    moved = [
        {"of": seq, "now_place": place, "now_part_at": part_at}
        for seq, (place, part_at) in now.items()
        if seq in held and held[seq] != (place, part_at)
    ]
    if moved:
        same = (log_entry.c.slot == slot, log_entry.c.seq == bindparam("of"))
        new: dict[str, Any] = {"place": bindparam("now_place"), "part_at": bindparam("now_part_at")}
        await connection.execute(update(log_entry).where(*same).values(**new), moved)
