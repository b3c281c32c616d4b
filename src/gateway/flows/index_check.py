# SPDX-License-Identifier: Apache-2.0
"""Holds the index of the log against its files: row by row, span by span, hour by hour.

The files are read from their first entries, as far as the index says that it read them. Whatever the index
holds otherwise, more or less than what follows from them is a difference. What the files themselves prove is
for ``gateway log verify``.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from operator import add
from typing import Protocol

import msgspec

from gateway.domain.errors import LogDamaged, StateUnavailable
from gateway.domain.log_index import (
    SPAN,
    Counts,
    Hour,
    IndexEntry,
    LogBatch,
    LogPosition,
    SpanPeople,
    Use,
    call_bytes,
)
from gateway.domain.log_packing import PackedBatch, Stretch
from gateway.domain.log_query import LogRow
from gateway.record.reading.spans import is_same

MOST_NAMED = 20
"""Differences that are told; further ones are only counted."""

MOST_TRIES = 20

FirstOf = Callable[[Collection[str]], Awaitable[Mapping[str, LogRow]]]


class Reader(Protocol):
    """Reads one log."""

    position: LogPosition

    def read(self, most: int) -> LogBatch | None:
        """Return the next entries, if there are any."""

    def completed(self, batch: LogBatch, first: Mapping[str, LogRow]) -> LogBatch:
        """Return a batch with what the first entries of its unknown calls say."""


class Logs(Protocol):
    """The logs of an installation, as files."""

    def slots(self) -> list[str]:
        """Return the names of the logs."""

    def reader_at(self, slot: str, seq: int) -> Reader:
        """Return what reads a log from an entry on."""

    def stretches(self, slot: str, first_of: FirstOf, until: int) -> AsyncGenerator[Stretch, None]:
        """Yield a log from its first entry up to another, each stretch with the people of the span that it ends."""


class Held(Protocol):
    """What the index holds."""

    async def positions(self) -> dict[str, LogPosition]:
        """Return how far each log was read."""

    async def holds(self, batch: PackedBatch) -> bool:
        """Tell whether the rows of a batch's entries are just what is entered for it."""

    async def entries(self, slot: str, first: int, until: int) -> list[LogRow]:
        """Return rows in order."""

    async def first_of(self, slot: str, calls: Collection[str]) -> dict[str, LogRow]:
        """Return the first entries of calls."""

    async def span(self, slot: str, number: int) -> SpanPeople | None:
        """Return the people of a span, if it is there."""

    async def hours(self) -> dict[Hour, Counts]:
        """Return the counts by the hour."""

    async def words(self) -> tuple[set[str], set[str], set[Use]]:
        """Return every text, address and use."""

    async def strays(self, begins: Mapping[str, int]) -> list[str]:
        """Return what belongs to no entry that was read; by log, the first entry that is here, if it is not 0."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        n_entries: Entries that were compared.
        differences: In sentences, at most ``MOST_NAMED``; entries by log and place.
        n_differences: How many there are.
    """

    n_entries: int
    differences: tuple[str, ...]
    n_differences: int

    @property
    def is_same(self) -> bool:
        """Tell whether the index is what follows from the files."""
        return not self.n_differences


class Comparison:
    """One comparison of an index with the files."""

    def __init__(self, held: Held, logs: Logs, *, most: int) -> None:
        """Begin.

        Args:
            held: The index.
            logs: The files.
            most: Entries that are compared at once.
        """
        self._held, self._logs, self._most = held, logs, most
        self._n_entries = 0
        self._found: list[str] = []
        self._n_found = 0
        self._begins: dict[str, int] = {}
        self._hours: dict[Hour, list[int]] = {}
        self._words: set[str] = set()
        self._places: set[str] = set()
        self._uses: set[Use] = set()

    async def run(self, compared: Callable[[int], None] = lambda _n: None) -> Compared:
        """Compare everything.

        Args:
            compared: Told of each number of entries that were compared.

        Raises:
            StateUnavailable: The index does not answer, or grows faster than it can be looked at.
        """
        positions, hours = await self._still()
        slots = await asyncio.to_thread(self._logs.slots)
        for slot in sorted(positions.keys() - set(slots)):
            self._blame(f"the index holds {slot}, and there is no such log")
        for slot in slots:
            if slot in positions:
                await self._compare(positions[slot], compared)
        self._compare_hours(hours)
        await self._compare_words(positions)
        if await self._held.positions() == positions:
            for stray in await self._held.strays(self._begins):
                self._blame(stray)
        return Compared(n_entries=self._n_entries, differences=tuple(self._found), n_differences=self._n_found)

    async def _still(self) -> tuple[dict[str, LogPosition], dict[Hour, Counts]]:
        """Return positions, and the counts as they were at just these positions."""
        for _ in range(MOST_TRIES):
            before = await self._held.positions()
            hours = await self._held.hours()
            if await self._held.positions() == before:
                return before, hours
        raise StateUnavailable("the index of the log grows faster than it can be looked at; try again")

    async def _compare(self, held: LogPosition, compared: Callable[[int], None]) -> None:
        after = LogPosition(slot=held.slot)
        first_of = partial(self._held.first_of, held.slot)
        try:
            async with aclosing(self._logs.stretches(held.slot, first_of, held.size)) as found:
                async for one in found:
                    self._begins.setdefault(held.slot, one.batch.before.size)
                    await self._compare_batch(one.batch)
                    if (people := one.span()) is not None:
                        await self._compare_span(people)
                    after = one.batch.after
                    self._n_entries += one.batch.n_entries
                    compared(one.batch.n_entries)
        except LogDamaged as error:
            self._blame(f"{held.slot} cannot be compared further: {error}")
            return
        if after.size < held.size:
            self._blame(f"the index holds {held.size} entries of {held.slot}, which has {after.size}")
        # Where the next part begins is a hint that depends on how the files were read.
        elif msgspec.structs.replace(after, part_at=held.part_at) != held:
            self._blame(f"the index ends {held.slot} with another entry than the files have there")

    async def _compare_batch(self, batch: PackedBatch) -> None:
        self._note(batch)
        if await self._held.holds(batch):
            return
        # Which of them, and in what, is looked for one by one.
        slot, end, n_found = batch.before.slot, batch.after.size, self._n_found
        reader = await asyncio.to_thread(self._logs.reader_at, slot, batch.before.size)
        while reader.position.size < end:
            again = await asyncio.to_thread(reader.read, min(self._most, end - reader.position.size))
            if again is None:
                raise LogDamaged(f"{slot} became shorter")
            if again.unknown:
                again = reader.completed(again, await self._held.first_of(slot, again.unknown))
            await self._compare_entries(again.entries)
        if self._n_found == n_found:
            self._blame(f"entries {batch.before.size} to {end - 1} of {slot} are spelled otherwise in the index")

    async def _compare_entries(self, entries: Sequence[IndexEntry]) -> None:
        first, until = entries[0].row.seq, entries[-1].row.seq + 1
        slot = entries[0].row.slot
        held = {row.seq: row for row in await self._held.entries(slot, first, until)}
        for entry in entries:
            row = entry.row
            if row.call:
                row = msgspec.structs.replace(row, call=call_bytes(row.call).hex())
            found = held.get(row.seq)
            if found is None:
                self._blame(f"entry {slot}:{row.seq} is not in the index")
            elif found != row:
                members = (name for name in row.__struct_fields__ if getattr(row, name) != getattr(found, name))
                self._blame(f"entry {slot}:{row.seq} differs in {', '.join(members)}")

    def _note(self, batch: PackedBatch) -> None:
        words = batch.words
        for hour, use, kind, decision, reason, *counts in batch.hours:
            known = self._hours.setdefault(
                Hour(hour, batch.uses[use], words[kind], words[decision], words[reason]), [0] * 4
            )
            known[:] = map(add, known, counts)
        for one in batch.uses:
            if one not in self._uses:
                self._uses.add(one)
                self._words |= {one.account, one.client, one.recipient, one.purpose, one.dataset, one.operation}
        self._words.update(words)
        self._places.update(batch.places)

    async def _compare_span(self, people: SpanPeople) -> None:
        held = await self._held.span(people.slot, people.span)
        name = f"span {people.span} of {people.slot} (entries {people.span * SPAN} to {people.span * SPAN + SPAN - 1})"
        if held is None:
            self._blame(f"{name} is not in the index")
        elif not await asyncio.to_thread(is_same, held, people):
            self._blame(f"{name} holds other people than its entries")

    def _compare_hours(self, held: Mapping[Hour, Counts]) -> None:
        told = {hour: tuple(counts) for hour, counts in self._hours.items()}
        wrong = {hour.hour for hour in told.keys() | held.keys() if told.get(hour) != held.get(hour)}
        for hour in sorted(wrong):
            self._blame(f"hour {hour} (since 1970) is counted otherwise than its entries are")

    async def _compare_words(self, positions: Mapping[str, LogPosition]) -> None:
        """Look for texts that no entry has; while the index grows it has some that were not read here."""
        words, places, uses = await self._held.words()
        if await self._held.positions() != positions:
            return
        for what, n_more in (
            ("log_word", len(words - self._words)),
            ("log_place", len(places - self._places)),
            ("log_use", len(uses - self._uses)),
        ):
            if n_more:
                self._blame(f"{what} holds {n_more} that no entry has")

    def _blame(self, sentence: str) -> None:
        self._n_found += 1
        if len(self._found) < MOST_NAMED:
            self._found.append(sentence)
