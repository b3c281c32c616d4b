# SPDX-License-Identifier: Apache-2.0
"""Puts many rows into ``log_entry`` at once, by the shortest way that each engine has."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import StateUnavailable
from gateway.domain.log_index import IndexBroken
from gateway.store.log_schema import INDEX_SCHEMA, log_entry

COLUMNS = tuple(column.name for column in log_entry.columns)
_CALL = COLUMNS.index("call")
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_INSERT = f"INSERT INTO log_entry ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own names
_COPY = f"COPY {INDEX_SCHEMA}.log_entry ({_NAMES}) FROM STDIN"

_BROKEN = "the index of the log holds entries that it did not read: run `gateway log index rebuild`"

EntryRow = tuple[int | bytes | None, ...]
"""Values in the order of ``COLUMNS``: numbers, and the bytes of the call."""


async def add_entries(connection: AsyncConnection, rows: Sequence[EntryRow]) -> None:
    """Add rows inside the transaction of a connection.

    Raises:
        StateUnavailable: The database does not take them now.
        IndexBroken: There are such rows already.
    """
    if connection.dialect.name == "sqlite":
        try:
            await connection.exec_driver_sql(_INSERT, list(rows))
        except IntegrityError:
            raise IndexBroken(_BROKEN) from None
        return
    from psycopg import Error
    from psycopg.errors import IntegrityError as Refused

    raw: Any = (await connection.get_raw_connection()).driver_connection
    try:
        async with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
            await copy.write(_copied(rows))
    except Refused:
        raise IndexBroken(_BROKEN) from None
    except Error as error:
        # The driver's own words quote rows.
        raise StateUnavailable(f"the index of the log did not take entries [{error.sqlstate}]") from None


def _copied(rows: Sequence[EntryRow]) -> bytes:
    """Return rows in the text format of COPY: https://www.postgresql.org/docs/current/sql-copy.html."""
    lines = []
    for row in rows:
        call = row[_CALL]
        spelled = "\\N" if call is None else "\\\\x" + call.hex() if isinstance(call, bytes) else ""
        lines.append("\t".join([*map(str, row[:_CALL]), spelled, *map(str, row[_CALL + 1 :])]))
    return ("\n".join(lines) + "\n").encode("ascii")
