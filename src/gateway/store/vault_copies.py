# SPDX-License-Identifier: Apache-2.0
"""Copies of the vault's values, sealed and opened: under a person's own key, or nobody's under that of the domain.

What is sealed is bound to its join domain and its token, so that no copy can be moved to another token unseen.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import KeyUnavailable, StateUnavailable
from gateway.domain.names import JoinDomain, PersonNumber
from gateway.store import vault_tables as tables
from gateway.store.engine import Store
from gateway.store.people import UNICODE, WRAP_LABEL
from gateway.store.people_ports import Envelope, Keys
from gateway.store.schema import person_key
from gateway.store.vault_merging import carry_copies_over
from gateway.store.vault_tables import NOBODY, Copy, bound

Clear = tuple[bytes, int, bytes, str]
"""Token, person, lookup and value of a copy to be made."""


def label_of(domain: JoinDomain) -> str:
    """Return the label of the key under which nobody's copies lie."""
    return f"vault/{domain}"


class Copies:
    """Seals and opens; the keys of people are unwrapped for one piece of work and kept nowhere."""

    def __init__(self, store: Store, keys: Keys, envelope: Envelope) -> None:
        """Keep what it works with."""
        self._store, self._keys, self._envelope = store, keys, envelope

    async def sealed(self, domain: JoinDomain, wanted: Sequence[Clear]) -> list[Copy]:
        """Return the copies of values.

        Raises:
            StateUnavailable: One of the people has no key (any more).
        """
        people = {person for _, person, _, _ in wanted} - {NOBODY}
        wrapped = await self._wrapped(people)
        if len(wrapped) < len(people):
            raise StateUnavailable("a person of the vault was erased or merged a moment ago")
        return await asyncio.to_thread(self._sealed, domain, wanted, wrapped)

    async def opened(self, domain: JoinDomain, copies: Sequence[Copy]) -> dict[bytes, str]:
        """Return values by token; those of which no copy can be opened are left out."""
        if not copies:
            return {}
        wrapped = await self._wrapped({copy.person for copy in copies} - {NOBODY})
        return await asyncio.to_thread(self._opened, domain, copies, wrapped)

    async def insist_living(self, connection: AsyncConnection, people: Iterable[int]) -> None:
        """Let copies be added for people who still have their keys; they keep them until the transaction has ended.

        Without this, who was sealing while somebody was erased or merged would leave a copy that nothing opens, or
        the only one of a value.

        Raises:
            StateUnavailable: One of them was erased or merged meanwhile.
        """
        await tables.add_beside_others(connection)
        wanted = sorted(set(people) - {NOBODY})
        if not wanted:
            return
        async with self._store.keys.connect() as keys:
            n_living = await tables.n_with_keys(keys, wanted)
        if n_living < len(wanted) or await tables.are_merged(connection, wanted):
            raise StateUnavailable("a person of the vault was erased or merged a moment ago")

    async def carry_over(
        self, connection: AsyncConnection, source: PersonNumber, target: PersonNumber, now_us: int
    ) -> None:
        """Let what one person has be another's, who gets a key for it if they have none (yet).

        A replay needs this: of somebody who was met after a backup, the copy that is put back has no key.
        """
        wrapped = await self._wrapped((source, target))
        old = self._or_none(source, wrapped)
        if old is None or not await tables.of_person(connection, source):
            return
        new = self._or_none(target, wrapped) or await self._given_key(target, now_us)
        await carry_copies_over(connection, self._envelope, (source, old), (target, new))

    async def _given_key(self, person: PersonNumber, now_us: int) -> bytes:
        secret = self._envelope.new_key()
        row = {
            "number": person,
            "wrapped": self._keys.seal(WRAP_LABEL, secret, person.to_bytes(4, "big")),
            "created_us": now_us,
        }
        async with self._store.keys.begin() as connection:
            await connection.execute(delete(person_key).where(person_key.c.number == person))
            await connection.execute(insert(person_key), row)
        return secret

    def _or_none(self, person: int, wrapped: Mapping[int, bytes]) -> bytes | None:
        try:
            return self._unwrapped(person, wrapped[person])
        except (KeyError, KeyUnavailable):
            return None

    async def living(self, people: Iterable[int]) -> set[int]:
        """Return those people who have a key."""
        return set(await self._wrapped(people))

    async def _wrapped(self, people: Iterable[int]) -> dict[int, bytes]:
        if not (numbers := sorted(people)):
            return {}
        async with self._store.keys.connect() as connection:
            return await tables.wrapped_keys(connection, numbers)

    def _sealed(self, domain: JoinDomain, wanted: Sequence[Clear], wrapped: Mapping[int, bytes]) -> list[Copy]:
        label, seal, secrets = label_of(domain), self._envelope.seal, dict[int, bytes]()
        unwrap, made, bound_to = self._keys.opener(WRAP_LABEL), [], bound(domain, b"")
        for token, person, lookup, value in wanted:
            text = value.encode(*UNICODE)
            if person == NOBODY:
                sealed = self._keys.seal(label, text, token)
            else:
                if (secret := secrets.get(person)) is None:
                    secret = secrets[person] = unwrap(wrapped[person], person.to_bytes(4, "big"))
                sealed = seal(secret, text, bound_to + token)
            made.append(Copy(token, person, domain, lookup, sealed))
        return made

    def _opened(self, domain: JoinDomain, copies: Sequence[Copy], wrapped: Mapping[int, bytes]) -> dict[bytes, str]:
        label, open_sealed, secrets = label_of(domain), self._envelope.open_sealed, dict[int, bytes]()
        unwrap, found = self._keys.opener(WRAP_LABEL), dict[bytes, str]()
        for copy in copies:
            if copy.token in found:
                continue
            try:
                if copy.person == NOBODY:
                    text = self._keys.open(label, copy.sealed, copy.token)
                else:
                    if (secret := secrets.get(copy.person)) is None:
                        number = copy.person.to_bytes(4, "big")
                        secret = secrets[copy.person] = unwrap(wrapped[copy.person], number)
                    text = open_sealed(secret, copy.sealed, bound(domain, copy.token))
            except (KeyError, KeyUnavailable):
                continue
            found[copy.token] = text.decode(*UNICODE)
        return found

    def _unwrapped(self, person: int, wrapped: bytes) -> bytes:
        return self._keys.open(WRAP_LABEL, wrapped, person.to_bytes(4, "big"))
