# SPDX-License-Identifier: Apache-2.0
"""Grants that callers ask for.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; the keys of people have nothing of it."""
    if context.config.attributes["base"] != "main":
        return
    op.create_table(
        "grant_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("covers", sa.Text(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_us", sa.BigInteger()),
        sa.Column("because", sa.Text()),
        sa.Column("role", sa.Text()),
        sa.Column("granted_until_us", sa.BigInteger()),
        sa.CheckConstraint("state IN ('open', 'approved', 'refused')", name=op.f("ck_grant_request_state")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_grant_request_account_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_request")),
    )
    op.create_index(op.f("ix_grant_request_account"), "grant_request", ["account"])
