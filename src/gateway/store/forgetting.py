# SPDX-License-Identifier: Apache-2.0
"""Takes the numbers of a person who was forgotten out of the tables of the gateway's own database.

RULES

1. This writes to tables that belong to other modules, for people of whom nobody asks any more.
2. What a budget counted stays counted: another number, that never belonged to anybody, stands in the sets.
3. In the end no page of the database holds what was deleted: SQLite overwrites what it frees and empties its
   WAL; on PostgreSQL the tables are written anew, during which they are locked.
"""

from collections.abc import Set as AbstractSet

from pyroaring import BitMap
from sqlalchemy import Table, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import PersonNumber
from gateway.store.engine import Store
from gateway.store.log_schema import INDEX_SCHEMA, log_entry, log_people, log_person, log_place
from gateway.store.schema import budget, budget_people, choice, person_identity, person_merge
from gateway.store.versions import Topic, bump

AT_ONCE = 500
TABLES: tuple[Table, ...] = (choice, person_merge, person_identity, budget_people)
INDEX_TABLES = tuple(f"{INDEX_SCHEMA}.{table.name}" for table in (log_people, log_person, log_entry, log_place))


class Forgetting:
    """Satisfies ``flows.forgetting.Tables``."""

    def __init__(self, store: Store) -> None:
        """Keep the store."""
        self._store = store

    async def n_identities(self, people: AbstractSet[int]) -> int:
        """Return how many identities these people have."""
        query = select(func.count()).select_from(person_identity).where(person_identity.c.number.in_(people))
        async with self._store.connect() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def forget(self, people: AbstractSet[int], instead: PersonNumber) -> dict[str, int]:
        """Take these numbers out, and return how many rows of which table changed.

        Raises:
            StateUnavailable: The database cannot take it now; to begin again is right.
        """
        gone: dict[str, int] = {}
        async with self._store.begin() as connection:
            await bump(connection, Topic.CHOICES)
            await bump(connection, Topic.PEOPLE)
            choices = await connection.execute(delete(choice).where(choice.c.person.in_(people)))
            went = or_(person_merge.c.number.in_(people), person_merge.c.into_number.in_(people))
            merges = await connection.execute(delete(person_merge).where(went))
            gone = {"choice": choices.rowcount, "person_merge": merges.rowcount}
            gone["budget_people"] = await _budgets(connection, BitMap(people), instead)
        await self._store.main.scrub([table.name for table in TABLES])
        return {name: n_rows for name, n_rows in gone.items() if n_rows}


async def _budgets(connection: AsyncConnection, people: BitMap, instead: int) -> int:
    """Let another number stand for these in every set, and return in how many."""
    n_rows, after = 0, 0
    rows = budget_people.c
    await connection.execute(select(budget.c.id).order_by(budget.c.id).with_for_update())
    while True:
        query = select(rows.id, rows.people).where(rows.id > after).order_by(rows.id).limit(AT_ONCE)
        found = (await connection.execute(query)).all()
        if not found:
            return n_rows
        for row_id, held in found:
            counted = BitMap.deserialize(held)
            if counted & people:
                fresh = (counted - people) | BitMap([instead])
                await connection.execute(
                    update(budget_people).where(rows.id == row_id).values(people=fresh.serialize())
                )
                n_rows += 1
        after = found[-1][0]
