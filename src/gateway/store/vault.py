# SPDX-License-Identifier: Apache-2.0
"""The vault: values in whose place stores hold tokens of 16 random bytes.

RULES

1. A value is found by its lookup, HMAC-SHA256 of its one spelling under ``vault/<domain>/lookup``, whose first
   version is used for the life of an installation. The token is random: it tells nothing of the value, and nothing
   but the vault leads back from it.
2. The value lies sealed once for each person whose it is, under that person's own key; two people may share one,
   as families share a phone. A value of nobody who is known yet lies sealed under ``vault/<domain>``, and only
   where nobody has a copy; once somebody does, that one is gone.
3. What is returned is durable. Whoever asks at the same time for the same value gets the same token.
4. A token without a copy left is deleted with its lookup. A copy whose person's key is gone is none.
5. Values are in no message and no repr. Sealing and opening are off the event loop.

Rows of tokens are the locks: who adds a copy holds its token shared, who deletes one holds it alone, and each
takes them in the order of the lookups. Who adds also looks once more, behind a lock that keeps out those who erase and
merge, whether the people still have their keys: so no copy is left behind that was being sealed meanwhile.
"""

import hmac
import secrets
from collections.abc import Iterable, Sequence

from gateway.domain.errors import StateUnavailable
from gateway.domain.names import JoinDomain, PersonNumber
from gateway.store import vault_tables as tables
from gateway.store.chunks import chunks
from gateway.store.engine import Store
from gateway.store.people_ports import Envelope, Keys
from gateway.store.vault_copies import Copies, label_of
from gateway.store.vault_tables import NOBODY, TOKEN_BYTES

AT_ONCE = 4_096
"""New values a transaction: on SQLite it holds the lock of all who write for some 100 ms."""

TRIES = 20
"""Each is lost only to somebody who was quicker with the same value, or who erased it meanwhile."""

Pair = tuple[bytes, int]
"""A lookup, and the person whose copy is wanted; ``NOBODY`` where any copy will do."""


class Vault:
    """Owner of the tables of tokens and sealed values."""

    def __init__(self, store: Store, keys: Keys, envelope: Envelope) -> None:
        """Keep what it works with; keys of join domains are made when one is first used."""
        self._store, self._keys = store, keys
        self._copies = Copies(store, keys, envelope)

    async def tokens(
        self, domain: JoinDomain, values: Sequence[str], people: Sequence[PersonNumber | None]
    ) -> list[bytes]:
        """Return the token of each value, in order; new ones, and new copies of known ones, are durable at the return.

        Args:
            domain: Whose values they are.
            values: Each in its one spelling, which ``transform.vaulted.spelled`` gives.
            people: Whose each is; ``None`` for nobody who is known (yet).

        Raises:
            StateUnavailable: The database does not answer, or a person was erased or merged meanwhile: ask again.
        """
        lookups = self._lookups(domain, values)
        found: dict[bytes, bytes] = {}
        wanted = _wanted(lookups, people)
        texts = dict(zip(lookups, values, strict=True))
        for some in chunks(wanted, AT_ONCE):
            found |= await self._kept(domain, some, texts)
        return [found[lookup] for lookup in lookups]

    async def find(self, domain: JoinDomain, values: Sequence[str]) -> list[bytes | None]:
        """Return the token of each value if it has one; none gets one by being asked for."""
        lookups = self._lookups(domain, values)
        async with self._store.connect() as connection:
            found = await tables.tokens(connection, lookups)
        return [found.get(lookup) for lookup in lookups]

    async def opened(self, domain: JoinDomain, tokens: Iterable[bytes]) -> dict[bytes, str]:
        """Return the value of each token that stands for one, from any copy that can be opened."""
        async with self._store.connect() as connection:
            copies = await tables.copies(connection, domain, list(set(tokens)))
        return await self._copies.opened(domain, copies)

    async def read(
        self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber | None]
    ) -> dict[bytes, str]:
        """Return what ``opened`` does of tokens that a store sent in the rows of people.

        Whoever has no copy of what their row names gets one: so it stays when another's is forgotten, whatever
        happened between the store's write and ours, or in the store itself.
        """
        async with self._store.connect() as connection:
            copies = await tables.copies(connection, domain, list(set(tokens)))
        values = await self._copies.opened(domain, copies)
        has = {(copy.token, copy.person) for copy in copies}
        missing = [
            (token, person)
            for token, person in dict.fromkeys(zip(tokens, people, strict=True))
            if person is not None and token in values and (token, person) not in has
        ]
        if missing:
            await self.adopt(domain, [token for token, _ in missing], [person for _, person in missing])
        return values

    async def found(
        self, domain: JoinDomain, tokens: Iterable[bytes]
    ) -> dict[bytes, tuple[str, tuple[PersonNumber, ...]]]:
        """Return the value of each token that stands for one, and in order whose it is; of nobody's, nobody."""
        async with self._store.connect() as connection:
            copies = await tables.copies(connection, domain, list(set(tokens)))
        values = await self._copies.opened(domain, copies)
        people: dict[bytes, list[PersonNumber]] = {}
        for copy in copies:
            if copy.person != NOBODY:
                people.setdefault(copy.token, []).append(PersonNumber(copy.person))
        return {token: (value, tuple(sorted(people.get(token, ())))) for token, value in values.items()}

    async def values_of(self, people: Iterable[PersonNumber]) -> list[tuple[JoinDomain, str]]:
        """Return every value of these people that can be opened, each with its domain."""
        by_domain: dict[JoinDomain, list[tables.Copy]] = {}
        async with self._store.connect() as connection:
            for person in sorted(set(people)):
                for copy in await tables.of_person(connection, person):
                    by_domain.setdefault(JoinDomain(copy.domain), []).append(copy)
        opened = [(domain, await self._copies.opened(domain, copies)) for domain, copies in by_domain.items()]
        return [(domain, value) for domain, values in opened for value in values.values()]

    async def people_of(self, domain: JoinDomain, tokens: Iterable[bytes]) -> dict[bytes, frozenset[PersonNumber]]:
        """Return for each token that stands for a value the people whose copies there are; of nobody's, nobody."""
        async with self._store.connect() as connection:
            pairs = await tables.people(connection, domain, list(set(tokens)))
        found: dict[bytes, set[PersonNumber]] = {}
        for token, person in pairs:
            found.setdefault(token, set()).update(() if person == NOBODY else (PersonNumber(person),))
        return {token: frozenset(people) for token, people in found.items()}

    async def adopt(self, domain: JoinDomain, tokens: Sequence[bytes], people: Sequence[PersonNumber]) -> None:
        """Let each person have a copy of what a token stands for; nobody's copy is then gone.

        A token that stands for nothing is passed over, and so is a person who has a copy.

        Raises:
            StateUnavailable: The database does not answer, or a person was erased or merged meanwhile.
        """
        wanted = dict.fromkeys(zip(tokens, people, strict=True))
        for some in chunks(list(wanted), AT_ONCE):
            async with self._store.connect() as connection:
                there = await tables.copies(connection, domain, list({token for token, _ in some}))
            has = {(copy.token, copy.person) for copy in there}
            values = await self._copies.opened(domain, there)
            lookups = {copy.token: copy.lookup for copy in there}
            missing = [
                (token, int(person), lookups[token], values[token])
                for token, person in some
                if token in values and (token, person) not in has
            ]
            if missing:
                made = await self._copies.sealed(domain, missing)
                async with self._store.begin() as connection:
                    await self._copies.insist_living(connection, [copy.person for copy in made])
                    held = await tables.locked(connection, [copy.lookup for copy in made])
                    made = [copy for copy in made if held.get(copy.lookup) == copy.token]
                    await tables.add_copies(connection, made)
                    await tables.drop_nobodys(connection, [copy.token for copy in made])

    async def forget(self, people: Iterable[PersonNumber]) -> int:
        """Delete these people's copies, and every token that is then without one; return how many copies it were.

        Raises:
            StateUnavailable: The database does not answer; some may be deleted, and to ask again goes on.
        """
        n_deleted = 0
        for person in sorted(set(people)):
            async with self._store.begin() as connection:
                n_deleted += await tables.forget(connection, person)
        await self._store.main.fold()
        return n_deleted

    def _lookups(self, domain: JoinDomain, values: Sequence[str]) -> list[bytes]:
        label = f"{label_of(domain)}/lookup"
        self._keys.ensure(label)
        key = self._keys.version(label, 1).secret
        return [hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256") for value in values]

    async def _kept(self, domain: JoinDomain, wanted: Sequence[Pair], texts: dict[bytes, str]) -> dict[bytes, bytes]:
        """Return tokens by lookup once each has the copy that is wanted."""
        lookups = list(dict.fromkeys(lookup for lookup, _ in wanted))
        for _ in range(TRIES):
            async with self._store.connect() as connection:
                known = await tables.tokens(connection, lookups)
                copied = set(await tables.people(connection, domain, list(known.values()))) if known else set()
            there = await self._with_a_copy(copied, {known.get(lookup) for lookup, one in wanted if one == NOBODY})
            missing = [
                (lookup, person)
                for lookup, person in wanted
                if lookup not in known
                or ((known[lookup], person) not in copied if person != NOBODY else known[lookup] not in there)
            ]
            if not missing:
                return known
            if (added := await self._added(domain, missing, texts, known)) is not None:
                return known | added
        raise StateUnavailable("others change the same values of the vault all the time")

    async def _with_a_copy(self, copied: set[tuple[bytes, int]], tokens: set[bytes | None]) -> set[bytes]:
        """Return those of some tokens that have a copy which can be opened: nobody's, or of a person with a key."""
        pairs = [(token, person) for token, person in copied if token in tokens]
        living = await self._copies.living({person for _, person in pairs} - {NOBODY}) | {NOBODY}
        return {token for token, person in pairs if person in living}

    async def _added(
        self, domain: JoinDomain, missing: Sequence[Pair], texts: dict[bytes, str], known: dict[bytes, bytes]
    ) -> dict[bytes, bytes] | None:
        """Return tokens by lookup once the copies that are missing are durable; nothing if somebody was quicker."""
        random = secrets.token_bytes(TOKEN_BYTES * len(missing))
        own = {lookup: random[n * TOKEN_BYTES : (n + 1) * TOKEN_BYTES] for n, (lookup, _) in enumerate(missing)}
        own |= {lookup: known[lookup] for lookup in own if lookup in known}
        wanted = [(own[lookup], person, lookup, texts[lookup]) for lookup, person in missing]
        made = await self._copies.sealed(domain, wanted)
        async with self._store.begin() as connection:
            await self._copies.insist_living(connection, [person for _, person in missing])
            new = sorted((lookup, domain, token) for lookup, token in own.items() if lookup not in known)
            n_added = await tables.add_tokens(connection, new)
            # Tokens that this transaction added are held by it; where all were, only those of before are to be locked.
            ours = {lookup: token for lookup, _, token in new} if n_added == len(new) else {}
            held = ours | await tables.locked(connection, [lookup for lookup in own if lookup not in ours])
            await tables.add_copies(connection, [copy for copy in made if held.get(copy.lookup) == copy.token])
            somebodys = [token for token, person, lookup, _ in wanted if person != NOBODY and lookup in known]
            await tables.drop_nobodys(connection, somebodys)
        return own if held == own else None


def _wanted(lookups: Sequence[bytes], people: Sequence[PersonNumber | None]) -> list[Pair]:
    """Return each copy that is wanted once, in the order of the lookups; nobody's only where no person's is."""
    pairs = {(lookup, NOBODY if one is None else int(one)) for lookup, one in zip(lookups, people, strict=True)}
    somebodys = {lookup for lookup, person in pairs if person != NOBODY}
    return sorted(pair for pair in pairs if pair[1] != NOBODY or pair[0] not in somebodys)
