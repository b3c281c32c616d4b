# SPDX-License-Identifier: Apache-2.0
"""Puts many rows into tables of the index at once, by the shortest way that each engine has.

PostgreSQL takes rows by COPY in its binary form, and counts as one array for each column: a statement for each
row would cost ten times as much.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Integer, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import StateUnavailable
from gateway.domain.log_index import IndexBroken
from gateway.store.log_schema import INDEX_SCHEMA, log_hour

EntryRow = tuple[int | bytes | None, ...]
"""Values in the order of the columns of ``log_entry``: numbers, and the bytes of the call."""

HourRow = tuple[int, ...]
"""Values in the order of the columns of ``log_hour``."""

_BROKEN = "the index of the log holds entries that it did not read: run `gateway log index rebuild`"
_TYPES = {SmallInteger: "int2", Integer: "int4", BigInteger: "int8", LargeBinary: "bytea", Text: "text"}
_COUNTS = ("entries", "calls", "rows", "bytes")


async def add_rows(connection: AsyncConnection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows inside the transaction of a connection, each with a value for every column in their order.

    Raises:
        StateUnavailable: The database does not take them now.
        IndexBroken: There are such rows already.
    """
    if connection.dialect.name == "sqlite":
        insert = f"INSERT INTO {table.name} ({_names(table)}) VALUES ({_marks(table)})"  # noqa: S608 - our own names
        try:
            await connection.exec_driver_sql(insert, list(map(tuple, rows)))
        except IntegrityError:
            raise IndexBroken(_BROKEN) from None
        return
    from psycopg import Error
    from psycopg.errors import IntegrityError as Refused

    raw: Any = (await connection.get_raw_connection()).driver_connection
    begin = f"COPY {INDEX_SCHEMA}.{table.name} ({_names(table)}) FROM STDIN (FORMAT binary)"
    try:
        async with raw.cursor() as cursor, cursor.copy(begin) as copy:
            copy.set_types([_TYPES[type(column.type)] for column in table.columns])
            for row in rows:
                await copy.write_row(row)
    except Refused:
        raise IndexBroken(_BROKEN) from None
    except Error as error:
        # The driver's own words quote rows.
        raise StateUnavailable(f"the index of the log did not take entries [{error.sqlstate}]") from None


async def add_counts(connection: AsyncConnection, rows: Sequence[HourRow]) -> None:
    """Add to the counts by the hour; each key stands in one row at most."""
    if not rows:
        return
    keys = [column.name for column in log_hour.primary_key.columns]
    more = ", ".join(f"{name} = log_hour.{name} + excluded.{name}" for name in _COUNTS)
    end = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {more}"
    # In the order of the key, in which neighbours share a page.
    if connection.dialect.name == "sqlite":
        insert = f"INSERT INTO log_hour ({_names(log_hour)}) VALUES ({_marks(log_hour)}) {end}"  # noqa: S608
        await connection.exec_driver_sql(insert, sorted(rows))
        return
    arrays = ", ".join(f"%s::{_TYPES[type(column.type)]}[]" for column in log_hour.columns)
    insert = f"INSERT INTO {INDEX_SCHEMA}.log_hour ({_names(log_hour)}) SELECT * FROM unnest({arrays}) {end}"  # noqa: S608
    await connection.exec_driver_sql(insert, tuple(list(column) for column in zip(*sorted(rows), strict=True)))


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _marks(table: Table) -> str:
    return ", ".join("?" * len(table.columns))
