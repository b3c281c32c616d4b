# SPDX-License-Identifier: Apache-2.0
"""Copies of the vault's values, sealed and opened: under a person's own key, or nobody's under that of the domain.

What is sealed is bound to its join domain and its token, so that no copy can be moved to another token unseen.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from gateway.domain.errors import KeyUnavailable, StateUnavailable
from gateway.domain.names import JoinDomain
from gateway.store.chunks import chunks
from gateway.store.engine import Store
from gateway.store.people import UNICODE, WRAP_LABEL
from gateway.store.people_ports import Envelope, Keys
from gateway.store.schema import person_key
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

    async def living(self, people: Iterable[int]) -> set[int]:
        """Return those people who have a key."""
        return set(await self._wrapped(people))

    async def _wrapped(self, people: Iterable[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        if not (numbers := sorted(people)):
            return found
        async with self._store.keys.connect() as connection:
            for some in chunks(numbers):
                query = select(person_key.c.number, person_key.c.wrapped).where(person_key.c.number.in_(some))
                found.update((row[0], row[1]) for row in await connection.execute(query))
        return found

    def _sealed(self, domain: JoinDomain, wanted: Sequence[Clear], wrapped: Mapping[int, bytes]) -> list[Copy]:
        label, seal, secrets = label_of(domain), self._envelope.seal, dict[int, bytes]()
        made = []
        for token, person, lookup, value in wanted:
            text = value.encode(*UNICODE)
            if person == NOBODY:
                sealed = self._keys.seal(label, text, token)
            else:
                if (secret := secrets.get(person)) is None:
                    secret = secrets[person] = self._unwrapped(person, wrapped[person])
                sealed = seal(secret, text, bound(domain, token))
            made.append(Copy(token, person, domain, lookup, sealed))
        return made

    def _opened(self, domain: JoinDomain, copies: Sequence[Copy], wrapped: Mapping[int, bytes]) -> dict[bytes, str]:
        label, open_sealed, secrets = label_of(domain), self._envelope.open_sealed, dict[int, bytes]()
        found: dict[bytes, str] = {}
        for copy in copies:
            if copy.token in found:
                continue
            try:
                if copy.person == NOBODY:
                    text = self._keys.open(label, copy.sealed, copy.token)
                else:
                    if (secret := secrets.get(copy.person)) is None:
                        secret = secrets[copy.person] = self._unwrapped(copy.person, wrapped[copy.person])
                    text = open_sealed(secret, copy.sealed, bound(domain, copy.token))
            except (KeyError, KeyUnavailable):
                continue
            found[copy.token] = text.decode(*UNICODE)
        return found

    def _unwrapped(self, person: int, wrapped: bytes) -> bytes:
        return self._keys.open(WRAP_LABEL, wrapped, person.to_bytes(4, "big"))
