# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL needs beyond the common code: readers that cannot write, errors without values, notifications.

A violated constraint quotes the row's values in its detail, and a malformed value is quoted in the
message itself. Both can be personal, so such errors keep only their code and the constraint's name.
"""

from contextlib import aclosing
from typing import Any

from sqlalchemy import Engine, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import StateUnavailable

CHANNEL = "gateway_changes"
"""Channel on which commits of changes are told."""

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
