# SPDX-License-Identifier: Apache-2.0
"""Forgetting a person: the number of somebody who was erased is taken out of every part, index and table.

RULES

1. It is more than erasure: after that a number stands for nobody, and still tells that it was one and the same
   person. Only somebody without identities can be forgotten, or new entries would hold the number again.
2. A part that holds others too is not lost for them. For each part an entry says how many people were taken
   out and what the digest is of what stands in its place; then it is put there, on every disk.
3. Counts in entries stand as they were. Where an entry itself names the number (a recorded choice, a merge, the
   erasure), it stays: entries are what the proof is about.
4. Files first, then the database, then the index; what was broken off is begun again with the same numbers,
   which a file beside the logs keeps until it is done.
5. Segments that were moved elsewhere are looked through where their folder is given. Whoever asks is told of the
   others: what they hold stays.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.domain.entry import Amended, Changed, Entry, Part
from gateway.domain.errors import NotDeleted
from gateway.domain.names import PersonNumber
from gateway.record.format.layout import PUBLIC_KEY, segment_path, segments, slots
from gateway.record.format.parts import StoredPart
from gateway.record.proof.parts_scan import FORGOTTEN, Archived, Taken, archived, parts_without
from gateway.record.writing.copying import is_same
from gateway.record.writing.rewriting import Change

SHREDDED = "person-shredded"
AT_ONCE = 256
MOST_PASSES = 10
"""A second pass finds what was entered while the first went through the files, by a process that knew the number still."""


class Recorder(Protocol):
    """The log of this process."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class People(Protocol):
    """Who is known by which number."""

    async def numbers_of(self, number: PersonNumber) -> tuple[PersonNumber, ...]:
        """Return the number and every number that was merged into it."""

    async def shred(self, number: PersonNumber) -> None:
        """Delete the person's key and identities."""

    async def orphan_numbers(self, n: int) -> list[PersonNumber]:
        """Return new numbers that no identity has."""


class Tables(Protocol):
    """The gateway's own database."""

    async def n_identities(self, people: AbstractSet[int]) -> int:
        """Return how many identities these people have."""

    async def forget(self, people: AbstractSet[int], instead: PersonNumber) -> Mapping[str, int]:
        """Take these numbers out of every table; where a count has to stand, another stands instead."""


class Journal(Protocol):
    """Keeps the numbers of a forgetting that is not done, through a crash."""

    def read(self) -> frozenset[int]:
        """Return them."""

    def write(self, people: AbstractSet[int]) -> None:
        """Keep them durably; none removes the file."""


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """What forgetting works with.

    Attributes:
        logs: ``STATE/log``.
        prefix: First two words of the names of these logs.
        own: Name of the log of this process.
        rewrite: Writes the parts of a segment anew on every disk; returns how many changed.
        rewrite_in: The same in one directory, of segments that were moved elsewhere.
        level: Makes the parts of these people on other disks those of the first, where a crash came in between.
        renew: Brings the index of a slot up, from a place on.
        scrub: Leaves nothing of what was deleted in the pages of the index.
        check: Raises ``NotDeleted`` where nothing may be deleted now.
    """

    logs: Path
    prefix: str
    own: str
    recorder: Recorder
    people: People
    tables: Tables
    journal: Journal
    rewrite: Callable[[str, int, Change], int]
    rewrite_in: Callable[[Path, int, Change], int]
    level: Callable[[str, int, AbstractSet[int]], int]
    renew: Callable[[str, int], Awaitable[None]]
    scrub: Callable[[], Awaitable[None]]
    check: Callable[[], object]


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        numbers: Numbers of the person, those that were merged into it included.
        parts: Parts that others stand in the place of.
        rows: Rows of the database, by table.
        unseen: Segments that were moved elsewhere and not looked through.
    """

    numbers: int
    parts: int
    rows: Mapping[str, int]
    unseen: tuple[Archived, ...] = ()


class Forgetting:
    """Takes one person out of everything that may be deleted."""

    def __init__(self, rooms: Rooms) -> None:
        """Keep what it works with."""
        self._rooms = rooms

    async def forget(
        self,
        person: PersonNumber,
        by: str,
        *,
        erase: bool,
        archives: Sequence[Path] = (),
        looked: Callable[[str, int], None] = lambda _s, _n: None,
    ) -> Forgotten:
        """Forget a person.

        Args:
            person: The number.
            by: Account, or ``local:<os user>``.
            archives: Folders that segments were moved to, which are looked through as well.
            erase: Also shred a person who still has identities; otherwise that is refused.
            looked: Told of each segment that was looked through.

        Raises:
            NotDeleted: Nothing was deleted, or not all; the message says which and why.
            LogUnavailable / StateUnavailable: It cannot be done now; begin again.
            LogDamaged: A part cannot be read.
        """
        rooms = self._rooms
        await asyncio.to_thread(rooms.check)
        await asyncio.to_thread(self._insist_on_own, archives)
        people = frozenset(int(one) for one in await rooms.people.numbers_of(person)) | rooms.journal.read()
        await self._insist_on_nobody(people, by, erase=erase)
        await asyncio.to_thread(rooms.journal.write, people)
        n_parts = await self._taken_out(people, looked)
        for folder in archives:
            n_parts += await self._archive(folder, people, looked)
        elsewhere = await asyncio.to_thread(archived, rooms.logs)
        instead = (await rooms.people.orphan_numbers(1))[0]
        rows = await rooms.tables.forget(people, instead)
        await rooms.scrub()
        facts: dict[str, str | int] = {"numbers": len(people), "parts": n_parts}
        await rooms.recorder.append(Changed(by=by, what=FORGOTTEN, target="parts", facts=facts))
        await asyncio.to_thread(rooms.journal.write, frozenset[int]())
        unseen = tuple(one for one in elsewhere if not any(_is_in(one, folder) for folder in archives))
        return Forgotten(numbers=len(people), parts=n_parts, rows=rows, unseen=unseen)

    def _insist_on_own(self, archives: Sequence[Path]) -> None:
        for folder in archives:
            here = _moved_slots(folder)
            if not here or not all(is_same(folder / slot / PUBLIC_KEY, self._key(slot)) for slot in here):
                raise NotDeleted(f"{folder} is no folder that segments of these logs were moved to")

    def _key(self, slot: str) -> Path:
        return self._rooms.logs / slot / PUBLIC_KEY

    async def _insist_on_nobody(self, people: AbstractSet[int], by: str, *, erase: bool) -> None:
        if not await self._rooms.tables.n_identities(people):
            return
        if not erase:
            raise NotDeleted(
                "this person has identities still, so new entries would hold the number again: erase the person first (--erase)"
            )
        for number in sorted(people):
            await self._rooms.recorder.append(Changed(by=by, what=SHREDDED, target=str(number)))
            await self._rooms.people.shred(PersonNumber(number))

    async def _taken_out(self, people: AbstractSet[int], looked: Callable[[str, int], None]) -> int:
        """Go through the files until nothing is found; return how many parts others stand in the place of."""
        rooms, n_parts = self._rooms, 0
        begins = dict.fromkeys(slots(rooms.logs), 0)
        for _ in range(MOST_PASSES):
            ends = {slot: max(segments(rooms.logs / slot), default=0) for slot in slots(rooms.logs)}
            n_found = 0
            for slot in ends:
                n_found += await self._slot(slot, begins.get(slot, 0), people, looked)
            n_parts += n_found
            if not n_found:
                return n_parts
            begins = ends
        raise NotDeleted("new entries hold the person still: look which process knows the number, then begin again")

    async def _slot(self, slot: str, begin: int, people: AbstractSet[int], looked: Callable[[str, int], None]) -> int:
        n_found, first = 0, None
        directory = self._rooms.logs / slot
        for number in segments(directory):
            if number < begin:
                continue
            found = await asyncio.to_thread(parts_without, directory, number, people)
            if found:
                instead = await self._entered(slot, found)
                await asyncio.to_thread(self._rooms.rewrite, slot, number, _putting(instead))
                n_found += len(found)
                first = found[0].after.seq if first is None else first
            n_found += await asyncio.to_thread(self._rooms.level, slot, number, people)
            looked(slot, number)
        if first is not None:
            await self._rooms.renew(slot, first)
        return n_found

    async def _archive(self, folder: Path, people: AbstractSet[int], looked: Callable[[str, int], None]) -> int:
        n_found = 0
        for slot in _moved_slots(folder):
            for number in segments(folder / slot):
                found = await asyncio.to_thread(parts_without, folder / slot, number, people)
                if found:
                    instead = await self._entered(slot, found)
                    await asyncio.to_thread(self._rooms.rewrite_in, folder / slot, number, _putting(instead))
                    n_found += len(found)
                looked(slot, number)
        return n_found

    async def _entered(self, slot: str, found: Sequence[Taken]) -> Mapping[int, StoredPart]:
        """Enter what becomes of parts of a log, and return what is to stand in their places."""
        rooms, name = self._rooms, self._rooms.prefix + slot
        places: list[int] = []
        for start in range(0, len(found), AT_ONCE):
            entries = [
                Amended(origin=name, place=one.after.seq, taken=one.people, digest=one.after.own_digest)
                for one in found[start : start + AT_ONCE]
            ]
            places += await asyncio.gather(*(rooms.recorder.append(entry) for entry in entries))
        return {
            one.after.seq: msgspec.structs.replace(one.after, amended=f"{rooms.own}:{place}")
            for one, place in zip(found, places, strict=True)
        }


def _moved_slots(folder: Path) -> list[str]:
    """Return the slots that a folder has segments of; a disk of one's own has other folders as well."""
    return [slot for slot in slots(folder) if (folder / slot / PUBLIC_KEY).exists()]


def _putting(instead: Mapping[int, StoredPart]) -> Change:
    return lambda stored: instead.get(stored.seq, stored)


def _is_in(one: Archived, folder: Path) -> bool:
    """Tell whether a folder has a segment that was moved."""
    return segment_path(folder / one.slot, one.segment).exists()
