# SPDX-License-Identifier: Apache-2.0
"""The tables of budgets: what was counted for whom, hour by hour.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; the keys of people have nothing of it."""
    if context.config.attributes["base"] == "main":
        _keys_and_people()
        _rows()


def _keys_and_people() -> None:
    op.create_table(
        "budget",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("key_class", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget")),
        sa.UniqueConstraint("account", "key_class", "recipient", name=op.f("uq_budget_account_key_class_recipient")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "budget_people",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("budget", sa.BigInteger(), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_people")),
        sa.ForeignKeyConstraint(["budget"], ["budget.id"], name=op.f("fk_budget_people_budget_budget")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_budget_people_hour"), "budget_people", ["hour"])
    op.create_index("ix_budget_people_budget_id", "budget_people", ["budget", "id"])


def _rows() -> None:
    op.create_table(
        "budget_rows",
        sa.Column("budget", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("budget", "hour", name=op.f("pk_budget_rows")),
        sa.ForeignKeyConstraint(["budget"], ["budget.id"], name=op.f("fk_budget_rows_budget_budget")),
    )
    op.create_table(
        "budget_replayed",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("call", "n", name=op.f("pk_budget_replayed")),
    )
    op.create_index(op.f("ix_budget_replayed_hour"), "budget_replayed", ["hour"])
