# SPDX-License-Identifier: Apache-2.0
"""Tables of the sample store, and how its SQLite file is made.

Money is kept in whole cents, so it sorts and compares exactly. Every table has a column ``json`` that
SQLite computes from the others whenever a row is written: reading a page is then reading texts, which is
five times as fast as making objects of the columns. A file appears under its name only when
it is whole: it is written beside it and renamed.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from gateway.demo.activity import Contact, Order
from gateway.demo.campaign import Campaign
from gateway.demo.people import Customer

BATCH = 1_000
"""Customers written, and told to ``progress``, at once."""


class Kind(StrEnum):
    """What a column holds; ``cents`` are whole cents here and a number with two digits outside."""

    TEXT = "text"
    INTEGER = "integer"
    CENTS = "cents"


SQL_TYPES = {Kind.TEXT: "TEXT", Kind.INTEGER: "INTEGER", Kind.CENTS: "INTEGER"}


class Column(msgspec.Struct, frozen=True):
    """One column; every column can be filtered and sorted by."""

    name: str
    kind: Kind = Kind.TEXT

    @property
    def quoted(self) -> str:
        """The name as SQL takes it; ``default`` is a word of SQL's own."""
        return f'"{self.name}"'

    @property
    def as_json(self) -> str:
        """The SQL expression that ``json_object`` takes for the column; of cents it keeps both digits."""
        return f"json(printf('%.2f', {self.quoted} / 100.0))" if self.kind is Kind.CENTS else self.quoted


class Bound(msgspec.Struct, frozen=True):
    """A parameter that compares a column by another sign than equality."""

    column: Column
    sign: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table.

    Attributes:
        bounds: Parameters beside those named as columns.
        lists: Parameters that take values joined by commas, of which the column has one.
        indexed: Columns with an index beside ``id``.
    """

    name: str
    columns: tuple[Column, ...]
    bounds: tuple[tuple[str, Bound], ...] = ()
    lists: tuple[tuple[str, Column], ...] = ()
    indexed: tuple[str, ...]


def _columns(texts: str, integers: str = "", cents: str = "") -> tuple[Column, ...]:
    kinds = dict.fromkeys(integers.split(), Kind.INTEGER) | dict.fromkeys(cents.split(), Kind.CENTS)
    return tuple(Column(name, kinds.get(name, Kind.TEXT)) for name in texts.split())


PERSON = "id name email phone national_id birth_date address city state country religion health_note notes"
CUSTOMERS = Table(
    name="customers",
    columns=_columns(
        f"{PERSON} {' '.join(Campaign.__struct_fields__)}", integers="age balance day duration campaign pdays previous"
    ),
    bounds=(
        ("birth_date_from", Bound(Column("birth_date"), ">=")),
        ("birth_date_to", Bound(Column("birth_date"), "<=")),
        ("balance_min", Bound(Column("balance", Kind.INTEGER), ">=")),
    ),
    lists=(("ids", Column("id")), ("emails", Column("email"))),
    indexed=("name", "email", "phone", "birth_date", "country", "religion", "job", "age", "balance"),
)
CONTACTS = Table(
    name="contacts",
    columns=_columns(f"{' '.join(Contact.__struct_fields__)} device_id typing_ms", integers="duration_s typing_ms"),
    indexed=("customer_id", "contacted_at"),
)
ORDERS = Table(
    name="orders",
    columns=_columns(" ".join(Order.__struct_fields__), integers="items", cents="total"),
    indexed=("customer_id", "placed_at", "total"),
)
TABLES = (CUSTOMERS, CONTACTS, ORDERS)

_person_of = attrgetter(*PERSON.split())


def make(path: Path, people: Iterable[Customer], *, progress: Callable[[int], None] | None = None) -> int:
    """Write the people to a new store file and return how many there are; an older file is replaced.

    Args:
        path: Where the file appears when all is written.
        people: Taken one by one, so a caller may look at each as it passes.
        progress: Told how many customers are written, after each batch.
    """
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(partial, isolation_level=None)) as database:
            n_written = _fill(database, iter(people), progress or (lambda _n: None))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return n_written


def _fill(database: sqlite3.Connection, people: Iterator[Customer], progress: Callable[[int], None]) -> int:
    # A file that is not whole is thrown away, so it needs no journal and no fsync on its way.
    database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
    for table in TABLES:
        database.execute(_create(table))
    database.execute("BEGIN")
    n_written = 0
    while batch := list(islice(people, BATCH)):
        _insert(database, batch)
        n_written += len(batch)
        progress(n_written)
    for table in TABLES:
        for column in table.indexed:
            database.execute(f"CREATE INDEX {table.name}_{column} ON {table.name} ({column})")
    database.execute("COMMIT")
    database.execute("ANALYZE")
    return n_written


def _insert(database: sqlite3.Connection, batch: list[Customer]) -> None:
    database.executemany(_into(CUSTOMERS), [_person_of(one) + msgspec.structs.astuple(one.campaign) for one in batch])
    database.executemany(
        _into(CONTACTS),
        [msgspec.structs.astuple(contact) + _answered(contact) for one in batch for contact in one.contacts],
    )
    database.executemany(_into(ORDERS), [_order_row(order) for one in batch for order in one.orders])


def _answered(contact: Contact) -> tuple[str | None, int | None]:
    """Return by which device of the customer a contact was answered, and how fast they type; mail is read on another."""
    if contact.channel == "telephone":
        return None, None
    which = "desk" if contact.channel == "email" else "hand"
    digits = blake2b(f"{contact.customer_id} {which}".encode(), digest_size=8).digest()
    return f"dev-{digits.hex()}", 60 + digits[0]


def _order_row(order: Order) -> tuple[Any, ...]:
    return tuple(
        int(value.scaleb(2)) if isinstance(value, Decimal) else value for value in msgspec.structs.astuple(order)
    )


def _create(table: Table) -> str:
    columns = ", ".join(f"{column.quoted} {SQL_TYPES[column.kind]}" for column in table.columns)
    json = ", ".join(f"'{column.name}', {column.as_json}" for column in table.columns)
    return f"CREATE TABLE {table.name} ({columns}, json TEXT AS (json_object({json})) STORED, PRIMARY KEY (id))"


def _into(table: Table) -> str:
    return f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608 - names of ours
