# SPDX-License-Identifier: Apache-2.0
"""Reveals of surrogates that wait for the word of a second person.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; only the main one has something of it."""
    if context.config.attributes["base"] != "main":
        return
    op.create_table(
        "reveal_approval",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("surrogates", sa.Integer(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_us", sa.BigInteger()),
        sa.Column("spent_us", sa.BigInteger()),
        sa.CheckConstraint("state IN ('open', 'approved', 'refused', 'spent')", name=op.f("ck_reveal_approval_state")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_reveal_approval_account_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reveal_approval")),
    )
    op.create_index(op.f("ix_reveal_approval_account"), "reveal_approval", ["account"])
