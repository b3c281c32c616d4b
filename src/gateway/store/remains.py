# SPDX-License-Identifier: Apache-2.0
"""What of a person can still be opened: in the bases as they are, and in copies of them.

A key of the person that can be unwrapped is one thing that remains; an identity or a copy of the vault that such a key
opens is another. Keys are tried wherever they were found, so a key of one copy and a value of another meet. Values are
opened to see that they can be, and kept nowhere.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Table, select

from gateway.domain.errors import KeyUnavailable
from gateway.store.engine import Base, Store
from gateway.store.people import WRAP_LABEL
from gateway.store.people_ports import Envelope, Keys
from gateway.store.postgres import pages_of
from gateway.store.schema import KEYS_SCHEMA, person_identity, person_key, vault_value
from gateway.store.sealed_rows import VERSION_BYTES
from gateway.store.vault_tables import bound

LIVE = "live"
KEY_BYTES = 32

Row = Mapping[str, Any]
Frames = Iterable[tuple[str, list[str], list[list[Any]]]]
"""Table, columns and rows, as ``backup.frames`` yields them."""


class Remain(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something that can still be opened.

    Attributes:
        where: ``live``, or the name under which a copy was given.
        what: ``key``, ``identity``, ``vault copy``; ``entry`` for an identity that nothing opens and that the live
            base still finds the person by; or ``deleted key`` for one that lies in a file of the database still.
    """

    where: str
    what: str
    n: int


class Remains:
    """Looks for what remains of some people."""

    def __init__(self, keys: Keys, envelope: Envelope, people: AbstractSet[int]) -> None:
        """Begin with nothing found.

        Args:
            people: Every number of the person.
        """
        self._keys, self._envelope, self._people = keys, envelope, people
        self._found: dict[str, dict[str, list[Row]]] = {}
        self._behind: dict[str, list[bytes]] = {}

    async def look(self, store: Store) -> None:
        """Take in the bases as they are."""
        of_people = ((store.main, person_identity, "number"), (store.main, vault_value, "person"))
        for base, table, column in (*of_people, (store.keys, person_key, "number")):
            rows = await self._rows(base, table, column)
            self._found.setdefault(LIVE, {})[table.name] = rows

    def look_into(self, where: str, frames: Frames) -> None:
        """Take in a copy of a base."""
        columns = {person_identity.name: "number", person_key.name: "number", vault_value.name: "person"}
        held = self._found.setdefault(where, {})
        for table, names, rows in frames:
            if table in columns:
                found = (dict(zip(names, row, strict=True)) for row in rows)
                held.setdefault(table, []).extend(row for row in found if row[columns[table]] in self._people)

    async def look_behind(self, keys: Base) -> str | None:
        """Take in wrapped keys that were deleted and are still in the files of the base of keys.

        The file of SQLite itself is not opened here, which would take the locks from the connections of this process;
        it overwrites what it frees, so what is left is in its WAL.

        Returns:
            What could not be looked into; nothing if all was.
        """
        if keys.file is not None:
            wal = keys.file.with_name(f"{keys.file.name}-wal")
            pieces = [await asyncio.to_thread(wal.read_bytes)] if wal.exists() else []
            self._behind[wal.name] = pieces
            return None
        async with keys.begin() as connection:
            found = await pages_of(connection, f"{KEYS_SCHEMA}.{person_key.name}")
        if found is None:
            return "files of the database server, which the gateway's user may not read"
        self._behind[f"file of {person_key.name}"] = found
        return "the write-ahead log of the database server, its archives and replicas"

    async def told(self) -> tuple[Remain, ...]:
        """Return what remains, of everything that was taken in."""
        return await asyncio.to_thread(self._told)

    async def _rows(self, base: Base, table: Table, column: str) -> list[Row]:
        async with base.connect() as connection:
            found = await connection.execute(select(table).where(table.c[column].in_(sorted(self._people))))
            return [dict(row) for row in found.mappings()]

    def _told(self) -> tuple[Remain, ...]:
        counted: Counter[tuple[str, str]] = Counter()
        keys: dict[int, list[bytes]] = {}
        for where, tables in self._found.items():
            for row in tables.get(person_key.name, ()):
                secret = self._unwrapped(row)
                if secret is not None:
                    keys.setdefault(row["number"], []).append(secret)
                    counted[where, "key"] += 1
        for where, tables in self._found.items():
            for row in tables.get(person_identity.name, ()):
                own = row["kind"].encode() + b"\x00" + row["lookup"]
                opens = row["sealed"] is not None and self._opens(keys.get(row["number"], ()), row["sealed"], own)
                counted[where, "identity" if opens else "entry"] += opens or where == LIVE
            for row in tables.get(vault_value.name, ()):
                own = bound(row["domain"], row["token"])
                counted[where, "vault copy"] += self._opens(keys.get(row["person"], ()), row["sealed"], own)
        there = {row["wrapped"] for row in self._found.get(LIVE, {}).get(person_key.name, ())}
        for where, pieces in self._behind.items():
            counted[where, "deleted key"] = len(self._wrapped_in(pieces) - there)
        return tuple(sorted(Remain(where=where, what=what, n=n) for (where, what), n in counted.items() if n))

    def _wrapped_in(self, pieces: Sequence[bytes]) -> set[bytes]:
        """Return the wrapped keys of the person that lie somewhere among bytes."""
        own = self._envelope.seal(bytes(KEY_BYTES), bytes(KEY_BYTES))
        n_bytes = VERSION_BYTES + len(own)
        # A version below 256 as ``Keyring.seal`` writes it, and the format; one may begin inside of what looks like one.
        begins = re.compile(rb"(?=(\x00{3}[^\x00]" + re.escape(own[:1]) + rb"))", re.DOTALL)
        unwrap, found = self._keys.opener(WRAP_LABEL), set[bytes]()
        for piece in pieces:
            for begin in begins.finditer(piece):
                one = piece[begin.start() : begin.start() + n_bytes]
                opened = (_or_none(partial(unwrap, one, person.to_bytes(4, "big"))) for person in self._people)
                if one not in found and any(secret is not None for secret in opened):
                    found.add(one)
        return found

    def _unwrapped(self, row: Row) -> bytes | None:
        number: int = row["number"]
        return _or_none(lambda: self._keys.open(WRAP_LABEL, row["wrapped"], number.to_bytes(4, "big")))

    def _opens(self, keys: Sequence[bytes], sealed: bytes, own: bytes) -> bool:
        opened = (_or_none(partial(self._envelope.open_sealed, key, sealed, own)) for key in keys)
        return any(one is not None for one in opened)


def _or_none(make: Callable[[], bytes]) -> bytes | None:
    try:
        return make()
    except KeyUnavailable:
        return None
