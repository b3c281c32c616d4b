# SPDX-License-Identifier: Apache-2.0
"""The tables, as values of SQLAlchemy Core; what builds them in a database is ``migrations/``.

Rules:

- Times are UTC microseconds in columns that end in ``_us``; a null time means "not yet" or "never".
- Lists are JSON arrays in text columns.
- Every table has one owner, named above it, and nobody else writes to it.
- Personal values are never in a column in clear: they are sealed, or digests under a key.
- The keys of people live in a database (SQLite) or schema (PostgreSQL) of their own, ``KEYS``, so
  that its backups can be shorter-lived than those of everything else.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

KEYS_SCHEMA = "person_keys"
"""Schema of the keys of people on PostgreSQL; on SQLite they have a file and no schema."""

MAIN = MetaData(naming_convention=NAMING)
KEYS = MetaData(naming_convention=NAMING)

COUNTED = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up by itself only in a column of exactly INTEGER, which holds 64 bits there."""

# Facts of the installation; written by app and flows through store/meta.
meta = Table(
    "meta",
    MAIN,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# The change feed; written by store/versions, in the transaction of the change itself.
version = Table(
    "version",
    MAIN,
    Column("topic", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Accounts and what proves them; written by store/accounts.
account = Table(
    "account",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("kind", Text, CheckConstraint("kind IN ('person', 'service')", name="kind"), nullable=False),
    Column("password_hash", Text),
    Column("roles", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("disabled_us", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("locked_until_us", BigInteger),
    Column("last_failure_us", BigInteger),
)

totp = Table(
    "totp",
    MAIN,
    Column("account", Text, ForeignKey("account.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("confirmed_us", BigInteger),
    Column("last_step", BigInteger, nullable=False, server_default="-1"),
)

recovery_code = Table(
    "recovery_code",
    MAIN,
    Column("account", Text, ForeignKey("account.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("used_us", BigInteger),
)

login_challenge = Table(
    "login_challenge",
    MAIN,
    Column("digest", LargeBinary, primary_key=True),
    Column("account", Text, ForeignKey("account.id")),
    Column("verdict", Boolean, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("expires_us", BigInteger, nullable=False, index=True),
    Column("spent_us", BigInteger),
)

# Sign-ins and their bearers; written by store/sessions.
session = Table(
    "session",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False, index=True),
    Column("client", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("auth_time_us", BigInteger, nullable=False),
    Column("amr", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    Column("revoked_why", Text),
)

refresh = Table(
    "refresh",
    MAIN,
    Column("digest", LargeBinary, primary_key=True),
    Column("session", Text, ForeignKey("session.id"), nullable=False, index=True),
    Column("issued_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_us", BigInteger),
    Column("replaced_by", LargeBinary),
)

# Client apps; written by store/clients.
client = Table(
    "client",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("secret_digest", LargeBinary),
    Column("secret_hash", Text),
    Column("recipient", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("disabled_us", BigInteger),
)

# People as numbers; written by store/people.
person_identity = Table(
    "person_identity",
    MAIN,
    Column("lookup", LargeBinary(32), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("number", BigInteger, nullable=False, index=True),
    Column("sealed", LargeBinary),
    Column("created_us", BigInteger, nullable=False),
    # The log knows which number it has, so the number may be used.
    Column("entered", Boolean, nullable=False, server_default=false()),
)

person_merge = Table(
    "person_merge",
    MAIN,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("into_number", BigInteger, nullable=False, index=True),
    Column("merged_us", BigInteger, nullable=False),
)

person_sequence = Table(
    "person_sequence",
    MAIN,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("next_place", BigInteger, nullable=False),
)

# What people chose; written by store/choices, which only ever adds rows.
choice = Table(
    "choice",
    MAIN,
    Column("id", COUNTED, primary_key=True, autoincrement=True),
    Column("person", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state IN ('given', 'refused', 'withdrawn', 'objected')", name="state"),
        nullable=False,
    ),
    Column("at_us", BigInteger, nullable=False),
    Column("recorded_us", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    # Time and state are in the index so that a set is built from it without reading the table.
    Index("ix_choice_purpose_person", "purpose", "person", "at_us", "state"),
    sqlite_autoincrement=True,
)

# Caps on principals; written by store/holds.
hold = Table(
    "hold",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False, index=True),
    Column("category", Text, nullable=False),
    Column("rung", Text, nullable=False),
    Column("link", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("lifted_us", BigInteger),
)

# What budgets counted; written by store/budgets. The row of a key is the lock of all who count for it.
budget = Table(
    "budget",
    MAIN,
    Column("id", COUNTED, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("key_class", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("hour", BigInteger, nullable=False),
    Column("changes", BigInteger, nullable=False),
    UniqueConstraint("account", "key_class", "recipient"),
    sqlite_autoincrement=True,
)

budget_people = Table(
    "budget_people",
    MAIN,
    # Never given again: a process reads on behind the last row that it saw.
    Column("id", COUNTED, primary_key=True, autoincrement=True),
    Column("budget", BigInteger, ForeignKey("budget.id"), nullable=False),
    Column("hour", BigInteger, nullable=False, index=True),
    Column("people", LargeBinary, nullable=False),
    Index("ix_budget_people_budget_id", "budget", "id"),
    sqlite_autoincrement=True,
)

budget_rows = Table(
    "budget_rows",
    MAIN,
    Column("budget", BigInteger, ForeignKey("budget.id"), primary_key=True, autoincrement=False),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("rows", BigInteger, nullable=False),
)

budget_replayed = Table(
    "budget_replayed",
    MAIN,
    Column("call", Text, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("hour", BigInteger, nullable=False, index=True),
)

# Fields that stores send and no dataset declares; written by store/unseen.
unseen_field = Table(
    "unseen_field",
    MAIN,
    Column("dataset", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("first_us", BigInteger, nullable=False),
)

# One wrapped key for each person; written by store/people.
person_key = Table(
    "person_key",
    KEYS,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

# Grants that callers ask for; written by store/grant_requests.
grant_request = Table(
    "grant_request",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False, index=True),
    Column("asked", Text, nullable=False),
    Column("covers", Text, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("state", Text, CheckConstraint("state IN ('open', 'approved', 'refused')", name="state"), nullable=False),
    Column("decided_us", BigInteger),
    Column("because", Text),
    Column("role", Text),
    Column("granted_until_us", BigInteger),
)

# Lists of incidents that somebody said be opened; written by store/incident_lists.
incident_list = Table(
    "incident_list",
    MAIN,
    Column("id", Text, primary_key=True),
    # Whose word waits for somebody else's; nobody's where the last two were spent on an opening.
    Column("account", Text),
    Column("said_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
)

# Which token a store holds in the place of a value; written by store/vault.
vault_token = Table(
    "vault_token",
    MAIN,
    # Of the value, under a key of the join domain.
    Column("lookup", LargeBinary(32), primary_key=True),
    Column("domain", Text, nullable=False),
    Column("token", LargeBinary(16), nullable=False),
    sqlite_with_rowid=False,
)

# The value of a token, sealed once for each person whose it is; written by store/vault, and by a merge of people.
vault_value = Table(
    "vault_value",
    MAIN,
    Column("token", LargeBinary(16), primary_key=True),
    # -1 for nobody who is known yet; sealed under the person's own key, or the key of the join domain.
    Column("person", BigInteger, primary_key=True, autoincrement=False),
    Column("domain", Text, nullable=False),
    Column("lookup", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_vault_value_person", "person", sqlite_where=text("person >= 0"), postgresql_where=text("person >= 0")),
    sqlite_with_rowid=False,
)

# Whom nobody may bring back: keyed digests of what a person was known by, of one person under one id that stands for
# nobody. Of a tombstone that was lifted the id alone stays. Written by store/tombstones.
tombstone = Table(
    "tombstone",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("set_us", BigInteger, nullable=False),
    Column("lifted_us", BigInteger),
)

tombstone_digest = Table(
    "tombstone_digest",
    MAIN,
    Column("digest", Text, primary_key=True),
    Column("tombstone", Text, ForeignKey("tombstone.id"), primary_key=True, index=True),
)

# Reveals that wait for a second person's word; written by store/approvals.
reveal_approval = Table(
    "reveal_approval",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.id"), nullable=False, index=True),
    Column("client", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("surrogates", Integer, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state IN ('open', 'approved', 'refused', 'spent')", name="state"),
        nullable=False,
    ),
    Column("decided_by", Text),
    Column("decided_us", BigInteger),
    Column("spent_us", BigInteger),
)

# Mandates and who approved them; written by store/mandates.
mandate = Table(
    "mandate",
    MAIN,
    Column("id", Text, primary_key=True),
    Column("terms", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    Column("revoked_by", Text),
)

mandate_approval = Table(
    "mandate_approval",
    MAIN,
    Column("mandate", Text, ForeignKey("mandate.id"), primary_key=True),
    Column("account", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
)

# Messages whose keys were claimed, by the digest of the key; written by store/dispatches.
dispatched = Table(
    "dispatched",
    MAIN,
    Column("key", LargeBinary(32), primary_key=True),
    Column("call", Text, nullable=False, index=True),
    Column(
        "state",
        Text,
        CheckConstraint("state IN ('claimed', 'sent', 'failed', 'unknown')", name="state"),
        nullable=False,
    ),
    Column("at_us", BigInteger, nullable=False),
)
