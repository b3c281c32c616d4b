# SPDX-License-Identifier: Apache-2.0
"""Counts entries of the index that answer a question, within a stretch of each log."""

from collections.abc import Mapping

from sqlalchemy import and_, func, or_, select

from gateway.domain.log_query import LogQuery
from gateway.store.engine import Base
from gateway.store.log.terms import has_use, terms_of
from gateway.store.log_schema import log_entry, log_slot


class LogCounts:
    """Counts in the tables of the index; writes none of them."""

    def __init__(self, base: Base) -> None:
        """Keep the base that ``open_index`` returned."""
        self._base = base

    async def count(self, query: LogQuery, within: Mapping[str, tuple[int, int]]) -> int:
        """Return how many entries answer, whomever they speak of.

        Args:
            query: What is asked; a person that it asks for is not looked at.
            within: By log, the first entry and the one behind the last; other logs are left out.

        Raises:
            StateUnavailable: The index does not answer.
        """
        async with self._base.connect() as connection:
            terms = await terms_of(connection, query)
            if terms is None or not within or not await has_use(connection, terms):
                return 0
            ids = {name: id_ for id_, name in await connection.execute(select(log_slot.c.id, log_slot.c.name))}
            stretches = [
                and_(log_entry.c.slot == ids[slot], log_entry.c.seq >= first, log_entry.c.seq < end)
                for slot, (first, end) in within.items()
                if slot in ids
            ]
            if not stretches:
                return 0
            counted = select(func.count()).select_from(log_entry).where(or_(*stretches), *terms.conditions())
            return int((await connection.execute(counted)).scalar_one())
