# SPDX-License-Identifier: Apache-2.0
"""Digests of what erased people were known by.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; only the main one has something of it."""
    if context.config.attributes["base"] != "main":
        return
    op.create_table(
        "tombstone",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.Column("lifted_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstone")),
    )
    op.create_table(
        "tombstone_digest",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("tombstone", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["tombstone"], ["tombstone.id"], name=op.f("fk_tombstone_digest_tombstone_tombstone")),
        sa.PrimaryKeyConstraint("digest", "tombstone", name=op.f("pk_tombstone_digest")),
    )
    op.create_index(op.f("ix_tombstone_digest_tombstone"), "tombstone_digest", ["tombstone"])
