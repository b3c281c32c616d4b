# SPDX-License-Identifier: Apache-2.0
"""What is brought from the files of the log into its index: batches of entries, and the people of whole spans.

Both follow from the files alone, so the same files give the same index however it was cut into batches.
"""

from hashlib import sha256

import msgspec

from gateway.domain.entry import End, Intent, Observed, Passed, Refused, Release
from gateway.domain.errors import GatewayError
from gateway.domain.log_query import LogRow

SPAN = 16_384
"""Entries of one log that are gathered in a span; a power of two that fits in 16 bits."""

BUCKETS = 64
"""Into how many rows the people of a span are divided, by their number modulo this."""

INHERITING = frozenset(str(one.__struct_config__.tag) for one in (Release, Intent, Observed, Passed, Refused, End))
"""Kinds of entries of which only the first of a call says who called, for what. Others, such as ``looked``, speak
for themselves, also where they have a call: each of them begins one."""

HOUR_US = 3_600_000_000
NO_HEAD = "0" * 64
"""What the first line of a log names as the leaf before it."""

_CALL_DIGITS = 32


class IndexBroken(GatewayError):
    """The index of the log contradicts itself; it is derived, and has to be built anew."""


class LogPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far a log was read.

    Attributes:
        slot: Name of the log's folder.
        size: Entries that were read, or are before those that are here.
        segment / line_at / part_at: Where the next line and the next part begin; the latter a hint.
        head: Leaf hash of the last entry that was read, hexadecimal.
        last_us: Time of that entry; 0 for none.
    """

    slot: str
    size: int = 0
    segment: int = 0
    line_at: int = 0
    part_at: int = 0
    head: str = NO_HEAD
    last_us: int = 0

    @property
    def is_beginning(self) -> bool:
        """Tell whether nothing was read: of a log whose first segments were moved away, ``size`` is not 0 then."""
        return not self.line_at


class IndexEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry on its way into the index.

    Attributes:
        begins: It is the first entry of its call among those that inherit, or has a call and speaks for itself.
        released: Numbers of the people in its part: a serialised roaring bitmap, empty for none.
        met: Numbers of people whom a filter, a path or a body named.
    """

    row: LogRow
    begins: bool = False
    released: bytes = b""
    met: tuple[int, ...] = ()


class LogBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of one log in a row; never of two spans.

    Attributes:
        unknown: Calls whose first entry was not seen: ``SlotReader.completed`` has to be told of it.
    """

    before: LogPosition
    after: LogPosition
    entries: tuple[IndexEntry, ...]
    unknown: frozenset[str] = frozenset()

    @property
    def ends_span(self) -> bool:
        """Tell whether a span is whole with this batch."""
        return self.after.size % SPAN == 0

    @property
    def is_span(self) -> bool:
        """Tell whether the batch is a whole span by itself."""
        return self.ends_span and self.before.size == self.after.size - SPAN


class Use(msgspec.Struct, frozen=True):
    """Who read what how."""

    account: str = ""
    client: str = ""
    recipient: str = ""
    purpose: str = ""
    dataset: str = ""
    operation: str = ""
    fields: str = "{}"


class UseTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What one use released in a span.

    Attributes:
        people: Union of the people of its entries whose parts are there, a serialised roaring bitmap.
    """

    first_us: int
    last_us: int
    entries: int
    people: bytes
    rows: int
    bytes: int


class SpanPeople(msgspec.Struct, frozen=True, kw_only=True):
    """The people of a whole span.

    Attributes:
        span: Its number: ``seq // SPAN`` of its entries.
        uses: By use, what was released.
        postings: By bucket, which entries speak of whom: a serialised 64-bit roaring bitmap of
            ``person << 16 | place in the span``.
    """

    slot: str
    span: int
    first_us: int
    last_us: int
    uses: dict[Use, UseTotals]
    postings: dict[int, bytes]


class Hour(msgspec.Struct, frozen=True):
    """What the index counts entries by; the hour is in hours since 1970."""

    hour: int
    use: Use
    kind: str
    decision: str
    reason: str


Counts = tuple[int, int, int, int]
"""Of an hour: entries, calls that began, rows and bytes."""


def hour_of(row: LogRow) -> Hour:
    """Return what an entry is counted by."""
    return Hour(row.at_us // HOUR_US, use_of(row), row.kind, row.decision, row.reason)


def use_of(row: LogRow) -> Use:
    """Return who read what how by an entry."""
    return Use(row.account, row.client, row.recipient, row.purpose, row.dataset, row.operation, row.fields)


def call_bytes(call: str) -> bytes:
    """Return a call as the index holds it: the 16 bytes that it spells, or of another text 16 bytes of its digest."""
    if len(call) == _CALL_DIGITS:
        try:
            found = bytes.fromhex(call)
        except ValueError:
            found = b""
        if found.hex() == call:
            return found
    return sha256(call.encode("utf-8", "surrogatepass")).digest()[:16]
