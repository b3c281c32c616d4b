# SPDX-License-Identifier: Apache-2.0
"""What rehearsing and passing on are handed: calls as a door tells them, and what has state."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.decide.decide import Decider
from gateway.domain.catalog import Catalog
from gateway.domain.decision import Deny, Refusal
from gateway.domain.entry import Entry, Part, Refused
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import AccountId, DecisionId, PurposeKey, StoreName
from gateway.domain.principal import Principal
from gateway.domain.viewplan import Hold

Bind = Callable[[Principal, PurposeKey, Catalog, str], Awaitable[Inquiry | Deny]]
"""Reads the call's path, parameters and body into an inquiry; the text is the digest of the rules in force."""


class Told(Protocol):
    """One call as a door tells it, before anything was decided about it."""

    @property
    def method(self) -> str:
        """Return the method."""

    @property
    def purpose(self) -> PurposeKey | None:
        """Return the purpose that the call states."""

    @property
    def reference(self) -> str | None:
        """Return the reference that the call states."""

    @property
    def framing(self) -> Deny | None:
        """Return the door's own refusal, if the call was not even well formed."""

    @property
    def bind(self) -> Bind:
        """Return what reads route and parameters."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """By what a caller can be told from others.

    Attributes:
        address: Of whoever called; empty where it is not known.
        authorization: As sent, whatever its scheme; never shown.
        headers: All values by lower-case name.
    """

    address: str = ""
    user_agent: str = ""
    authorization: str | None = None
    headers: Mapping[str, tuple[str, ...]] = {}

    @override
    def __repr__(self) -> str:
        return "<Seen>"


class RawCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call as it goes on to a store that is not enforced.

    Attributes:
        decision_id: Of the call, which the store is told in the place of any trace of the caller's.
        path: As it came, below the store's base address; empty or with a slash in front.
        query: As it came.
        headers: Those that go on, in their order.
    """

    store: StoreName
    decision_id: DecisionId
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @override
    def __repr__(self) -> str:
        return f"<RawCall {self.method} {self.store}>"


class RawAnswer(Protocol):
    """An answer as the store sends it, with a framing that can be read in one way."""

    @property
    def status(self) -> int:
        """Return the status, 200 or above."""

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Return the headers that go on."""

    @property
    def length(self) -> int | None:
        """Return how long the body is, where the store said so before it."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes; raises if the body does not end as announced."""


class RawTarget(Protocol):
    """Stores that are asked as callers ask."""

    def call(self, call: RawCall) -> AbstractAsyncContextManager[RawAnswer]:
        """Ask; raises StoreUnreachable, StoreMisbehaved, Overloaded, or ValueError where the call cannot go on as it is."""


class Origin(Protocol):
    """Where a call came from; goes into parts of entries only."""

    @property
    def ip(self) -> str:
        """Return the address."""

    @property
    def user_agent(self) -> str:
        """Return the user agent."""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One call to a store that is not enforced, as a door hands it over.

    Attributes:
        told: The same call, as it would be decided.
        unreadable: Why it cannot even be passed on: it can be read in two ways.
        bearer: A bearer of the gateway's own, if the caller shows one.
        content: Reads the body, once; or says why it is not read.
        raw: Makes the call that goes on, of that body.
    """

    decision_id: DecisionId
    store: StoreName
    told: Told
    origin: Origin
    seen: Seen
    unreadable: Deny | None
    bearer: str | None
    content: Callable[[], Awaitable[bytes | Deny]]
    raw: Callable[[bytes], RawCall | Deny]


class Out(Protocol):
    """The door's side of one answer. Every write raises ``HangUp`` once the caller is gone."""

    def refusal_body(self, refusal: Refusal) -> bytes:
        """Return the bytes that tell a refusal, without sending them."""

    async def refuse(self, refusal: Refusal, body: bytes) -> None:
        """Send a whole refusal."""

    async def start(self, decision: DecisionId, answer: RawAnswer) -> None:
        """Send the head of a store's answer."""

    async def write(self, block: bytes) -> None:
        """Send a block of the body."""

    def still_there(self) -> None:
        """Raise ``HangUp`` if the caller is known to have gone; nothing is sent."""

    async def finish(self) -> None:
        """End the answer so that it is complete."""

    async def abort(self) -> None:
        """End the answer so that it is visibly broken."""


class Recorder(Protocol):
    """The log, as passing on needs it."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable; raises LogUnavailable."""

    def room_left(self) -> bool:
        """Tell whether the disk has room for the log to go on."""


class EarlyRefusals(Protocol):
    """Enters refusals of nobody known: singly up to a rate, beyond it as counts."""

    async def refused(self, entry: Refused, part: Part) -> None:
        """Return once the refusal is durable, by itself or as a count that will be."""


class RulesInUse(Protocol):
    """The rule set in force."""

    @property
    def decider(self) -> Decider:
        """Return the decider of the rules in force."""


class Identify(Protocol):
    """Who shows a bearer."""

    def principal(self, authorization: str | None, now_us: int) -> Principal | Deny:
        """Return the principal of a bearer, or why there is none."""


class Holds(Protocol):
    """The caps on accounts."""

    def for_account(self, account: AccountId) -> tuple[Hold, ...]:
        """Return the holds in force on an account."""
