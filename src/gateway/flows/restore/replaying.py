# SPDX-License-Identifier: Apache-2.0
"""The way through a log: each entry is taken in, and what it means goes to whoever makes it so, in batches."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.domain.budget import HOUR_US
from gateway.domain.entry import Changed, End, Intent, Numbered, Release, RulesInForce
from gateway.domain.replay import BlockReleased, ChoicesMade, NumbersGiven, Replayed
from gateway.flows.restore import ports
from gateway.flows.restore.beginnings import Beginnings
from gateway.flows.restore.folding import Folding
from gateway.flows.restore.reading import KEYS, applied, cannot
from gateway.record.reading.reader import Record

BATCH = 10_000
"""People or choices of one transaction."""

BLOCKS = 2_000
"""Blocks that are counted in one transaction."""

REACH_US = 745 * HOUR_US
"""Age of the oldest release that a budget still counts: 31 days and the hour under way."""

STATE_KINDS = ("changed", "sign-in", "numbered", "intent", "release", "end", "rules-in-force")


class Makers(msgspec.Struct, frozen=True, kw_only=True):
    """What a way through the logs needs: where they are, and whoever makes what they tell.

    Attributes:
        logs: ``STATE/log``.
        prefix: First two words of the names of these logs, ``<installation>/<node>/``.
    """

    logs: Path
    prefix: str
    state: ports.State
    budgets: ports.Budgets
    keys: ports.Keys
    key_of: ports.KeyOf
    clock: Callable[[], int]


class Replaying:
    """One replay under way: what waits for its transaction, and which calls are open."""

    def __init__(self, rooms: Makers, places: Mapping[str, int]) -> None:
        """Begin at the marks."""
        self._rooms = rooms
        self._waiting: list[Replayed] = []
        self._blocks: list[BlockReleased] = []
        self._weight = 0
        self._beginnings = Beginnings(rooms.logs, rooms.prefix, places)
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
            case Intent():
                self._beginnings.take(body)
            case Release():
                await self._released(record, body)
            case End():
                self._beginnings.end(body.call)
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
        """Let a block be counted by budgets that still reach so far back."""
        people = record.part.people if record.part is not None else b""
        if people:
            self.folding.since.highest = max(self.folding.since.highest, BitMap.deserialize(people).max())
        self._beginnings.take(body)
        if body.rows and record.line.at_us >= self._rooms.clock() - REACH_US:
            await self._count(record, body, people)
        if body.last:
            self._beginnings.end(body.call)

    async def _count(self, record: Record, body: Release, people: bytes) -> None:
        key = self._rooms.key_of(self._beginnings.of(record, body.call))
        if key is None:
            return
        if body.people and record.part is None:
            raise cannot(record, "its part was deleted, and a budget counts its people")
        block = BlockReleased(call=body.call, n=body.n, key=key, people=people, rows=body.rows, at_us=record.line.at_us)
        self._blocks.append(block)
        if len(self._blocks) >= BLOCKS:
            await self.flush()
