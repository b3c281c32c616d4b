# SPDX-License-Identifier: Apache-2.0
"""What the flow asks a store, and what comes back; samples of it for those who look later."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec
from typing_extensions import override

from gateway.domain.catalog import AnswerShape, FieldSpec, Route
from gateway.domain.names import (
    DecisionId,
    StoreName,
)


class StoreAnswer(Protocol):
    """An answer of a store whose head was judged: of a declared status, framing and type, or absent."""

    @property
    def absent(self) -> bool:
        """Tell whether the store has no such record."""

    @property
    def status(self) -> int:
        """Return the status; of a write it may be a refusal: 409, 412, 422 and the like."""

    @property
    def etag(self) -> str | None:
        """Return the store's entity tag in its own words; it must be sealed before it leaves."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body's bytes; raises if the body does not end as announced."""


class StoreCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a store is asked, rebuilt from the decided parts and nothing else.

    Attributes:
        path: Canonical path below the store's base address.
        slash: The store's own path ends with a slash.
        query: Names and values, not yet encoded.
        body: JSON, rebuilt from the decided parts.
        headers: Conditions that the route honours.
        writes: The call changes what the store holds, so the store's refusals come back with their status.
        n: Place of the call among those that its decision makes, so that a store can tell them apart.
    """

    store: StoreName
    method: str
    path: str
    slash: bool = False
    query: tuple[tuple[str, str], ...]
    decision_id: DecisionId
    shape: AnswerShape
    body: bytes | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    writes: bool = False
    n: int = 0

    @override
    def __repr__(self) -> str:
        return f"<StoreCall {self.method} {self.store}>"


class Target(Protocol):
    """Where step 3 asks: a store, or the gateway's own data."""

    def call(self, call: StoreCall) -> AbstractAsyncContextManager[StoreAnswer]:
        """Ask; raises StoreUnreachable or StoreMisbehaved."""


class Samples(Protocol):
    """Where a call leaves a sample of what a store sent, to be looked at when nobody waits."""

    def offer(self, route: Route, fields: Sequence[FieldSpec], rows: bytes) -> None:
        """Keep the start of a JSON array of rows, or pass it over; returns at once."""


class NoSamples:
    """Keeps no samples."""

    def offer(self, route: Route, fields: Sequence[FieldSpec], rows: bytes) -> None:
        """Pass it over."""
