# SPDX-License-Identifier: Apache-2.0
"""Rows that are sealed under a label of the keyring: how many under which version, and sealed anew in small batches.

RULES

1. ``SEALED`` names every column that holds what ``Keyring.seal`` returned; a test holds it against the tables.
   What is under a person's own key is not in it: that key is, as a row of ``person_key``.
2. A row is opened and sealed outside of any transaction, and replaced only where it still holds what was read. So a
   row that was deleted stays deleted, and one that somebody wrote meanwhile stays as written.
3. How far a run is stands in the rows themselves: their first bytes name the version. A run that was broken
   off goes on by beginning again.
4. A row that cannot be opened is left as it is and counted.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import ColumnElement, Table, and_, bindparam, func, select, tuple_, update

from gateway.domain.errors import KeyUnavailable
from gateway.store.engine import Base, Store
from gateway.store.people import WRAP_LABEL
from gateway.store.schema import person_key, totp, vault_value
from gateway.store.vault_tables import NOBODY

VERSION_BYTES = 4
"""How many bytes of a sealed value name the version that sealed it."""

Place = tuple[Any, ...]
"""The primary key of a row."""


class Keys(Protocol):
    """The keyring, as this room needs it."""

    def seal(self, label: str, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext sealed under the label's active key."""

    def open(self, label: str, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext again, or raise ``KeyUnavailable``."""


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A column of sealed values.

    Attributes:
        label: Of the keys, or what it begins with where each ``domain`` has its own.
        base: ``main`` or ``keys``.
        bound: Returns of a row's primary key what its value is bound to.
        where: Which rows; all if it is not given.
        domain: Column that the label ends with.
    """

    label: str
    base: str
    table: Table
    column: str
    bound: Callable[[Place], bytes]
    where: Callable[[], ColumnElement[bool]] | None = None
    domain: str | None = None


SEALED: tuple[Sealed, ...] = (
    Sealed(
        label=WRAP_LABEL,
        base="keys",
        table=person_key,
        column="wrapped",
        bound=lambda at: int(at[0]).to_bytes(4, "big"),
    ),
    Sealed(label="totp", base="main", table=totp, column="sealed", bound=lambda at: str(at[0]).encode()),
    Sealed(
        label="vault/",
        base="main",
        table=vault_value,
        column="sealed",
        bound=lambda at: bytes(at[0]),
        where=lambda: vault_value.c.person == NOBODY,
        domain="domain",
    ),
)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one batch.

    Attributes:
        n_done: Rows that are sealed anew.
        n_unreadable: Rows that cannot be opened.
        after: The last row that was looked at; ``None`` when there is none left.
    """

    n_done: int = 0
    n_unreadable: int = 0
    after: Place | None = None


class SealedRows:
    """The rows of one label."""

    def __init__(self, store: Store, keys: Keys, column: Sealed, label: str) -> None:
        """Keep what it works with."""
        self._keys, self._column, self.label = keys, column, label
        self._base: Base = store.keys if column.base == "keys" else store.main
        self._sealed, self._key = column.table.c[column.column], tuple(column.table.primary_key.columns)

    async def by_version(self) -> dict[int, int]:
        """Return how many rows are under which version."""
        of = self._first_bytes()
        query = select(of, func.count()).select_from(self._column.table).where(self._mine()).group_by(of)
        async with self._base.connect() as connection:
            return {int.from_bytes(first, "big"): int(n) for first, n in await connection.execute(query)}

    async def rewrap(self, version: int, after: Place | None, most: int) -> Step:
        """Seal rows anew that are under another version than this one.

        Args:
            version: The one in force.
            after: The row behind which to go on; ``None`` to begin.
            most: Rows that are looked at, at most.

        Raises:
            StateUnavailable: The database does not answer; what was done is done.
        """
        other = and_(self._mine(), self._first_bytes() != version.to_bytes(VERSION_BYTES, "big"))
        query = select(*self._key, self._sealed).where(other).order_by(*self._key).limit(most)
        if after is not None:
            query = query.where(tuple_(*self._key) > tuple_(*(self._literal(after))))
        async with self._base.connect() as connection:
            rows = [(tuple(row[:-1]), bytes(row[-1])) for row in await connection.execute(query)]
        if not rows:
            return Step()
        anew = await asyncio.to_thread(self._anew, rows)
        n_done = await self._replaced(anew) if anew else 0
        last = rows[-1][0] if len(rows) == most else None
        return Step(n_done=n_done, n_unreadable=len(rows) - len(anew), after=last)

    def _anew(self, rows: Sequence[tuple[Place, bytes]]) -> list[tuple[Place, bytes, bytes]]:
        """Return each row with what it held and what it is to hold; some 60 µs a row."""
        made = []
        for place, sealed in rows:
            bound = self._column.bound(place)
            try:
                made.append(
                    (place, sealed, self._keys.seal(self.label, self._keys.open(self.label, sealed, bound), bound))
                )
            except KeyUnavailable:
                continue
        return made

    async def _replaced(self, anew: Sequence[tuple[Place, bytes, bytes]]) -> int:
        same = [column == bindparam(f"of_{n}", type_=column.type) for n, column in enumerate(self._key)]
        before = self._sealed == bindparam("before", type_=self._sealed.type)
        fresh = bindparam("fresh", type_=self._sealed.type)
        statement = update(self._column.table).where(*same, before).values({self._column.column: fresh})
        rows = [
            {**{f"of_{n}": part for n, part in enumerate(place)}, "before": held, "fresh": sealed}
            for place, held, sealed in anew
        ]
        async with self._base.begin() as connection:
            return int((await connection.execute(statement, rows)).rowcount)

    def _mine(self) -> ColumnElement[bool]:
        conditions: list[ColumnElement[bool]] = [self._sealed.is_not(None)]
        if self._column.where is not None:
            conditions.append(self._column.where())
        if self._column.domain is not None:
            name = self.label.removeprefix(self._column.label)
            conditions.append(self._column.table.c[self._column.domain] == name)
        return and_(*conditions)

    def _first_bytes(self) -> ColumnElement[bytes]:
        return func.substr(self._sealed, 1, VERSION_BYTES, type_=self._sealed.type)

    def _literal(self, place: Place) -> list[Any]:
        return [bindparam(None, part, type_=column.type) for column, part in zip(self._key, place, strict=True)]


def rows_of(store: Store, keys: Keys, label: str) -> SealedRows | None:
    """Return the rows of a label; ``None`` where no row is sealed under it."""
    column = next((one for one in SEALED if _is_of(one, label)), None)
    return None if column is None else SealedRows(store, keys, column, label)


def _is_of(column: Sealed, label: str) -> bool:
    if column.domain is None:
        return label == column.label
    domain = label.removeprefix(column.label)
    return label.startswith(column.label) and bool(domain) and "/" not in domain
