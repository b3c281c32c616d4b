# SPDX-License-Identifier: Apache-2.0
"""The tables of the index of the log; what builds them in a database is ``migrations/``.

The index is derived from the files of the log and can be built anew from them at any time, so it lies in
a database (SQLite) or schema (PostgreSQL) of its own, ``INDEX``: no backup holds it, writing it never
makes a caller wait for the lock of what must be durable, and who loses it loses nothing.

- Columns of texts hold the id of a text in ``log_word``; 0 stands for the empty text.
- No value of a field of a store is in it, as none is in the log. People are their numbers, in sets only:
  never one row for a person and an entry.
- Written by ``store/log`` alone; ``store/forgetting`` only names those whose pages keep nothing that was deleted.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from gateway.domain import log_index
from gateway.store.schema import NAMING

INDEX_SCHEMA = "log_index"
"""Schema of the index on PostgreSQL; on SQLite it has a file and no schema."""

INDEX = MetaData(naming_convention=NAMING)

SPAN, BUCKETS = log_index.SPAN, log_index.BUCKETS
"""Entries of one log that are gathered in a span, and into how many rows its people are divided."""

BARE = "part_at < 0 AND people > 0"
"""An entry about people whose part is not there any more."""

log_slot = Table(
    "log_slot",
    INDEX,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    # How far the files were read: entries, and where the next line and the next part begin.
    Column("size", BigInteger, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("line_at", BigInteger, nullable=False),
    Column("part_at", BigInteger, nullable=False),
    # Leaf hash of the last entry that was read: other files than those it was built from are noticed.
    Column("head", Text, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("looked_us", BigInteger, nullable=False),
)

log_word = Table(
    "log_word",
    INDEX,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False, unique=True),
)

# Addresses of callers stand apart: they go when the parts go that they are from.
log_place = Table(
    "log_place",
    INDEX,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False, unique=True),
)

# Who read what how: each combination that occurs, once.
log_use = Table(
    "log_use",
    INDEX,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("account", Integer, nullable=False),
    Column("client", Integer, nullable=False),
    Column("recipient", Integer, nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("dataset", Integer, nullable=False),
    Column("operation", Integer, nullable=False),
    # JSON of the fields that may leave, by treatment, with sorted keys.
    Column("fields", Text, nullable=False),
    UniqueConstraint("account", "client", "recipient", "purpose", "dataset", "operation", "fields"),
)

log_entry = Table(
    "log_entry",
    INDEX,
    Column("slot", SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Integer, nullable=False),
    # 16 bytes of the decision's identifier.
    Column("call", LargeBinary(16)),
    Column("session", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("account", Integer, nullable=False),
    Column("client", Integer, nullable=False),
    Column("purpose", Integer, nullable=False),
    Column("dataset", Integer, nullable=False),
    Column("reference", Integer, nullable=False),
    Column("decision", Integer, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("use", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("people", BigInteger, nullable=False),
    Column("segment", Integer, nullable=False),
    Column("line_at", BigInteger, nullable=False),
    # Where its part lies, -1 for none; a hint, since parts move when others are deleted.
    Column("part_at", BigInteger, nullable=False),
    Index("ix_log_entry_at_us", "at_us"),
    Index("ix_log_entry_call", "call"),
    Index("ix_log_entry_account_at_us", "account", "at_us"),
    Index("ix_log_entry_client_at_us", "client", "at_us"),
    Index("ix_log_entry_session_at_us", "session", "at_us"),
    Index("ix_log_entry_place_at_us", "place", "at_us"),
    Index("ix_log_entry_reference_at_us", "reference", "at_us"),
    Index("ix_log_entry_purpose_at_us", "purpose", "at_us"),
    Index("ix_log_entry_dataset_at_us", "dataset", "at_us"),
    Index("ix_log_entry_reason_at_us", "reason", "at_us"),
    Index("ix_log_entry_kind_at_us", "kind", "at_us"),
    # Releases whose parts were deleted: mostly none, and whoever counts people has to know of each.
    Index("ix_log_entry_bare", "use", sqlite_where=text(BARE), postgresql_where=text(BARE)),
    sqlite_with_rowid=False,
)

# Counts by the hour, for facets and curves.
log_hour = Table(
    "log_hour",
    INDEX,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("use", Integer, primary_key=True, autoincrement=False),
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("decision", Integer, primary_key=True, autoincrement=False),
    Column("reason", Integer, primary_key=True, autoincrement=False),
    Column("entries", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# A span is 16,384 entries of one log; it is written when it is whole. Of what comes after the last whole
# span, people are read from the files.
log_span = Table(
    "log_span",
    INDEX,
    Column("slot", SmallInteger, primary_key=True, autoincrement=False),
    Column("span", Integer, primary_key=True, autoincrement=False),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
)

# The union of the people whose rows were released, for each use in a span: a serialised roaring bitmap.
log_people = Table(
    "log_people",
    INDEX,
    Column("slot", SmallInteger, primary_key=True, autoincrement=False),
    Column("span", Integer, primary_key=True, autoincrement=False),
    Column("use", Integer, primary_key=True, autoincrement=False),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("people", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Which entries of a span speak of a person, released or met: people by their number modulo 64, each row a
# serialised 64-bit roaring bitmap of ``person << 16 | place in the span``.
log_person = Table(
    "log_person",
    INDEX,
    Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
    Column("slot", SmallInteger, primary_key=True, autoincrement=False),
    Column("span", Integer, primary_key=True, autoincrement=False),
    Column("postings", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
