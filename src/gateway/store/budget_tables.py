# SPDX-License-Identifier: Apache-2.0
"""The statements on the tables of budgets; whoever writes holds the lock of the key, its row in ``budget``.

People are rows that are only added: a process that follows reads on behind the newest id it saw. The
merging of an hour's rows (``merge``) adds one with the people of all and deletes those, so a follower
reads some people twice, which counts them once. Rows are one number an hour.

Every transaction that counts also counts up ``changes``, so that one look at the locked row tells
whether there is anything to follow.
"""

from collections.abc import Mapping
from typing import Any

from pyroaring import BitMap
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.budget import BudgetKey
from gateway.store.schema import budget, budget_people, budget_replayed, budget_rows


async def key_id(connection: AsyncConnection, key: BudgetKey) -> int:
    """Return the id of a key, which is made if nothing was counted for it yet."""
    columns = {"account": key.account, "key_class": key.key_class, "recipient": key.recipient}
    new = _insert(connection, budget).values(**columns, hour=0, changes=0)
    await connection.execute(new.on_conflict_do_nothing())
    query = select(budget.c.id).where(*(budget.c[name] == value for name, value in columns.items()))
    return int((await connection.execute(query)).scalar_one())


async def known_ids(connection: AsyncConnection, account: str) -> dict[BudgetKey, int]:
    """Return every key of an account for which something was counted."""
    query = select(budget).where(budget.c.account == account).order_by(budget.c.id)
    rows = await connection.execute(query)
    return {
        BudgetKey(account=row.account, key_class=row.key_class, recipient=row.recipient): int(row.id) for row in rows
    }


async def lock(connection: AsyncConnection, of_key: int) -> tuple[int, int]:
    """Return the newest hour of a key and how often it was counted; nobody else counts until the commit."""
    query = select(budget.c.hour, budget.c.changes).where(budget.c.id == of_key).with_for_update()
    hour, changes = (await connection.execute(query)).one()
    return int(hour), int(changes)


async def people_behind(connection: AsyncConnection, of_key: int, newest: int, hour: int) -> list[tuple[int, int, Any]]:
    """Return id, hour and people of the rows behind an id, from an hour on, in their order."""
    query = select(budget_people.c.id, budget_people.c.hour, budget_people.c.people).where(
        budget_people.c.budget == of_key, budget_people.c.id > newest, budget_people.c.hour >= hour
    )
    rows = await connection.execute(query.order_by(budget_people.c.id))
    return [(row_id, of, BitMap.deserialize(people)) for row_id, of, people in rows]


async def rows_from(connection: AsyncConnection, of_key: int, hour: int) -> dict[int, int]:
    """Return the rows counted in each hour, from an hour on."""
    query = select(budget_rows.c.hour, budget_rows.c.rows)
    rows = await connection.execute(query.where(budget_rows.c.budget == of_key, budget_rows.c.hour >= hour))
    return {int(of): int(n_rows) for of, n_rows in rows}


async def add_people(connection: AsyncConnection, of_key: int, hour: int, people: Any) -> int:
    """Count people in an hour, and return the id of their row."""
    values = {"budget": of_key, "hour": hour, "people": people.serialize()}
    statement = budget_people.insert().values(**values).returning(budget_people.c.id)
    return int((await connection.execute(statement)).scalar_one())


async def add_rows(connection: AsyncConnection, of_key: int, hour: int, n_rows: int) -> None:
    """Count rows in an hour."""
    new = _insert(connection, budget_rows).values(budget=of_key, hour=hour, rows=n_rows)
    more = new.on_conflict_do_update(
        index_elements=["budget", "hour"], set_={"rows": budget_rows.c.rows + new.excluded.rows}
    )
    await connection.execute(more)


async def note_change(connection: AsyncConnection, of_key: int, hour: int, changes: int) -> None:
    """Let others see that something was counted, and up to which hour."""
    await connection.execute(update(budget).where(budget.c.id == of_key).values(hour=hour, changes=changes))


async def note_replayed(connection: AsyncConnection, call: str, n: int, hour: int) -> bool:
    """Tell whether this is the first time that the block of a call is put back."""
    new = _insert(connection, budget_replayed).values(call=call, n=n, hour=hour)
    noted = await connection.execute(new.on_conflict_do_nothing().returning(budget_replayed.c.n))
    return noted.scalar_one_or_none() is not None


async def forget_before(connection: AsyncConnection, hour: int) -> None:
    """Delete what was counted before an hour; keys stay, because they remember the newest hour."""
    for table in (budget_people, budget_rows, budget_replayed):
        await connection.execute(delete(table).where(table.c.hour < hour))


async def in_pieces(connection: AsyncConnection, hour: int, most: int) -> list[tuple[int, int]]:
    """Return keys and hours before an hour whose people stand in more than one row."""
    place = (budget_people.c.budget, budget_people.c.hour)
    query = select(*place).where(budget_people.c.hour < hour).group_by(*place).having(func.count() > 1)
    return [(int(of_key), int(of)) for of_key, of in await connection.execute(query.limit(most))]


async def merge(connection: AsyncConnection, of_key: int, hour: int) -> None:
    """Put the people of an hour into one row."""
    await lock(connection, of_key)
    of_hour = (budget_people.c.budget == of_key, budget_people.c.hour == hour)
    pieces = (await connection.execute(select(budget_people.c.people).where(*of_hour))).scalars()
    everyone = BitMap.union(BitMap(), *map(BitMap.deserialize, pieces))
    await connection.execute(delete(budget_people).where(*of_hour))
    await add_people(connection, of_key, hour, everyone)


_DIALECTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _insert(connection: AsyncConnection, table: Any) -> Any:
    """Return an INSERT that can say what to do where the row is there already."""
    return _DIALECTS[connection.dialect.name](table)
