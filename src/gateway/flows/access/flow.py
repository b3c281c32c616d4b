# SPDX-License-Identifier: Apache-2.0
"""The life of a call: the order of the stages is written here and nowhere else.

1 identify · 2 decide · 3 ask the target · 4 transform block by block · 5 record, then release, each
block · 6 end. A refusal is entered before it is told. An ``end`` entry is written only where the
truth differs from what was authorised. The flow owns the loop and pushes into the door's ``Out``, so
it always learns how a call ended.
"""

import asyncio
import contextlib
from typing import TypeVar

import msgspec

from gateway.domain.decision import Decision, Deny, Permit, Reason, Refusal, StepUp, Use
from gateway.domain.entry import End, Facts, Refused
from gateway.domain.errors import HangUp, LogUnavailable, Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import PurposeKey
from gateway.domain.principal import Assurance, Principal, assurance_at
from gateway.flows.access import ports
from gateway.flows.access.asking import facts_of, store_call
from gateway.flows.access.call import Call, RefusedError, Rooms
from gateway.flows.access.releasing import Releasing
from gateway.transform.codec import Codec


class AccessFlow:
    """Carries calls from a door to a store and back."""

    def __init__(self, rooms: Rooms) -> None:
        """Keep the rooms."""
        self._rooms = rooms

    async def run(self, arrival: ports.Arrival, out: ports.Out) -> None:
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
        except (StoreUnreachable, StoreMisbehaved) as error:
            await self._fail(call, "store-failed", _store_reason(error))
        except Overloaded:
            await self._fail(call, "failed", Reason.OVERLOADED)
        except LogUnavailable:
            if not call.started:
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
        who = _settled(rooms.identify.principal(arrival.authorization, now_us))
        call.facts = _early_facts(arrival, who)
        call.fresh = assurance_at(who, now_us) == Assurance.PERSON_FRESH
        # 2 decide: purpose, route, then the rest, which is the order in which callers are told
        inquiry, permit = await self._decided(call, who, now_us)
        codec = rooms.codec_of(permit.plan)
        call.met = await self._met(permit, codec)
        # 3 ask the target
        asked = _settled(store_call(inquiry, permit, codec.resolve))
        async with rooms.target.call(asked) as answer:
            if answer.absent:
                raise RefusedError(Deny(reason=Reason.NOT_FOUND))
            # 4 transform, and 5 record, then release, block by block
            await Releasing(rooms, call, inquiry, permit, codec).run(answer)
        # 6 end: the last entry said all there is to say
        await call.out.finish()

    async def _decided(self, call: Call, who: Principal, now_us: int) -> tuple[Inquiry, Permit]:
        """Run step 2.

        Raises:
            RefusedError: The call is not permitted as it stands.
        """
        rooms, arrival, decider = self._rooms, call.arrival, self._rooms.rules.decider
        stated = _stated(arrival.purpose, who)
        if stated in decider.rules.purposes and call.facts is not None:
            # A declared purpose is a fact even of a call that may not use it; any other word is the caller's own.
            call.facts = msgspec.structs.replace(call.facts, purpose=stated, reference=arrival.reference)
        purpose = _settled(decider.purpose(stated, who, arrival.reference, now_us))
        inquiry = _settled(await arrival.bind(who, purpose.key, decider.rules.catalog, decider.rules.digest))
        call.facts = facts_of(inquiry, None, now_us=now_us, rules=decider.rules.digest)
        decision = decider.decide(inquiry, rooms.holds.for_account(who.account), now_us)
        call.facts = facts_of(inquiry, None, now_us=now_us, rules=decider.rules.digest)
        return inquiry, _permitted(decision)

    async def _met(self, permit: Permit, codec: Codec) -> tuple[int, ...]:
        """Return the numbers of the people whom path and filters name; nobody gets one by being asked for."""
        subject = permit.plan.collection.subject
        met = []
        for use in permit.filters:
            if subject is not None and use.filter.field == subject.field:
                told = use.filter.value
                value = codec.resolve(use.filter.field, told) if use.use is Use.SURROGATE else told
                number = await self._rooms.people.find(subject.identity, value) if value else None
                met += [] if number is None else [number]
        return tuple(met)

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
        )
        body = call.out.refusal_body(refusal)
        entry = Refused(
            call=arrival.decision_id,
            reason=deny.reason,
            status=rooms.status_of(deny.reason),
            bytes=len(body),
            # Names that the caller made up are told back to it but are no facts for the log.
            fields=() if deny.reason in _CALLERS_WORDS else deny.fields,
            rule=deny.rule,
            facts=call.facts,
        )
        if call.facts is None:
            await rooms.early.refused(entry, call.part())
        else:
            await rooms.recorder.append(entry, call.part())
        # The entry says what was authorised; a caller that does not wait for its refusal changes nothing.
        with contextlib.suppress(HangUp):
            await call.out.refuse(refusal, body)

    async def _fail(self, call: Call, how: str, reason: Reason) -> None:
        if call.started:
            await self._cut(call, how, reason)
            return
        await self._refuse(call, Deny(reason=reason))

    async def _cut(self, call: Call, how: str, reason: Reason) -> None:
        await self._end(call, how, reason)
        await call.out.abort()

    async def _end(self, call: Call, how: str, reason: Reason | None = None) -> None:
        """Enter how a call ended that did not end as authorised; a call without a release has no end."""
        if call.n_blocks == 0:
            return
        end = End(call=call.arrival.decision_id, how=how, bytes=call.released_bytes, reason=reason)
        try:
            await self._rooms.recorder.append(end)
        except LogUnavailable:
            # The start of the next process enters ``unknown`` for a call without an end.
            return


T = TypeVar("T")

_CALLERS_WORDS = frozenset({Reason.PARAMETER_UNDECLARED, Reason.PARAMETER_INVALID, Reason.HEADER_NOT_SUPPORTED})


def _settled(outcome: T | Deny) -> T:
    """Return the outcome unless it is a refusal."""
    if isinstance(outcome, Deny):
        raise RefusedError(outcome)
    return outcome


def _permitted(decision: Decision) -> Permit:
    match decision:
        case Permit():
            return decision
        case StepUp():
            raise RefusedError(Deny(reason=Reason.STEP_UP_REQUIRED, fields=decision.fields))
        case Deny():
            raise RefusedError(decision)


def _early_facts(arrival: ports.Arrival, who: Principal) -> Facts:
    return Facts(
        account=who.account,
        client=who.client,
        recipient=who.recipient,
        session=who.session,
        method=arrival.method,
    )


def _stated(stated: PurposeKey | None, who: Principal) -> PurposeKey | None:
    """Return the purpose as stated, or the bearer's only one."""
    if stated is None and len(who.scopes) == 1:
        return who.scopes[0]
    return stated


def _store_reason(error: StoreUnreachable | StoreMisbehaved) -> Reason:
    if isinstance(error, StoreMisbehaved):
        return Reason.STORE_ANSWER_INVALID
    return Reason.STORE_TIMEOUT if error.timed_out else Reason.STORE_UNREACHABLE
