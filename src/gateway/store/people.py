# SPDX-License-Identifier: Apache-2.0
"""People as numbers: which number an identity of a store has, and whom a number stands for.

Rules:

- An identity is found by its lookup, HMAC-SHA256 of kind and value under ``people/lookup``. The value
  itself is kept sealed under a random key of the person, which is kept wrapped in the base ``keys``.
- New people get the next places of the sequence, whose row is the lock of all who make people; places
  become numbers by a keyed shuffle. Numbers are committed before they are returned, and never again given.
- The key is committed before the identity that needs it, and deleted before the identity it sealed. A
  crash in between leaves a key that nothing uses, or an identity that nobody can read.
- A number is told to nobody before the log holds which lookup it has (``Announcer``); a row says whether
  it does, so that a crash in between is made good by whoever asks next.
- An identity that came back from the log has no sealed value; it is sealed again when it is seen again.
- Memory holds numbers by lookup, and those of the values met last by value, as of surrogates. Merging and
  shredding announce the topic ``people``.

The first version of ``people/lookup`` is used for the life of an installation: under another key every
known person would be a stranger.
"""

import asyncio
import hmac
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import GatewayError, KeyUnavailable
from gateway.domain.names import IdentityKind, PersonNumber
from gateway.domain.people import Identity, shuffled
from gateway.store import people_tables as tables
from gateway.store import vault_tables
from gateway.store.choices import carry_over
from gateway.store.chunks import chunks
from gateway.store.engine import Store
from gateway.store.people_ports import Announcer, Envelope, Keys
from gateway.store.schema import person_identity, person_key, person_merge, person_sequence
from gateway.store.vault_merging import carry_copies_over
from gateway.store.versions import Topic, bump

LOOKUP_LABEL = "people/lookup"
WRAP_LABEL = "people/wrap"
MOST_PEOPLE = 1 << 32
ENTERED_AT_ONCE = 16_384  # people an entry: some 800 kB a line
CACHED = 1_000_000  # lookups in memory, about 150 MB when full
MEMO = 16_384
"""Values of a kind whose numbers are remembered; at 16,384 they are forgotten. A look-up costs 1.3 µs, a memory 0.03."""


class People:
    """Owner of the tables of people and of the numbers in memory."""

    def __init__(
        self,
        store: Store,
        keys: Keys,
        envelope: Envelope,
        clock: Callable[[], int],
        announce: Announcer | None = None,
    ) -> None:
        keys.ensure(LOOKUP_LABEL)
        keys.ensure(WRAP_LABEL)
        self._store, self._keys, self._envelope = store, keys, envelope
        self._clock, self._announce = clock, announce
        self._lookup_key = keys.version(LOOKUP_LABEL, 1).secret
        self._shuffle_key = envelope.derive(self._lookup_key, b"people/shuffle")
        # Oldest first; both are swapped when people were merged or shredded, so that a slow reader of the
        # time before puts its finds into a dictionary that nobody looks into any more.
        self._known: dict[bytes, PersonNumber] = {}
        self._met: dict[IdentityKind, dict[str, PersonNumber]] = {}

    async def numbers(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber]:
        """Return the number of each identity, in order; new ones are committed before the return.

        Raises:
            StateUnavailable: The database does not answer; nothing was given away.
        """
        met = self._met.setdefault(kind, {})
        try:
            return list(map(met.__getitem__, values))
        except KeyError:
            pass
        numbers = await self._looked_up(kind, values)
        if len(met) > MEMO:
            met.clear()
        met.update(zip(values, numbers, strict=True))
        return numbers

    async def _looked_up(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber]:
        """Return the number of each identity by its lookup, from memory or from the table."""
        known, lookups = self._known, self._lookups(kind, values)
        missing = {lookup: value for lookup, value in zip(lookups, values, strict=True) if lookup not in known}
        if not missing:
            return [known[lookup] for lookup in lookups]
        async with self._store.connect() as connection:
            rows = await tables.read(connection, list(missing))
        if new := {lookup: value for lookup, value in missing.items() if lookup not in rows}:
            rows |= await self._create(kind, new)
        if bare := {lookup: value for lookup, value in missing.items() if not rows[lookup].is_sealed}:
            await self._seal_again(kind, bare, rows)
        await self._enter(kind, rows)
        found = {lookup: row.number for lookup, row in rows.items()}
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
        return (await self.find_each(kind, (value,)))[0]

    async def find_each(self, kind: IdentityKind, values: Sequence[str]) -> list[PersonNumber | None]:
        """Return for each identity its number if it has one; nobody gets one by being asked for."""
        lookups = self._lookups(kind, values)
        async with self._store.connect() as connection:
            rows = await tables.read(connection, lookups)
        await self._enter(kind, rows)
        return [rows[lookup].number if lookup in rows else None for lookup in lookups]

    async def known_still(self, numbers: Sequence[PersonNumber]) -> frozenset[PersonNumber]:
        """Return which numbers stand for somebody now: not who was erased, nor what was merged into another."""
        found = set[PersonNumber]()
        async with self._store.connect() as connection:
            for some in chunks(sorted(set(numbers))):
                query = select(person_identity.c.number).where(person_identity.c.number.in_(some))
                found |= set(map(PersonNumber, (await connection.execute(query)).scalars()))
        return frozenset(found)

    async def identities(self, number: PersonNumber) -> list[Identity]:
        """Return every identity of a person, oldest first; none for an orphan or a shredded person."""
        async with self._store.connect() as connection:
            rows = await tables.sealed(connection, number)
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
            await vault_tables.keep_out_adders(connection)
            async with self._store.keys.connect() as keys:
                old, new = await self._person_key(keys, source), await self._person_key(keys, target)
            if old is None or new is None:
                raise KeyUnavailable("only people with identities can be merged")
            for row in await tables.sealed(connection, source):
                sealed = self._envelope.seal(new, self._opened(old, row), _bound(row.kind, row.lookup))
                of_row = update(person_identity).where(person_identity.c.lookup == row.lookup)
                await connection.execute(of_row.values(number=target, sealed=sealed))
            await carry_copies_over(connection, self._envelope, (source, old), (target, new))
            await tables.note_merge(connection, source, target, now_us)
            await carry_over(connection, source, target, now_us)
        await self._forget_key(source)
        self.forget()

    async def shred(self, number: PersonNumber) -> None:
        """Delete the person's key, then identities and copies of the vault; the number stays, and stands for nobody."""
        async with self._store.begin() as connection:
            await bump(connection, Topic.PEOPLE)
            await vault_tables.keep_out_adders(connection)
            await self._forget_key(number)
            # Copies that were sealed before the key went; nobody seals any more.
            await vault_tables.forget(connection, number)
            await connection.execute(delete(person_identity).where(person_identity.c.number == number))
        await self._store.main.fold()
        self.forget()

    def forget(self) -> None:
        """Drop the numbers in memory, as after word that people were merged or shredded elsewhere."""
        self._known = {}
        self._met = {}

    def _lookups(self, kind: IdentityKind, values: Iterable[str]) -> list[bytes]:
        before = kind.encode() + b"\x00"
        return [hmac.digest(self._lookup_key, before + spelled(value).encode(*UNICODE), "sha256") for value in values]

    async def _create(self, kind: IdentityKind, values: Mapping[bytes, str]) -> dict[bytes, tables.Row]:
        """Commit numbers for identities that had none a moment ago; whoever came first keeps theirs."""
        async with self._store.begin() as connection:
            await tables.locked_place(connection)
            found = await tables.read(connection, list(values))
            new = {lookup: value for lookup, value in values.items() if lookup not in found}
            if not new:
                return found
            numbers = dict(zip(new, await self._take(connection, len(new)), strict=True))
            identities, keys = await asyncio.to_thread(self._rows, kind, new, numbers, {})
            await self._write_keys(keys)
            await connection.execute(insert(person_identity), identities)
        return found | {lookup: tables.Row(number, False, True) for lookup, number in numbers.items()}

    async def _seal_again(
        self, kind: IdentityKind, values: Mapping[bytes, str], rows: Mapping[bytes, tables.Row]
    ) -> None:
        """Seal values of identities that came back from the log, under the key of the person if there is one."""
        numbers = {lookup: rows[lookup].number for lookup in values}
        fresh = (
            update(person_identity)
            .where(person_identity.c.lookup == bindparam("of"), person_identity.c.sealed.is_(None))
            .values(sealed=bindparam("value"))
        )
        async with self._store.begin() as connection:
            await tables.locked_place(connection)
            async with self._store.keys.connect() as base:
                held = {number: await self._person_key(base, number) for number in set(numbers.values())}
            secrets = {number: secret for number, secret in held.items() if secret is not None}
            identities, keys = await asyncio.to_thread(self._rows, kind, values, numbers, secrets)
            await self._write_keys(keys)
            await connection.execute(fresh, [{"of": row["lookup"], "value": row["sealed"]} for row in identities])

    async def _enter(self, kind: IdentityKind, rows: Mapping[bytes, tables.Row]) -> None:
        """Let the log hold which lookups have which numbers, where it does not yet."""
        if self._announce is None:
            return
        unknown = [(lookup, row.number) for lookup, row in rows.items() if not row.is_entered]
        for some in chunks(unknown, ENTERED_AT_ONCE):
            await self._announce(kind, some)
        if unknown:
            async with self._store.begin() as connection:
                for lookups in chunks([lookup for lookup, _ in unknown]):
                    entered = update(person_identity).where(person_identity.c.lookup.in_(lookups))
                    await connection.execute(entered.values(entered=True))

    async def _take(self, connection: AsyncConnection, n: int) -> list[PersonNumber]:
        """Take the next places of the sequence and return their numbers."""
        first = await tables.locked_place(connection)
        if first + n > MOST_PEOPLE:
            raise GatewayError("the numbers for people are used up")
        await connection.execute(update(person_sequence).values(next_place=first + n))
        return await asyncio.to_thread(self._shuffled, first, n)

    def _shuffled(self, first: int, n: int) -> list[PersonNumber]:
        """Return the numbers of ``n`` places; some 15 µs each, so not on the event loop."""
        return [shuffled(place, self._shuffle_key) for place in range(first, first + n)]

    def _rows(
        self,
        kind: IdentityKind,
        values: Mapping[bytes, str],
        numbers: Mapping[bytes, PersonNumber],
        secrets: Mapping[PersonNumber, bytes],
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the rows of identities and of the keys that seal them and are new; some 30 µs a person."""
        now_us, seal, held = self._clock(), self._envelope.seal, dict(secrets)
        identities, keys = [], []
        for lookup, value in values.items():
            number = numbers[lookup]
            if number not in held:
                held[number] = self._envelope.new_key()
                wrapped = self._keys.seal(WRAP_LABEL, held[number], _number_bytes(number))
                keys.append({"number": number, "wrapped": wrapped, "created_us": now_us})
            sealed = seal(held[number], value.encode(*UNICODE), _bound(kind, lookup))
            identities.append(
                {"lookup": lookup, "kind": kind, "number": number, "sealed": sealed, "created_us": now_us}
            )
        return identities, keys

    async def _write_keys(self, rows: Sequence[dict[str, Any]]) -> None:
        """Commit the keys of numbers that are ours alone while the sequence is locked."""
        async with self._store.keys.begin() as connection:
            # What a crash left behind: a key whose number was never committed.
            for some in chunks([row["number"] for row in rows]):
                await connection.execute(delete(person_key).where(person_key.c.number.in_(some)))
            if rows:
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
