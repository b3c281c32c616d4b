# SPDX-License-Identifier: Apache-2.0
"""Erasing a person: the gateway's own copies of them are unreadable at once, and nobody brings them back.

1 read what the person is known by · 2 enter it all in one entry · 3 set the tombstone · 4 delete the copies of the
vault · 5 delete keys and identities.

RULES

1. The one entry comes first and holds everything that the other steps need: numbers, the tombstone's id and digests.
   From then on the erasure ends whatever happens, since the next opening makes good what a process that was killed
   did not come to, and a restored database is brought up to it. No value is in it, and it does not rest on a part.
2. The tombstone stands before the first identity goes, so that no import slips in between.
3. Every number that was merged into the person's goes with it. Numbers stay, and stand for nobody.
4. Whoever begins again for somebody who was erased gets the entry of that time, and every later step is made again.
5. Stores are not called here: whoever erases there does that first, or a later reading finds the record anew.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import msgspec

from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.errors import GatewayError
from gateway.domain.identifier import Identifier
from gateway.domain.names import PersonNumber
from gateway.domain.people import Identity
from gateway.transform.identifying import identity_of

ERASED = "person-erased"
LIFTED = "tombstone-lifted"
UNREAD = "unread"
"""In the place of a kind: identities that came back from the log, whose values nothing opens; nobody is known by them."""


class NotErased(GatewayError):
    """Nobody was erased; the message says why."""


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
        """Delete the person's key and identities."""


class Vault(Protocol):
    """Values in whose place stores hold tokens."""

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
        pairs = (one.rpartition("=") for one in str(self.body.facts["identities"]).split())
        return {kind: int(n) for kind, _, n in pairs}


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """What erasing works with.

    Attributes:
        slot: Of the log of this process.
        n_identities: Returns how many identities people have; after a restore there can be some that nothing opens.
        new_id: Returns an id for a tombstone, by chance.
        reached: Told which step was made, so that a test can stop between any two.
    """

    slot: str
    recorder: Recorder
    people: People
    vault: Vault
    tombstones: Tombstones
    past: Past
    n_identities: Callable[[AbstractSet[int]], Awaitable[int]]
    new_id: Callable[[], str]
    clock: Callable[[], int]
    reached: Callable[[str], None] = lambda _step: None


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        entered: The entry that says so.
        is_again: It was erased before, and every step was made again.
        n_digests: How many ways there are to know the person again; none where nothing was known of them.
        vault_copies: Copies of the vault that were deleted now.
    """

    entered: Entered
    is_again: bool
    n_digests: int
    vault_copies: int


class Erasing:
    """Erases people one by one, and lifts their tombstones."""

    def __init__(self, rooms: Rooms) -> None:
        """Keep what it works with."""
        self._rooms = rooms

    async def erase(self, person: PersonNumber, by: str, because: str, known: Iterable[Identifier] = ()) -> Erased:
        """Erase a person.

        Args:
            person: Any number of theirs that was not merged into another.
            by: Account, or ``local:<os user>``.
            because: Reference or reason for the log; no personal value.
            known: By what else the person can be known, as whoever asks has stated it.

        Raises:
            NotErased: Nobody stands behind the number, nor did at an earlier erasure.
            LogUnavailable: Nothing was erased.
            StateUnavailable: It is entered and not at its end: begin again, or open the installation again.
        """
        rooms = self._rooms
        # 1 read what the person is known by
        numbers = await rooms.people.numbers_of(person)
        n_identities = await rooms.n_identities(frozenset(numbers))
        earlier = None if n_identities else await rooms.past.erasure_of(person)
        if not n_identities and earlier is None:
            raise NotErased(f"no identity of person {person} is known, so there is nobody to erase")
        identities = [one for number in numbers for one in await rooms.people.identities(number)]
        # 2 enter it all
        n_unread = n_identities - len(identities)
        entered = earlier or await self._entered(numbers, identities, n_unread, (by, because), known)
        rooms.reached("entered")
        return await self._made(entered, is_again=earlier is not None)

    async def again(self, identity: Identifier) -> PersonNumber | None:
        """Return the number of somebody who was erased and is asked for by an identity; the tombstone knows it."""
        [ids] = await self._rooms.tombstones.matching([(identity,)])
        entered = await self._rooms.past.erasure_with(ids) if ids else None
        return None if entered is None else entered.person

    async def lift(self, identity: Identifier, by: str, because: str) -> int:
        """Lift every tombstone that an identity is known by, and return how many; an officer has seen the evidence.

        Raises:
            LogUnavailable / StateUnavailable: Not all are lifted; begin again.
        """
        [ids] = await self._rooms.tombstones.matching([(identity,)])
        return await self.lift_each(ids, by, because)

    async def lift_each(self, ids: Sequence[str], by: str, because: str) -> int:
        """Lift tombstones by their ids, as refusals name them, and return how many of them stood.

        Raises:
            LogUnavailable / StateUnavailable: Not all are lifted; begin again.
        """
        rooms = self._rooms
        for id_ in ids:
            facts: dict[str, str | int] = {"how": "officer", "reference": because}
            await rooms.recorder.append(Changed(by=by, what=LIFTED, target=id_, facts=facts))
        return await rooms.tombstones.lift(ids, rooms.clock()) if ids else 0

    async def _entered(
        self,
        numbers: Sequence[PersonNumber],
        identities: Sequence[Identity],
        n_unread: int,
        said: tuple[str, str],
        known: Iterable[Identifier],
    ) -> Entered:
        rooms, (by, because) = self._rooms, said
        kinds = Counter(str(one.kind) for one in identities) + Counter({UNREAD: n_unread})
        own = (identity_of(one.kind, one.value) for one in identities)
        digests = rooms.tombstones.digests((*filter(None, own), *known))
        facts: dict[str, str | int] = {
            "because": because,
            "merged": " ".join(map(str, numbers[1:])),
            "identities": _counted(kinds),
            "tombstone": rooms.new_id() if digests else "",
            "digests": " ".join(digests),
        }
        body, at_us = Changed(by=by, what=ERASED, target=str(numbers[0]), facts=facts), rooms.clock()
        place = await rooms.recorder.append(body, Part(met=tuple(numbers)))
        return Entered(slot=rooms.slot, place=place, at_us=at_us, body=body)

    async def _made(self, entered: Entered, *, is_again: bool) -> Erased:
        rooms, facts = self._rooms, entered.body.facts
        digests = str(facts["digests"]).split()
        # 3 set the tombstone
        if digests:
            await rooms.tombstones.set(str(facts["tombstone"]), digests, entered.at_us)
        rooms.reached("tombstone")
        # 4 delete the copies of the vault
        vault_copies = await rooms.vault.forget(entered.numbers)
        rooms.reached("vault")
        # 5 delete keys and identities
        for number in entered.numbers:
            await rooms.people.shred(number)
            rooms.reached(f"shredded {number}")
        return Erased(entered=entered, is_again=is_again, n_digests=len(digests), vault_copies=vault_copies)


def _counted(kinds: Mapping[str, int]) -> str:
    """Return counts by kind as one fact; kinds are words of rule files without blanks."""
    return " ".join(f"{kind}={n}" for kind, n in sorted(kinds.items()))
