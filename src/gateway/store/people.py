# SPDX-License-Identifier: Apache-2.0
"""People as numbers: which number an identity of a store has, and whom a number stands for.

Rules:

- An identity is found by its lookup, HMAC-SHA256 of kind and value under ``people/lookup``. The value
  itself is kept sealed under a random key of the person, which is kept wrapped in the base ``keys``.
- New people get the next places of the sequence, whose row is the lock of all who make people; places
  become numbers by a keyed shuffle. Numbers are committed before they are returned, and never again given.
- The key is committed before the identity that needs it, and deleted before the identity it sealed. A
  crash in between leaves a key that nothing uses, or an identity that nobody can read.
- Memory holds numbers by lookup, never a value. Merging and shredding announce the topic ``people``.

The first version of ``people/lookup`` is used for the life of an installation: under another key every
known person would be a stranger.
"""

import asyncio
import hmac
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import GatewayError, KeyUnavailable
from gateway.domain.names import IdentityKind, PersonNumber
from gateway.domain.people import Identity, shuffled
from gateway.store.choices import carry_over
from gateway.store.chunks import chunks
from gateway.store.engine import Store
from gateway.store.schema import person_identity, person_key, person_merge, person_sequence
from gateway.store.versions import Topic, bump

LOOKUP_LABEL = "people/lookup"
WRAP_LABEL = "people/wrap"
MOST_PEOPLE = 1 << 32
CACHED = 1_000_000  # lookups in memory, about 150 MB when full


class VersionedKey(Protocol):
    """A key with its bytes."""

    @property
    def secret(self) -> bytes:
        """Return the 32 bytes."""


class Keys(Protocol):
    """The keyring, as this room needs it."""

    def ensure(self, label: str) -> VersionedKey:
        """Return the active version of a label, made if the label is new."""

    def version(self, label: str, version: int) -> VersionedKey:
        """Return one version of a label."""

    def seal(self, label: str, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext sealed under the label's active key."""

    def open(self, label: str, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext again, or raise ``KeyUnavailable``."""


class Envelope(Protocol):
    """Sealing under a key in hand; ``gateway.keys.envelope`` is one."""

    def new_key(self) -> bytes:
        """Return 32 random bytes."""

    def seal(self, key: bytes, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext sealed."""

    def open_sealed(self, key: bytes, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext again, or raise ``KeyUnavailable``."""

    def derive(self, key: bytes, info: bytes) -> bytes:
        """Return 32 bytes for one use of the key."""


class People:
    """Owner of the tables of people and of the numbers in memory."""

    def __init__(self, store: Store, keys: Keys, envelope: Envelope, clock: Callable[[], int]) -> None:
        keys.ensure(LOOKUP_LABEL)
        keys.ensure(WRAP_LABEL)
        self._store = store
        self._keys = keys
        self._envelope = envelope
        self._clock = clock
        self._lookup_key = keys.version(LOOKUP_LABEL, 1).secret
        self._shuffle_key = envelope.derive(self._lookup_key, b"people/shuffle")
        # Oldest first; swapped when people were merged or shredded, so that a slow reader of the
        # time before puts its finds into a dictionary that nobody looks into any more.
        self._known: dict[bytes, PersonNumber] = {}

    async def numbers(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber]:
        """Return the number of each identity, in order; new ones are committed before the return.

        Raises:
            StateUnavailable: The database does not answer; nothing was given away.
        """
        known, lookups = self._known, self._lookups(kind, values)
        try:
            return [known[lookup] for lookup in lookups]
        except KeyError:
            pass
        missing = {lookup: value for lookup, value in zip(lookups, values, strict=True) if lookup not in known}
        async with self._store.connect() as connection:
            found = await _read(connection, list(missing))
        if new := {lookup: value for lookup, value in missing.items() if lookup not in found}:
            found |= await self._create(kind, new)
        answer = [known[lookup] if lookup in known else found[lookup] for lookup in lookups]
        _keep(known, found)
        return answer

    async def orphan_numbers(self, n: int) -> list[PersonNumber]:
        """Return new numbers that no identity has, for rows whose person cannot be read."""
        if n == 0:
            return []
        async with self._store.begin() as connection:
            return await self._take(connection, n)

    async def find(self, kind: IdentityKind, value: str) -> PersonNumber | None:
        """Return the number of an identity if it has one."""
        [lookup] = self._lookups(kind, (value,))
        async with self._store.connect() as connection:
            return (await _read(connection, [lookup])).get(lookup)

    async def identities(self, number: PersonNumber) -> list[Identity]:
        """Return every identity of a person, oldest first; none for an orphan or a shredded person."""
        async with self._store.connect() as connection:
            rows = await _sealed(connection, number)
        async with self._store.keys.connect() as connection:
            key = await self._person_key(connection, number)
        if key is None:
            return []
        return [Identity(IdentityKind(row.kind), self._opened(key, row).decode(*UNICODE)) for row in rows]

    async def numbers_of(self, number: PersonNumber) -> tuple[PersonNumber, ...]:
        """Return the number and every number that was merged into it: all that the log may hold of a person."""
        query = select(person_merge.c.number).where(person_merge.c.into_number == number).order_by("number")
        async with self._store.connect() as connection:
            return (number, *(PersonNumber(merged) for merged in (await connection.execute(query)).scalars()))

    async def merge(self, source: PersonNumber, target: PersonNumber) -> None:
        """Let every identity and choice of one number be those of another; the first is then an orphan.

        Raises:
            KeyUnavailable: One of them is no person with an identity (any more).
            ValueError: They are the same.
        """
        if source == target:
            raise ValueError("a person cannot be merged into itself")
        now_us = self._clock()
        async with self._store.begin() as connection:
            await bump(connection, Topic.PEOPLE)
            async with self._store.keys.connect() as keys:
                old, new = await self._person_key(keys, source), await self._person_key(keys, target)
            if old is None or new is None:
                raise KeyUnavailable("only people with identities can be merged")
            for row in await _sealed(connection, source):
                sealed = self._envelope.seal(new, self._opened(old, row), _bound(row.kind, row.lookup))
                of_row = update(person_identity).where(person_identity.c.lookup == row.lookup)
                await connection.execute(of_row.values(number=target, sealed=sealed))
            await _note_merge(connection, source, target, now_us)
            await carry_over(connection, source, target, now_us)
        await self._forget_key(source)
        self.forget()

    async def shred(self, number: PersonNumber) -> None:
        """Delete the person's key, then the identities; the number stays, and stands for nobody."""
        async with self._store.begin() as connection:
            await bump(connection, Topic.PEOPLE)
            await self._forget_key(number)
            await connection.execute(delete(person_identity).where(person_identity.c.number == number))
        await self._store.main.fold()
        self.forget()

    def forget(self) -> None:
        """Drop the numbers in memory, as after word that people were merged or shredded elsewhere."""
        self._known = {}

    def _lookups(self, kind: IdentityKind, values: Iterable[str]) -> list[bytes]:
        key, prefix, digest = self._lookup_key, kind.encode() + b"\x00", hmac.digest
        return [digest(key, prefix + spelled(value).encode(*UNICODE), "sha256") for value in values]

    async def _create(self, kind: IdentityKind, values: Mapping[bytes, str]) -> dict[bytes, PersonNumber]:
        """Commit numbers for identities that had none a moment ago; whoever came first keeps theirs."""
        async with self._store.begin() as connection:
            await _lock(connection)
            found = await _read(connection, list(values))
            new = {lookup: value for lookup, value in values.items() if lookup not in found}
            if not new:
                return found
            numbers = dict(zip(new, await self._take(connection, len(new)), strict=True))
            identities, keys = await asyncio.to_thread(self._rows, kind, new, numbers)
            await self._write_keys(keys)
            await connection.execute(insert(person_identity), identities)
        return found | numbers

    async def _take(self, connection: AsyncConnection, n: int) -> list[PersonNumber]:
        """Take the next places of the sequence and return their numbers."""
        first = await _lock(connection)
        if first + n > MOST_PEOPLE:
            raise GatewayError("the numbers for people are used up")
        await connection.execute(update(person_sequence).values(next_place=first + n))
        return await asyncio.to_thread(self._shuffled, first, n)

    def _shuffled(self, first: int, n: int) -> list[PersonNumber]:
        """Return the numbers of ``n`` places; some 15 µs each, so not on the event loop."""
        return [shuffled(place, self._shuffle_key) for place in range(first, first + n)]

    def _rows(
        self, kind: IdentityKind, values: Mapping[bytes, str], numbers: Mapping[bytes, PersonNumber]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the rows of new identities and of the keys that seal them; some 30 µs a person."""
        now_us, seal = self._clock(), self._envelope.seal
        identities, keys = [], []
        for lookup, value in values.items():
            secret, number = self._envelope.new_key(), numbers[lookup]
            sealed = seal(secret, value.encode(*UNICODE), _bound(kind, lookup))
            wrapped = self._keys.seal(WRAP_LABEL, secret, _number_bytes(number))
            identities.append(
                {"lookup": lookup, "kind": kind, "number": number, "sealed": sealed, "created_us": now_us}
            )
            keys.append({"number": number, "wrapped": wrapped, "created_us": now_us})
        return identities, keys

    async def _write_keys(self, rows: Sequence[dict[str, Any]]) -> None:
        """Commit the keys of numbers that are ours alone while the sequence is locked."""
        async with self._store.keys.begin() as connection:
            # What a crash left behind: a key whose number was never committed.
            for some in chunks([row["number"] for row in rows]):
                await connection.execute(delete(person_key).where(person_key.c.number.in_(some)))
            await connection.execute(insert(person_key), rows)

    async def _forget_key(self, number: PersonNumber) -> None:
        async with self._store.keys.begin() as connection:
            await connection.execute(delete(person_key).where(person_key.c.number == number))
        await self._store.keys.fold()

    async def _person_key(self, connection: AsyncConnection, number: PersonNumber) -> bytes | None:
        query = select(person_key.c.wrapped).where(person_key.c.number == number)
        wrapped = (await connection.execute(query)).scalar_one_or_none()
        return None if wrapped is None else self._keys.open(WRAP_LABEL, wrapped, _number_bytes(number))

    def _opened(self, key: bytes, row: Any) -> bytes:
        return self._envelope.open_sealed(key, row.sealed, _bound(row.kind, row.lookup))


UNICODE = ("utf-8", "surrogatepass")
"""How values become bytes: a store may send halves of surrogate pairs, and an error would quote them."""


def spelled(value: str) -> str:
    """Return the one spelling of an identity: NFC, without white space around it or runs of it inside.

    Letter case counts: stores tell ids of different case apart.
    """
    if value.isascii() and value.isalnum():
        return value
    return " ".join(unicodedata.normalize("NFC", value).split())


def _keep(known: dict[bytes, PersonNumber], found: Mapping[bytes, PersonNumber]) -> None:
    """Remember what was found; the oldest tenth makes room when memory is full."""
    known.update(found)
    if len(known) > CACHED:
        for lookup in list(known)[: len(known) - CACHED + CACHED // 10]:
            del known[lookup]


def _bound(kind: str, lookup: bytes) -> bytes:
    """Bind a sealed value to its row, so that values cannot be moved between rows unseen."""
    return kind.encode() + b"\x00" + lookup


def _number_bytes(number: PersonNumber) -> bytes:
    return number.to_bytes(4, "big")


async def _lock(connection: AsyncConnection) -> int:
    """Return the next place, which nobody else takes before the transaction ends."""
    query = select(person_sequence.c.next_place).with_for_update()
    return int((await connection.execute(query)).scalar_one())


async def _read(connection: AsyncConnection, lookups: Sequence[bytes]) -> dict[bytes, PersonNumber]:
    found: dict[bytes, PersonNumber] = {}
    columns = (person_identity.c.lookup, person_identity.c.number)
    for some in chunks(lookups):
        rows = await connection.execute(select(*columns).where(person_identity.c.lookup.in_(some)))
        found.update((lookup, PersonNumber(number)) for lookup, number in rows)
    return found


async def _sealed(connection: AsyncConnection, number: PersonNumber) -> Sequence[Any]:
    query = select(person_identity).where(person_identity.c.number == number, person_identity.c.sealed.is_not(None))
    return (await connection.execute(query.order_by(person_identity.c.created_us, person_identity.c.lookup))).all()


async def _note_merge(connection: AsyncConnection, source: PersonNumber, target: PersonNumber, now_us: int) -> None:
    """Note where a number went, and take along those that had gone to it before."""
    went = or_(person_merge.c.into_number == source, person_merge.c.number == source)
    await connection.execute(update(person_merge).where(went).values(into_number=target))
    await connection.execute(insert(person_merge).values(number=source, into_number=target, merged_us=now_us))
