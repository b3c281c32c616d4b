# SPDX-License-Identifier: Apache-2.0
"""Values that stores hold tokens of: which token a value has, and the value sealed for each person whose it is.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; only the main one has something of it."""
    if context.config.attributes["base"] != "main":
        return
    op.create_table(
        "vault_token",
        sa.Column("lookup", sa.LargeBinary(32), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("lookup", name=op.f("pk_vault_token")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vault_value",
        sa.Column("token", sa.LargeBinary(16), nullable=False),
        sa.Column("person", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("lookup", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("token", "person", name=op.f("pk_vault_value")),
        sqlite_with_rowid=False,
    )
    somebody = sa.text("person >= 0")
    op.create_index(
        op.f("ix_vault_value_person"), "vault_value", ["person"], sqlite_where=somebody, postgresql_where=somebody
    )
