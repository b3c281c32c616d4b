# SPDX-License-Identifier: Apache-2.0
"""What a door hands over for a call, and what it is handed for its answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from gateway.domain.budget import BudgetState
from gateway.domain.catalog import Catalog
from gateway.domain.continuation import Continuation
from gateway.domain.decision import Deny, Refusal
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import (
    DecisionId,
    PurposeKey,
)
from gateway.domain.principal import Principal


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call came from; goes into parts of entries only."""

    ip: str
    user_agent: str


Bind = Callable[[Principal, PurposeKey, Catalog, str], Awaitable[Inquiry | Deny]]
"""Reads the call's path, parameters and body into an inquiry; the text is the digest of the rules in force."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One call as a door hands it over, before anything was decided about it.

    Attributes:
        framing: The door's own refusal, if the call was not even well formed.
        bind: Reads route and parameters; called after identity and purpose were settled, because
            callers are told of problems in that order.
        sealed: Returns where a store's list goes on as this caller may have it, once the call is bound; of a
            door without it, callers are told that there is more and not where.
        mandate: Identifier of the mandate that the call names.
    """

    decision_id: DecisionId
    method: str
    authorization: str | None
    purpose: PurposeKey | None
    reference: str | None
    origin: Origin
    bind: Bind
    framing: Deny | None = None
    sealed: Callable[[Continuation], str] | None = None
    mandate: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Head of a permitted answer, in the domain's words.

    Attributes:
        view: By word of treatment, the fields that left.
        withheld: Exact counts by cause, when the answer is whole; the door tells them in steps.
        length: Body bytes, when the answer is whole at its head.
        more: Whether the store may have further rows; ``None`` if that is not known at the head.
        status: 200; 201 for what was created; 204 for a write that is answered by nothing.
        etag: Sealed by the flow's target, if the route honours conditions and the store told one.
        budgets: What is left of each budget that the call counts against.
        next: Where the store's list goes on, sealed by the door, when the answer is whole at its head.
    """

    decision_id: DecisionId
    inquiry: Inquiry
    view: Mapping[str, Sequence[str]]
    step_up: Sequence[str]
    withheld: Mapping[str, int] | None
    length: int | None
    more: bool | None
    status: int = 200
    etag: str | None = None
    budgets: tuple[BudgetState, ...] = ()
    next: str | None = None


class Out(Protocol):
    """The door's side of one answer. Every write raises ``HangUp`` once the caller is gone."""

    def refusal_body(self, refusal: Refusal) -> bytes:
        """Return the bytes that tell a refusal, without sending them."""

    async def refuse(self, refusal: Refusal, body: bytes) -> None:
        """Send a whole refusal."""

    async def start(self, answer: Answer) -> None:
        """Send the head of an answer."""

    async def write(self, block: bytes, *, last: bool = False) -> None:
        """Send a block of the body; after the last one there is nothing but the end, so it may go in one with it."""

    def still_there(self) -> None:
        """Raise ``HangUp`` if the caller is known to have gone; nothing is sent."""

    async def finish(self) -> None:
        """End the answer so that it is complete."""

    async def abort(self) -> None:
        """End the answer so that it is visibly broken."""
