# SPDX-License-Identifier: Apache-2.0
"""What makes SQLite durable and its transactions exact, for every connection that is opened.

- WAL with ``synchronous=FULL``: a transaction that was acknowledged is on the disk.
- The driver's own habit of opening transactions late is off. A writer opens each with BEGIN IMMEDIATE,
  so that it holds the write lock before its first look and nothing it saw can change under it.
- Deleted content is overwritten with zeros, so a shredded key is not left in a free page.
- A reader may not write, and opens no transaction: each statement sees the newest commit, as on
  PostgreSQL, and no forgotten reader keeps the WAL from being folded back.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, event

from gateway.domain.errors import SettingsError

FULL, NORMAL = 2, 1
"""Of ``synchronous``: acknowledged is on the disk; or, for what is derived, never torn but perhaps lost."""

BUSY_TIMEOUT_MS = 15_000
"""How long a writer waits for one in another process before it gives up."""

FOLD_TIMEOUT_MS = 1_000
"""How long folding waits for readers, and keeps writers waiting."""

NO_TRANSACTION = "gateway_no_transaction"
"""Execution option of a connection that must stay outside of a transaction."""


class Held(NamedTuple):
    """What a writer may keep before it is folded back into the file.

    Attributes:
        cache_kib: Pages in memory, where indexes are sorted as well.
        wal_pages: Pages in the WAL.
    """

    cache_kib: int
    wal_pages: int


USUAL = Held(2_000, 1_000)
"""As SQLite comes."""


def prepare(engine: Engine, *, writes: bool, synchronous: int = FULL, held: Held = USUAL) -> None:
    """Register what every new connection and transaction of an engine starts with."""

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma, value in _pragmas(writes=writes, synchronous=synchronous, held=held):
            _set(connection, pragma, value)

    if writes:

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            if not connection.get_execution_options().get(NO_TRANSACTION):
                connection.exec_driver_sql("BEGIN IMMEDIATE")


def touch(path: Path) -> None:
    """Make the file of a base if there is none, readable by its owner alone; SQLite gives its WAL the same mode.

    One that is there is never opened here: to close it again would take the locks from every connection that this
    process has to it (POSIX advisory locks), and the next process that ends would then delete the WAL under them.

    Raises:
        SettingsError: The file cannot be made, or not be read and written.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            raise SettingsError(f"the database {path} cannot be opened: it must be a file to read and write") from None
    except OSError as error:
        raise SettingsError(f"the database {path} cannot be opened: {error.strerror}") from error


def _pragmas(*, writes: bool, synchronous: int, held: Held) -> list[tuple[str, str | int]]:
    """Return settings in the order in which they must be made, each as SQLite reads it back."""
    settings: list[tuple[str, str | int]] = [
        ("busy_timeout", BUSY_TIMEOUT_MS),
        ("synchronous", synchronous),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("secure_delete", 1),
    ]
    if not writes:
        return [*settings, ("query_only", 1)]
    return [
        *settings,
        ("journal_mode", "wal"),
        ("cache_size", -held.cache_kib),
        ("wal_autocheckpoint", held.wal_pages),
    ]


def _set(connection: Any, pragma: str, value: str | int) -> None:
    """Set a pragma and read it back: SQLite passes over in silence what it cannot do."""
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA {pragma}")
        if cursor.fetchone()[0] != value:
            cursor.execute(f"PRAGMA {pragma}={value}")
            cursor.fetchall()
            cursor.execute(f"PRAGMA {pragma}")
            if (got := cursor.fetchone()[0]) != value:
                raise SettingsError(f"SQLite has {pragma}={got} here; {value} is needed")
    finally:
        cursor.close()
