# SPDX-License-Identifier: Apache-2.0
"""Fields that stores send and no dataset declares, as they were first noticed.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; the keys of people have nothing of it."""
    if context.config.attributes["base"] == "main":
        op.create_table(
            "unseen_field",
            sa.Column("dataset", sa.Text(), nullable=False),
            sa.Column("field", sa.Text(), nullable=False),
            sa.Column("first_us", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("dataset", "field", name=op.f("pk_unseen_field")),
        )
