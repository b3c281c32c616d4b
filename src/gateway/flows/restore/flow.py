# SPDX-License-Identifier: Apache-2.0
"""The life of a replay: a database is held against its logs, and what they know and it does not is put back.

RULES

1. Nobody is ready before this has ended well. A log that is shorter than the database knows it to be,
   or missing, or that cannot be replayed, ends the opening with ``StateBehind``.
2. A database is behind its logs if one of them names a higher beat. Then everything after the marks is
   replayed in the order of time, people and choices in batches, the rest in one last step with the
   marks; a replay that was broken off begins again.
3. A database that is not behind lacks at most what was entered before it was made, by a process that
   was killed in between. Those changes alone are made good; to make them twice changes nothing.
4. The logs are verified before a word of them is believed.

The next start after an orderly end finds nothing to do and writes nothing.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.domain.budget import HOUR_US, BudgetKey
from gateway.domain.entry import Changed, End, Facts, Numbered, Release, RulesInForce
from gateway.domain.errors import StateBehind
from gateway.domain.replay import BlockReleased, ChoicesMade, NumbersGiven, Replayed, Settled
from gateway.flows.restore import ports
from gateway.flows.restore.folding import Folding
from gateway.flows.restore.reading import BEATS, KEYS, applied, cannot, is_first
from gateway.record.layout import slots
from gateway.record.reader import Record
from gateway.record.tail import size_of, tail
from gateway.record.verify import verify_logs

BATCH = 10_000
"""People or choices of one transaction."""

BLOCKS = 2_000
"""Blocks that are counted in one transaction."""

REACH_US = 745 * HOUR_US
"""Age of the oldest release that a budget still counts: 31 days and the hour under way."""

LOOK_BACK = 200_000
"""Entries before a mark among which the beginning of a call is looked for."""

STATE_KINDS = ("changed", "sign-in", "numbered", "release", "end", "rules-in-force")


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """Everything with state that a replay works with.

    Attributes:
        logs: ``STATE/log``.
        prefix: First two words of the names of these logs, ``<installation>/<node>/``.
        alone: Returns whether no other process of the installation is ready, and keeps it so.
    """

    logs: Path
    prefix: str
    marks: ports.Marks
    state: ports.State
    settler: ports.Settler
    budgets: ports.Budgets
    keys: ports.Keys
    key_of: ports.KeyOf
    recorder: ports.Recorder
    alone: Callable[[], bool]
    clock: Callable[[], int]


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
        seen = self._look(marked)
        if marked.beat is None and seen.beat is None:
            await rooms.marks.settle(0, self._named(seen.sizes))
            return None
        if seen.beat is not None and seen.beat > (-1 if marked.beat is None else marked.beat):
            return await self._replay(seen, seen.beat + 1)
        if seen.has_first:
            await self._make_good(seen)
        return None

    def _look(self, marked: ports.Marked) -> _Seen:
        """Hold the marks against the logs, and read what changed since for the newest beat."""
        rooms = self._rooms
        found = slots(rooms.logs)
        for name in marked.places:
            slot = name.removeprefix(rooms.prefix)
            if name.startswith(rooms.prefix) and slot not in found:
                raise StateBehind(
                    f"the log {name} is missing: the database has seen {marked.places[name]} of its entries"
                )
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

    async def _make_good(self, seen: _Seen) -> None:
        """Make the changes that were entered and perhaps never made."""
        replaying = _Replaying(self._rooms, seen.places)
        for record in self._merged(seen, ("changed",)):
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
        replaying = _Replaying(rooms, seen.places)
        for record in self._merged(seen, STATE_KINDS):
            await replaying.take(record)
        await replaying.flush()
        await rooms.state.forget_unreadable()
        settled = await rooms.settler.settle(replaying.folding.since, beat, self._named(seen.sizes))
        counts = {what: n for what, n in (replaying.counts + Counter(settled.counts)).items() if n}
        facts: dict[str, str | int] = {"beat": beat, "entries": replaying.n_entries, **counts}
        await rooms.recorder.append(Changed(by="gateway", what="state-replayed", target="main", facts=facts))
        return Outcome(entries=replaying.n_entries, counts=counts, settled=settled)

    def _merged(self, seen: _Seen, kinds: tuple[str, ...]) -> Iterator[Record]:
        """Yield the entries of every log behind its mark, in the order of time."""
        streams = [tail(self._rooms.logs / slot, place, kinds=kinds) for slot, place in seen.places.items()]
        return heapq.merge(*streams, key=lambda record: record.line.at_us)

    def _named(self, sizes: Mapping[str, int]) -> dict[str, int]:
        return {self._rooms.prefix + slot: size for slot, size in sizes.items()}


class _Replaying:
    """One replay under way: what waits for its transaction, and which calls are open."""

    def __init__(self, rooms: Rooms, places: Mapping[str, int]) -> None:
        self._rooms, self._places = rooms, places
        self._waiting: list[Replayed] = []
        self._blocks: list[BlockReleased] = []
        self._weight = 0
        self._calls: dict[str, BudgetKey | None] = {}
        self.folding = Folding()
        self.counts: Counter[str] = Counter()
        self.n_entries = 0

    async def take(self, record: Record) -> None:
        """Take an entry in."""
        self.n_entries += 1
        body = record.line.body
        self.folding.take(record)
        match body:
            case Changed():
                await self.take_change(record, body)
            case Numbered():
                await self._wait(applied(record))
            case RulesInForce():
                self.folding.since.rules = body.rules
            case Release():
                await self._released(record, body)
            case End():
                self._calls.pop(body.call, None)
            case _:
                pass

    async def take_change(self, record: Record, body: Changed) -> None:
        """Make a change again that is not folded."""
        await self._wait(applied(record))
        if body.what in KEYS:
            label, version = body.target, int(body.facts.get("version", 0))
            again = self._rooms.keys.shred_again if body.what == "key-shredded" else self._rooms.keys.retire_again
            self.counts["keys of the keyring"] += again(label, version)

    async def flush(self) -> None:
        """Apply what waits, in a transaction each."""
        if self._waiting:
            self.counts.update(await self._rooms.state.apply(self._waiting))
        if self._blocks:
            self.counts["blocks counted by budgets"] += await self._rooms.budgets.replay_all(self._blocks)
        self._waiting, self._blocks, self._weight = [], [], 0

    async def _wait(self, one: Replayed | None) -> None:
        if one is None:
            return
        since = self.folding.since
        if isinstance(one, NumbersGiven):
            since.highest = max(since.highest, *(number for _, number in one.numbers))
        self._waiting.append(one)
        self._weight += len(one.choices) if isinstance(one, ChoicesMade) else 1
        self._weight += len(one.numbers) if isinstance(one, NumbersGiven) else 0
        if self._weight >= BATCH:
            await self.flush()

    async def _released(self, record: Record, body: Release) -> None:
        """Count a block that left, where a budget counts it."""
        people = b"" if record.part is None else record.part.people
        if people:
            self.folding.since.highest = max(self.folding.since.highest, BitMap.deserialize(people).max())
        key = self._key(record, body)
        if body.last:
            self._calls.pop(body.call, None)
        if key is None or not body.rows or record.line.at_us < self._rooms.clock() - REACH_US:
            return
        if body.people and not people:
            raise cannot(record, "its part was deleted, and a budget counts its people")
        block = BlockReleased(call=body.call, n=body.n, key=key, people=people, rows=body.rows, at_us=record.line.at_us)
        self._blocks.append(block)
        if len(self._blocks) >= BLOCKS:
            await self.flush()

    def _key(self, record: Record, body: Release) -> BudgetKey | None:
        if body.facts is not None or body.call not in self._calls:
            facts = body.facts or self._facts_before(record, body)
            self._calls[body.call] = self._rooms.key_of(facts)
        return self._calls[body.call]

    def _facts_before(self, record: Record, body: Release) -> Facts:
        """Return the facts of a call that began before the mark."""
        slot = record.line.log.removeprefix(self._rooms.prefix)
        place = self._places[slot]
        for before in tail(self._rooms.logs / slot, max(0, place - LOOK_BACK), kinds=("release",)):
            first = before.line.body
            if isinstance(first, Release) and first.call == body.call and first.facts is not None:
                return first.facts
        raise cannot(record, "its call began too long ago")


def _later(beat: int | None, record: Record) -> int | None:
    body = record.line.body
    if not isinstance(body, Changed) or body.what not in BEATS:
        return beat
    return max(int(body.facts.get("beat", 0)), -1 if beat is None else beat)
