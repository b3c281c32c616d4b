# SPDX-License-Identifier: Apache-2.0
"""Somebody else decides on what was asked for: that so many surrogates be revealed, once, to one account.

RULES

1. Who decides is judged like any caller, for a purpose: by a grant of ``approve`` on ``gateway.approvals``, signed
   in with both factors in the last five minutes, with nothing held back.
2. Nobody decides on what their own account asked for, and so nobody has anything revealed on their own word.
3. A word is entered before it counts. Which of several is the first, the database decides.
4. One that lapsed, was decided or never was is not found.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from gateway.decide.decide import caps_for
from gateway.decide.revealing import is_fresh
from gateway.domain.approval import Approval, ApprovalState
from gateway.domain.catalog import APPROVE, AnswerShape, Route
from gateway.domain.decision import Decision, Deny, Permit, Reason, StepUp
from gateway.domain.entry import Changed, Looked, Part
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import DecisionId, PurposeKey
from gateway.domain.own_data import APPROVALS, OWN_APPROVALS
from gateway.domain.principal import Principal, purpose_of
from gateway.flows.reveal import ports

Word = Literal["approve", "refuse"]
WORDS: dict[str, Word] = {"approve": "approve", "refuse": "refuse"}
STATES = {"approve": ApprovalState.APPROVED, "refuse": ApprovalState.REFUSED}
ENTERED = {"approve": "reveal-approved", "refuse": "reveal-refused"}

OWN_WORD = "Nobody approves what they asked for themselves."

NOTHING_WAITS = "No reveal waits under this identifier: it was decided already, lapsed after eight hours, or never was."

_ROUTE = Route(
    method="POST",
    template=f"{APPROVALS}/{{id}}",
    operation=APPROVE,
    dataset=OWN_APPROVALS,
    answer=AnswerShape(kind="nothing"),
    parameters={},
)


class Asking(Protocol):
    """How a caller asks: under which id, from where, and what body each answer will have."""

    @property
    def call(self) -> DecisionId:
        """Return the identifier of the call."""

    @property
    def part(self) -> Part:
        """Return what the entry's part keeps."""

    @property
    def size_of(self) -> Callable[[object], int]:
        """Return what tells the bytes of the body of an answer."""


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides and for what, as the call states it."""

    authorization: str | None
    purpose: PurposeKey | None
    reference: str | None


class Approving:
    """Hears who decides."""

    def __init__(
        self,
        *,
        rules: ports.Rules,
        identify: ports.Identify,
        holds: ports.Holds,
        kept: ports.KeptApprovals,
        recorder: ports.Recorder,
        clock: Callable[[], int],
    ) -> None:
        self._rules, self._identify, self._holds = rules, identify, holds
        self._kept, self._recorder, self._clock = kept, recorder, clock

    async def decide(self, stated: Stated, approval_id: str, word: Word, asking: Asking) -> Approval | Deny:
        """Return what was decided on, as it stands then, or why the word does not count.

        Raises:
            LogUnavailable / StateUnavailable: The word may not count; to say it again does no harm.
        """
        now_us = self._clock()
        who = self._identify.principal(stated.authorization, now_us)
        if isinstance(who, Deny):
            return who
        refused = self._judged(who, stated, asking.call, now_us)
        if refused is not None:
            return refused
        there = await self._kept.find(approval_id, now_us)
        if there is None:
            return Deny(reason=Reason.NOT_FOUND, title=NOTHING_WAITS)
        if there.bound.account == who.account:
            return Deny(reason=Reason.APPROVAL_REQUIRED, title=OWN_WORD)
        facts: dict[str, str | int] = {
            "for": there.bound.account,
            "purpose": there.bound.purpose,
            "dataset": there.bound.dataset,
            "field": there.bound.field,
            "surrogates": there.surrogates,
            "call": asking.call,
        }
        entry = Changed(by=who.account, what=ENTERED[word], target=there.id, facts=facts)
        await self._recorder.append(entry, asking.part)
        if not await self._kept.decide(there.id, STATES[word], who.account, now_us):
            return Deny(reason=Reason.NOT_FOUND, title=NOTHING_WAITS)
        decided = msgspec.structs.replace(there, state=STATES[word], by=who.account, decided_us=now_us)
        looked = Looked(
            by=who.account,
            what="approval",
            query=there.id,
            rows=1,
            call=asking.call,
            bytes=asking.size_of(decided),
        )
        await self._recorder.append(looked, asking.part)
        return decided

    def _judged(self, who: Principal, stated: Stated, call: DecisionId, now_us: int) -> Deny | None:
        """Return why this caller may not decide; ``None`` if it may."""
        decider = self._rules.decider
        purpose = decider.purpose(purpose_of(stated.purpose, who), who, stated.reference, now_us)
        if isinstance(purpose, Deny):
            return purpose
        inquiry = Inquiry(
            decision_id=call,
            principal=who,
            purpose=purpose.key,
            reference=stated.reference,
            operation=APPROVE,
            dataset=OWN_APPROVALS,
            route=_ROUTE,
        )
        holds = self._holds.for_account(who.account)
        decision: Decision = decider.decide(inquiry, holds, now_us)
        match decision:
            case Deny():
                return decision
            case StepUp():
                return Deny(reason=Reason.STEP_UP_REQUIRED)
            case Permit():
                if not is_fresh(who.proof, caps_for(inquiry, holds, now_us)):
                    return Deny(reason=Reason.STEP_UP_REQUIRED)
                return Deny(reason=Reason.HELD) if holds else None
