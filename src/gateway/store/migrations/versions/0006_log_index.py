# SPDX-License-Identifier: Apache-2.0
"""The index of the log, in a base of its own.

A migration is a record of what was done and stays as it is; it does not read ``log_schema``.
"""

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the base that is being migrated to this revision; only the index has anything of it."""
    schema = context.config.attributes["schema"]
    if context.config.attributes["base"] != "index":
        return
    op.create_table(
        "log_slot",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("line_at", sa.BigInteger(), nullable=False),
        sa.Column("part_at", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("looked_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_slot")),
        sa.UniqueConstraint("name", name=op.f("uq_log_slot_name")),
        schema=schema,
    )
    op.create_table(
        "log_word",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_word")),
        sa.UniqueConstraint("text", name=op.f("uq_log_word_text")),
        schema=schema,
    )
    op.create_table(
        "log_place",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_place")),
        sa.UniqueConstraint("text", name=op.f("uq_log_place_text")),
        schema=schema,
    )
    op.create_table(
        "log_use",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("client", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.Column("operation", sa.Integer(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_use")),
        sa.UniqueConstraint(
            "account",
            "client",
            "recipient",
            "purpose",
            "dataset",
            "operation",
            "fields",
            name=op.f("uq_log_use_account_client_recipient_purpose_dataset_operation_fields"),
        ),
        schema=schema,
    )
    op.create_table(
        "log_entry",
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("call", sa.LargeBinary(16)),
        sa.Column("session", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("client", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("use", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.BigInteger(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("line_at", sa.BigInteger(), nullable=False),
        sa.Column("part_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "seq", name=op.f("pk_log_entry")),
        sqlite_with_rowid=False,
        schema=schema,
    )
    op.create_index(op.f("ix_log_entry_at_us"), "log_entry", ["at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_call"), "log_entry", ["call"], schema=schema)
    op.create_index(op.f("ix_log_entry_account_at_us"), "log_entry", ["account", "at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_client_at_us"), "log_entry", ["client", "at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_session_at_us"), "log_entry", ["session", "at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_place_at_us"), "log_entry", ["place", "at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_reference_at_us"), "log_entry", ["reference", "at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_purpose_at_us"), "log_entry", ["purpose", "at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_dataset_at_us"), "log_entry", ["dataset", "at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_reason_at_us"), "log_entry", ["reason", "at_us"], schema=schema)
    op.create_index(op.f("ix_log_entry_kind_at_us"), "log_entry", ["kind", "at_us"], schema=schema)
    bare = sa.text("part_at < 0 AND people > 0")
    op.create_index(
        op.f("ix_log_entry_bare"), "log_entry", ["use"], schema=schema, sqlite_where=bare, postgresql_where=bare
    )
    op.create_table(
        "log_hour",
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("use", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "use", "kind", "decision", "reason", name=op.f("pk_log_hour")),
        sqlite_with_rowid=False,
        schema=schema,
    )
    op.create_table(
        "log_span",
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("span", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "span", name=op.f("pk_log_span")),
        schema=schema,
    )
    op.create_table(
        "log_people",
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("span", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("use", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("slot", "span", "use", name=op.f("pk_log_people")),
        sqlite_with_rowid=False,
        schema=schema,
    )
    op.create_table(
        "log_person",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("span", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("postings", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "slot", "span", name=op.f("pk_log_person")),
        sqlite_with_rowid=False,
        schema=schema,
    )
