# SPDX-License-Identifier: Apache-2.0
"""Entered by Alembic for each migration run; the connection and the base are handed in by ``engine``."""

from alembic import context

connection = context.config.attributes["connection"]
schema = context.config.attributes["schema"]

context.configure(
    connection=connection,
    version_table_schema=schema,
    # SQLite has transactional DDL; Alembic leaves it off only because of the driver's own BEGIN, which engine replaces.
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
