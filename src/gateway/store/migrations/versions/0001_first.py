# SPDX-License-Identifier: Apache-2.0
"""The first tables: installation, accounts, people, choices, holds; and the keys of people in their own base.

A migration is a record of what was done and stays as it is; it does not read ``schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the base that is being migrated to this revision."""
    if context.config.attributes["base"] == "index":
        return
    if context.config.attributes["base"] == "keys":
        _keys(context.config.attributes["schema"])
        return
    _installation()
    _accounts()
    _sessions()
    _people()
    _choices_and_holds()


def _installation() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    version = op.create_table(
        "version",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_version")),
    )
    topics = ("rules", "choices", "accounts", "holds", "people", "keys")
    op.bulk_insert(version, [{"topic": topic, "value": 0} for topic in topics])


def _accounts() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text()),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("disabled_us", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("locked_until_us", sa.BigInteger()),
        sa.Column("last_failure_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
        sa.CheckConstraint("kind IN ('person', 'service')", name=op.f("ck_account_kind")),
    )
    op.create_table(
        "totp",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_us", sa.BigInteger()),
        sa.Column("last_step", sa.BigInteger(), nullable=False, server_default="-1"),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_totp")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_totp_account_account")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("used_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("account", "digest", name=op.f("pk_recovery_code")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_recovery_code_account_account")),
    )
    op.create_table(
        "login_challenge",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Text()),
        sa.Column("verdict", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("spent_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_challenge")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_login_challenge_account_account")),
    )
    op.create_index(op.f("ix_login_challenge_expires_us"), "login_challenge", ["expires_us"])


def _sessions() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("auth_time_us", sa.BigInteger(), nullable=False),
        sa.Column("amr", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger()),
        sa.Column("revoked_why", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_session_account_account")),
    )
    op.create_index(op.f("ix_session_account"), "session", ["account"])
    op.create_table(
        "refresh",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger()),
        sa.Column("replaced_by", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh")),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name=op.f("fk_refresh_session_session")),
    )
    op.create_index(op.f("ix_refresh_session"), "refresh", ["session"])
    op.create_table(
        "client",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary()),
        sa.Column("secret_hash", sa.Text()),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("disabled_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_client_account_account")),
    )
    op.create_index(op.f("ix_client_account"), "client", ["account"])


def _people() -> None:
    op.create_table(
        "person_identity",
        sa.Column("lookup", sa.LargeBinary(32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lookup", name=op.f("pk_person_identity")),
    )
    op.create_index(op.f("ix_person_identity_number"), "person_identity", ["number"])
    op.create_table(
        "person_merge",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("into_number", sa.BigInteger(), nullable=False),
        sa.Column("merged_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_person_merge")),
    )
    op.create_index(op.f("ix_person_merge_into_number"), "person_merge", ["into_number"])
    sequence = op.create_table(
        "person_sequence",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("next_place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_sequence")),
        sa.CheckConstraint("id = 1", name=op.f("ck_person_sequence_one_row")),
    )
    op.bulk_insert(sequence, [{"id": 1, "next_place": 0}])


def _choices_and_holds() -> None:
    op.create_table(
        "choice",
        sa.Column("id", COUNTED, autoincrement=True, nullable=False),
        sa.Column("person", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_us", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choice")),
        sa.CheckConstraint("state IN ('given', 'refused', 'withdrawn', 'objected')", name=op.f("ck_choice_state")),
        # Numbers of deleted rows are never given again: a set of choices is named by the highest it saw.
        sqlite_autoincrement=True,
    )
    op.create_index("ix_choice_purpose_person", "choice", ["purpose", "person", "at_us", "state"])
    op.create_table(
        "hold",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("rung", sa.Text(), nullable=False),
        sa.Column("link", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.Column("lifted_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    op.create_index(op.f("ix_hold_account"), "hold", ["account"])


def _keys(schema: str | None) -> None:
    op.create_table(
        "person_key",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_person_key")),
        schema=schema,
    )
