# SPDX-License-Identifier: Apache-2.0
"""What calls came to, added up: whole spans of the index and single entries alike, so that both give one sum."""

from collections import Counter
from collections.abc import Mapping

import msgspec
from pyroaring import BitMap

from gateway.domain.entry import Intent
from gateway.domain.log_index import Use, use_of
from gateway.domain.log_query import LogQuery, LogRow
from gateway.domain.names import is_under
from gateway.domain.reach import Released, SpanUse


class Reach:
    """What one use released.

    Attributes:
        n_bare / bare_people: Entries whose people nobody can tell any more, and what they say of how many.
    """

    __slots__ = ("bare_people", "bytes", "entries", "first_us", "last_us", "n_bare", "people", "rows")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.entries = self.rows = self.bytes = self.n_bare = self.bare_people = 0
        self.first_us = self.last_us = -1
        self.people = BitMap()

    def add(self, entries: int, rows: int, n_bytes: int, first_us: int, last_us: int) -> None:
        """Add entries, their people left out."""
        self.entries, self.rows, self.bytes = self.entries + entries, self.rows + rows, self.bytes + n_bytes
        self.first_us = first_us if self.first_us < 0 else min(self.first_us, first_us)
        self.last_us = max(self.last_us, last_us)


class Writes:
    """What one use wrote: entered before it was forwarded, so at most this was done."""

    __slots__ = ("entries", "fields", "first_us", "last_us", "n_bare", "people", "records")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.entries = self.records = self.n_bare = 0
        self.first_us = self.last_us = -1
        self.people = BitMap()
        self.fields: dict[str, set[str]] = {}


class Tally:
    """The whole sum.

    Attributes:
        refused: Refused calls, by dataset and reason.
        passed: Entries and bytes of calls to stores that are not enforced, by dataset; nobody counted their people.
        n_cut: Calls of which less left than was authorised, or nobody knows how much.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.uses: dict[Use, Reach] = {}
        self.writes: dict[Use, Writes] = {}
        self.refused: Counter[tuple[str, str]] = Counter()
        self.passed: dict[str, tuple[int, int]] = {}
        self.n_cut = 0

    def of(self, use: Use) -> Reach:
        """Return the sum of one use."""
        found = self.uses.get(use)
        if found is None:
            found = self.uses[use] = Reach()
        return found

    def span(self, use: Use, one: SpanUse) -> None:
        """Add a whole span of one use, its people left out."""
        self.of(use).add(one.entries, one.rows, one.bytes, one.first_us, one.last_us)

    def people(self, use: Use, people: bytes) -> None:
        """Add people that a use reached."""
        self.of(use).people |= BitMap.deserialize(people)

    def bare(self, use: Use, entries: int, people: int) -> None:
        """Add entries whose parts were deleted; they are in the sum already."""
        reach = self.of(use)
        reach.n_bare, reach.bare_people = reach.n_bare + entries, reach.bare_people + people

    def release(self, row: LogRow, people: bytes | None) -> None:
        """Add one entry of a release; ``None`` for people whom nobody can tell any more."""
        self.released(use_of(row), row, people)

    def released(self, use: Use, row: LogRow | Released, people: bytes | None) -> None:
        """Add one entry of a release of a use."""
        self.of(use).add(1, row.rows, row.bytes, row.at_us, row.at_us)
        if people is None and row.people:
            self.bare(use, 1, row.people)
        elif people:
            self.people(use, people)

    def intent(self, row: LogRow, body: Intent, people: tuple[int, ...] | None) -> None:
        """Add one write."""
        writes = self.writes.setdefault(use_of(row), Writes())
        writes.entries, writes.records = writes.entries + 1, writes.records + body.records
        writes.first_us = row.at_us if writes.first_us < 0 else min(writes.first_us, row.at_us)
        writes.last_us = max(writes.last_us, row.at_us)
        writes.n_bare += people is None
        writes.people |= BitMap(people or ())
        for word, names in body.written.items():
            writes.fields.setdefault(word, set()).update(names)

    def other(self, row: LogRow) -> None:
        """Add one entry of another kind, if it counts for anything."""
        if row.kind == "refusal":
            self.refused[row.dataset, row.reason] += 1
        elif row.kind == "passed":
            entries, n_bytes = self.passed.get(row.dataset, (0, 0))
            self.passed[row.dataset] = (entries + 1, n_bytes + row.bytes)
        elif row.kind == "end":
            self.n_cut += 1


OTHERS = ("refusal", "passed", "end")
"""Kinds that count without their people."""


def means(asked: LogQuery, row: LogRow) -> bool:
    """Tell whether a query means an entry; the same rule as in the index, for entries that are read from files."""
    return (
        (asked.since_us is None or asked.since_us <= row.at_us)
        and (asked.until_us is None or row.at_us < asked.until_us)
        and (asked.account is None or row.account == asked.account)
        and (asked.client is None or row.client == asked.client)
        and (asked.session is None or row.session == asked.session)
        and (asked.place is None or row.place == asked.place)
        and (asked.dataset is None or is_under(row.dataset, asked.dataset))
    )


def fields_of(use: Use) -> Mapping[str, tuple[str, ...]]:
    """Return the fields that may leave, by word of treatment."""
    return msgspec.json.decode(use.fields, type=dict[str, tuple[str, ...]])
