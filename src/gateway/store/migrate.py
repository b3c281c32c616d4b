# SPDX-License-Identifier: Apache-2.0
"""Brings the tables of a base to this version of the program, whatever version they are at.

There are two bases: ``main``, and ``keys`` with the wrapped keys of people. Both follow one history of
revisions and note for themselves how far they are. A run is one transaction, and a second process that
starts a run meanwhile waits and then finds nothing to do.
"""

import threading

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from gateway.domain.errors import SettingsError
from gateway.store import sqlite

ADVISORY_LOCK = 0x67_61_74_65
"""Number of the PostgreSQL lock that migration runs of all processes take; it spells ``gate``."""

_ONE_RUN = threading.Lock()
"""Alembic keeps the context of a run in module globals, so a process makes one run at a time."""


def migrate(url: URL, base: str, schema: str | None) -> None:
    """Upgrade a base to the newest revision that this program knows.

    Args:
        url: Address with a driver that works without an event loop as well.
        base: ``main`` or ``keys``.
        schema: Schema that holds the base, made if it is missing; ``None`` for the default one.

    Raises:
        SettingsError: The base was written by a newer program.
    """
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
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        at = MigrationContext.configure(connection, opts={"version_table_schema": schema}).get_current_revision()
    head = ScriptDirectory.from_config(_config(None, base, schema)).get_current_head()
    if at != head:
        raise SettingsError(f"the {base} database is at revision {at}, this program needs {head}: run `gateway db`")


def _lock(connection: Connection, schema: str | None) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ADVISORY_LOCK})
    if schema is not None:
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))


def _config(connection: Connection | None, base: str, schema: str | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "gateway.store:migrations")
    config.attributes.update(connection=connection, base=base, schema=schema)
    return config
