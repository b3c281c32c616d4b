# SPDX-License-Identifier: Apache-2.0
"""What an incident needs from others: the index of the log, who stands behind numbers, and who proves themselves."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec
from pyroaring import BitMap

from gateway.domain.entry import Entry, Part
from gateway.domain.incident import Approval
from gateway.domain.log_index import Use
from gateway.domain.log_query import LogQuery, LogRow
from gateway.domain.names import AccountId
from gateway.domain.reach import Bare, Behind, Extent, Released, SpanUse, Standing


class Index(Protocol):
    """The index of the log, which only tells what was read into it."""

    async def extents(self) -> Mapping[str, Extent]:
        """Return by slot how far it reaches."""
        ...

    async def uses(self, asked: LogQuery) -> Mapping[int, Use]:
        """Return by number the uses that a query means."""
        ...

    async def spans(self, uses: Collection[int], since_us: int | None, until_us: int | None) -> Sequence[SpanUse]:
        """Return what uses released by span, without the people; of uses that have something of a span in a time."""
        ...

    async def people(self, spans: Iterable[SpanUse]) -> Sequence[tuple[int, bytes]]:
        """Return the people of each use in a span, a serialised roaring bitmap."""
        ...

    async def bare(self, asked: LogQuery) -> Sequence[Bare]:
        """Return by use and span the releases that a query means and whose parts were deleted."""
        ...

    async def refused(self, asked: LogQuery, *, below: Mapping[str, int]) -> Mapping[tuple[str, str], int]:
        """Return how many calls that a query means were refused below places by slot, by dataset and reason."""
        ...

    async def matching(self, asked: LogQuery, kinds: Sequence[str], *, after: Mapping[str, int]) -> Sequence[LogRow]:
        """Return the entries of some kinds that a query means, from places on by slot."""
        ...

    async def of_span(
        self, slot: str, span: int, uses: Collection[int], since_us: int | None, until_us: int | None
    ) -> Sequence[Released]:
        """Return the releases of some uses in one span of a slot and in a time, in their order."""
        ...

    async def beginnings(self, slot: str, calls: Collection[str]) -> Mapping[str, LogRow]:
        """Return by call the first of its entries in a slot."""
        ...

    async def last_part(self, slot: str, first: int, end: int) -> tuple[int, int] | None:
        """Return place and offset of the last part that it knows of entries from a place to another."""
        ...


class People(Protocol):
    """Who stands behind the numbers of the log."""

    async def merged(self, numbers: BitMap) -> Mapping[int, int]:
        """Return for those numbers that were merged into another the one that stands for both now."""
        ...

    async def standing(self, people: BitMap) -> Standing:
        """Count who stands behind numbers none of which was merged into another."""
        ...

    def behind(self, people: BitMap) -> AsyncIterator[Behind]:
        """Yield everybody behind numbers none of which was merged into another, by number."""
        ...


class Recorder(Protocol):
    """The access log; an entry is durable when the call returns."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return the entry's place in the log, or raise ``LogUnavailable``."""
        ...


class Vault(Protocol):
    """Seals under the installation's keys; each list has a key of its own, which can be destroyed."""

    def seal(self, label: str, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the plaintext sealed."""
        ...

    def open(self, label: str, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return it again, or raise ``KeyUnavailable``."""
        ...


class Officer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who just proved who they are, with two factors."""

    account: AccountId


class Approvals(Protocol):
    """Where words for opening a list are kept; the database decides which of several came first."""

    async def say(self, list_id: str, account: AccountId, *, lasts_us: int, now_us: int) -> Approval:
        """Say for an account that a list be opened."""
        ...
