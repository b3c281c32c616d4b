# SPDX-License-Identifier: Apache-2.0
"""Mandates with their approvals, and which messages were sent.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; only the main one has something of it."""
    if context.config.attributes["base"] != "main":
        return
    op.create_table(
        "mandate",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger()),
        sa.Column("revoked_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandate")),
    )
    op.create_table(
        "mandate_approval",
        sa.Column("mandate", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["mandate"], ["mandate.id"], name=op.f("fk_mandate_approval_mandate_mandate")),
        sa.PrimaryKeyConstraint("mandate", "account", name=op.f("pk_mandate_approval")),
    )
    op.create_table(
        "dispatched",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('claimed', 'sent', 'failed', 'unknown')", name=op.f("ck_dispatched_state")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_dispatched")),
    )
    op.create_index(op.f("ix_dispatched_call"), "dispatched", ["call"])
