# SPDX-License-Identifier: Apache-2.0
"""Whom calls reached: what the index of the log knows of it, and who stands behind the numbers.

People are numbers here, in serialised roaring bitmaps; the log knows nothing else of them.
"""

from collections.abc import Mapping

import msgspec

from gateway.domain.names import PersonNumber


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one log is in the index.

    Attributes:
        slot: Name of the log's folder.
        size: Entries that were read.
        spans: The number behind the last span that is gathered; there is no gap before it.
        head: Leaf hash of the last entry that was read, hexadecimal; empty for none.
    """

    slot: str
    size: int
    spans: int
    head: str


class SpanUse(msgspec.Struct, frozen=True, kw_only=True):
    """The releases of one use in one span of one log, people left out; ``use`` is the number of a use."""

    slot: str
    span: int
    use: int
    first_us: int
    last_us: int
    entries: int
    rows: int
    bytes: int


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """One release in a span, as the index knows it: how much, of which use, and where its people are written.

    Attributes:
        people: How many people its core tells of.
        segment / line_at / part_at: Where its line begins, and its part, -1 for none; the last is a hint.
    """

    slot: str
    seq: int
    use: int
    at_us: int
    rows: int
    bytes: int
    people: int
    segment: int
    line_at: int
    part_at: int


class Bare(msgspec.Struct, frozen=True, kw_only=True):
    """Releases of one use in one span whose parts were deleted.

    Attributes:
        people: What their cores say of how many people each was about, added up.
    """

    slot: str
    span: int
    use: int
    entries: int
    people: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands behind numbers of the log, counted.

    Attributes:
        people: Distinct people; numbers that were merged count as one.
        known: Those of whom an identity is known.
        identities: Identities of the known people, by kind.
    """

    people: int
    known: int
    identities: Mapping[str, int]


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """A person behind numbers of the log.

    Attributes:
        identities: Kind and value, oldest first; none for somebody who was erased, or was never known.
    """

    person: PersonNumber
    identities: tuple[tuple[str, str], ...]
