# SPDX-License-Identifier: Apache-2.0
"""A batch of entries packed for the index: each text and each use once, and for each entry a record of fixed size.

What reads files and what writes tables may be two processes. A batch goes from one to the other in this form,
which takes an eighth of its entries and is made and taken apart without a step for each of their members.
"""

import sys
from collections.abc import Sequence
from struct import Struct as Layout

import msgspec

from gateway.domain.log_index import HOUR_US, LogBatch, LogPosition, SpanPeople, Use, UseTotals, call_bytes

ENTRY = Layout("<16sqIIIIIIIqqqIqqB3x")
"""Of an entry: call, time, then places in the tables of the batch (kind, session, address, use, reference, decision,
reason), then rows, bytes, people, segment, line_at, part_at, and whether it has a call."""

WORDS_OF_ENTRY = ENTRY.size // 4
NO_CALL = bytes(16)

HourRow = tuple[int, int, int, int, int, int, int, int, int]
"""Hour since 1970; places of use, kind, decision and reason; entries, calls that began, rows, bytes."""


class PackedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of one log in a row; never of two spans.

    Attributes:
        words / places / uses: Every text, address and use of the entries once; the first word is empty.
        entries: A record of ``ENTRY`` for each, in order.
        hours: What the entries count by the hour, each key once.
    """

    before: LogPosition
    after: LogPosition
    words: tuple[str, ...]
    places: tuple[str, ...]
    uses: tuple[Use, ...]
    entries: bytes
    hours: tuple[HourRow, ...]

    @property
    def n_entries(self) -> int:
        """How many entries there are."""
        return len(self.entries) // ENTRY.size


class Stretch(msgspec.Struct, frozen=True, kw_only=True, tag="stretch"):
    """A batch with the people of the span that it ends.

    Attributes:
        people: The span without its uses and their totals, which stand beside it; ``None`` where no span ends.
        uses: Of the span, in the order of ``totals``.
    """

    batch: PackedBatch
    people: SpanPeople | None = None
    uses: tuple[Use, ...] = ()
    totals: tuple[UseTotals, ...] = ()

    @classmethod
    def of(cls, batch: PackedBatch, people: SpanPeople | None) -> "Stretch":
        """Return a batch and a span as one message."""
        if people is None:
            return cls(batch=batch)
        bare = msgspec.structs.replace(people, uses={})
        return cls(batch=batch, people=bare, uses=tuple(people.uses), totals=tuple(people.uses.values()))

    def span(self) -> SpanPeople | None:
        """Return the people of the span, whole again."""
        if self.people is None:
            return None
        return msgspec.structs.replace(self.people, uses=dict(zip(self.uses, self.totals, strict=True)))


class _Places(dict[object, int]):
    """Gives each thing that it is asked for the next number."""

    def __missing__(self, thing: object) -> int:
        number = self[thing] = len(self)
        return number


def packed(batch: LogBatch) -> PackedBatch:
    """Return a batch packed; nothing of it is unknown any more."""
    words, places, uses, hours = _Places({"": 0}), _Places(), _Places(), dict[Sequence[int], list[int]]()
    pack, records = ENTRY.pack, list[bytes]()
    for entry in batch.entries:
        row = entry.row
        # A tuple, since a value of a class costs more to make; there are few uses, and as many entries as there are.
        use = uses[row.account, row.client, row.recipient, row.purpose, row.dataset, row.operation, row.fields]
        kind, decision, reason = words[row.kind], words[row.decision], words[row.reason]
        records.append(
            pack(
                call_bytes(row.call) if row.call else NO_CALL,
                row.at_us,
                kind,
                words[row.session],
                places[row.place],
                use,
                words[row.reference],
                decision,
                reason,
                row.rows,
                row.bytes,
                row.people,
                row.segment,
                row.line_at,
                row.part_at,
                bool(row.call),
            )
        )
        key = (row.at_us // HOUR_US, use, kind, decision, reason)
        counts = hours.get(key)
        if counts is None:
            counts = hours[key] = [0, 0, 0, 0]
        counts[0] += 1
        counts[1] += entry.begins
        counts[2] += row.rows
        counts[3] += row.bytes
    return PackedBatch(
        before=batch.before,
        after=batch.after,
        words=tuple(words),  # type: ignore[arg-type]
        places=tuple(places),  # type: ignore[arg-type]
        uses=tuple(Use(*key) for key in uses),  # type: ignore[misc]
        entries=b"".join(records),
        hours=tuple((*key, *counts) for key, counts in hours.items()),  # type: ignore[misc]
    )


def call_words(batch: PackedBatch, word: int) -> list[int]:
    """Return 32 bits of each entry's call: the first word of it, the second, and so on up to the fourth."""
    return memoryview(batch.entries).cast("I")[word::WORDS_OF_ENTRY].tolist()


def word_of(call: str, word: int) -> int:
    """Return the same of one call."""
    return int.from_bytes(call_bytes(call)[4 * word : 4 * word + 4], sys.byteorder)
