# SPDX-License-Identifier: Apache-2.0
"""What erasing is handed: the log, people, the vault, tombstones; and an erasure as the log holds it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.identifier import Identifier
from gateway.domain.names import JoinDomain, PersonNumber
from gateway.domain.people import Identity


class Recorder(Protocol):
    """The log of this process."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return the place of the entry once it is durable."""


class People(Protocol):
    """Who is known by which number."""

    async def numbers_of(self, number: PersonNumber) -> tuple[PersonNumber, ...]:
        """Return the number and every number that was merged into it."""

    async def identities(self, number: PersonNumber) -> Sequence[Identity]:
        """Return every identity of a person that can be opened."""

    async def shred(self, number: PersonNumber) -> None:
        """Delete the person's key, identities and copies of the vault; from then on nobody adds a copy."""


class Vault(Protocol):
    """Values in whose place stores hold tokens."""

    async def values_of(self, people: Iterable[PersonNumber]) -> Sequence[tuple[JoinDomain, str]]:
        """Return every value of these people that can be opened."""

    async def forget(self, people: Iterable[PersonNumber]) -> int:
        """Delete these people's copies; return how many it were."""


class Tombstones(Protocol):
    """Who was erased, by digests of what they were known by."""

    def digests(self, identifiers: Iterable[Identifier]) -> tuple[str, ...]:
        """Return the digests of everything that is enough to know a person by."""

    async def set(self, id_: str, digests: Sequence[str], at_us: int) -> None:
        """Set a tombstone; to do so again changes nothing."""

    async def matching(self, people: Sequence[Sequence[Identifier]]) -> Sequence[tuple[str, ...]]:
        """Return for each of these people the tombstones that they are known by."""

    async def lift(self, ids: Iterable[str], at_us: int) -> int:
        """Lift tombstones; return how many of them stood."""


class Files(Protocol):
    """The files of the database, in which what was deleted can be left."""

    async def owe(self) -> None:
        """Note that a person's key is about to be deleted, so that it is overwritten whatever happens."""

    async def settle(self) -> bool:
        """Overwrite what is owed; tell whether nothing is left. What is stays owed, and is tried again later."""


class Past(Protocol):
    """The log, read."""

    async def erasure_of(self, person: PersonNumber) -> "Entered | None":
        """Return the newest erasure of a person."""

    async def erasure_with(self, tombstones: Sequence[str]) -> "Entered | None":
        """Return the newest erasure that set one of these tombstones."""


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure as the log holds it.

    Attributes:
        slot / place: Of the entry.
    """

    slot: str
    place: int
    at_us: int
    body: Changed

    @property
    def person(self) -> PersonNumber:
        """Return the number that was erased."""
        return PersonNumber(int(self.body.target))

    @property
    def numbers(self) -> tuple[PersonNumber, ...]:
        """Return it and every number that was merged into it."""
        return (self.person, *(PersonNumber(int(one)) for one in str(self.body.facts["merged"]).split()))

    @property
    def identities(self) -> dict[str, int]:
        """Return how many identities there were, by kind."""
        return _counts(str(self.body.facts["identities"]))

    @property
    def known_by(self) -> dict[str, int]:
        """Return how many identifiers the tombstone was made of, by form."""
        return _counts(str(self.body.facts.get("known_by", "")))

    @property
    def digests(self) -> tuple[str, ...]:
        """Return those of the tombstone."""
        return tuple(str(self.body.facts["digests"]).split())


class Uses(msgspec.Struct, frozen=True, kw_only=True):
    """Which values the gateway holds itself that a person can be known by, in the words of ``identifying.STATED``.

    Attributes:
        in_vault: By join domain of the vault.
        identities: By kind of identity, where it is something else besides, such as a mail address.
    """

    in_vault: Mapping[JoinDomain, str] = {}
    identities: Mapping[str, str] = {}


def _counts(told: str) -> dict[str, int]:
    """Return counts by kind as a fact tells them."""
    pairs = (one.rpartition("=") for one in told.split())
    return {kind: int(n) for kind, _, n in pairs}
