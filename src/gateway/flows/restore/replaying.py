# SPDX-License-Identifier: Apache-2.0
"""The way through a log: each entry is taken in, and what it means goes to whoever makes it so, in batches."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.domain.budget import HOUR_US, BudgetKey, revealed_of
from gateway.domain.catalog import REVEAL
from gateway.domain.entry import Changed, End, Facts, Intent, Numbered, Release, RulesInForce
from gateway.domain.mandate import budget_of
from gateway.domain.replay import BlockReleased, ChoicesMade, MessagesIntended, NumbersGiven, Replayed
from gateway.domain.sending import SEND
from gateway.flows.restore import ports
from gateway.flows.restore.beginnings import Beginnings
from gateway.flows.restore.folding import Folding
from gateway.flows.restore.reading import KEYS, applied, cannot
from gateway.record.reading.reader import Record

BATCH = 10_000
"""People or choices of one transaction."""

BLOCKS = 2_000
"""Blocks that are counted in one transaction."""

KEY_BYTES = 32
"""Of the key of a message, in the part of an intent."""

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
        self._sending: dict[str, tuple[Facts, bytes, int]] = {}
        """By call that sends and has not ended: its facts, whom it named, and when."""
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
                if body.facts is not None and body.facts.operation == SEND:
                    await self._intended(record, body, body.facts)
            case Release():
                await self._released(record, body)
            case End():
                self._beginnings.end(body.call)
                if body.call in self._sending:
                    await self._sent(body.call)
            case _:
                pass

    async def take_change(self, record: Record, body: Changed) -> None:
        """Make a change again that is not folded."""
        await self._wait(applied(record))
        if body.what in KEYS:
            label, version = body.target, int(body.facts.get("version", 0))
            again = self._rooms.keys.shred_again if body.what == "key-shredded" else self._rooms.keys.retire_again
            self.counts["keys of the keyring"] += again(label, version)

    async def finish(self) -> None:
        """Count the messages of which no entry says how they ended, and apply what waits."""
        for call in list(self._sending):
            await self._sent(call)
        await self.flush()

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

    async def _intended(self, record: Record, body: Intent, facts: Facts) -> None:
        """Let nothing be sent again that was about to be, and keep whom it named until it is known whom it reached."""
        if not body.records:
            return
        if record.part is None:
            raise cannot(record, "its part was deleted, and nobody knows which messages it was about to send")
        keys, at_us = record.part.keys, record.line.at_us
        pieces = tuple(keys[first : first + KEY_BYTES] for first in range(0, len(keys), KEY_BYTES))
        await self._wait(MessagesIntended(call=body.call, keys=pieces, at_us=at_us))
        self._sending[body.call] = (facts, BitMap(record.part.met).serialize() if record.part.met else b"", at_us)

    async def _sent(self, call: str, people: bytes | None = None) -> None:
        """Let whom messages reached be counted; where nobody knows, everybody whom they named."""
        facts, named, at_us = self._sending.pop(call)
        reached = named if people is None else people
        if not reached or at_us < self._rooms.clock() - REACH_US:
            return
        n_people = len(BitMap.deserialize(reached))
        for n, (key, rows) in enumerate(((self._rooms.key_of(facts), n_people), (_of_mandate(facts), 0))):
            if key is not None:
                self._blocks.append(BlockReleased(call=call, n=-1 - n, key=key, people=reached, rows=rows, at_us=at_us))
        if len(self._blocks) >= BLOCKS:
            await self.flush()

    async def _released(self, record: Record, body: Release) -> None:
        """Let a block be counted by budgets that still reach so far back."""
        people = record.part.people if record.part is not None else b""
        if people:
            self.folding.since.highest = max(self.folding.since.highest, BitMap.deserialize(people).max())
        self._beginnings.take(body)
        if body.call in self._sending:
            await self._sent(body.call, people)
        elif body.rows and record.line.at_us >= self._rooms.clock() - REACH_US:
            await self._count(record, body, people)
        if body.last:
            self._beginnings.end(body.call)

    async def _count(self, record: Record, body: Release, people: bytes) -> None:
        facts = self._beginnings.of(record, body.call)
        key = self._rooms.key_of(facts)
        if key is None:
            return
        if body.people and record.part is None:
            raise cannot(record, "its part was deleted, and a budget counts its people")
        block = BlockReleased(call=body.call, n=body.n, key=key, people=people, rows=body.rows, at_us=record.line.at_us)
        self._blocks.append(block)
        if facts.operation == REVEAL and (mandate := _of_mandate(facts)) is not None:
            self._blocks.append(msgspec.structs.replace(block, n=-2, key=mandate, rows=0))
        elif facts.operation == REVEAL:
            # Whether a second person approved it is not known here: on the strict side.
            rows = body.rows + sum(body.withheld.values())
            self._blocks.append(msgspec.structs.replace(block, n=-1, key=revealed_of(key), people=b"", rows=rows))
        if len(self._blocks) >= BLOCKS:
            await self.flush()


def _of_mandate(facts: Facts) -> BudgetKey | None:
    return budget_of(facts.mandate, facts.recipient) if facts.mandate else None
