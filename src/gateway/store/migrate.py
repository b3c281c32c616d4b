# SPDX-License-Identifier: Apache-2.0
"""Brings the tables of a base to this version of the program, whatever version they are at.

There are two bases: ``main``, and ``keys`` with the wrapped keys of people. Both follow one history of
revisions and note for themselves how far they are. A run is one transaction, and a second process that
starts a run meanwhile waits and then finds nothing to do.

Alembic is imported for a run alone: a process that starts mostly finds its tables as they should be, which
one look at the noted revision tells, and the import would be a tenth of its start.
"""

import threading
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, NullPool, column, create_engine, inspect, select, table, text

from gateway.domain.errors import SettingsError
from gateway.store import sqlite

if TYPE_CHECKING:
    from alembic.config import Config

NOTED = "alembic_version"
"""The table in which a base notes its revision."""

ADVISORY_LOCK = 0x67_61_74_65
"""Number of the PostgreSQL lock that migration runs of all processes take; it spells ``gate``."""

_ONE_RUN = threading.Lock()
"""Alembic keeps the context of a run in module globals, so a process makes one run at a time."""


def migrate(url: URL, base: str, schema: str | None) -> None:
    """Upgrade a base to the newest revision that this program knows.

    Args:
        url: Address with a driver that works without an event loop as well.
        base: ``main``, ``keys`` or ``index``.
        schema: Schema that holds the base, made if it is missing; ``None`` for the default one.

    Raises:
        SettingsError: The base was written by a newer program.
    """
    if revision(url, schema) == newest():
        return
    from alembic import command
    from alembic.util import CommandError

    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        sqlite.prepare(engine, writes=True)
    with _ONE_RUN, engine.begin() as connection:
        if url.get_backend_name() == "postgresql":
            _lock(connection, schema)
        try:
            command.upgrade(_config(connection, base, schema), "head")
        except CommandError as error:
            raise SettingsError(f"the {base} database was written by a newer version: {error}") from error


def check(url: URL, base: str, schema: str | None) -> None:
    """Make sure that a base is at exactly the revision of this program, and change nothing.

    Raises:
        SettingsError: It is older or newer.
    """
    at, head = revision(url, schema), newest()
    if at != head:
        raise SettingsError(f"the {base} database is at revision {at}, this program needs {head}: run `gateway db`")


def bring_to(connection: Connection, base: str, schema: str | None, revision: str) -> None:
    """Upgrade a base to a revision inside a transaction of the caller's, from no tables or from an older one.

    Args:
        connection: In the transaction.
        base: ``main``, ``keys`` or ``index``.
        schema: Schema that holds the base, made if it is missing; ``None`` for the default one.
        revision: Its number, or ``head`` for the newest.
    """
    from alembic import command

    with _ONE_RUN:
        if connection.dialect.name == "postgresql":
            _lock(connection, schema)
        command.upgrade(_config(connection, base, schema), revision)


def drop_schema(url: URL, schema: str) -> None:
    """Remove a schema with everything in it; for what is derived and can be built anew."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.begin() as connection:
        _lock(connection, schema)
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE'))


def newest() -> str:
    """Return the newest revision that this program knows: the number that its file's name begins with."""
    names = (path.name for path in (files("gateway.store") / "migrations" / "versions").iterdir())
    return max(name.partition("_")[0] for name in names if name.endswith(".py"))


def revision(url: URL, schema: str | None) -> str | None:
    """Return the revision that a base notes of itself; ``None`` for one without tables."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    if url.get_backend_name() == "sqlite":
        sqlite.prepare(engine, writes=False)
    with engine.connect() as connection:
        if not inspect(connection).has_table(NOTED, schema=schema):
            return None
        noted = table(NOTED, column("version_num"), schema=schema)
        found: str | None = connection.execute(select(noted.c.version_num)).scalar_one_or_none()
        return found


def _lock(connection: Connection, schema: str | None) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
    if schema is not None:
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))


def _config(connection: Connection, base: str, schema: str | None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "gateway.store:migrations")
    config.attributes.update(connection=connection, base=base, schema=schema)
    return config
