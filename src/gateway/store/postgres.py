# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL needs beyond the common code: readers that cannot write, errors without values, notifications.

A violated constraint quotes the row's values in its detail, and a malformed value is quoted in the
message itself. Both can be personal, so such errors keep only their code and the constraint's name.
"""

import re
from contextlib import aclosing
from typing import Any

from sqlalchemy import Engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import StateUnavailable

CHANNEL = "gateway_changes"
"""Channel on which commits of changes are told."""

LOCK_NOT_AVAILABLE, INSUFFICIENT_PRIVILEGE = "55P03", "42501"
READ_BYTES = 1 << 24
"""Of a file of the server, at once."""
OVERLAP_BYTES = 1 << 12
SEGMENT_BYTES = 1 << 30
"""Of a table, in one file."""

VALUE_QUOTING_CLASSES = ("22", "23")
"""Classes of SQLSTATE whose messages quote data: data exceptions and integrity violations."""


def prepare(engine: Engine, *, writes: bool) -> None:
    """Register what connections and errors of an engine go through."""
    event.listen(engine, "handle_error", _drop_values)
    if not writes:
        event.listen(engine, "connect", _read_only)


def _read_only(connection: Any, _record: Any) -> None:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")


def _drop_values(context: ExceptionContext) -> None:
    """Rewrite the driver's error and the one around it before anyone can print either."""
    original: Any = context.original_exception
    code = getattr(original, "sqlstate", None)
    if code is None:
        return
    told = original.diag.message_primary
    if code.startswith(VALUE_QUOTING_CLASSES):
        told = original.diag.constraint_name or original.diag.column_name or "a value was refused"
    original.args = (f"{told} [{code}]",)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"{type(original).__name__}: {told} [{code}]",)


async def listen(connection: AsyncConnection) -> None:
    """Let a connection hear of commits of changes from now on.

    Raises:
        StateUnavailable: The database does not answer.
    """
    await connection.execute(text(f"LISTEN {CHANNEL}"))


async def notified(connection: AsyncConnection) -> None:
    """Return when a change was committed since the last call, on a connection that listens.

    Raises:
        StateUnavailable: The connection was lost.
    """
    from psycopg import Error

    raw: Any = (await connection.get_raw_connection()).driver_connection
    try:
        async with aclosing(raw.notifies(stop_after=1)) as heard:
            async for _ in heard:
                return
    except Error as error:
        raise StateUnavailable("the connection that listens was lost") from error


async def written_anew(connection: AsyncConnection, table: str, patience_ms: int) -> bool:
    """Write a table anew, and tell whether no deleted row is left in it.

    ``VACUUM FULL`` takes along what was deleted as long as anybody looks at an older state of the database, and says
    how many rows these are in the first number of a detail of what it tells, in every language.

    Args:
        connection: Outside of a transaction.
        table: With its schema.
        patience_ms: How long to wait for its lock; 0 is for ever.
    """
    raw: Any = (await connection.get_raw_connection()).driver_connection
    told: list[str] = []

    def hear(diagnostic: Any) -> None:
        if diagnostic.message_detail:
            told.append(diagnostic.message_detail)

    raw.add_notice_handler(hear)
    await connection.execute(text(f"SET lock_timeout = {patience_ms}"))
    try:
        await connection.execute(text(f"VACUUM (FULL, VERBOSE) {table}"))
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        return False
    finally:
        raw.remove_notice_handler(hear)
        await connection.execute(text("RESET lock_timeout"))
    left = [re.match(r"\D*(\d+)", detail) for detail in told]
    return bool(left) and all(found is not None and int(found[1]) == 0 for found in left)


async def pages_of(connection: AsyncConnection, table: str) -> list[bytes] | None:
    """Return the bytes of a table's files as they are on the server's disk; ``None`` where this user may not see them.

    Pieces overlap by as much as a small row has, so that none is cut.

    Args:
        connection: Of a transaction that can be given up.
        table: With its schema; small enough to be held.
    """
    query = text("SELECT pg_read_binary_file(pg_relation_filepath(CAST(:table AS regclass)) || :end, :at, :n, true)")
    pieces: list[bytes] = []
    try:
        # What was written and is in memory alone is on no disk yet, nor is that it is gone.
        await connection.execute(text("CHECKPOINT"))
        for segment in range(1 << 10):
            end = f".{segment}" if segment else ""
            for at in range(0, SEGMENT_BYTES, READ_BYTES):
                said = {"table": table, "end": end, "at": at, "n": READ_BYTES + OVERLAP_BYTES}
                piece = (await connection.execute(query, said)).scalar_one()
                if not piece:
                    return pieces
                pieces.append(bytes(piece))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != INSUFFICIENT_PRIVILEGE:
            raise
        return None
    return pieces
