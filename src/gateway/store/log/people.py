# SPDX-License-Identifier: Apache-2.0
"""The index of the log asked about people: whom uses reached in whole spans, and which entries name a person.

It only reads; ``store/log/index`` writes. What it answers is as it was indexed: how far that is
(``extents``), and whether it still agrees with the files (``last_part``), is for whoever asks to see to.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pyroaring import BitMap64
from sqlalchemy import ColumnElement, Select, and_, false, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import BUCKETS, SPAN, Use, call_bytes
from gateway.domain.log_query import LogQuery, LogRow
from gateway.domain.reach import Bare, Extent, Released, SpanUse
from gateway.store.chunks import chunks
from gateway.store.engine import Base
from gateway.store.log.rows import rows_told
from gateway.store.log.terms import Terms, terms_of, unserved, uses_of
from gateway.store.log.words import texts
from gateway.store.log.words import uses as uses_told
from gateway.store.log_schema import log_entry, log_people, log_person, log_slot, log_span, log_word

RELEASE = "release"
PLACE_BITS = 16
"""Of a posting; the person's number stands above them."""

DRIVERS = ("session", "place", "account", "client", "dataset")
"""Columns by whose index entries are found, the one with the fewest entries a value first."""

BROAD = ("client", "dataset")
"""Those that have more entries a value than most kinds have."""

FEW = 200
"""Uses that are looked up one by one; of more, all of a span are read."""


class LogPeople:
    """Reads the index for scopes and for the accesses to one person."""

    def __init__(self, base: Base) -> None:
        """Keep the base; nothing is read yet."""
        self._base = base

    async def extents(self) -> dict[str, Extent]:
        """Return by slot how far the index reaches."""
        query = (
            select(
                log_slot.c.name,
                log_slot.c.size,
                log_slot.c.head,
                (func.coalesce(func.max(log_span.c.span), -1) + 1).label("spans"),
            )
            .select_from(log_slot.outerjoin(log_span, log_span.c.slot == log_slot.c.id))
            .group_by(log_slot.c.name, log_slot.c.size, log_slot.c.head)
        )
        async with self._base.connect() as connection:
            rows = (await connection.execute(query)).all()
        return {row.name: Extent(slot=row.name, size=row.size, spans=row.spans, head=row.head) for row in rows}

    async def uses(self, asked: LogQuery) -> dict[int, Use]:
        """Return by number the uses that a query means; what it asks of single entries says nothing here."""
        async with self._base.connect() as connection:
            terms = await terms_of(connection, asked)
            if terms is None:
                return {}
            rows = (await connection.execute(uses_of(terms))).all()
            return await uses_told(connection, [int(row.id) for row in rows])

    async def spans(self, uses: Collection[int], since_us: int | None, until_us: int | None) -> list[SpanUse]:
        """Return what uses released by span, without the people; of uses that have something of a span in a time."""
        of, found, wanted = log_people.c, list[SpanUse](), frozenset(uses)
        columns = (of.span, of.use, of.first_us, of.last_us, of.entries, of.rows, of.bytes)
        times = _meeting(of, since_us, until_us)
        async with self._base.connect() as connection:
            for id_, slot in (await _slots(connection)).items():
                for those in chunks(await _spans_meeting(connection, id_, since_us, until_us)):
                    query = select(*columns).where(of.slot == id_, of.span.in_(those), *times)
                    if len(wanted) <= FEW:
                        # All columns of the key are said, so that each row is looked up and no blob is passed over.
                        query = query.where(of.use.in_(sorted(wanted)))
                    for span, use, first_us, last_us, entries, n_rows, n_bytes in await connection.execute(query):
                        if use in wanted:
                            found.append(
                                SpanUse(
                                    slot=slot, span=span, use=use, first_us=first_us, last_us=last_us,
                                    entries=entries, rows=n_rows, bytes=n_bytes,
                                )
                            )  # fmt: skip
        return found

    async def people(self, spans: Iterable[SpanUse]) -> list[tuple[int, bytes]]:
        """Return the people of each use in a span: the use, and a serialised roaring bitmap."""
        of, found, asked = log_people.c, list[tuple[int, bytes]](), dict[str, set[tuple[int, int]]]()
        for one in spans:
            asked.setdefault(one.slot, set()).add((one.span, one.use))
        async with self._base.connect() as connection:
            ids = await _ids(connection)
            for slot, wanted in asked.items():
                uses = {use for _, use in wanted}
                for those in chunks(sorted({span for span, _ in wanted})):
                    query = select(of.span, of.use, of.people).where(of.slot == ids[slot], of.span.in_(those))
                    if len(uses) <= FEW:
                        query = query.where(of.use.in_(sorted(uses)))
                    rows = await connection.execute(query)
                    found += [(use, held) for span, use, held in rows if (span, use) in wanted]
        return found

    async def refused(self, asked: LogQuery, *, below: Mapping[str, int]) -> dict[tuple[str, str], int]:
        """Return how many calls that a query means were refused below places by slot, by dataset and reason."""
        of = log_entry.c
        async with self._base.connect() as connection:
            terms = await terms_of(connection, asked)
            if terms is None:
                return {}
            ids, kind = await _ids(connection), await _word(connection, "refusal")
            within = [and_(of.slot == ids[slot], of.seq < end) for slot, end in below.items() if slot in ids]
            query = (
                select(of.dataset, of.reason, func.count().label("n"))
                .where(*_driven(terms, [kind]), or_(false(), *within))
                .group_by(of.dataset, of.reason)
            )
            rows = (await connection.execute(query)).all()
            words = await texts(connection, log_word, {one for row in rows for one in (row.dataset, row.reason)})
        return {(words[row.dataset], words[row.reason]): row.n for row in rows}

    async def bare(self, asked: LogQuery) -> list[Bare]:
        """Return by use and span the releases that a query means and whose parts were deleted."""
        of, span = log_entry.c, (log_entry.c.seq // SPAN).label("span")
        async with self._base.connect() as connection:
            terms = await terms_of(connection, asked)
            if terms is None:
                return []
            # Spelled as ``ix_log_entry_bare`` is, which holds these entries and no others.
            query = (
                select(of.slot, span, of.use, func.count().label("entries"), func.sum(of.people).label("people"))
                .where(of.use >= 0, of.part_at < literal_column("0"), of.people > literal_column("0"))
                .where(*terms.unserved())
                .group_by(of.slot, span, of.use)
            )
            slots, rows = await _slots(connection), (await connection.execute(query)).all()
        return [
            Bare(slot=slots[row.slot], span=row.span, use=row.use, entries=row.entries, people=int(row.people))
            for row in rows
        ]

    async def matching(self, asked: LogQuery, kinds: Sequence[str], *, after: Mapping[str, int]) -> list[LogRow]:
        """Return the entries of some kinds that a query means, from places on by slot, by slot and place."""
        of, found = log_entry.c, list[LogRow]()
        async with self._base.connect() as connection:
            terms = await terms_of(connection, asked)
            if terms is None:
                return []
            ids, numbers = await _ids(connection), [await _word(connection, kind) for kind in kinds]
            # The end of a log is short, and so is one without a whole span: they are read through.
            is_sought = RELEASE not in kinds or _driver(terms) not in (None, *BROAD)
            whole = [ids[slot] for slot, first in after.items() if slot in ids and first == 0 and is_sought]
            if whole:
                wanted = *_driven(terms, numbers), unserved(of.slot).in_(whole)
                found += await _rows(connection, _entries().where(*wanted))
            for slot, first in after.items():
                if slot in ids and ids[slot] not in whole:
                    wanted = *terms.unserved(), of.slot == ids[slot], of.seq >= first, unserved(of.kind).in_(numbers)
                    found += await _rows(connection, _entries().where(*wanted))
        return found

    async def of_span(
        self, slot: str, span: int, uses: Collection[int], since_us: int | None, until_us: int | None
    ) -> list[Released]:
        """Return the releases of some uses in one span of a slot and in a time, in their order."""
        of, first, wanted = log_entry.c, span * SPAN, frozenset(uses)
        times = [] if since_us is None else [unserved(of.at_us) >= since_us]
        times += [] if until_us is None else [unserved(of.at_us) < until_us]
        columns = (of.seq, of.use, of.at_us, of.rows, of.bytes, of.people, of.segment, of.line_at, of.part_at)
        async with self._base.connect() as connection:
            kind = await _word(connection, RELEASE)
            within = of.slot == (await _ids(connection)).get(slot, -1), of.seq >= first, of.seq < first + SPAN
            query = select(*columns).where(*within, *times, unserved(of.kind) == kind).order_by(of.seq)
            rows = (await connection.execute(query)).all()
        return [
            Released(
                slot=slot, seq=seq, use=use, at_us=at_us, rows=n_rows, bytes=n_bytes, people=people,
                segment=segment, line_at=line_at, part_at=part_at,
            )
            for seq, use, at_us, n_rows, n_bytes, people, segment, line_at, part_at in rows
            if use in wanted
        ]  # fmt: skip

    async def naming(self, numbers: Collection[int]) -> dict[str, list[int]]:
        """Return by slot the places of the entries in whole spans that speak of people, in their order."""
        of, found = log_person.c, dict[str, set[int]]()
        async with self._base.connect() as connection:
            slots = await _slots(connection)
            for bucket in sorted({number % BUCKETS for number in numbers}):
                own = [number for number in numbers if number % BUCKETS == bucket]
                rows = await connection.execute(select(of.slot, of.span, of.postings).where(of.bucket == bucket))
                for slot, span, postings in rows:
                    places = _places(BitMap64.deserialize(postings), own)
                    found.setdefault(slots[slot], set()).update(span * SPAN + place for place in places)
        return {slot: sorted(places) for slot, places in found.items() if places}

    async def at(self, slot: str, places: Sequence[int]) -> list[LogRow]:
        """Return the entries at places of a slot, in their order."""
        found: list[LogRow] = []
        async with self._base.connect() as connection:
            id_ = (await _ids(connection)).get(slot, -1)
            for some in chunks(places):
                found += await _rows(connection, _entries().where(log_entry.c.slot == id_, log_entry.c.seq.in_(some)))
        return found

    async def beginnings(self, slot: str, calls: Collection[str]) -> dict[str, LogRow]:
        """Return by call the first of its entries in a slot, which holds its facts."""
        return {call: rows[0] for call, rows in (await self.of_calls(slot, calls)).items()}

    async def of_calls(self, slot: str, calls: Collection[str]) -> dict[str, list[LogRow]]:
        """Return by call all of its entries in a slot, in their order."""
        of, found, packed = log_entry.c, dict[str, list[LogRow]](), {call_bytes(call): call for call in calls}
        async with self._base.connect() as connection:
            id_ = (await _ids(connection)).get(slot, -1)
            for some in chunks(list(packed)):
                for row in await _rows(connection, _entries().where(of.call.in_(some), unserved(of.slot) == id_)):
                    found.setdefault(packed[bytes.fromhex(row.call)], []).append(row)
        return found

    async def last_part(self, slot: str, first: int, end: int) -> tuple[int, int] | None:
        """Return place and offset of the last part that the index knows of entries from a place to another."""
        of = log_entry.c
        async with self._base.connect() as connection:
            id_ = (await _ids(connection)).get(slot, -1)
            query = select(of.seq, of.part_at).where(
                of.slot == id_, of.seq >= first, of.seq < end, unserved(of.part_at) >= 0
            )
            row = (await connection.execute(query.order_by(of.seq.desc()).limit(1))).one_or_none()
        return None if row is None else (row.seq, row.part_at)


def _driver(terms: Terms) -> str | None:
    return next((name for name in DRIVERS if name in terms.ids), None)


def _driven(terms: Terms, kinds: Sequence[int]) -> list[ColumnElement[bool]]:
    """Return what entries of some kinds must be, so that the column with the fewest entries a value finds them."""
    driver = _driver(terms)
    if driver in (None, *BROAD):
        return [*terms.conditions(None), log_entry.c.kind.in_(kinds)]
    return [*terms.conditions(driver), unserved(log_entry.c.kind).in_(kinds)]


def _meeting(of: Any, since_us: int | None, until_us: int | None) -> list[ColumnElement[bool]]:
    """Return what must hold of what has something in a time."""
    found: list[ColumnElement[bool]] = [] if since_us is None else [of.last_us >= since_us]
    return found if until_us is None else [*found, of.first_us < until_us]


async def _spans_meeting(
    connection: AsyncConnection, slot: int, since_us: int | None, until_us: int | None
) -> Sequence[int]:
    of = log_span.c
    query = select(of.span).where(of.slot == slot, *_meeting(of, since_us, until_us)).order_by(of.span)
    return (await connection.execute(query)).scalars().all()


def _places(postings: BitMap64, numbers: Iterable[int]) -> Iterator[int]:
    """Yield the places in a span at which any of the people stands."""
    for number in numbers:
        first = number << PLACE_BITS
        begin, end = postings.rank(first) - (first in postings), postings.rank(first + SPAN - 1)
        yield from (posting - first for posting in postings[begin:end])


def _entries() -> Select[Any]:
    return select(log_entry).order_by(log_entry.c.slot, log_entry.c.seq)


async def _rows(connection: AsyncConnection, query: Select[Any]) -> list[LogRow]:
    return await rows_told(connection, (await connection.execute(query)).all(), await _slots(connection))


async def _word(connection: AsyncConnection, text: str) -> int:
    """Return the number of a word, or one that no word has."""
    found = (await connection.execute(select(log_word.c.id).where(log_word.c.text == text))).scalar_one_or_none()
    return -1 if found is None else int(found)


async def _slots(connection: AsyncConnection) -> dict[int, str]:
    rows = await connection.execute(select(log_slot.c.id, log_slot.c.name))
    return {row.id: row.name for row in rows}


async def _ids(connection: AsyncConnection) -> dict[str, int]:
    return {name: id_ for id_, name in (await _slots(connection)).items()}
