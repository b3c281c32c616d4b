# SPDX-License-Identifier: Apache-2.0
"""Searches the index of the log: entries in the order of the log as a whole, a page at a time.

RULES

1. The order is that of ``LogPlace``: time, then log, then place in it. A page begins behind a place and not
   after a number of rows, so entries that come later shift no page.
2. One index leads: that of the column with the fewest entries in the time asked for, counted up to
   ``FEW``. If every column has more, the counts by the hour say in which hours there are answers at all, and
   only these are read.
3. A person is looked up in the postings of whole spans, newest first, until the page is full. Of entries
   behind the last whole span only the files know whom they speak of; the caller says which they are.
4. Nothing is kept between two questions: an index that was built anew has other ids for the same words.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.log_index import LogPosition
from gateway.domain.log_query import LogPlace, LogQuery, LogRow
from gateway.store.engine import Base
from gateway.store.log.pages import Page
from gateway.store.log.rows import rows_told
from gateway.store.log.terms import has_use, terms_of
from gateway.store.log_schema import SPAN, log_slot, log_span


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far the index knows one log.

    Attributes:
        position: How far it was read.
        open_seq: First entry behind the last whole span; of it and later ones people are only in the files.
        looked_us: When the files were last looked at.
    """

    position: LogPosition
    open_seq: int
    looked_us: int


class LogSearch:
    """Answers questions from the tables of the index; writes none of them."""

    def __init__(self, base: Base) -> None:
        """Keep the base that ``open_index`` returned."""
        self._base = base

    async def reach(self) -> tuple[Reach, ...]:
        """Return how far each log is known, by name."""
        async with self._base.connect() as connection:
            return await reach_of(connection)

    async def rows(
        self,
        query: LogQuery,
        *,
        after: LogPlace | None = None,
        limit: int = 100,
        newest_first: bool = True,
        met: Mapping[str, Sequence[int]] | None = None,
    ) -> list[LogRow]:
        """Return the next entries that answer.

        Args:
            query: What is asked.
            after: The place behind which to go on, in the order asked for; ``None`` from the start.
            limit: At most so many.
            newest_first: The order.
            met: Where a person is asked for: by log, the entries from ``open_seq`` on that speak of them.

        Raises:
            StateUnavailable: The index does not answer, or is being built anew.
        """
        async with self._base.connect() as connection:
            terms = await terms_of(connection, query)
            if terms is None or limit < 1 or not await has_use(connection, terms):
                return []
            page = await Page.of(connection, terms, after, limit, newest_first=newest_first)
            if query.person is None:
                found = await page.plain()
            else:
                found = await page.about(query.person, met or {})
            return await rows_told(connection, found, page.slots)


async def reach_of(connection: AsyncConnection) -> tuple[Reach, ...]:
    """Return how far each log is known, by name, as a connection sees it."""
    last = (
        select(func.max(log_span.c.span)).where(log_span.c.slot == log_slot.c.id).scalar_subquery().label("last_span")
    )
    found = [_reach(row) for row in await connection.execute(select(log_slot, last))]
    return tuple(sorted(found, key=lambda one: one.position.slot))


def _reach(slot: Row[Any]) -> Reach:
    return Reach(
        position=LogPosition(
            slot=slot.name,
            size=slot.size,
            segment=slot.segment,
            line_at=slot.line_at,
            part_at=slot.part_at,
            head=slot.head,
            last_us=slot.last_us,
        ),
        open_seq=0 if slot.last_span is None else (int(slot.last_span) + 1) * SPAN,
        looked_us=slot.looked_us,
    )
