# SPDX-License-Identifier: Apache-2.0
"""Tombstones: by which a person who was erased is known again, so that nobody brings them back.

RULES

1. Kept is HMAC-SHA256, cut to 128 bits, of what is enough to know somebody by: one strong identifier, or two others
   together. Of a phone alone nothing is kept, so a phone alone finds nobody, and two who share one share no digest.
2. A tombstone has an id of its own that stands for nobody; no number of a person stands in its tables.
3. The first version of ``tombstones`` is used for the life of an installation: under another key nobody would be known.
4. A tombstone that is lifted loses its digests; its id stays, so that a replay does not set it again.
5. However many records are looked up, it is one statement.
"""

import asyncio
import hmac
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import cast, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.identifier import Enough, Identifier, combined
from gateway.store.engine import Store
from gateway.store.people import UNICODE
from gateway.store.people_ports import Keys
from gateway.store.schema import tombstone, tombstone_digest

LABEL = "tombstones"
DIGEST_BYTES = 16
MANY = 256
"""Records whose digests are made off the event loop; fewer cost less than the way to a thread."""


class Tombstones:
    """Owner of the tables; satisfies ``flows.access.ports.at_rest.Tombstones`` and what erasing asks for."""

    def __init__(self, store: Store, keys: Keys) -> None:
        """Make the key if there is none."""
        keys.ensure(LABEL)
        self._store, self._key = store, keys.version(LABEL, 1).secret
        self._is_any = False

    def digests(self, identifiers: Iterable[Identifier]) -> tuple[str, ...]:
        """Return the digests of everything that is enough to know a person by."""
        return tuple(self._digest(enough) for enough in combined(identifiers))

    async def any(self) -> bool:
        """Tell whether anybody may have been erased; once somebody was, nobody asks the database any more."""
        if not self._is_any:
            async with self._store.connect() as connection:
                found = await connection.execute(select(tombstone.c.id).limit(1))
                self._is_any = found.one_or_none() is not None
        return self._is_any

    async def matching(self, people: Sequence[Sequence[Identifier]]) -> list[tuple[str, ...]]:
        """Return for each of these people the tombstones that they are known by.

        Raises:
            StateUnavailable: The database does not answer.
        """
        off_loop = len(people) > MANY
        digests = await asyncio.to_thread(self._all, people) if off_loop else self._all(people)
        wanted = sorted({one for each in digests for one in each})
        found = await self._found(wanted) if wanted else {}
        return [tuple(sorted({id_ for one in each for id_ in found.get(one, ())})) for each in digests]

    async def closest(self, identifiers: Sequence[Identifier]) -> tuple[str, ...]:
        """Return those tombstones that somebody is known by in the most ways; others may be of who shares two values.

        Raises:
            StateUnavailable: The database does not answer.
        """
        found = await self._found(self.digests(identifiers))
        ways = Counter(id_ for ids in found.values() for id_ in ids)
        most = max(ways.values(), default=0)
        return tuple(sorted(id_ for id_, n in ways.items() if n == most))

    async def standing(self, id_: str) -> bool:
        """Tell whether a tombstone stands."""
        query = select(tombstone.c.id).where(tombstone.c.id == id_, tombstone.c.lifted_us.is_(None))
        async with self._store.connect() as connection:
            return (await connection.execute(query)).one_or_none() is not None

    async def set(self, id_: str, digests: Sequence[str], at_us: int) -> None:
        """Set a tombstone; to do so again changes nothing, also after it was lifted."""
        async with self._store.begin() as connection:
            await keep(connection, id_, digests, at_us)

    async def lift(self, ids: Iterable[str], at_us: int) -> int:
        """Lift tombstones, and return how many of them stood."""
        async with self._store.begin() as connection:
            n_lifted = await lift(connection, sorted(ids), at_us)
        await self._store.main.fold()
        return n_lifted

    def _all(self, people: Sequence[Sequence[Identifier]]) -> list[tuple[str, ...]]:
        return [self.digests(identifiers) for identifiers in people]

    def _digest(self, enough: Enough) -> str:
        words = [word.encode(*UNICODE) for one in enough for word in (one.form, one.value)]
        # Framed by length: no two lists of words spell the same.
        framed = b"".join(len(word).to_bytes(4, "big") + word for word in words)
        return hmac.digest(self._key, framed, "sha256")[:DIGEST_BYTES].hex()

    async def _found(self, digests: Sequence[str]) -> dict[str, list[str]]:
        of, found = tombstone_digest.c, dict[str, list[str]]()
        async with self._store.connect() as connection:
            rows = await connection.execute(select(of.digest, of.tombstone).where(of.digest.in_(self._listed(digests))))
            for digest, id_ in rows:
                found.setdefault(digest, []).append(id_)
        return found

    def _listed(self, digests: Sequence[str]) -> Any:
        """Return digests as a subquery of one parameter."""
        text = literal(msgspec.json.encode(digests).decode())
        if self._store.is_sqlite:
            return select(func.json_each(text).table_valued("value").c.value)
        return select(func.jsonb_array_elements_text(cast(text, JSONB)).column_valued("listed"))


async def keep(connection: AsyncConnection, id_: str, digests: Sequence[str], at_us: int) -> bool:
    """Set a tombstone inside a transaction; tell whether it is new."""
    known = select(tombstone.c.id).where(tombstone.c.id == id_)
    if (await connection.execute(known)).one_or_none() is not None:
        return False
    await connection.execute(insert(tombstone).values(id=id_, set_us=at_us, lifted_us=None))
    if digests:
        rows = [{"digest": one, "tombstone": id_} for one in dict.fromkeys(digests)]
        await connection.execute(insert(tombstone_digest), rows)
    return True


async def lift(connection: AsyncConnection, ids: Sequence[str], at_us: int) -> int:
    """Lift tombstones inside a transaction; return how many of them stood."""
    of = tombstone.c
    lifted = await connection.execute(
        update(tombstone).where(of.id.in_(ids), of.lifted_us.is_(None)).values(lifted_us=at_us)
    )
    await connection.execute(delete(tombstone_digest).where(tombstone_digest.c.tombstone.in_(ids)))
    return lifted.rowcount
