# SPDX-License-Identifier: Apache-2.0
"""Erasing a person: the gateway's own copies of them are unreadable at once, and nobody brings them back.

1 read what the person is known by, the vault's values too · 2 enter it all in one entry · 3 set the tombstone ·
4 delete the copies of the vault · 5 delete keys and identities, and what was added to the vault meanwhile ·
6 overwrite the keys in the files.

RULES

1. The one entry comes first and holds everything that the other steps need: numbers, the tombstone's id and digests.
   From then on the erasure ends whatever happens, since the next opening makes good what a process that was killed
   did not come to, and a restored database is brought up to it. No value is in it, and it does not rest on a part.
2. The tombstone stands before the first identity goes, so that no import slips in between.
3. Every number that was merged into the person's goes with it. Numbers stay, and stand for nobody.
4. Whoever begins again for somebody who was erased gets the entry of that time, and every later step is made again;
   only where more is known of the person now there is another entry, with a tombstone that knows all of it.
5. Stores are not called here: whoever erases there does that first, or a later reading finds the record anew.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from gateway.domain.entry import Changed, Part
from gateway.domain.errors import GatewayError
from gateway.domain.identifier import Identifier
from gateway.domain.names import PersonNumber
from gateway.domain.people import Identity
from gateway.flows.erasing.ports import Entered, Files, Past, People, Recorder, Tombstones, Uses, Vault
from gateway.transform.identifying import identified, identity_of

ERASED = "person-erased"
LIFTED = "tombstone-lifted"
UNREAD = "unread"
"""In the place of a kind: identities that came back from the log, whose values nothing opens; nobody is known by them."""


class NotErased(GatewayError):
    """Nobody was erased; the message says why."""


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """What erasing works with.

    Attributes:
        slot: Of the log of this process.
        uses: By the rules in force.
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
    files: Files
    n_identities: Callable[[AbstractSet[int]], Awaitable[int]]
    new_id: Callable[[], str]
    clock: Callable[[], int]
    uses: Uses = Uses()
    reached: Callable[[str], None] = lambda _step: None


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        entered: The entry that says so.
        is_again: It was erased before, and every step was made again.
        n_digests: How many ways there are to know the person again; none where nothing was known of them.
        vault_copies: Copies of the vault that were deleted now.
        is_overwritten: The keys are in no file of the database any more; else somebody reads, and it is tried again.
    """

    entered: Entered
    is_again: bool
    n_digests: int
    vault_copies: int
    is_overwritten: bool


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
        kinds = Counter(str(one.kind) for one in identities) + Counter({UNREAD: n_identities - len(identities)})
        own = () if earlier else await self._own(numbers, identities)
        # 2 enter it all
        entered = await self._entered(earlier, (numbers, kinds), (by, because), (*own, *known))
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

    async def _own(self, numbers: Sequence[PersonNumber], identities: Sequence[Identity]) -> tuple[Identifier, ...]:
        """Return what the gateway itself knows somebody by: identities, and values of the vault while they open."""
        uses = self._rooms.uses
        stated = [(uses.identities[one.kind], one.value) for one in identities if one.kind in uses.identities]
        values = await self._rooms.vault.values_of(numbers)
        stated += [(uses.in_vault[domain], value) for domain, value in values if domain in uses.in_vault]
        named = (identity_of(one.kind, one.value) for one in identities)
        return (*(one for one in named if one is not None), *identified(stated))

    async def _entered(
        self,
        earlier: Entered | None,
        whom: tuple[Sequence[PersonNumber], Mapping[str, int]],
        said: tuple[str, str],
        identifiers: Iterable[Identifier],
    ) -> Entered:
        """Return the entry of an erasure; that of an earlier one unless more is known of the person now."""
        rooms, (by, because), known = self._rooms, said, sorted(set(identifiers))
        digests, forms = rooms.tombstones.digests(known), Counter(str(one.form) for one in known)
        numbers, kinds = whom
        if earlier is not None:
            digests = tuple(dict.fromkeys((*earlier.digests, *digests)))
            if len(digests) == len(earlier.digests):
                return earlier
            # Which of them were known before cannot be told from digests: those of one form are not added up.
            forms |= Counter(earlier.known_by)
            numbers, kinds = earlier.numbers, earlier.identities
        facts: dict[str, str | int] = {
            "because": because,
            "merged": " ".join(map(str, numbers[1:])),
            "identities": _counted(kinds),
            "known_by": _counted(forms),
            "tombstone": rooms.new_id() if digests else "",
            "digests": " ".join(digests),
        }
        body, at_us = Changed(by=by, what=ERASED, target=str(numbers[0]), facts=facts), rooms.clock()
        place = await rooms.recorder.append(body, Part(met=tuple(numbers)))
        return Entered(slot=rooms.slot, place=place, at_us=at_us, body=body)

    async def _made(self, entered: Entered, *, is_again: bool) -> Erased:
        rooms, facts = self._rooms, entered.body.facts
        digests = entered.digests
        await rooms.files.owe()
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
        # 6 overwrite the keys
        is_overwritten = await rooms.files.settle()
        return Erased(
            entered=entered,
            is_again=is_again,
            n_digests=len(digests),
            vault_copies=vault_copies,
            is_overwritten=is_overwritten,
        )


def _counted(kinds: Mapping[str, int]) -> str:
    """Return counts by kind as one fact; kinds are words of rule files without blanks."""
    return " ".join(f"{kind}={n}" for kind, n in sorted(kinds.items()))
