# SPDX-License-Identifier: Apache-2.0
"""Whether the log knows which number an identity has; of people from before this revision it does not yet.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; the keys of people have nothing of it."""
    if context.config.attributes["base"] == "main":
        op.add_column("person_identity", sa.Column("entered", sa.Boolean(), nullable=False, server_default=sa.false()))
