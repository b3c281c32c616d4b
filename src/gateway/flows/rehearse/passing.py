# SPDX-License-Identifier: Apache-2.0
"""The life of a call to a store that is not enforced: entered with what would have come of it, and passed on.

1 refuse what can be read in two ways · 2 look who shows a bearer of ours · 3 decide, for the log · 4 enter
that · 5 ask the store as the caller asked · 6 enter, then release, each block as it came · 7 end.

RULES

1. Nothing is taken from the answer and nothing put in: no view, no surrogate, no choice, no budget, no hold.
   This departs from deny by default by the owner's word for one store (docs/adr/0026).
2. The log holds as much as of any other call: an entry before anything goes to the store, one before each
   block leaves, and an end where the truth differs.
3. Whoever shows a bearer of ours is stopped by a lock on the account; the bearer itself goes no further.
4. An error of ours closes the gate here too.
"""

import asyncio
import contextlib
from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

import msgspec

from gateway.domain.decision import CALLERS_WORDS, Deny, Outcome, Reason, Refusal
from gateway.domain.entry import End, Part, Passed, Refused
from gateway.domain.errors import (
    HangUp,
    LogUnavailable,
    Overloaded,
    StateUnavailable,
    StoreMisbehaved,
    StoreUnreachable,
)
from gateway.domain.principal import Principal
from gateway.domain.viewplan import Hold
from gateway.flows.rehearse import ports
from gateway.flows.rehearse.arriving import arriving
from gateway.flows.rehearse.callers import UNKNOWN, Caller, Callers
from gateway.flows.rehearse.judging import verdict_of
from gateway.flows.rehearse.observing import observed

LOCK = "lock"
"""First word of the reason of a hold that locks its account."""


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """Everything with state that passing on works with."""

    rules: ports.RulesInUse
    identify: ports.Identify
    holds: ports.Holds
    callers: Callers
    target: ports.RawTarget
    recorder: ports.Recorder
    early: ports.EarlyRefusals
    is_current: Callable[[], bool]
    status_of: Callable[[Reason], int]
    clock: Callable[[], int]


class _Refused(Exception):
    def __init__(self, deny: Deny) -> None:
        super().__init__(deny.reason)
        self.deny = deny


class _Call:
    """One call in flight.

    Attributes:
        entered: The log holds what would have come of it, so the log says how it ended.
        outcome: Whether the store may have got it, once somebody may have to be told.
    """

    def __init__(self, passage: ports.Passage, out: ports.Out) -> None:
        self.passage, self.out = passage, out
        self.is_known = self.entered = self.started = False
        self.n_blocks = self.released_bytes = 0
        self.outcome: Outcome | None = None

    def part(self) -> Part:
        """Return the part of an entry of this call."""
        return Part(ip=self.passage.origin.ip, user_agent=self.passage.origin.user_agent)


class PassingFlow:
    """Carries calls to stores that are not enforced, and back."""

    def __init__(self, rooms: Rooms) -> None:
        """Keep the rooms."""
        self._rooms = rooms

    async def run(self, passage: ports.Passage, out: ports.Out) -> None:
        """Answer one call.

        Raises:
            LogUnavailable: Nothing was sent and nothing could be entered; the door answers 503.
        """
        call = _Call(passage, out)
        try:
            await self._answer(call)
        except _Refused as no:
            await self._refuse(call, no.deny)
        except HangUp:
            await self._end(call, "hang-up")
        except (StoreUnreachable, StoreMisbehaved) as error:
            if isinstance(error, StoreUnreachable) and error.not_sent:
                call.outcome = Outcome.NOT_SENT
            retry_after_s = error.retry_after_s if isinstance(error, StoreUnreachable) else None
            await self._fail(call, "store-failed", _store_reason(error), retry_after_s)
        except (Overloaded, StateUnavailable):
            call.outcome = Outcome.NOT_SENT if call.outcome else None
            await self._fail(call, "failed", Reason.OVERLOADED)
        except LogUnavailable:
            await self._end(call, "cut" if call.started else "failed", Reason.LOG_UNAVAILABLE)
            if not call.started:
                raise
            await call.out.abort()
        except asyncio.CancelledError:
            await asyncio.shield(self._end(call, "cut"))
            raise
        except Exception:
            await self._fail(call, "failed", Reason.GATEWAY_FAILED)
            raise

    async def _answer(self, call: _Call) -> None:
        rooms, passage = self._rooms, call.passage
        if not rooms.recorder.room_left():
            raise LogUnavailable("the disk that holds the log is nearly full")
        # 1 refuse what can be read in two ways
        if passage.unreadable is not None:
            raise _Refused(passage.unreadable)
        # 2 look who shows a bearer of ours
        caller = await self._caller(call)
        call.is_known = isinstance(caller.who, Principal)
        body = _settled(await passage.content())
        raw = _settled(passage.raw(body))
        # 3 decide, for the log
        decider, now_us = rooms.rules.decider, rooms.clock()
        verdict = await verdict_of(decider, passage.told, caller, now_us)
        # 4 enter that
        entry = observed(passage, caller, verdict, len(body), decider.rules)
        # Said before: whoever is cancelled while the disk works may find the entry in the log all the same.
        call.entered = True
        try:
            await rooms.recorder.append(entry, call.part())
        except LogUnavailable:
            call.entered = False
            raise
        # 5 ask the store as the caller asked
        call.outcome = None if passage.told.method in _READING else Outcome.UNKNOWN
        async with rooms.target.call(raw) as answer:
            # 6 enter, then release, each block as it came
            await self._release(call, answer)
        # 7 end: the last entry said all there is to say
        await call.out.finish()

    async def _caller(self, call: _Call) -> Caller:
        """Return who calls: whose bearer of ours it is, or whom the rules about callers name.

        Raises:
            _Refused: The account is locked, or whether it is cannot be known now.
        """
        rooms, passage, now_us = self._rooms, call.passage, self._rooms.clock()
        if passage.bearer is None:
            return await rooms.callers.of(passage.seen, rooms.rules.decider, now_us)
        if not rooms.is_current():
            raise _Refused(Deny(reason=Reason.OVERLOADED))
        who = rooms.identify.principal(passage.bearer, now_us)
        if isinstance(who, Deny):
            return Caller(name=UNKNOWN, who=who)
        holds = rooms.holds.for_account(who.account)
        if any(_is_lock(hold) for hold in holds):
            raise _Refused(Deny(reason=Reason.HELD))
        return Caller(name=who.client, who=who, holds=holds)

    async def _release(self, call: _Call, answer: ports.RawAnswer) -> None:
        async with arriving(answer) as pieces:
            while not pieces.ended:
                block = await pieces.block()
                call.out.still_there()
                if block or pieces.ended:
                    await self._pass_on(call, answer, block, last=pieces.ended)

    async def _pass_on(self, call: _Call, answer: ports.RawAnswer, block: bytes, *, last: bool) -> None:
        entry = Passed(
            call=call.passage.decision_id,
            n=call.n_blocks,
            bytes=len(block),
            status=answer.status,
            digest=sha256(block).hexdigest(),
            last=last,
        )
        call.n_blocks += 1
        try:
            await self._rooms.recorder.append(entry)
        except LogUnavailable:
            call.n_blocks -= 1
            raise
        if not call.started:
            call.started = True
            await call.out.start(call.passage.decision_id, answer)
        await call.out.write(block)
        call.released_bytes += len(block)

    async def _refuse(self, call: _Call, deny: Deny) -> None:
        """Enter the refusal, then tell it; after the first byte of an answer, cut the answer instead."""
        rooms, passage = self._rooms, call.passage
        if call.started:
            await self._cut(call, "cut", deny.reason)
            return
        refusal = Refusal(
            decision_id=passage.decision_id,
            reason=deny.reason,
            fields=deny.fields,
            title=deny.title,
            titles=deny.titles,
            retry_after_s=deny.retry_after_s,
            outcome=deny.outcome,
        )
        body = call.out.refusal_body(refusal)
        entry = Refused(
            call=passage.decision_id,
            reason=deny.reason,
            status=rooms.status_of(deny.reason),
            bytes=len(body),
            fields=() if deny.reason in CALLERS_WORDS else deny.fields,
            rule=deny.rule,
        )
        if call.entered or call.is_known:
            try:
                await rooms.recorder.append(entry, call.part())
            except LogUnavailable:
                await self._end(call, "failed", deny.reason)
                raise
        else:
            await rooms.early.refused(entry, call.part())
        with contextlib.suppress(HangUp):
            await call.out.refuse(refusal, body)

    async def _fail(self, call: _Call, how: str, reason: Reason, retry_after_s: int | None = None) -> None:
        if call.started:
            await self._cut(call, how, reason)
            return
        await self._refuse(call, Deny(reason=reason, retry_after_s=retry_after_s, outcome=call.outcome))

    async def _cut(self, call: _Call, how: str, reason: Reason) -> None:
        await self._end(call, how, reason)
        await call.out.abort()

    async def _end(self, call: _Call, how: str, reason: Reason | None = None) -> None:
        """Enter how a call ended that did not end as authorised; one that the log does not hold has no end."""
        if not call.entered:
            return
        end = End(call=call.passage.decision_id, how=how, bytes=call.released_bytes, reason=reason)
        # The log keeps an end that it does not take now, and enters it when it can.
        with contextlib.suppress(LogUnavailable):
            await self._rooms.recorder.append(end)


_READING = frozenset({"GET", "HEAD", "OPTIONS"})


T = TypeVar("T")


def _settled(found: T | Deny) -> T:
    if isinstance(found, Deny):
        raise _Refused(found)
    return found


def _is_lock(hold: Hold) -> bool:
    return hold.reason.partition(":")[0] == LOCK


def _store_reason(error: StoreUnreachable | StoreMisbehaved) -> Reason:
    if isinstance(error, StoreMisbehaved):
        return Reason.STORE_ANSWER_INVALID
    return Reason.STORE_TIMEOUT if error.timed_out else Reason.STORE_UNREACHABLE
