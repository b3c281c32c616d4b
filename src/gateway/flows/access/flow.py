# SPDX-License-Identifier: Apache-2.0
"""The life of a call: the order of the stages is written here and nowhere else.

1 identify · 2 decide · 3 ask the target · 4 transform block by block · 5 record, then release, each
block · 6 end. A refusal is entered before it is told. An ``end`` entry is written only where the
truth differs from what was authorised. The flow owns the loop and pushes into the door's ``Out``, so
it always learns how a call ended.
"""

import asyncio
import contextlib

from gateway.decide.decide import caps_for
from gateway.decide.sending import as_sent
from gateway.domain.catalog import REVEAL, WRITES
from gateway.domain.decision import CALLERS_WORDS, Deny, Permit, Reason, Refusal, Use
from gateway.domain.entry import End, Facts, Refused
from gateway.domain.errors import (
    HangUp,
    LogUnavailable,
    Overloaded,
    QuestionRefused,
    StateUnavailable,
    StoreMisbehaved,
    StoreUnreachable,
)
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import PurposeKey
from gateway.domain.own_data import PERSON_FIELDS, is_person_number
from gateway.domain.principal import Assurance, Principal, assurance_at, purpose_of
from gateway.domain.sending import SEND
from gateway.flows.access.asking import facts_of
from gateway.flows.access.call import Call, Judged, RefusedError, Rooms, permitted, settled
from gateway.flows.access.dispatching import Dispatching
from gateway.flows.access.mandated import mandated
from gateway.flows.access.mixed import ways_of
from gateway.flows.access.ports.doorway import Arrival, Out
from gateway.flows.access.releasing import Releasing
from gateway.flows.access.revealing import Revealing
from gateway.flows.access.vaulting import Holding
from gateway.flows.access.writing import Writing, tells_etag
from gateway.transform.codec import Codec
from gateway.transform.formats import last_words


class AccessFlow:
    """Carries calls from a door to a store and back."""

    def __init__(self, rooms: Rooms) -> None:
        """Keep the rooms."""
        self._rooms = rooms

    async def run(self, arrival: Arrival, out: Out) -> None:
        """Answer one call.

        Raises:
            LogUnavailable: Nothing was sent and nothing could be entered; the door answers 503.
        """
        call = Call(arrival, out)
        try:
            await self._answer(call)
        except RefusedError as no:
            await self._refuse(call, no.deny)
        except HangUp:
            await self._end(call, "hang-up")
        except QuestionRefused as no:
            await self._refuse(call, Deny(reason=Reason.PARAMETER_INVALID, fields=(no.parameter,), title=no.sentence))
        except (StoreUnreachable, StoreMisbehaved) as error:
            retry_after_s = error.retry_after_s if isinstance(error, StoreUnreachable) else None
            await self._fail(call, "store-failed", _store_reason(error), retry_after_s)
        except (Overloaded, StateUnavailable):
            # Our own database does not answer, or a queue is full: nothing may leave, and it passes.
            await self._fail(call, "failed", Reason.OVERLOADED)
        except LogUnavailable:
            if not call.started:
                # Of a write that may have been done only the intent is known; the end is entered if it can be.
                await self._end(call, "failed", Reason.LOG_UNAVAILABLE)
                raise
            # The next entry may succeed where this one failed: a log goes on in a new segment.
            await self._cut(call, "cut", Reason.LOG_UNAVAILABLE)
        except asyncio.CancelledError:
            await asyncio.shield(self._end(call, "cut"))
            raise
        except Exception:
            # Whatever failed in our own code closes the gate; the entry says so, the door logs where.
            await self._fail(call, "failed", Reason.GATEWAY_FAILED)
            raise

    async def _answer(self, call: Call) -> None:
        rooms, arrival, now_us = self._rooms, call.arrival, self._rooms.clock()
        if not rooms.recorder.room_left():
            raise LogUnavailable("the disk that holds the log is nearly full")
        if arrival.framing is not None:
            raise RefusedError(arrival.framing)
        if not rooms.is_current():
            raise RefusedError(Deny(reason=Reason.OVERLOADED))
        # 1 identify
        who = settled(rooms.identify.principal(arrival.authorization, now_us))
        rules = rooms.rules.decider.rules.digest
        call.know(lambda: _early_facts(arrival, who, now_us, rules))
        call.fresh = assurance_at(who, now_us) == Assurance.PERSON_FRESH
        # 2 decide: purpose, route, then the rest, which is the order in which callers are told
        inquiry, permit = await self._decided(call, who, now_us)
        if inquiry.operation == REVEAL:
            await Revealing(rooms, call, inquiry, permit).run()
            await call.out.finish()
            return
        if inquiry.operation == SEND:
            await Dispatching(rooms, call, inquiry, permit).run()
            await call.out.finish()
            return
        if inquiry.operation in WRITES:
            await Writing(rooms, call, inquiry, permit).run()
            await call.out.finish()
            return
        codec = rooms.codec_of(permit.plan)
        call.met = await self._met(permit, codec)
        # 3 ask the target
        ways = await ways_of(rooms, call, inquiry, permit, Holding(codec, rooms.vault))
        releasing = Releasing(rooms, call, inquiry, permit, codec)
        if ways.n > 1:
            # 4 transform, and 5 record, then release, as below: of a column that is being turned over
            await releasing.run_each(ways, tells_etag=tells_etag(inquiry.route))
            await call.out.finish()
            return
        async with rooms.target.call(await ways.only()) as answer:
            if answer.absent:
                raise RefusedError(Deny(reason=Reason.NOT_FOUND))
            call.etag = answer.etag if tells_etag(inquiry.route) else None
            # 4 transform, and 5 record, then release, block by block
            await releasing.run(answer)
        # 6 end: the last entry said all there is to say
        await call.out.finish()

    async def _decided(self, call: Call, who: Principal, now_us: int) -> tuple[Inquiry, Permit]:
        """Run step 2.

        Raises:
            RefusedError: The call is not permitted as it stands.
        """
        rooms, arrival, decider = self._rooms, call.arrival, self._rooms.rules.decider
        stated = purpose_of(arrival.purpose, who)
        if stated in decider.rules.purposes:
            # A declared purpose is a fact even of a call that may not use it; any other word is the caller's own.
            call.know(lambda: _early_facts(arrival, who, now_us, decider.rules.digest, stated))
        purpose = settled(decider.purpose(stated, who, arrival.reference, now_us))
        inquiry = settled(await arrival.bind(who, purpose.key, decider.rules.catalog, decider.rules.digest))
        if inquiry.operation == SEND:
            told = as_sent(inquiry)
            call.know(lambda: facts_of(told, None, now_us=now_us, rules=decider.rules.digest))
            inquiry = settled(await mandated(rooms, inquiry, arrival.mandate, now_us))
        elif inquiry.operation == REVEAL:
            call.know(lambda: facts_of(inquiry, None, now_us=now_us, rules=decider.rules.digest))
            inquiry = settled(await mandated(rooms, inquiry, arrival.mandate, now_us))
        holds = rooms.holds.for_account(who.account)
        caps = caps_for(inquiry, holds, now_us)
        known = as_sent(inquiry) if inquiry.operation == SEND else inquiry
        call.know(lambda: facts_of(known, None, now_us=now_us, rules=decider.rules.digest, caps=caps))
        permit = permitted(decider.decide(inquiry, holds, now_us))
        call.judged = Judged(permit, decider, holds, now_us)
        return inquiry, permit

    async def _met(self, permit: Permit, codec: Codec) -> tuple[int, ...]:
        """Return the numbers of the people whom path and filters name; nobody gets one by being asked for."""
        subject = permit.plan.collection.subject
        numbered = PERSON_FIELDS.get(permit.plan.dataset)
        if numbered is not None:
            # Of the gateway's own data people are asked for by number; a look at somebody is entered as one.
            asked = [one for use in permit.filters if use.filter.field == numbered for one in use.filter.compared]
            return tuple(sorted({int(one) for one in asked if is_person_number(one)}))
        told: list[str | None] = []
        for use in permit.filters:
            if subject is not None and use.filter.field == subject.field:
                by_surrogate = use.use is Use.SURROGATE
                told += [codec.resolve(subject.field, one) if by_surrogate else one for one in use.filter.compared]
        named = [value for value in told if value]
        if subject is None or not named:
            return ()
        met = await self._rooms.people.find_each(subject.identity, named)
        return tuple(sorted({number for number in met if number is not None}))

    async def _refuse(self, call: Call, deny: Deny) -> None:
        """Enter the refusal, then tell it; after the first byte of an answer, cut the answer instead."""
        if call.started:
            await self._cut(call, "cut", deny.reason)
            return
        rooms, arrival = self._rooms, call.arrival
        refusal = Refusal(
            decision_id=arrival.decision_id,
            reason=deny.reason,
            fields=deny.fields,
            title=deny.title,
            titles=deny.titles,
            retry_after_s=deny.retry_after_s,
            outcome=deny.outcome,
            budgets=deny.budgets,
            approval=deny.approval,
        )
        body = call.out.refusal_body(refusal)
        entry = Refused(
            call=arrival.decision_id,
            reason=deny.reason,
            status=rooms.status_of(deny.reason),
            bytes=len(body),
            # Names that the caller made up are told back to it but are no facts for the log.
            fields=() if deny.reason in CALLERS_WORDS else deny.fields,
            rule=deny.rule,
            facts=None if call.intended else call.facts,
        )
        if entry.facts is None and not call.intended:
            await rooms.early.refused(entry, call.part())
        else:
            try:
                await rooms.recorder.append(entry, call.part())
            except LogUnavailable:
                # What was intended has an ending all the same: the log owes it, and enters it when it can.
                await self._end(call, "failed", deny.reason)
                raise
        # The entry says what was authorised; a caller that does not wait for its refusal changes nothing.
        with contextlib.suppress(HangUp):
            await call.out.refuse(refusal, body)

    async def _fail(self, call: Call, how: str, reason: Reason, retry_after_s: int | None = None) -> None:
        if call.started:
            await self._cut(call, how, reason)
            return
        await self._refuse(call, Deny(reason=reason, retry_after_s=retry_after_s, outcome=call.outcome))

    async def _cut(self, call: Call, how: str, reason: Reason) -> None:
        words = last_words(call.form, call.released_rows, reason)
        if await self._end(call, how, reason, told=len(words)) and words:
            # The entry authorises these bytes too; whoever has gone does not hear them.
            with contextlib.suppress(HangUp):
                await call.out.write(words)
        await call.out.abort()

    async def _end(self, call: Call, how: str, reason: Reason | None = None, *, told: int = 0) -> bool:
        """Enter how a call ended that did not end as authorised; one that asked no store has none.

        Args:
            told: Bytes that will tell the caller so; they may go only if the entry was made.
        """
        if call.n_blocks == 0 and not call.intended and not call.asked:
            return False
        end = End(call=call.arrival.decision_id, how=how, bytes=call.released_bytes, reason=reason, told=told)
        try:
            await self._rooms.recorder.append(end)
        except LogUnavailable:
            # The log keeps it and enters it when it can; else the next start enters ``unknown``.
            return False
        return True


def _early_facts(arrival: Arrival, who: Principal, now_us: int, rules: str, purpose: PurposeKey | None = None) -> Facts:
    return Facts(
        account=who.account,
        client=who.client,
        recipient=who.recipient,
        session=who.session,
        method=arrival.method,
        purpose=purpose or "",
        reference=arrival.reference if purpose else None,
        rules=rules,
        assurance=int(assurance_at(who, now_us)),
        roles=who.roles,
    )


def _store_reason(error: StoreUnreachable | StoreMisbehaved) -> Reason:
    if isinstance(error, StoreMisbehaved):
        return Reason.STORE_ANSWER_INVALID
    return Reason.STORE_TIMEOUT if error.timed_out else Reason.STORE_UNREACHABLE
