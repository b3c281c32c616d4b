# SPDX-License-Identifier: Apache-2.0
"""Steps 4 and 5 of a call: transform what the store sent, record each block, then release it.

A block's entry is durable before its first byte leaves. Before each block, also before the first, for
which a slow store may have kept the call waiting, the rules, holds, revocations and choices are read
again; if the view would now be less, the stream is cut, never coded anew.
"""

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256

import msgspec

from gateway.domain.budget import BudgetKey, Taken, in_steps
from gateway.domain.decision import Deny, Permit, Reason
from gateway.domain.entry import Facts, Release
from gateway.domain.errors import LogUnavailable
from gateway.domain.inquiry import Form, Inquiry
from gateway.domain.names import PersonNumber
from gateway.domain.viewplan import Cause
from gateway.flows.access.asking import facts_of
from gateway.flows.access.call import Call, RefusedError, Rooms
from gateway.flows.access.choosing import Choosing
from gateway.flows.access.mixed import Ways
from gateway.flows.access.ports.doorway import Answer
from gateway.flows.access.ports.stores import StoreAnswer
from gateway.flows.access.standing import check_view_stands
from gateway.flows.access.vaulting import known_of
from gateway.flows.access.verdicts import (
    absent,
    check_malformed,
    choice_rule,
    is_more,
    over_budget,
    today,
    told_next,
)
from gateway.transform.blocks import MOST_ROWS, MOST_ROWS_UNDER_SUSPICION, Block, BlockWriter
from gateway.transform.codec import Codec
from gateway.transform.formats import SPELLS, frame_of, splitter_of
from gateway.transform.reading import Batch, Reading
from gateway.transform.rows import WITHHELD, Verdict, by_choice, judge, looks_at_facts
from gateway.transform.split import Members

LEAST_COUNTED_ROWS = 20
"""Rows of the store below which an answer tells no counts of withheld ones (docs/adr/0015)."""

LOOK_EVERY_US = 1_000_000
"""How often a call of which nothing is released looks whether anybody still waits and may have it."""


class Releasing:
    """One permitted answer on its way out."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit, codec: Codec) -> None:
        """Begin before the first byte."""
        self._rooms, self._call, self._inquiry = rooms, call, inquiry
        self._permit, self._plan, self._codec = permit, permit.plan, codec
        self._shape = inquiry.route.answer
        held = bool(rooms.holds.for_account(inquiry.principal.account))
        self._writer = BlockWriter(
            frame_of(inquiry.form, self._shape, codec.leaving),
            most_rows=MOST_ROWS_UNDER_SUSPICION if held else MOST_ROWS,
        )
        self._spell = SPELLS.get(inquiry.form)
        self._seen: list[PersonNumber] = []
        """Whom a single record is about."""
        self._n_store_rows = self._n_kept = 0
        self._goes_on = False
        self._next: str | int | None = None
        self._n_since = 0
        """Rows of the store since the last entry."""
        self._choosing = Choosing(rooms.choices, permit.plan, codec)
        self._looked_us = rooms.clock()
        self._withheld: dict[Cause, int] = {}
        """Rows left out since the last entry; that entry's block tells of them."""
        self._withheld_before: dict[Cause, int] = {}

    async def run(self, answer: StoreAnswer) -> None:
        """Carry the whole answer."""
        await self._end(await self._carried(answer))

    async def run_each(self, ways: Ways, *, tells_etag: bool) -> None:
        """Carry the answers to several questions as one."""
        async with contextlib.aclosing(ways.answers()) as answers:
            async for answer in answers:
                if answer.absent:
                    raise RefusedError(Deny(reason=Reason.NOT_FOUND))
                self._call.etag = answer.etag if tells_etag else None
                n_before = self._n_store_rows
                members = await self._carried(answer)
                ways.told(members, self._n_store_rows - n_before)
        await self._end(ways.members())

    async def _carried(self, answer: StoreAnswer) -> Members:
        """Carry the rows of an answer, and return what its end tells."""
        reading = self._codec.reading()
        splitter = splitter_of(self._shape, self._codec.read, reading.n_objects)
        async for chunk in answer.chunks():
            self._look_around()
            for rows in splitter.feed(chunk):
                await self._transform(rows, reading)
        members = splitter.finish()
        for rows in members.rest:
            await self._transform(rows, reading)
        return members

    async def _end(self, members: Members) -> None:
        """Release what is left, with what the end of the store's answer tells."""
        if new := [name for name in members.unread if self._plan.collection.field(name) is None]:
            # As a row that has these members, without a value.
            row = msgspec.json.encode([dict.fromkeys(new)])
            self._rooms.samples.offer(self._inquiry.route, self._plan.collection.fields, row)
        if self._shape.kind == "record" and self._n_kept == 0 and Cause.MALFORMED not in self._withheld:
            # The refusal tells nobody whether there is such a record; the log says whom it would have been about.
            self._call.met = tuple(sorted({*self._call.met, *self._seen}))
            raise RefusedError(absent(self._withheld))
        # Where rows can be withheld, the store's total would count those too.
        counts = {} if self._plan.row_rules else members.counts
        self._goes_on = members.next is not None
        self._next = told_next(members.next, self._inquiry, self._call.arrival.sealed)
        await self._release(self._writer.finish(counts, self._next), last=True)

    async def _transform(self, rows: bytes, reading: Reading) -> None:
        """Run step 4 on a JSON array of whole rows, and step 5 on the blocks that they fill."""
        if self._rooms.holds.for_account(self._inquiry.principal.account):
            # A hold that came midway: rows that wait go out in small blocks as well.
            for block in self._writer.narrow(MOST_ROWS_UNDER_SUSPICION):
                await self._release(block, last=False)
        if self._shape.kind != "csv":
            # Rows of CSV come here without the columns that nobody reads; those are told at its end.
            self._rooms.samples.offer(self._inquiry.route, self._plan.collection.fields, rows)
        batch = reading.batch(rows)
        subjects = self._codec.subjects(batch)
        numbers = await self._numbers(subjects)
        if self._shape.kind == "record":
            self._seen = [number for number in numbers if number is not None]
        verdict = self._judged(batch, subjects, self._choosing.against(numbers))
        kept = numbers
        if verdict.withheld:
            kept = [number for number, place in zip(numbers, verdict.classes, strict=True) if place != WITHHELD]
        _count(self._withheld, verdict.withheld)
        if batch.malformed:
            _count(self._withheld, {Cause.MALFORMED: batch.malformed})
        self._n_store_rows += len(batch) + batch.malformed
        self._n_since += len(batch) + batch.malformed
        self._n_kept += len(kept)
        if self._n_since >= MOST_ROWS:
            # Rows of which none can be released fill no block, so they are judged without one.
            check_malformed(self._n_since, self._withheld)
        known = await known_of(
            self._rooms.vault,
            self._codec.wanted(batch, verdict.classes),
            lambda place: None if subjects[place] is None else numbers[place],
        )
        batch = self._choosing.linked(batch, subjects, numbers, verdict)
        runs = self._writer.takes_runs()
        written = self._codec.run if runs else partial(self._codec.encode, spell=self._spell)
        for block in self._writer.add(written(batch, verdict.classes, known=known), kept):
            await self._release(block, last=False)

    def _judged(self, batch: Batch, subjects: Sequence[str | None], against: Sequence[bool]) -> Verdict:
        """Judge the rows; further facts of them are read only where a rule looks at them."""
        if not looks_at_facts(self._plan, subjects):
            return by_choice(against)
        return judge(self._plan, self._codec.rows(batch), against, today(self._rooms.clock()))

    async def _numbers(self, subjects: Sequence[str | None]) -> Sequence[PersonNumber | None]:
        """Return the number of each row's person; a row without a readable person counts as a new one."""
        subject = self._plan.collection.subject
        if subject is None:
            return [None] * len(subjects)
        named = [value for value in subjects if value is not None]
        numbers = await self._rooms.people.numbers(subject.identity, named)
        n_unnamed = len(subjects) - len(named)
        if not n_unnamed:
            return numbers
        found, orphans = iter(numbers), iter(await self._rooms.people.orphan_numbers(n_unnamed))
        return [next(orphans) if value is None else next(found) for value in subjects]

    async def _release(self, block: Block, *, last: bool) -> None:
        """Run step 5: the block's entry is durable, then its bytes go."""
        call, withheld = self._call, self._withheld
        check_malformed(max(self._n_since, block.n_rows), withheld)
        taken = await self._taken(block, whole=last and call.n_blocks == 0)
        spent = taken.n_rows < block.n_rows
        if spent:
            # What was fetched to be released as one page is refused whole; a stream is cut behind the last
            # person who fits.
            if not taken.n_rows:
                raise RefusedError(over_budget(taken, in_steps(taken.states)))
            block, last = block.first(taken.n_rows), False
        check_view_stands(self._rooms, self._call, self._inquiry, self._permit)
        self._choosing.check(block.people, block.n_rows)
        entry = self._entry(block, withheld, last=last)
        # Counted before: whoever is cancelled while the disk works may find the entry in the log all the same.
        call.n_blocks += 1
        try:
            await self._rooms.recorder.append(entry, call.part(block.people))
        except LogUnavailable:
            call.n_blocks -= 1
            raise
        _count(self._withheld_before, withheld)
        self._withheld, self._n_since = {}, 0
        if not call.started:
            call.started = True
            # Behind the announced length of a whole answer nothing can be told.
            call.form = Form.JSON if last else self._inquiry.form
            await call.out.start(self._head(block, taken, last=last))
        await call.out.write(block.body, last=last)
        call.released_bytes += len(block.body)
        call.released_rows += block.n_rows
        if spent:
            raise RefusedError(over_budget(taken, in_steps(taken.states)))

    async def _taken(self, block: Block, *, whole: bool) -> Taken:
        """Spend the budgets for a block's rows before its entry is written."""
        plan = self._plan
        purpose = self._rooms.rules.decider.rules.purposes.get(plan.purpose)
        if purpose is None or not (purpose.budgets or purpose.counted) or not block.n_rows:
            return Taken(n_rows=block.n_rows)
        account = self._inquiry.principal.account
        key = BudgetKey(account=account, key_class=plan.key_class, recipient=plan.recipient)
        return await self._rooms.budgets.take(
            key,
            purpose.budgets,
            block.people,
            block.n_rows,
            whole=whole,
            now_us=self._rooms.clock(),
            counted=purpose.counted,
        )

    def _entry(self, block: Block, withheld: Mapping[Cause, int], *, last: bool) -> Release:
        return Release(
            call=self._call.arrival.decision_id,
            n=self._call.n_blocks,
            rows=block.n_rows,
            bytes=len(block.body),
            people=len(set(block.people)),
            withheld={str(cause): n for cause, n in withheld.items()},
            status=self._call.status,
            digest=sha256(block.body).hexdigest(),
            last=last,
            # Of a write, the intent told them.
            facts=self._facts() if self._call.n_blocks == 0 and not self._call.intended else None,
        )

    def _facts(self) -> Facts:
        rule = choice_rule(self._plan) or self._plan.link_rule
        return facts_of(
            self._inquiry,
            self._plan,
            now_us=self._rooms.clock(),
            rules=self._plan.rules,
            view=self._codec.words,
            choices=self._rooms.choices.sets_for(rule.purpose).version if rule else 0,
        )

    def _head(self, block: Block, taken: Taken, *, last: bool) -> Answer:
        """Return the head; counts and length are told only where the answer is whole at its head."""
        # Counts of an answer that a filter chose, or of a handful of rows, would tell of single people.
        counted = last and not self._inquiry.filters and self._n_store_rows >= LEAST_COUNTED_ROWS
        return Answer(
            decision_id=self._call.arrival.decision_id,
            inquiry=self._inquiry,
            view=self._codec.words,
            step_up=self._permit.step_up,
            withheld={str(cause): n for cause, n in self._withheld_before.items()} if counted else None,
            length=len(block.body) if last else None,
            more=is_more(self._inquiry, self._n_store_rows, goes_on=self._goes_on) if last else None,
            status=self._call.status,
            etag=self._call.etag,
            budgets=in_steps(taken.states),
            next=self._next if last and isinstance(self._next, str) else None,
        )

    def _look_around(self) -> None:
        """Stop pulling from the store, once a second, for a caller that is gone or permitted no more.

        A store that is slow, or whose rows are all withheld, would otherwise be held for its whole answer.

        Raises:
            HangUp / RefusedError: Nothing more is to be asked for.
        """
        now_us = self._rooms.clock()
        if abs(now_us - self._looked_us) >= LOOK_EVERY_US:
            self._looked_us = now_us
            self._call.out.still_there()
            check_view_stands(self._rooms, self._call, self._inquiry, self._permit)


def _count(counts: dict[Cause, int], more: Mapping[Cause, int]) -> None:
    """Add counts to others; what is none is left out, so that what is in them was counted."""
    for cause, n in more.items():
        if n:
            counts[cause] = counts.get(cause, 0) + n
