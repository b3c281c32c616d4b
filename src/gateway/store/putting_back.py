# SPDX-License-Identifier: Apache-2.0
"""A copy put back in the place of a base, in one step: a new file beside the old one, or one transaction.

The tables are made as they were when the copy was taken, filled, and then brought to this version, so a
copy of an older version can be put back. Nobody may have the base open meanwhile. The state says that it was
put back, so the next opening replays its log whatever the beat of the copy.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Integer, MetaData, NullPool, create_engine, delete, insert, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.domain.errors import KeyUnavailable, SettingsError, StateUnavailable
from gateway.store import sqlite
from gateway.store.backup import BackupUnusable, Header, Progress, Turn, as_it_is, frames
from gateway.store.engine import place_of
from gateway.store.marks import note_put_back
from gateway.store.migrate import NOTED, bring_to, newest
from gateway.store.schema import KEYS, MAIN

Frames = Iterator[tuple[str, list[str], list[list[Any]]]]
"""Table, columns and rows."""


def put_back(
    file: Path,
    header: Header,
    place: str | Path,
    progress: Progress,
    *,
    is_noted: bool = True,
    unseal: Turn = as_it_is,
) -> None:
    """Put a copy that was found whole in the place of its base.

    Args:
        file: The copy.
        header: Its header.
        place: Directory of the SQLite files, or URL, as ``open_store`` takes it.
        progress: Called with the number of rows that were written more.
        is_noted: The state says that it was put back; without, it is as a copy made by any other means.
        unseal: Opens each frame of a copy that is sealed.

    Raises:
        BackupUnusable: The copy is of a newer version.
        StateUnavailable: The database cannot take it now; it is as it was.
    """
    if header.revision > newest():
        raise BackupUnusable(f"{file} is of revision {header.revision}, this program knows {newest()}")
    url, schema = place_of(place, header.base)
    try:
        if url.get_backend_name() == "sqlite":
            _swap_in(frames(file, unseal), header, Path(url.database or ""), progress, is_noted=is_noted)
        else:
            _replace(frames(file, unseal), header, url, schema, progress, is_noted=is_noted)
    except KeyUnavailable:
        raise BackupUnusable(f"{file} is past its end: the key that it is sealed under was deleted") from None
    except DBAPIError as error:
        raise StateUnavailable("the database could not take the backup and is as it was") from error
    except SQLAlchemyError as error:
        raise SettingsError(f"{file} does not fit the tables of this program") from error


def _swap_in(held: Frames, header: Header, target: Path, progress: Progress, *, is_noted: bool) -> None:
    """Fill a new file and put it in the place of the old one, whose journal goes first."""
    fresh = target.with_name(target.name + ".new")
    _remove(fresh)
    sqlite.touch(fresh)
    try:
        _replace(held, header, URL.create("sqlite", database=str(fresh)), None, progress, is_noted=is_noted)
        _fold(fresh)
        _sync(fresh)
        # A journal that outlived its file would be played into the new one. What cannot be folded any more
        # goes with its file.
        with contextlib.suppress(SQLAlchemyError, SettingsError, StateUnavailable):
            _fold(target)
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        fresh.replace(target)
        _sync(target.parent)
    finally:
        _remove(fresh)


def _replace(held: Frames, header: Header, url: URL, schema: str | None, progress: Progress, *, is_noted: bool) -> None:
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        sqlite.prepare(engine, writes=True)
    try:
        with engine.begin() as connection:
            _drop_all(connection, header, schema)
            bring_to(connection, header.base, schema, header.revision)
            _fill(connection, held, schema, progress)
            bring_to(connection, header.base, schema, "head")
            if is_noted and header.base == "main":
                note_put_back(connection)
    finally:
        engine.dispose()


def _drop_all(connection: Connection, header: Header, schema: str | None) -> None:
    """Drop the tables that are ours, and no others that may lie in the same schema."""
    own = {*header.rows, *(MAIN if header.base == "main" else KEYS).tables, NOTED}
    found = MetaData()
    found.reflect(connection, schema=schema)
    found.drop_all(connection, tables=[table for table in found.sorted_tables if table.name in own])


def _fill(connection: Connection, held: Frames, schema: str | None, progress: Progress) -> None:
    found = MetaData()
    found.reflect(connection, schema=schema)
    tables = {table.name: table for table in found.sorted_tables if table.name != NOTED}
    for table in reversed(found.sorted_tables):
        # A migration puts first rows into some tables; the copy has its own.
        if table.name != NOTED:
            connection.execute(delete(table))
    for name, columns, rows in held:
        if name not in tables:
            raise BackupUnusable("the backup holds a table that its revision does not have")
        if rows:
            connection.execute(insert(tables[name]), [dict(zip(columns, row, strict=True)) for row in rows])
        progress(len(rows))
    if connection.dialect.name == "postgresql":
        for table in tables.values():
            _count_on(connection, table.name, schema, [one for one in table.primary_key.columns])  # noqa: C416


def _count_on(connection: Connection, table: str, schema: str | None, key: list[object]) -> None:
    """Let a column that counts up by itself go on behind the highest value that was put back."""
    [column, *more] = key
    if more or not isinstance(column.type, Integer):  # type: ignore[attr-defined]
        return
    name = f'"{schema}"."{table}"' if schema else f'"{table}"'
    of = column.name  # type: ignore[attr-defined]
    asked = {"name": name, "column": of}
    counter = connection.execute(text("SELECT pg_get_serial_sequence(:name, :column)"), asked).scalar_one()
    if counter is not None:
        highest = f'SELECT setval(:counter, coalesce(max("{of}"), 0) + 1, false) FROM {name}'  # noqa: S608 - our own names
        connection.execute(text(highest), {"counter": counter})


def _fold(target: Path) -> None:
    """Fold the journal of a file back into it, whole.

    Raises:
        StateUnavailable: Somebody reads it, so that a part of it stays outside.
    """
    if not target.exists():
        return
    # Nobody may have it open, so nobody is waited for for long.
    url, patience_s = URL.create("sqlite", database=str(target)), 0.5
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": patience_s})
    try:
        with engine.connect() as connection:
            busy, n_pages, n_folded = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    finally:
        engine.dispose()
    if busy or n_pages != n_folded:
        raise StateUnavailable(f"the journal of {target.name} could not be folded back")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
