# SPDX-License-Identifier: Apache-2.0
"""${message}."""

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision."""
