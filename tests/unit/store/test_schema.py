# SPDX-License-Identifier: Apache-2.0
"""The tables as code and the tables as migrated are the same."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from gateway.store.engine import Store, open_index
from gateway.store.log_schema import INDEX, INDEX_SCHEMA
from gateway.store.schema import KEYS, KEYS_SCHEMA, MAIN

SCHEMAS = {"keys": KEYS_SCHEMA, "index": INDEX_SCHEMA}
TABLES = {"main": MAIN, "keys": KEYS, "index": INDEX}


def differences(connection: Connection, base: str) -> list[object]:
    """Return what Alembic would change to make the database what the schema says."""
    if base in SCHEMAS and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET search_path TO {SCHEMAS[base]}")
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return [change for change in compare_metadata(context, TABLES[base]) if "alembic_version" not in str(change)]


async def test_the_migrated_tables_are_those_of_the_schema(store: Store) -> None:
    """Names, types, keys, indexes and defaults agree in both bases."""
    async with store.begin() as main, store.keys.begin() as keys:
        assert await main.run_sync(differences, "main") == []
        assert await keys.run_sync(differences, "keys") == []


async def test_the_migrated_tables_of_the_index_are_those_of_its_schema(place: str) -> None:
    """They lie in a base of their own, which holds no table of the others."""
    index = await open_index(place)
    try:
        async with index.begin() as connection:
            assert await connection.run_sync(differences, "index") == []
    finally:
        await index.close()
