# SPDX-License-Identifier: Apache-2.0
"""Finds the decisions that released somebody of a list: from the index as far as it goes, in the files behind it.

RULES

1. A decision counts if it went to the recipient for a purpose of the class, gave a surrogate of a field that the
   list has surrogates of, while a key of theirs could be in use, and had one of the people in one of its blocks.
2. Of a whole span the index says whom each use reached; entries are read only where one of the people is among
   them, and from the files, with the part as it is now.
3. Blocks whose part was deleted can tell nobody any more: they are counted.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from pyroaring import BitMap

from gateway.domain.errors import LogDamaged, StateUnavailable
from gateway.domain.log_index import SPAN, LogBatch, Use
from gateway.domain.log_query import LogQuery, LogRow
from gateway.domain.reach import Extent, SpanUse
from gateway.flows.tracing.explaining import Candidate
from gateway.flows.tracing.ports import Index
from gateway.record.format.layout import slots
from gateway.record.reading.agreeing import agreeing_extents
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.picking import people_of

RELEASE, SURROGATE = "release", "surrogate"


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Whose releases are looked for.

    Attributes:
        fields: Dataset and name of the fields of which one must have left as a surrogate; empty for any.
        since_us / until_us: When the keys were in use; the second is exclusive, ``None`` for now.
    """

    recipient: str
    key_class: str
    purposes: frozenset[str]
    fields: frozenset[tuple[str, str]]
    since_us: int
    until_us: int | None

    def means(self, use: Use | LogRow) -> bool:
        """Tell whether the list can have come from a release of this use."""
        if use.recipient != self.recipient or use.purpose not in self.purposes:
            return False
        left = msgspec.json.decode(use.fields, type=dict[str, tuple[str, ...]]).get(SURROGATE, ())
        return any(not self.fields or (use.dataset, name) in self.fields for name in left)

    def within(self, at_us: int) -> bool:
        """Tell whether the keys were in use then."""
        return self.since_us <= at_us and (self.until_us is None or at_us < self.until_us)


class Sought(msgspec.Struct, kw_only=True):
    """What was found for a party.

    Attributes:
        today: By number that the log may hold, the number that stands for the person today.
        calls: By slot and decision.
        n_bare: Blocks of which nobody can tell any more whom they were about.
    """

    party: Party
    numbers: BitMap
    today: Mapping[int, int]
    calls: dict[tuple[str, str], Candidate] = {}
    n_bare: int = 0

    def take(self, row: LogRow, people: bytes | None) -> None:
        """Take a release of the party."""
        if people is None:
            self.n_bare += row.people > 0
            return
        among = self.numbers & BitMap.deserialize(people) if people else BitMap()
        if not among:
            return
        moved = BitMap(self.today) & among
        now = (among - moved) | BitMap([self.today[one] for one in moved])
        call = self.calls.get((row.slot, row.call))
        if call is None:
            self.calls[row.slot, row.call] = Candidate(
                decision=row.call,
                account=row.account,
                client=row.client,
                purpose=row.purpose,
                dataset=row.dataset,
                reference=row.reference,
                first_us=row.at_us,
                last_us=row.at_us,
                released=row.rows,
                people=now,
            )
            return
        call.people |= now
        call.released += row.rows
        call.first_us, call.last_us = min(call.first_us, row.at_us), max(call.last_us, row.at_us)


class Releases:
    """One search.

    Attributes:
        n_from_files: Entries that were read because the index does not have them.
        remarks: Why more was read than the newest entries, in sentences.
    """

    def __init__(
        self, logs: Path, index: Index | None, sought: Sequence[Sought], *, done: Callable[[int], None]
    ) -> None:
        """Begin with nothing.

        Args:
            logs: ``STATE/log``.
            index: ``None`` to read the files alone.
            sought: Takes what is found.
            done: Told how many entries were read from files, again and again.
        """
        self._logs, self._index, self._sought, self._done = logs, index, sought, done
        self.n_from_files = self._n_lost = 0
        self.remarks: list[str] = [] if index is not None else ["the index was not used: every entry was read"]

    async def find(self) -> None:
        """Give every release to whoever seeks it.

        Raises:
            LogDamaged: An entry or a part cannot be read.
        """
        try:
            await self._find()
        except (StateUnavailable, LogDamaged) as error:
            if self._index is None:
                raise
            # It was built anew, failed, or names entries that are elsewhere: what was found may be a part of all.
            self._index, self.n_from_files = None, 0
            for one in self._sought:
                one.calls, one.n_bare = {}, 0
            self.remarks = [f"{error}: every entry was read"]
            await self._find()
        if self._n_lost:
            self.remarks.append(f"{self._n_lost} blocks of calls that began long before were not looked at")

    async def _find(self) -> None:
        found = await asyncio.to_thread(slots, self._logs)
        agreed: dict[str, Extent] = {}
        if self._index is not None:
            agreed, remarks = agreeing_extents(self._logs, found, await self._index.extents())
            self.remarks += remarks
            await self._from_index(self._index, agreed)
            now = await self._index.extents()
            if any(slot not in now or now[slot].spans < extent.spans for slot, extent in agreed.items()):
                raise StateUnavailable("the index of the log is being built anew")
        for slot in found:
            await self._from_files(slot, agreed[slot].spans * SPAN if slot in agreed else 0)

    async def _from_index(self, index: Index, agreed: Mapping[str, Extent]) -> None:
        uses = await index.uses(LogQuery())
        bare = await index.bare(LogQuery())
        for one in self._sought:
            those = {number for number, use in uses.items() if one.party.means(use)}
            one.n_bare += sum(
                lost.entries
                for lost in bare
                if lost.use in those and lost.slot in agreed and lost.span < agreed[lost.slot].spans
            )
            held = await index.spans(those, one.party.since_us, one.party.until_us)
            spans = [each for each in held if each.slot in agreed and each.span < agreed[each.slot].spans]
            for (slot, span), wanted in (await self._with_people(index, one, spans)).items():
                await self._of_span(index, one, slot, span, wanted)

    async def _with_people(
        self, index: Index, one: Sought, spans: Sequence[SpanUse]
    ) -> dict[tuple[str, int], set[int]]:
        """Return by slot and span the uses that reached somebody who is sought."""
        by_span: dict[tuple[str, int], list[SpanUse]] = {}
        for each in spans:
            by_span.setdefault((each.slot, each.span), []).append(each)
        found: dict[tuple[str, int], set[int]] = {}
        for place, those in by_span.items():
            reached = await index.people(those)
            uses = {use for use, people in reached if not one.numbers.isdisjoint(BitMap.deserialize(people))}
            found |= {place: uses} if uses else {}
        return found

    async def _of_span(self, index: Index, one: Sought, slot: str, span: int, uses: set[int]) -> None:
        party = one.party
        rows = await index.of_span(slot, span, uses, party.since_us, party.until_us)
        people = await asyncio.to_thread(lambda: list(people_of(self._logs, rows)))
        # What was deleted is counted already, over all spans.
        here = {
            row.seq: raw
            for row, raw in zip(rows, people, strict=True)
            if raw and not one.numbers.isdisjoint(BitMap.deserialize(raw))
        }
        for told in await index.at(slot, list(here)):
            one.take(told, here[told.seq])

    async def _from_files(self, slot: str, first: int) -> None:
        """Take the releases of a slot from a place on."""
        reader = await asyncio.to_thread(SlotReader.at, self._logs / slot, first)
        while (batch := await asyncio.to_thread(reader.read)) is not None:
            known = await self._beginnings(slot, batch, is_indexed=first > 0)
            self._n_lost += len(
                {entry.row.call for entry in batch.entries if entry.row.kind == RELEASE} & batch.unknown - set(known)
            )
            batch = reader.completed(batch, known)
            self.n_from_files += len(batch.entries)
            for entry in batch.entries:
                if entry.row.kind != RELEASE:
                    continue
                for one in self._sought:
                    if one.party.within(entry.row.at_us) and one.party.means(entry.row):
                        one.take(entry.row, entry.released if entry.row.part_at >= 0 else None)
            self._done(len(batch.entries))

    async def _beginnings(self, slot: str, batch: LogBatch, *, is_indexed: bool) -> Mapping[str, LogRow]:
        """Return the first entries of calls that began before what is read."""
        calls = {one.row.call for one in batch.entries if one.row.kind == RELEASE} & batch.unknown
        if not calls or not is_indexed or self._index is None:
            return {}
        return await self._index.beginnings(slot, calls)
