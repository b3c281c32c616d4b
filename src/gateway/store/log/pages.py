# SPDX-License-Identifier: Apache-2.0
"""A page of entries that answer a question, read from the tables of the index; see ``search`` for its rules."""

import asyncio
import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyroaring import BitMap64
from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import HOUR_US
from gateway.domain.log_query import LogPlace
from gateway.store.chunks import chunks
from gateway.store.log.terms import OF_HOURS, OF_USES, Terms, at_most, unserved, uses_of
from gateway.store.log_schema import BUCKETS, SPAN, log_entry, log_hour, log_person, log_slot, log_span

FEW = 20_000
"""Entries that are read and sorted in some 50 ms; an index that finds fewer leads at once."""

_LEADERS = ("session", "reference", "place", "reason", "account", "client", "dataset", "purpose", "kind")
"""Columns with an index, those first that as a rule find the fewest."""

NEAR = 5_000
"""Entries that are read before anything else is tried: they answer most questions in some 10 ms."""

SPANS_AT_ONCE, MOST_SPANS_AT_ONCE = 4, 32
"""Whole spans whose postings are read together, to begin with and at most."""


class Page:
    """One page of an answer."""

    def __init__(
        self,
        connection: AsyncConnection,
        terms: Terms,
        after: LogPlace | None,
        limit: int,
        slots: Mapping[int, str],
        *,
        newest_first: bool,
    ) -> None:
        self._connection, self._terms, self._after = connection, terms, after
        self._limit, self._newest_first = limit, newest_first
        self.slots = slots
        ranks = {id_: rank for rank, (id_, _) in enumerate(sorted(slots.items(), key=lambda one: one[1]))}
        self._ranks = ranks
        self._rank = case(ranks, value=log_entry.c.slot, else_=-1)

    @classmethod
    async def of(
        cls, connection: AsyncConnection, terms: Terms, after: LogPlace | None, limit: int, *, newest_first: bool
    ) -> "Page":
        """Return a page, knowing the logs."""
        rows = await connection.execute(select(log_slot.c.id, log_slot.c.name))
        return cls(connection, terms, after, limit, {row.id: row.name for row in rows}, newest_first=newest_first)

    async def plain(self) -> list[Row[Any]]:
        """Return the entries of a question that asks for no person."""
        if not self.slots:
            return []
        leader, n_least = await self.leader()
        if n_least < FEW:
            return await self._led(leader, [], is_sorted=True)
        if len(self._terms.ids) <= 1:
            return await self._led(leader, [])
        # Most questions are answered by what comes first. Only if these are not, it is worth knowing when.
        found = await self._near(leader)
        if len(found) >= self._limit:
            return found
        found = []
        for since_us, until_us in await self._stretches():
            at_us = log_entry.c.at_us
            found += await self._led(leader, [at_us >= since_us, at_us < until_us], self._limit - len(found))
            if len(found) >= self._limit:
                break
        return found

    async def about(self, person: int, met: Mapping[str, Sequence[int]]) -> list[Row[Any]]:
        """Return the entries that speak of a person, span by span from the side where the page begins."""
        if not self.slots:
            return []
        names = {name: id_ for id_, name in self.slots.items()}
        places = [(names[slot], seq) for slot, seqs in met.items() if slot in names for seq in seqs]
        found = await self._at(places)
        spans, first, n_spans = await self._spans(), 0, SPANS_AT_ONCE
        while some := spans[first : first + n_spans]:
            if len(found) >= self._limit and not self._may_precede(some[0][0], found[self._limit - 1]):
                break
            places = await self._postings([(slot, span) for _, slot, span in some], person)
            found = await self._sorted([*found, *await self._at(places)])
            first, n_spans = first + n_spans, min(n_spans * 2, MOST_SPANS_AT_ONCE)
        return found

    async def leader(self) -> tuple[str | None, int]:
        """Return the column whose index finds the fewest, and how many, counted up to ``FEW``."""
        if self._terms.call is not None:
            return "call", 0
        best: tuple[str | None, int] = (None, FEW)
        for name in _LEADERS:
            if name not in self._terms.ids:
                continue
            n_found = await at_most(self._connection, self._terms, name, FEW)
            if n_found < best[1]:
                best = (name, n_found)
            if n_found < self._limit:
                break
        if best[0] is None:
            # Where all have many, one that needs no sorting: of a single id, and of these the rarest as a rule.
            single = (name for name in _LEADERS if len(self._terms.ids.get(name, ())) == 1)
            return next(single, None), FEW
        return best

    async def _near(self, leader: str | None) -> list[Row[Any]]:
        """Return the answers among the first ``NEAR`` entries that an index leads to."""
        lead = Terms(ids={leader: self._terms.ids[leader]} if leader else {})
        near = (
            select(log_entry)
            .where(*lead.conditions(leader), *self._terms.within(log_entry.c.at_us), *self._behind())
            .order_by(*self._order(log_entry.c.at_us))
            .limit(NEAR)
            .subquery()
        )
        query = select(near).where(*(near.c[name].in_(ids) for name, ids in self._terms.ids.items()))
        return self._first(await self._connection.execute(query))

    async def _stretches(self) -> list[tuple[int, int]]:
        """Return the hours in which there may be answers, from the side where the page begins; neighbours joined."""
        where: list[ColumnElement[bool]] = [
            log_hour.c[name].in_(ids) for name, ids in self._terms.ids.items() if name in OF_HOURS
        ]
        if any(name in OF_USES for name in self._terms.ids):
            where.append(log_hour.c.use.in_(uses_of(self._terms)))
        if self._terms.since_us is not None:
            where.append(log_hour.c.hour >= self._terms.since_us // HOUR_US)
        if self._terms.until_us is not None:
            where.append(log_hour.c.hour <= self._terms.until_us // HOUR_US)
        if self._after is not None:
            edge = self._after.at_us // HOUR_US
            where.append(log_hour.c.hour <= edge if self._newest_first else log_hour.c.hour >= edge)
        counted = select(log_hour.c.hour, func.sum(log_hour.c.entries)).where(*where).group_by(log_hour.c.hour)
        hours = sorted(
            ((hour, int(n)) for hour, n in await self._connection.execute(counted)), reverse=self._newest_first
        )
        return _joined(hours, self._limit)

    async def _led(
        self,
        leader: str | None,
        further: Sequence[ColumnElement[bool]],
        limit: int | None = None,
        *,
        is_sorted: bool = False,
    ) -> list[Row[Any]]:
        """Return the first entries under one index.

        Args:
            leader: Its column; ``None`` for that of times.
            further: What must hold beside.
            limit: At most so many; ``None`` for a page.
            is_sorted: So few answer that sorting them costs less than walking in order past others.
        """
        at_us = unserved(log_entry.c.at_us) if is_sorted else log_entry.c.at_us
        query = (
            select(log_entry)
            .where(*self._terms.conditions(leader), *self._behind(), *further)
            .order_by(*self._order(at_us))
            .limit(self._limit if limit is None else limit)
        )
        return list(await self._connection.execute(query))

    def _order(self, at_us: ColumnElement[int]) -> list[ColumnElement[Any]]:
        keys = (at_us, self._rank, log_entry.c.seq)
        return [key.desc() if self._newest_first else key.asc() for key in keys]

    def _behind(self) -> list[ColumnElement[bool]]:
        """Return what holds of entries behind the place where the page before ended."""
        after = self._after
        if after is None:
            return []
        at_us, seq = log_entry.c.at_us, log_entry.c.seq
        # A log that is not known stands between those that are.
        rank = sum(name < after.slot for name in self.slots.values())
        if after.slot not in self.slots.values():
            tied = self._rank < rank if self._newest_first else self._rank >= rank
        elif self._newest_first:
            tied = or_(self._rank < rank, and_(self._rank == rank, seq < after.seq))
        else:
            tied = or_(self._rank > rank, and_(self._rank == rank, seq > after.seq))
        # Said twice, so that an index serves the first.
        if self._newest_first:
            return [at_us <= after.at_us, or_(at_us < after.at_us, tied)]
        return [at_us >= after.at_us, or_(at_us > after.at_us, tied)]

    async def _at(self, places: Iterable[tuple[int, int]]) -> list[Row[Any]]:
        """Return those of the entries at some places that answer, in order, a page of them at most."""
        by_slot: dict[int, list[int]] = {}
        for slot, seq in places:
            by_slot.setdefault(slot, []).append(seq)
        found: list[Row[Any]] = []
        for slot, seqs in by_slot.items():
            for some in chunks(seqs):
                query = select(log_entry).where(
                    log_entry.c.slot == slot,
                    log_entry.c.seq.in_(some),
                    *self._terms.conditions(""),
                    *self._behind(),
                )
                found += await self._connection.execute(query)
        return await self._sorted(found)

    async def _spans(self) -> list[tuple[int, int, int]]:
        """Return edge, log and number of the whole spans that may hold answers, nearest to the page's begin first."""
        edge = log_span.c.last_us if self._newest_first else log_span.c.first_us
        query = select(edge, log_span.c.slot, log_span.c.span)
        if self._terms.since_us is not None:
            query = query.where(log_span.c.last_us >= self._terms.since_us)
        if self._terms.until_us is not None:
            query = query.where(log_span.c.first_us < self._terms.until_us)
        if self._after is not None:
            behind = (
                log_span.c.first_us <= self._after.at_us
                if self._newest_first
                else log_span.c.last_us >= self._after.at_us
            )
            query = query.where(behind)
        rows = [(at_us, slot, span) for at_us, slot, span in await self._connection.execute(query)]
        return sorted(rows, reverse=self._newest_first)

    async def _postings(self, spans: Sequence[tuple[int, int]], person: int) -> list[tuple[int, int]]:
        """Return the entries of some spans that speak of a person."""
        these = [and_(log_person.c.slot == slot, log_person.c.span == span) for slot, span in spans]
        query = select(log_person).where(log_person.c.bucket == person % BUCKETS, or_(*these))
        rows = (await self._connection.execute(query)).all()

        def told() -> list[tuple[int, int]]:
            return [(row.slot, row.span * SPAN + place) for row in rows for place in places_in(row.postings, person)]

        # Beside the loop, as what they lead to: somebody can be in every entry.
        return await asyncio.to_thread(told)

    async def _sorted(self, rows: list[Row[Any]]) -> list[Row[Any]]:
        """Return the first of some entries; of many beside the loop, which has calls to answer."""
        return self._first(rows) if len(rows) < NEAR else await asyncio.to_thread(self._first, rows)

    def _first(self, rows: Iterable[Row[Any]]) -> list[Row[Any]]:
        """Return the first of some entries, each once: a span may have become whole since it was asked for as open."""
        each = {(row.slot, row.seq): row for row in rows}.values()
        pick = heapq.nlargest if self._newest_first else heapq.nsmallest
        return pick(self._limit, each, key=self._key)

    def _key(self, row: Row[Any]) -> tuple[int, int, int]:
        return (row.at_us, self._ranks.get(row.slot, -1), row.seq)

    def _may_precede(self, edge_us: int, last: Row[Any]) -> bool:
        """Tell whether a span can hold an entry that stands before the last one of a full page."""
        return bool(edge_us >= last.at_us if self._newest_first else edge_us <= last.at_us)


def places_in(postings: bytes, person: int) -> list[int]:
    """Return the places in a span at which a person occurs, in order."""
    first, behind = person << 16, (person + 1) << 16
    found = []
    for posting in BitMap64.deserialize(postings).iter_equal_or_larger(first):
        if posting >= behind:
            break
        found.append(posting - first)
    return found


def _joined(hours: Sequence[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """Return stretches of time over some hours in their order, each with about enough entries for a page."""
    found: list[tuple[int, int]] = []
    some: list[int] = []
    n_entries = 0
    for hour, n in hours:
        if some and abs(hour - some[-1]) > 1:
            found.append(_stretch(some))
            some, n_entries = [], 0
        some.append(hour)
        n_entries += n
        if n_entries >= limit:
            found.append(_stretch(some))
            some, n_entries = [], 0
    return [*found, _stretch(some)] if some else found


def _stretch(hours: Sequence[int]) -> tuple[int, int]:
    return min(hours) * HOUR_US, (max(hours) + 1) * HOUR_US
