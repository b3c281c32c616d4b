# SPDX-License-Identifier: Apache-2.0
"""What tracing needs from others: whose a value or a token is, the index of the log, and the log itself."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from pyroaring import BitMap

from gateway.domain.entry import Entry, Part
from gateway.domain.log_index import Use
from gateway.domain.log_query import LogQuery, LogRow
from gateway.domain.names import IdentityKind, JoinDomain, PersonNumber
from gateway.domain.reach import Bare, Extent, Released, SpanUse


class People(Protocol):
    """Numbers of people."""

    async def find_each(self, kind: IdentityKind, values: Sequence[str]) -> Sequence[PersonNumber | None]:
        """Return for each identity its number if it has one; nobody gets one by being asked for."""
        ...


class Tokens(Protocol):
    """The vault."""

    async def people_of(self, domain: JoinDomain, tokens: Iterable[bytes]) -> Mapping[bytes, frozenset[PersonNumber]]:
        """Return for each token that stands for a value the people whose it is."""
        ...


class Merges(Protocol):
    """Which numbers stand for which today."""

    async def merged(self, numbers: BitMap) -> Mapping[int, int]:
        """Return for those numbers that were merged into another the one that stands for both now."""
        ...

    async def merged_into(self, numbers: BitMap) -> Mapping[int, int]:
        """Return every number that was merged into one of these, with that one."""
        ...


class Index(Protocol):
    """The index of the log, which only tells what was read into it."""

    async def extents(self) -> Mapping[str, Extent]:
        """Return by slot how far it reaches."""
        ...

    async def uses(self, asked: LogQuery) -> Mapping[int, Use]:
        """Return by number the uses that a query means."""
        ...

    async def spans(self, uses: Collection[int], since_us: int | None, until_us: int | None) -> Sequence[SpanUse]:
        """Return what uses released by span, without the people."""
        ...

    async def people(self, spans: Iterable[SpanUse]) -> Sequence[tuple[int, bytes]]:
        """Return the people of each use in a span, a serialised roaring bitmap."""
        ...

    async def bare(self, asked: LogQuery) -> Sequence[Bare]:
        """Return by use and span the releases that a query means and whose parts were deleted."""
        ...

    async def of_span(
        self, slot: str, span: int, uses: Collection[int], since_us: int | None, until_us: int | None
    ) -> Sequence[Released]:
        """Return the releases of some uses in one span of a slot and in a time, in their order."""
        ...

    async def at(self, slot: str, places: Sequence[int]) -> Sequence[LogRow]:
        """Return the entries at places of a slot, in their order."""
        ...

    async def beginnings(self, slot: str, calls: Collection[str]) -> Mapping[str, LogRow]:
        """Return by call the first of its entries in a slot."""
        ...


class Recorder(Protocol):
    """The access log; an entry is durable when the call returns."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return the entry's place in the log, or raise ``LogUnavailable``."""
        ...
