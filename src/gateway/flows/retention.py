# SPDX-License-Identifier: Apache-2.0
"""Retention: the parts of old entries are deleted, and the log goes on proving every entry.

RULES

1. Law says the least, the organisation the rest: a time below the least of a regime in the folder or in force is refused, with
   its citation. Nothing is deleted while a hold is on.
2. Segments grow old as a whole: when its last entry is older than the time, a segment loses its parts. Entries
   themselves are never deleted.
3. What a replay needs (numbers of people, imported choices) stays until no copy of the database is put back that
   is older, and never goes while the database itself has not seen it.
4. That parts go is entered before they do, on every disk that holds them; the index follows before it is told
   as done. What was broken off is done the next time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.errors import NotDeleted
from gateway.record.format.layout import segments, slots
from gateway.record.format.parts import StoredPart
from gateway.record.proof.parts_scan import (
    Ends,
    PartsHold,
    ends_of,
    holds_in_force,
    is_needed_for_restore,
    stored_parts,
)
from gateway.record.reading.tail import size_of

DAY_US = 24 * 3600 * 1_000_000
LONGEST_MONTH_DAYS = 31
DELETED = "parts-deleted"


class Law(Protocol):
    """What a regime says of logs."""

    @property
    def id(self) -> str:
        """Return its key."""
        ...

    @property
    def logs_months(self) -> int | None:
        """Return how many months logs are kept at least, if it says so."""
        ...

    @property
    def logs_cite(self) -> str:
        """Return where it says so."""
        ...


class Recorder(Protocol):
    """The log of this process."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class Least(msgspec.Struct, frozen=True, kw_only=True):
    """The longest of the times that the law asks for, and who asks."""

    days: int
    months: int
    regime: str
    cite: str


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A segment whose parts go.

    Attributes:
        n_parts: Parts that go.
        n_kept: Parts that stay because a replay may need them.
    """

    slot: str
    ends: Ends
    n_parts: int
    n_kept: int


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """How long parts stay, in days; ``restore_days`` for those that a replay needs."""

    parts_days: int
    restore_days: int


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """What retention works with.

    Attributes:
        logs: ``STATE/log``.
        prefix: First two words of the names of these logs.
        rewrite: Writes the parts of a segment anew on every disk, without those that go; returns how many went.
        copies: The directories of a slot on every disk, the first one first.
        renew: Brings the index of a slot up, from a place on.
        seen: By name of log, how many entries the database has certainly seen.
    """

    logs: Path
    prefix: str
    recorder: Recorder
    clock: Callable[[], int]
    rewrite: Callable[[str, int, Callable[[StoredPart], StoredPart | None]], int]
    copies: Callable[[str], Sequence[Path]]
    renew: Callable[[str, int], Awaitable[None]]
    seen: Callable[[], Awaitable[Mapping[str, int]]]


def least_of(laws: Iterable[Law]) -> Least | None:
    """Return the longest time that a regime asks for, if any does."""
    found = [
        Least(days=one.logs_months * LONGEST_MONTH_DAYS, months=one.logs_months, regime=one.id, cite=one.logs_cite)
        for one in laws
        if one.logs_months is not None
    ]
    return max(found, key=lambda one: one.days, default=None)


def check_keeping(keeping: Keeping, least: Least | None) -> None:
    """Refuse a time that is shorter than the law asks for.

    Raises:
        NotDeleted: With the citation.
    """
    if least is not None and keeping.parts_days < least.days:
        raise NotDeleted(
            f"log.keep_parts_days is {keeping.parts_days}, and {least.regime} asks for at least {least.months} months "
            f"({least.cite}): set it to {least.days} or more, or take the regime out of policies/regimes"
        )


def check_holds(logs: Path, since: Mapping[str, int] | None = None) -> list[PartsHold]:
    """Return nothing, as long as no hold is on.

    Args:
        logs: ``STATE/log``.
        since: By slot, how many entries were looked at before; none if nothing is said.

    Raises:
        NotDeleted: One is; it is named.
        LogDamaged: A log cannot be read.
    """
    held = holds_in_force(logs, since)
    if held:
        names = ", ".join(one.id for one in held)
        raise NotDeleted(f"no part is deleted while a hold is on ({names}): `gateway log hold lift` ends one")
    return held


class Retention:
    """Deletes parts that were kept long enough."""

    def __init__(self, rooms: Rooms, keeping: Keeping, least: Least | None) -> None:
        """Keep what it works with."""
        self._rooms, self._keeping, self._least = rooms, keeping, least
        self._looked: Mapping[str, int] | None = None

    async def due(self) -> list[Due]:
        """Return the segments whose parts go now, oldest first in each log.

        Raises:
            NotDeleted: The time is too short, or a hold is on.
            LogDamaged: A log cannot be read.
            StateUnavailable: The database does not answer.
        """
        check_keeping(self._keeping, self._least)
        seen = await self._rooms.seen()
        found = await asyncio.to_thread(self._due, seen)
        if found:
            self._looked = await asyncio.to_thread(self._sizes)
            await asyncio.to_thread(check_holds, self._rooms.logs)
        return found

    async def delete(self, found: Sequence[Due], by: str, done: Callable[[Due], None] = lambda _due: None) -> int:
        """Delete the parts of segments, and return how many went.

        Raises:
            LogUnavailable: It could not be entered; nothing of that segment went.
            NotDeleted: A disk does not let us, or a hold was added meanwhile.
        """
        n_gone, gone = 0, list[Due]()
        seen = await self._rooms.seen()
        try:
            for one in found:
                await self._rooms.recorder.append(Changed(by=by, what=DELETED, target=one.slot, facts=self._facts(one)))
                # A hold may have been added since the due ones were looked for, by another process.
                await asyncio.to_thread(check_holds, self._rooms.logs, self._looked)
                n_gone += await asyncio.to_thread(self._deleted, one, seen)
                gone.append(one)
                done(one)
        finally:
            for slot in dict.fromkeys(one.slot for one in gone):
                await self._rooms.renew(slot, min(one.ends.first for one in gone if one.slot == slot))
        return n_gone

    def _sizes(self) -> Mapping[str, int]:
        logs = self._rooms.logs
        return {slot: size_of(logs / slot) for slot in slots(logs) if segments(logs / slot)}

    def _due(self, seen: Mapping[str, int]) -> list[Due]:
        return [
            due
            for slot in slots(self._rooms.logs)
            for number in segments(self._rooms.logs / slot)
            if (due := self._of(slot, number, seen)) is not None
        ]

    def _of(self, slot: str, number: int, seen: Mapping[str, int]) -> Due | None:
        directory = self._rooms.logs / slot
        ends = ends_of(directory, number)
        if ends is None or not self._is_older(ends, self._keeping.parts_days):
            return None
        goes = self._goes(slot, ends, seen)
        n_parts = n_kept = 0
        # On one disk they may have gone already, where a crash came in between.
        for copy in self._rooms.copies(slot):
            going = [goes(stored) for stored in stored_parts(copy, number)]
            n_parts, n_kept = max(n_parts, sum(going)), max(n_kept, len(going) - sum(going))
        return Due(slot=slot, ends=ends, n_parts=n_parts, n_kept=n_kept) if n_parts else None

    def _deleted(self, due: Due, seen: Mapping[str, int]) -> int:
        goes = self._goes(due.slot, due.ends, seen)
        return self._rooms.rewrite(due.slot, due.ends.number, lambda stored: None if goes(stored) else stored)

    def _goes(self, slot: str, ends: Ends, seen: Mapping[str, int]) -> Callable[[StoredPart], bool]:
        """Return what tells whether a part of a segment goes that is old enough as a whole."""
        place = seen.get(self._rooms.prefix + slot, 0)
        is_restored = not self._is_older(ends, self._keeping.restore_days)
        return lambda stored: not (is_needed_for_restore(stored) and (is_restored or stored.seq >= place))

    def _is_older(self, ends: Ends, days: int) -> bool:
        return ends.last_us < self._rooms.clock() - days * DAY_US

    def _facts(self, due: Due) -> dict[str, str | int]:
        facts: dict[str, str | int] = {
            "segment": due.ends.number,
            "first": due.ends.first,
            "last": due.ends.last,
            "parts": due.n_parts,
            "kept": due.n_kept,
            "days": self._keeping.parts_days,
        }
        return facts if self._least is None else {**facts, "regime": self._least.regime}
