# SPDX-License-Identifier: Apache-2.0
"""Who said that a sealed list of an incident be opened.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; only the main one has something of it."""
    if context.config.attributes["base"] != "main":
        return
    op.create_table(
        "incident_list",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text()),
        sa.Column("said_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_list")),
    )
