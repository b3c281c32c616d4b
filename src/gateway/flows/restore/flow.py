# SPDX-License-Identifier: Apache-2.0
"""The life of a replay: a database is held against its logs, and what they know and it does not is put back.

RULES

1. Nobody is ready before this has ended well. A log that is shorter than the database knows it to be,
   or missing, or that cannot be replayed, ends the opening with ``StateBehind``.
2. A database is behind its logs if one of them names a higher beat, or if it says that it was put
   back. Then everything after the marks is replayed in the order of time, people and choices in
   batches, the rest in one last step with the marks; a replay that was broken off begins again.
3. A database that is not behind lacks at most what was entered before it was made, by a process that
   was killed in between. Those changes alone are made good; to make them twice changes nothing.
4. Before a replay all logs are verified. What is made good under rule 3 is believed as it stands: the
   last entries of a process that was killed may have no checkpoint yet.

The next start after an orderly end finds nothing to do and writes nothing.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import msgspec

from gateway.domain.entry import Changed
from gateway.domain.errors import StateBehind
from gateway.domain.replay import Settled
from gateway.flows.restore import ports
from gateway.flows.restore.reading import BEATS, is_first
from gateway.flows.restore.replaying import STATE_KINDS, Makers, Replaying
from gateway.record.format.layout import slots
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import Record
from gateway.record.reading.tail import size_of, tail


class Rooms(Makers, frozen=True, kw_only=True):
    """Everything with state that a replay works with.

    Attributes:
        alone: Returns whether no other process of the installation is ready, and keeps it so.
    """

    marks: ports.Marks
    settler: ports.Settler
    recorder: ports.Recorder
    alone: Callable[[], bool]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay put back.

    Attributes:
        counts: How much of each kind was news to the database.
    """

    entries: int
    counts: Mapping[str, int]
    settled: Settled


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The logs beside a database: by slot where its mark is and where the log ends."""

    places: Mapping[str, int]
    sizes: Mapping[str, int]
    beat: int | None
    has_first: bool


class Restore:
    """Brings a database up to its logs."""

    def __init__(self, rooms: Rooms) -> None:
        """Keep what it works with."""
        self._rooms = rooms

    async def bring_up(self) -> Outcome | None:
        """Make the database as new as its logs; return what was put back if it was behind.

        Raises:
            StateBehind: That cannot be done.
            LogDamaged: An entry or a part cannot be read.
            LogUnavailable / StateUnavailable: It cannot be done now.
        """
        rooms, marked = self._rooms, await self._rooms.marks.read()
        seen = _look(rooms, marked)
        if marked.beat is None and seen.beat is None:
            await rooms.marks.settle(0, self._named(seen.sizes))
            return None
        known, told = (-1 if beat is None else beat for beat in (marked.beat, seen.beat))
        if marked.is_put_back or told > known:
            return await self._replay(seen, max(told, known) + 1)
        if seen.has_first:
            await self._make_good(seen)
        return None

    async def _make_good(self, seen: _Seen) -> None:
        """Make the changes that were entered and perhaps never made."""
        replaying = Replaying(self._rooms, seen.places)
        for record in _merged(self._rooms, seen, ("changed",)):
            body = record.line.body
            if isinstance(body, Changed) and is_first(body.what):
                await replaying.take_change(record, body)
        await replaying.flush()

    async def _replay(self, seen: _Seen, beat: int) -> Outcome:
        rooms = self._rooms
        if not rooms.alone():
            raise StateBehind("the database is older than the log, and a gateway runs on it: stop every process first")
        verdict = verify_logs(rooms.logs)
        if not verdict.is_right:
            problems = [*verdict.problems, *(f"{log.slot}: {one}" for log in verdict.logs for one in log.problems)]
            raise StateBehind(
                f"the database is older than the log, which cannot be replayed: {'; '.join(problems[:3])}"
            )
        replaying = await _replayed(rooms, seen)
        await rooms.state.forget_unreadable()
        settled = await rooms.settler.settle(replaying.folding.since, beat, self._named(seen.sizes))
        counts = {what: n for what, n in (replaying.counts + Counter(settled.counts)).items() if n}
        facts: dict[str, str | int] = {"beat": beat, "entries": replaying.n_entries, **counts}
        await rooms.recorder.append(Changed(by="gateway", what="state-replayed", target="main", facts=facts))
        return Outcome(entries=replaying.n_entries, counts=counts, settled=settled)

    def _named(self, sizes: Mapping[str, int]) -> dict[str, int]:
        return {self._rooms.prefix + slot: size for slot, size in sizes.items()}


async def rehearse(rooms: Makers, marked: ports.Marked) -> int:
    """Go the way of a replay from these marks, so that whatever would end it is known; return the entries.

    For makers that make nothing, and for logs that were found right.

    Raises:
        StateBehind: A database with these marks cannot be brought up to the logs.
        LogDamaged: An entry or a part cannot be read.
    """
    return (await _replayed(rooms, _look(rooms, marked))).n_entries


def _look(rooms: Makers, marked: ports.Marked) -> _Seen:
    """Hold the marks against the logs, and read what changed since for the newest beat."""
    found = slots(rooms.logs)
    for name in marked.places:
        slot = name.removeprefix(rooms.prefix)
        if name.startswith(rooms.prefix) and slot not in found:
            raise StateBehind(f"the log {name} is missing: the database has seen {marked.places[name]} of its entries")
    sizes = {slot: size_of(rooms.logs / slot) for slot in found}
    places = {slot: marked.places.get(rooms.prefix + slot, 0) for slot in found}
    for slot, place in places.items():
        if sizes[slot] < place:
            raise StateBehind(
                f"the log {rooms.prefix}{slot} has {sizes[slot]} entries, and the database has seen {place}: "
                "the log was cut short or put back; put the newest one in its place"
            )
    beat, has_first = None, False
    for slot, place in places.items():
        for record in tail(rooms.logs / slot, place, kinds=("changed",)) if place < sizes[slot] else ():
            beat = _later(beat, record)
            has_first |= isinstance(record.line.body, Changed) and is_first(record.line.body.what)
    return _Seen(places=places, sizes=sizes, beat=beat, has_first=has_first)


def _merged(rooms: Makers, seen: _Seen, kinds: tuple[str, ...]) -> Iterator[Record]:
    """Yield the entries of every log behind its mark, in the order of time."""
    streams = [tail(rooms.logs / slot, place, kinds=kinds) for slot, place in seen.places.items()]
    return heapq.merge(*streams, key=lambda record: record.line.at_us)


async def _replayed(rooms: Makers, seen: _Seen) -> Replaying:
    """Take in whatever the logs tell behind the marks."""
    replaying = Replaying(rooms, seen.places)
    for record in _merged(rooms, seen, STATE_KINDS):
        await replaying.take(record)
    await replaying.finish()
    return replaying


def _later(beat: int | None, record: Record) -> int | None:
    body = record.line.body
    if not isinstance(body, Changed) or body.what not in BEATS:
        return beat
    return max(int(body.facts.get("beat", 0)), -1 if beat is None else beat)
