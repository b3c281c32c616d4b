# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL needs beyond the common code: readers that cannot write, and errors without values.

A violated constraint quotes the row's values in its detail, and a malformed value is quoted in the
message itself. Both can be personal, so such errors keep only their code and the constraint's name.
"""

from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

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
