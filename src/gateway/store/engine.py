# SPDX-License-Identifier: Apache-2.0
"""Opens the gateway's own database, and hands out transactions and readers.

- ``begin()`` is a transaction that is kept when its block ends well and undone otherwise. On SQLite it
  holds the write lock from its start; on PostgreSQL it is READ COMMITTED, so a compare-and-set is one
  UPDATE with its condition in WHERE, on both.
- ``connect()`` only reads; each statement sees the newest commit.
- The keys of people are a second base. Who needs both begins ``main`` first and ``keys`` inside it.
- Parameters of statements are never in messages of errors: they can be personal values.

Nothing here is a place for SQL of any table; that stands in the module that owns the table.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.domain.errors import SettingsError, StateUnavailable
from gateway.store import postgres, sqlite
from gateway.store.log_schema import INDEX_SCHEMA
from gateway.store.migrate import check, drop_schema, migrate
from gateway.store.schema import KEYS_SCHEMA

MAIN_FILE = "gateway.db"
KEYS_FILE = "people-keys.db"
INDEX_FILE = "log-index.db"
N_READERS = 5  # one of them belongs to the change feed
N_WRITERS = 4  # on PostgreSQL; SQLite has one, whose pool is the queue of this process's writers
POOL_TIMEOUT_S = 30
OF_INDEX = sqlite.Held(65_536, 16_384)
"""Of the index of the log, each of whose batches changes pages all over it: 64 MB in memory, and in its WAL."""
OF_MAIN = sqlite.Held(16_384, 4_096)
"""Of the state, where a block's new values of a vault change pages all over two tables: 16 MB in memory, and in its WAL."""


class Base:
    """One database, with separate pools of connections for writers and readers.

    Attributes:
        n_failures: Times that it did not answer, or was busy for too long.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self.is_sqlite = writer.dialect.name == "sqlite"
        self.n_failures = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction; it is durable once the block has ended without an error.

        Raises:
            StateUnavailable: The database does not answer, is full, or is locked for too long.
        """
        async with self._own_errors(), self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection that can only read.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._own_errors(), self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def look(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection that can only read, and all of whose statements see what the first of them saw.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self.connect() as connection:
            if not self.is_sqlite:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                yield connection
                return
            # In WAL mode it keeps no writer waiting.
            await connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                await connection.exec_driver_sql("ROLLBACK")

    @property
    def file(self) -> Path | None:
        """Return the file of SQLite; its WAL lies beside it."""
        return Path(str(self._writer.url.database)) if self.is_sqlite else None

    async def fold(self) -> bool:
        """Let nothing that was overwritten live on in the WAL of SQLite; PostgreSQL has its own time for that.

        Returns:
            Whether nothing does; somebody who reads, such as a copy that is being made, keeps the WAL as it is.
        """
        if not self.is_sqlite:
            return True
        async with self._own_errors(), self._writer.connect() as connection:
            await connection.execution_options(**{sqlite.NO_TRANSACTION: True})
            # It keeps writers out while it waits for readers.
            await connection.execute(text(f"PRAGMA busy_timeout={sqlite.FOLD_TIMEOUT_MS}"))
            try:
                busy, *_ = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).one()
            finally:
                await connection.execute(text(f"PRAGMA busy_timeout={sqlite.BUSY_TIMEOUT_MS}"))
            return int(busy) == 0

    async def scrub(self, tables: Sequence[str], *, patience_ms: int = 0) -> bool:
        """Leave nothing of what was deleted from tables in the files of the database.

        SQLite overwrites what it frees (``secure_delete``), so only the WAL is left; PostgreSQL writes the tables
        anew and locks them while it does.

        Args:
            tables: By name, on PostgreSQL with the schema.
            patience_ms: How long PostgreSQL waits for whoever reads a table, and keeps others waiting; 0 is for ever.

        Returns:
            Whether nothing is left; whoever looks at an older state of the database keeps what that holds.

        Raises:
            StateUnavailable: The database does not answer.
        """
        if self.is_sqlite:
            return await self.fold()
        async with self._own_errors(), self._writer.connect() as opened:
            connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
            done = [await postgres.written_anew(connection, table, patience_ms) for table in tables]
        return all(done)

    @property
    def n_in_use(self) -> int:
        """Return how many connections are handed out now."""
        pools: list[Any] = [self._writer.pool, self._reader.pool]
        return sum(int(pool.checkedout()) for pool in pools)

    @asynccontextmanager
    async def _own_errors(self) -> AsyncIterator[None]:
        """Tell a database that does not answer from a mistake of ours; only the first has a name outside."""
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeoutError) as error:
            self.n_failures += 1
            raise StateUnavailable("the gateway's own database cannot take this now") from error

    async def close(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        await self._writer.dispose()


class Store:
    """The gateway's own state: ``main``, and ``keys`` with the wrapped keys of people."""

    def __init__(self, main: Base, keys: Base) -> None:
        self.main = main
        self.keys = keys
        self.begin = main.begin
        self.connect = main.connect

    @property
    def is_sqlite(self) -> bool:
        """Tell whether the store is files of this machine."""
        return self.main.is_sqlite

    async def close(self) -> None:
        """Close every connection; the store cannot be used afterwards."""
        await self.main.close()
        await self.keys.close()


async def open_store(place: str | Path, *, upgrade: bool = True) -> Store:
    """Open the state of an installation, bringing its tables to this version first.

    Args:
        place: Directory for two SQLite files, or a ``postgresql+psycopg://`` URL.
        upgrade: Off for a process that must not change tables; it then insists that they are right.

    Raises:
        SettingsError: The place cannot be used, or not durably; the message says what to change.
    """
    text_of_place = str(place)
    places = _postgres_urls(text_of_place) if "://" in text_of_place else _sqlite_urls(Path(place))
    try:
        for base in _STATE:
            await asyncio.to_thread(migrate if upgrade else check, places[base][0], base, places[base][1])
        held = {"main": OF_MAIN, "keys": sqlite.USUAL}
        return await _durable(Store(*(_base(*places[base], held=held[base]) for base in _STATE)))
    except DBAPIError as error:
        raise SettingsError(f"the database cannot be opened: {error.orig}") from error


async def open_index(place: str | Path, *, upgrade: bool = True) -> Base:
    """Open the index of the log, bringing its tables to this version first.

    It is derived, so what a loss of power takes from it is read from the log again; what is in it is never
    torn. Arguments and errors are those of ``open_store``.
    """
    url, schema = place_of(place, "index")
    try:
        await asyncio.to_thread(migrate if upgrade else check, url, "index", schema)
        return _base(url, schema, synchronous=sqlite.NORMAL, held=OF_INDEX)
    except DBAPIError as error:
        raise SettingsError(f"the index of the log cannot be opened: {error.orig}") from error


async def remove_index(place: str | Path) -> None:
    """Remove the index of the log with its tables, whatever state they are in; the next opening makes it anew.

    Raises:
        SettingsError: It cannot be removed.
    """
    url, schema = place_of(place, "index")
    if schema is None:
        await asyncio.to_thread(_unlink, str(url.database))
        return
    try:
        await asyncio.to_thread(drop_schema, url, schema)
    except DBAPIError as error:
        raise SettingsError(f"the index of the log cannot be removed: {error.orig}") from error


def _unlink(database: str) -> None:
    for end in ("", "-wal", "-shm"):
        Path(f"{database}{end}").unlink(missing_ok=True)


def index_file(place: str | Path) -> tuple[int, int] | None:
    """Return which file the index is in now; ``None`` on PostgreSQL, or where there is none.

    Who has it open has to open it again when this changes: it was removed and made anew.
    """
    url, schema = place_of(place, "index")
    if schema is not None:
        return None
    found = Path(str(url.database)).stat()
    return found.st_dev, found.st_ino


def place_of(place: str | Path, base: str) -> tuple[URL, str | None]:
    """Return address and schema of one base, for a driver that works without an event loop as well."""
    text_of_place = str(place)
    if "://" in text_of_place:
        return _postgres_urls(text_of_place)[base]
    return _sqlite_urls(Path(place), (base,))[base]


_NAMES = {"main": MAIN_FILE, "keys": KEYS_FILE, "index": INDEX_FILE}
_STATE = ("main", "keys")


def _sqlite_urls(directory: Path, bases: Sequence[str] = _STATE) -> dict[str, tuple[URL, str | None]]:
    if not directory.is_dir():
        raise SettingsError(f"the state directory {directory} does not exist")
    places: dict[str, tuple[URL, str | None]] = {}
    for base in bases:
        sqlite.touch(directory / _NAMES[base])
        places[base] = (URL.create("sqlite", database=str(directory / _NAMES[base])), None)
    return places


def _postgres_urls(place: str) -> dict[str, tuple[URL, str | None]]:
    url = make_url(place)
    if url.get_backend_name() != "postgresql":
        raise SettingsError("the database is a directory for SQLite or a postgresql:// URL")
    url = url.set(drivername="postgresql+psycopg")
    return {"main": (url, None), "keys": (url, KEYS_SCHEMA), "index": (url, INDEX_SCHEMA)}


def _base(url: URL, schema: str | None, *, synchronous: int = sqlite.FULL, held: sqlite.Held = sqlite.USUAL) -> Base:
    if url.get_backend_name() == "sqlite":
        url = url.set(drivername="sqlite+aiosqlite")
        writer, reader = _engine(url, size=1), _engine(url, size=N_READERS)
        sqlite.prepare(writer.sync_engine, writes=True, synchronous=synchronous, held=held)
        sqlite.prepare(reader.sync_engine, writes=False, synchronous=synchronous)
        return Base(writer, reader)
    # Only where there is one: a map of nothing would name the schema "public", past the search path.
    options = {"schema_translate_map": {None: schema}} if schema else {}
    writer = _engine(url, size=N_WRITERS, pool_pre_ping=True, execution_options=options)
    reader = _engine(url, size=N_READERS, pool_pre_ping=True, isolation_level="AUTOCOMMIT", execution_options=options)
    postgres.prepare(writer.sync_engine, writes=True)
    postgres.prepare(reader.sync_engine, writes=False)
    return Base(writer, reader)


def _engine(url: URL, *, size: int, **options: Any) -> AsyncEngine:
    return create_async_engine(
        url, pool_size=size, max_overflow=0, pool_timeout=POOL_TIMEOUT_S, hide_parameters=True, **options
    )


async def _durable(store: Store) -> Store:
    """Return the store once both bases answered and are durable; close it otherwise."""
    try:
        for base in (store.main, store.keys):
            await _assert_durable(base)
    except BaseException:
        await store.close()
        raise
    return store


async def _assert_durable(base: Base) -> None:
    """Refuse a server that acknowledges before it has written; each connection of SQLite checks itself."""
    async with base.begin() as writer, base.connect():
        if not base.is_sqlite and (await writer.execute(text("SHOW synchronous_commit"))).scalar_one() == "off":
            raise SettingsError("PostgreSQL has synchronous_commit=off for this user; on is needed")
