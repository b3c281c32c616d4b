# SPDX-License-Identifier: Apache-2.0
"""Steps 3 to 5 of a call that writes: judge, enter the intent, forward once, enter the answer, then tell it.

1 judge every value · 2 judge the people whom the write is about · 3 enter the intent · 4 forward exactly
one request, which is never sent again · 5 enter what is told back, then tell it.

RULES

1. Until the intent is durable nothing is sent; from then on, whatever comes, there is one entry that says
   how it ended: a ``release``, a ``refusal``, or an ``end``.
2. What the store answers is told by its status alone, or under the caller's own view for reading. What may
   not be told of a record that was written is left out: the write itself is then told as done.
3. A caller that hangs up stops nothing: it is noticed when the answer is told, after the store's.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256

import msgspec

from gateway.decide.joined import OTHER_FIELD
from gateway.decide.writing import as_read
from gateway.domain.catalog import BodyKind, Honoured, Route
from gateway.domain.decision import Deny, Outcome, Permit, Reason
from gateway.domain.entry import Intent, Release
from gateway.domain.errors import LogUnavailable, Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.domain.inquiry import Inquiry
from gateway.flows.access.asking import facts_of
from gateway.flows.access.call import Call, RefusedError, Rooms, settled
from gateway.flows.access.concerning import Concerning
from gateway.flows.access.keeping import GoingBack
from gateway.flows.access.ports.doorway import Answer
from gateway.flows.access.ports.stores import StoreAnswer, StoreCall
from gateway.flows.access.releasing import Releasing
from gateway.flows.access.sending import record_of, write_call
from gateway.flows.access.standing import check_still_permitted
from gateway.flows.access.vaulting import Holding
from gateway.flows.access.verdicts import choice_rule
from gateway.transform.view_fields import view_words
from gateway.transform.writing import Judged, judged

DONE = (200, 201, 204)
REFUSED = {
    400: Reason.STORE_REFUSED,
    404: Reason.NOT_FOUND,
    409: Reason.STORE_CONFLICT,
    412: Reason.PRECONDITION_FAILED,
    413: Reason.STORE_REFUSED,
    415: Reason.STORE_REFUSED,
    422: Reason.STORE_REFUSED,
}
"""What a store says when it has not written; its own words are never passed on."""

EMPTY = sha256(b"").hexdigest()


class Writing:
    """One permitted write on its way to the store and back."""

    def __init__(self, rooms: Rooms, call: Call, inquiry: Inquiry, permit: Permit) -> None:
        """Begin before anything is sent."""
        self._rooms, self._call, self._inquiry, self._permit = rooms, call, inquiry, permit
        self._codec = rooms.codec_of(permit.plan)
        self._holding = Holding(self._codec, rooms.vault)
        self._n_records = max(1, len(inquiry.written))

    async def run(self) -> None:
        """Carry the write to its end.

        Raises:
            RefusedError: It may not be made, or the store did not make it.
        """
        call, rooms = self._call, self._rooms
        call.outcome = Outcome.NOT_SENT
        # 1 judge every value
        holding = self._holding
        values = settled(await holding.made(self._judged))
        asked = settled(await holding.made(lambda: self._asked(values)))
        # 2 judge the people
        concerning = Concerning(rooms, call, self._inquiry, self._permit, holding)
        await concerning.judge(values.records, asked)
        # What is written of a vault's fields has its tokens before the store hears of it.
        records = await holding.kept(values.records, concerning.people)
        if records != values.records:
            asked = settled(self._asked(values := msgspec.structs.replace(values, records=records)))
        if len(values.records) == 1:
            await concerning.keeping.ask(rooms.vault, values.records[0])
            asked = concerning.keeping.left(asked, values.records[0])
        self._refuse_unjoined(values, concerning)
        # Judging people may have asked the store.
        check_still_permitted(rooms, call, self._inquiry, self._permit)
        # 3 enter the intent
        await self._intend(values)
        # Whoever was erased while this was judged: as near to the store as can be.
        await concerning.still_there()
        # 4 forward once
        async with self._sent(asked) as answer:
            settled(said(answer.status))
            await concerning.came_back()
            # 5 enter, then tell
            await self._tell(answer, concerning, values)

    def _asked(self, values: Judged) -> StoreCall | Deny:
        """Return what the store is sent for judged values."""
        held = self._holding
        return write_call(self._inquiry, self._permit, values, held.resolve, self._rooms.idempotency, held.held)

    def _judged(self) -> Judged | Deny:
        """Return the values as the store is to get them, or what the first kind of wrong among them is."""
        body = self._inquiry.route.body
        indexed = body is not None and body.kind is BodyKind.RECORDS
        held = self._holding
        back = GoingBack(self._rooms.columns, held)
        found = judged(self._inquiry.written, self._permit.plan, back.resolve, back.held, indexed=indexed)
        if found.unpermitted:
            return Deny(reason=Reason.FIELD_NOT_PERMITTED, fields=found.unpermitted, rule=self._permit.plan.purpose)
        if found.unrevealed:
            return Deny(reason=Reason.UNREVEALED_VALUE_WRITTEN, fields=found.unrevealed)
        return Deny(reason=Reason.BODY_INVALID, fields=found.invalid) if found.invalid else found

    def _refuse_unjoined(self, values: Judged, concerning: Concerning) -> None:
        """Refuse a surrogate that may be of a field of which the caller sees less than of the one it is written into.

        Raises:
            RefusedError: It is not what the record holds already.
        """
        named = [name for name in values.surrogate if name in self._permit.unjoined]
        if named and len(values.records) == 1:
            stays = concerning.keeping.stays(values.records[0])
            named = [name for name in named if name not in stays]
        if named:
            raise RefusedError(Deny(reason=Reason.UNREVEALED_VALUE_WRITTEN, fields=tuple(named), title=OTHER_FIELD))

    async def _intend(self, values: Judged) -> None:
        call, rooms, plan, shown = self._call, self._rooms, self._permit.plan, self._permit.shown
        rule = choice_rule(plan)
        facts = facts_of(
            self._inquiry,
            plan,
            now_us=rooms.clock(),
            rules=plan.rules,
            view={} if shown is None else view_words(shown),
            choices=rooms.choices.sets_for(rule.purpose).version if rule else 0,
        )
        words: tuple[tuple[str, tuple[str, ...]], ...] = (("clear", values.clear), ("surrogate", values.surrogate))
        written = {word: names for word, names in words if names}
        intent = Intent(call=self._inquiry.decision_id, records=self._n_records, written=written, facts=facts)
        # Said before: whoever is cancelled while the disk works may find the entry in the log all the same.
        call.intended = True
        try:
            await rooms.recorder.append(intent, call.part())
        except LogUnavailable:
            call.intended = False
            raise

    @asynccontextmanager
    async def _sent(self, asked: StoreCall) -> AsyncIterator[StoreAnswer]:
        """Send the request and yield its answer; from the first byte on, nobody knows what a failure left behind."""
        self._call.outcome = Outcome.UNKNOWN
        async with AsyncExitStack() as answered:
            try:
                answer = await answered.enter_async_context(self._rooms.target.call(asked))
            except StoreUnreachable as error:
                if error.not_sent:
                    self._call.outcome = Outcome.NOT_SENT
                raise
            except Overloaded:
                # The call did not get a connection.
                self._call.outcome = Outcome.NOT_SENT
                raise
            yield answer

    async def _tell(self, answer: StoreAnswer, concerning: Concerning, values: Judged) -> None:
        call, route = self._call, self._inquiry.route
        call.status = 201 if answer.status == 201 else 200
        call.etag = answer.etag if tells_etag(route) else None
        record = None if answer.status == 204 or route.answer.kind != "record" else await record_of(answer)
        await concerning.number(record)
        await self._holding.adopted(values.records, concerning.people)
        if record is None or not await self._told(record):
            await self._tell_nothing()

    async def _told(self, record: StoreAnswer) -> bool:
        """Tell the record under the caller's view for reading; tell whether any of it may be told."""
        shown = self._permit.shown
        if shown is None:
            return False
        permit = Permit(plan=shown)
        releasing = Releasing(self._rooms, self._call, as_read(self._inquiry), permit, self._rooms.codec_of(shown))
        try:
            await releasing.run(record)
        except RefusedError:
            # The record was written whatever may be told of it; what was begun is cut by the flow.
            if self._call.n_blocks:
                raise
            return False
        return True

    async def _tell_nothing(self) -> None:
        """Enter and tell a write that was done and of which nothing is told."""
        call = self._call
        call.status = 201 if call.status == 201 else 204
        entry = Release(
            call=self._inquiry.decision_id,
            n=call.n_blocks,
            rows=0,
            bytes=0,
            people=0,
            status=call.status,
            digest=EMPTY,
            last=True,
        )
        call.n_blocks += 1
        try:
            await self._rooms.recorder.append(entry, call.part())
        except LogUnavailable:
            call.n_blocks -= 1
            raise
        call.started = True
        head = Answer(
            decision_id=self._inquiry.decision_id,
            inquiry=self._inquiry,
            view={},
            step_up=(),
            withheld=None,
            length=0,
            more=None,
            status=call.status,
            etag=call.etag,
        )
        await call.out.start(head)


def said(status: int) -> Deny | None:
    """Return the refusal that a store's status is, or ``None`` where it says that it has written.

    Raises:
        StoreMisbehaved: The status says neither.
    """
    if status in DONE:
        return None
    reason = REFUSED.get(status)
    if reason is None:
        raise StoreMisbehaved(f"the store answered a write with status {status}")
    return Deny(reason=reason)


def tells_etag(route: Route) -> bool:
    """Tell whether callers of a route get the store's entity tag: where they can say it back."""
    return Honoured.IF_MATCH in route.honours or Honoured.IF_NONE_MATCH in route.honours
