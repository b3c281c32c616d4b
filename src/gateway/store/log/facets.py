# SPDX-License-Identifier: Apache-2.0
"""Counts of the entries that answer a question, by facets: from the counts by the hour where they know the answer.

Whole hours come from ``log_hour`` if all that is asked is told by a use, kind, decision or reason; what lies
at the edges, and every other question, is counted entry by entry, up to ``MOST_COUNTED``. So many are put together
beside the loop, which has calls to answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import StateUnavailable
from gateway.domain.log_facets import TIMES, Tally, time_told
from gateway.domain.log_index import HOUR_US
from gateway.domain.log_query import LogQuery
from gateway.store.engine import Base
from gateway.store.log.pages import Page
from gateway.store.log.search import Reach, reach_of
from gateway.store.log.terms import OF_HOURS, OF_USES, Terms, has_use, terms_of, uses_of
from gateway.store.log.words import texts, uses
from gateway.store.log_schema import log_entry, log_hour, log_word

MOST_COUNTED = 200_000
"""Entries that are counted one by one; of more the newest."""

Met = Callable[[Sequence[Reach]], Awaitable[Mapping[str, Sequence[int]]]]
_USE_FACETS = ("account", "client", "recipient", "purpose", "dataset", "operation")
_NO_HOUR = -1


class _Group(msgspec.Struct, frozen=True):
    """Entries of one use, kind, decision and reason; ``hour`` is theirs where they are of one."""

    use: int
    kind: int
    decision: int
    reason: int
    hour: int
    entries: int
    rows: int
    bytes: int


class LogFacets:
    """Counts what the index holds; writes nothing."""

    def __init__(self, base: Base) -> None:
        """Keep the base that ``open_index`` returned."""
        self._base = base

    async def count(self, query: LogQuery, tally: Tally, met: Met | None = None) -> tuple[bool, tuple[Reach, ...]]:
        """Count the entries that answer into a tally, all as of one moment, however much is taken in meanwhile.

        Args:
            query: What is asked.
            tally: What is counted by.
            met: Asked, of how far the index was at that moment, what ``LogSearch.rows`` takes as ``met``.

        Returns:
            Whether all were counted, or the newest alone; and how far the index was.

        Raises:
            StateUnavailable: The index does not answer, or is being built anew.
        """
        async with self._base.look() as connection:
            reach = await reach_of(connection)
            known = await met(reach) if met is not None and query.person is not None else {}
            return await _counted(connection, query, tally, known), reach


async def _counted(
    connection: AsyncConnection, query: LogQuery, tally: Tally, met: Mapping[str, Sequence[int]]
) -> bool:
    terms = await terms_of(connection, query)
    if terms is None or not await has_use(connection, terms):
        return True
    if query.person is not None:
        page = await Page.of(connection, terms, None, MOST_COUNTED, newest_first=True)
        rows = await page.about(query.person, met)
        await _add(connection, tally, *await asyncio.to_thread(_gathered, map(_of_entry, rows)))
        return len(rows) < MOST_COUNTED
    return await (_by_hour if terms.is_of_hours else _by_entry)(connection, tally, terms)


async def _by_hour(connection: AsyncConnection, tally: Tally, terms: Terms) -> bool:
    """Count whole hours by the hour and the rest entry by entry."""
    first = None if terms.since_us is None else -(-terms.since_us // HOUR_US)
    behind = None if terms.until_us is None else terms.until_us // HOUR_US
    if first is not None and behind is not None and first >= behind:
        return await _by_entry(connection, tally, terms)
    where = _of_hours(terms, first, behind)
    sums = [func.sum(log_hour.c[name]) for name in ("entries", "rows", "bytes")]
    keys = (log_hour.c.use, log_hour.c.kind, log_hour.c.decision, log_hour.c.reason)
    groups = await connection.execute(select(*keys, *sums).where(*where).group_by(*keys))
    await _add(connection, tally, [_Group(*map(int, (*row[:4], _NO_HOUR, *row[4:]))) for row in groups], ())
    if set(TIMES) & set(tally.facets):
        hours = await connection.execute(select(log_hour.c.hour, *sums).where(*where).group_by(log_hour.c.hour))
        for hour, *n in hours:
            _add_times(tally, _Group(0, 0, 0, 0, hour, *map(int, n)))
    edges = []
    if first is not None and terms.since_us is not None and terms.since_us % HOUR_US:
        edges.append(msgspec.structs.replace(terms, until_us=first * HOUR_US))
    if behind is not None and terms.until_us is not None and terms.until_us % HOUR_US:
        edges.append(msgspec.structs.replace(terms, since_us=behind * HOUR_US))
    return all([await _by_entry(connection, tally, edge) for edge in edges])


def _of_hours(terms: Terms, first: int | None, behind: int | None) -> list[ColumnElement[bool]]:
    """Return what a row of counts must be, between two hours."""
    where: list[ColumnElement[bool]] = [
        log_hour.c[name].in_(ids) for name, ids in terms.ids.items() if name in OF_HOURS
    ]
    if any(name in OF_USES for name in terms.ids):
        where.append(log_hour.c.use.in_(uses_of(terms)))
    if first is not None:
        where.append(log_hour.c.hour >= first)
    if behind is not None:
        where.append(log_hour.c.hour < behind)
    return where


async def _by_entry(connection: AsyncConnection, tally: Tally, terms: Terms) -> bool:
    page = await Page.of(connection, terms, None, MOST_COUNTED, newest_first=True)
    leader, _ = await page.leader()
    newest = (
        select(log_entry)
        .where(*terms.conditions(leader))
        .order_by(log_entry.c.at_us.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    # As text: PostgreSQL takes two equal parameters for two things, and would not group by the one it selects.
    hour = newest.c.at_us.op("/")(literal_column(str(HOUR_US)))
    keys = (newest.c.use, newest.c.kind, newest.c.decision, newest.c.reason, hour)
    sums = [func.count(), func.sum(newest.c.rows), func.sum(newest.c.bytes)]
    rows = (await connection.execute(select(*keys, *sums).group_by(*keys))).all()
    groups, hours = await asyncio.to_thread(_gathered, rows)
    await _add(connection, tally, groups, hours)
    return sum(group.entries for group in groups) < MOST_COUNTED


def _of_entry(row: Row[Any]) -> tuple[int, ...]:
    return row.use, row.kind, row.decision, row.reason, row.at_us // HOUR_US, 1, row.rows, row.bytes


def _gathered(rows: Iterable[Sequence[int]]) -> tuple[list[_Group], list[_Group]]:
    """Return groups of one use, kind, decision and reason, and groups of one hour: both at once are many more."""
    found: dict[tuple[int, ...], list[int]] = {}
    hours: dict[tuple[int, ...], list[int]] = {}
    for use, kind, decision, reason, hour, *n in rows:
        for held in (
            found.setdefault((use, kind, decision, reason, _NO_HOUR), [0, 0, 0]),
            hours.setdefault((0, 0, 0, 0, hour), [0, 0, 0]),
        ):
            for place, more in enumerate(n):
                held[place] += int(more)
    return [_Group(*key, *held) for key, held in found.items()], [_Group(*key, *held) for key, held in hours.items()]


async def _add(connection: AsyncConnection, tally: Tally, groups: Sequence[_Group], hours: Sequence[_Group]) -> None:
    """Count groups by every facet but times, and hours by these."""
    known = await uses(connection, {group.use for group in groups})
    words = await texts(connection, log_word, {id_ for one in groups for id_ in (one.kind, one.decision, one.reason)})
    try:
        for one in groups:
            told = {name: str(getattr(known[one.use], name)) for name in _USE_FACETS}
            told |= {"kind": words[one.kind], "decision": words[one.decision], "reason": words[one.reason]}
            for facet, value in told.items():
                tally.add(facet, value, one.entries, one.rows, one.bytes)
    except KeyError:
        raise StateUnavailable("the index of the log is being built anew") from None
    for one in hours:
        _add_times(tally, one)


def _add_times(tally: Tally, group: _Group) -> None:
    for facet in TIMES:
        tally.add(facet, time_told(facet, group.hour), group.entries, group.rows, group.bytes)
