# SPDX-License-Identifier: Apache-2.0
"""The tables as code and the tables as migrated are the same."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from gateway.store.engine import Store
from gateway.store.schema import KEYS, KEYS_SCHEMA, MAIN


def differences(connection: Connection, base: str) -> list[object]:
    """Return what Alembic would change to make the database what the schema says."""
    keys_in_schema = base == "keys" and connection.dialect.name == "postgresql"
    if keys_in_schema:
        connection.exec_driver_sql(f"SET search_path TO {KEYS_SCHEMA}")
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return [
        change
        for change in compare_metadata(context, KEYS if base == "keys" else MAIN)
        if "alembic_version" not in str(change)
    ]


async def test_the_migrated_tables_are_those_of_the_schema(store: Store) -> None:
    """Names, types, keys, indexes and defaults agree in both bases."""
    async with store.begin() as main, store.keys.begin() as keys:
        assert await main.run_sync(differences, "main") == []
        assert await keys.run_sync(differences, "keys") == []
