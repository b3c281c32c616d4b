# SPDX-License-Identifier: Apache-2.0
"""Gathers the people of a span: by use whose rows were released, and by person which entries speak of them."""

from collections.abc import Iterable

import msgspec
from pyroaring import BitMap, BitMap64

from gateway.domain.entry import Release
from gateway.domain.log_index import BUCKETS, SPAN, IndexEntry, SpanPeople, Use, UseTotals, use_of
from gateway.domain.log_query import LogRow

RELEASE = str(Release.__struct_config__.tag)
MOST_PENDING = 1 << 20
"""Postings that are held as plain numbers before they go into bitmaps."""

PLACE_BITS = 16


class SpanGathering:
    """Gathers the people of one span, entry by entry."""

    def __init__(self, slot: str, span: int) -> None:
        """Begin with nothing.

        Args:
            slot: Name of the log's folder.
            span: Number of the span.
        """
        self._slot, self._span = slot, span
        self._uses: dict[Use, _UseSum] = {}
        self._postings = _Postings(span * SPAN)
        self._first_us: int | None = None
        self._last_us = 0

    def add(self, entries: Iterable[IndexEntry]) -> None:
        """Take entries of the span, in order."""
        for entry in entries:
            row = entry.row
            self._first_us = row.at_us if self._first_us is None else min(self._first_us, row.at_us)
            self._last_us = max(self._last_us, row.at_us)
            people = BitMap.deserialize(entry.released) if entry.released else None
            if row.kind == RELEASE:
                use = use_of(row)
                found = self._uses.get(use)
                if found is None:
                    found = self._uses[use] = _UseSum(row.at_us)
                found.add(row, people)
            if people is not None or entry.met:
                self._postings.add(row.seq, people, entry.met)

    def people(self) -> SpanPeople:
        """Return the people of all entries that were added."""
        return SpanPeople(
            slot=self._slot,
            span=self._span,
            first_us=self._first_us or 0,
            last_us=self._last_us,
            uses={use: found.totals() for use, found in self._uses.items()},
            postings=self._postings.by_bucket(),
        )


class _UseSum:
    __slots__ = ("bytes", "entries", "first_us", "last_us", "people", "rows")

    def __init__(self, at_us: int) -> None:
        self.first_us, self.last_us = at_us, at_us
        self.entries = self.rows = self.bytes = 0
        self.people = BitMap()

    def add(self, row: LogRow, people: BitMap | None) -> None:
        self.first_us, self.last_us = min(self.first_us, row.at_us), max(self.last_us, row.at_us)
        self.entries += 1
        self.rows += row.rows
        self.bytes += row.bytes
        if people is not None:
            self.people |= people

    def totals(self) -> UseTotals:
        # A bitmap has several spellings; the same people are to give the same bytes.
        self.people.run_optimize()
        return UseTotals(
            first_us=self.first_us,
            last_us=self.last_us,
            entries=self.entries,
            rows=self.rows,
            bytes=self.bytes,
            people=self.people.serialize(),
        )


class _Postings:
    """By bucket, ``person << 16 | place``; kept as numbers first, since a bitmap is made fastest from many."""

    def __init__(self, first_seq: int) -> None:
        self._first_seq = first_seq
        self._n_pending = 0
        self._pending: list[list[int]] = [[] for _ in range(BUCKETS)]
        self._appends = [one.append for one in self._pending]
        self._maps: dict[int, BitMap64] = {}

    def add(self, seq: int, people: BitMap | None, met: tuple[int, ...]) -> None:
        # The innermost loop of a building anew: what is constant is looked up once.
        place, appends, mask, bits = seq - self._first_seq, self._appends, BUCKETS - 1, PLACE_BITS
        for person in people if people is not None else ():
            appends[person & mask](person << bits | place)
        for person in met:
            appends[person & mask](person << bits | place)
        self._n_pending += len(met) + (0 if people is None else len(people))
        if self._n_pending >= MOST_PENDING:
            self._fold()

    def by_bucket(self) -> dict[int, bytes]:
        self._fold()
        return {bucket: self._maps[bucket].serialize() for bucket in sorted(self._maps)}

    def _fold(self) -> None:
        for bucket, pending in enumerate(self._pending):
            if pending:
                more = BitMap64(pending)
                self._maps[bucket] = self._maps[bucket] | more if bucket in self._maps else more
                pending.clear()
        self._n_pending = 0


def is_same(one: SpanPeople, other: SpanPeople) -> bool:
    """Tell whether two spans hold the same people; a bitmap may be spelled in more than one way."""
    if (one.first_us, one.last_us) != (other.first_us, other.last_us):
        return False
    if one.uses.keys() != other.uses.keys() or one.postings.keys() != other.postings.keys():
        return False
    return all(_is_same_use(totals, other.uses[use]) for use, totals in one.uses.items()) and all(
        _is_same_set(BitMap64, held, other.postings[bucket]) for bucket, held in one.postings.items()
    )


def _is_same_use(one: UseTotals, other: UseTotals) -> bool:
    return msgspec.structs.replace(one, people=b"") == msgspec.structs.replace(other, people=b"") and _is_same_set(
        BitMap, one.people, other.people
    )


def _is_same_set(kind: type[BitMap] | type[BitMap64], one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    try:
        return bool(kind.deserialize(one) == kind.deserialize(other))
    except (ValueError, IndexError):
        return False
