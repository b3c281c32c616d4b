# SPDX-License-Identifier: Apache-2.0
"""Reads a log for its index: from a place on, entry by entry, with the people of each.

RULES

1. Only whole lines are read; a torn last line is left for later. A segment is left when the next one is there.
2. Where a line does not name the leaf that the reading ended with, the line before must still have that leaf:
   other files are noticed.
3. What the first entry of a call says stands in all of its entries. Of a call that is not remembered, the
   batch says so, and ``completed`` is told of its first entry.
4. A part is taken if it is there, and only if it has the digest that its entry names.

Nothing here proves a log; that is `verify`.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from gateway.domain.entry import Line
from gateway.domain.errors import LogDamaged
from gateway.domain.log_index import INHERITING, SPAN, IndexEntry, LogBatch, LogPosition
from gateway.domain.log_query import LogRow
from gateway.record.format.checkpoint import CheckpointInvalid, parse_verifier_key
from gateway.record.format.layout import PUBLIC_KEY, LineFile, segment_path, segments
from gateway.record.format.merkle import leaf_hash
from gateway.record.format.seal import begin_of_log
from gateway.record.reading.index_parts import PartsBeside
from gateway.record.reading.index_rows import row_of, with_facts_of
from gateway.record.reading.tail import LINE_SEQ, offset_of

MOST_ENTRIES = 4_096
MOST_BYTES = 32 << 20
"""Of lines and parts that are held for one batch."""

MOST_KNOWN = SPAN
"""Calls whose first entry is remembered; never fewer than a batch can hold. The index knows the others."""

_BACK_BYTES = 1 << 16
_decoder = msgspec.json.Decoder(Line)


class LogChanged(LogDamaged):
    """The files are not those that were read before."""


class SlotReader:
    """Reads one log from a position on, as often as there is something new.

    Attributes:
        position: How far it was read.
    """

    def __init__(self, directory: Path, position: LogPosition) -> None:
        """Begin behind the entries before a position; nothing of them is read yet.

        Raises:
            LogDamaged: Nothing says what came before the first segment that is here.
        """
        if position.is_beginning:
            position = beginning_of(directory)
        self._directory = directory
        self.position = position
        self._segment = position.segment
        self._file = LineFile(segment_path(directory, position.segment), position.line_at)
        self._parts = PartsBeside(directory)
        self._first: OrderedDict[str, LogRow] = OrderedDict()

    @classmethod
    def at(cls, directory: Path, seq: int) -> "SlotReader":
        """Return a reader that begins with an entry.

        Raises:
            LogDamaged: The entry before it is not where it should be.
        """
        return cls(directory, position_of(directory, seq))

    def check(self) -> None:
        """Make sure that the entry before the position is the one that was read.

        Raises:
            LogChanged: It is not.
        """
        position = self.position
        path = segment_path(self._directory, position.segment)
        if not position.is_beginning and _leaf_before(path, position.line_at) != position.head:
            raise self._changed()

    def read(self, most: int = MOST_ENTRIES) -> LogBatch | None:
        """Return the next entries, or ``None`` if there are none now.

        Args:
            most: Entries at most; a batch also ends with its span and where it becomes large.

        Raises:
            LogChanged: The files are not those that were read before.
            LogDamaged: An entry or a part cannot be read.
        """
        before, entries, unknown, n_bytes = self.position, list[IndexEntry](), set[str](), 0
        most = min(most, SPAN - before.size % SPAN)
        self._parts.look()
        for raw, line_at in self._lines():
            line = _decoded(raw, before.slot)
            if not entries and line.prev != before.head:
                # A chain that is broken in the files as they are is for `verify`; here they must only be the same.
                self.check()
            if line.seq != before.size + len(entries):
                raise LogDamaged(f"entry {before.size + len(entries)} of {before.slot} is missing or out of order")
            entry = self._entry(line, line_at)
            entries.append(entry)
            if entry.row.call and not entry.begins and entry.row.call not in self._first:
                unknown.add(entry.row.call)
            n_bytes += len(raw) + len(entry.released)
            if len(entries) >= most or n_bytes >= MOST_BYTES:
                break
        if not entries:
            return None
        self.position = self._behind(entries[-1].row, raw)
        return LogBatch(before=before, after=self.position, entries=tuple(entries), unknown=frozenset(unknown))

    def completed(self, batch: LogBatch, first: Mapping[str, LogRow]) -> LogBatch:
        """Return a batch with what the first entries of its unknown calls say.

        Args:
            batch: The newest that was read.
            first: By call, the first entry, for those unknown calls that have one before the batch.
        """
        if not batch.unknown:
            return batch
        entries = [
            self._completed(entry, first) if entry.row.call in batch.unknown and entry.row.kind in INHERITING else entry
            for entry in batch.entries
        ]
        return msgspec.structs.replace(batch, entries=tuple(entries), unknown=frozenset())

    def _completed(self, entry: IndexEntry, first: Mapping[str, LogRow]) -> IndexEntry:
        row = entry.row
        known = self._first.get(row.call) or first.get(row.call)
        if known is None or known.seq >= row.seq:
            self._remember(row)
            return msgspec.structs.replace(entry, begins=True)
        self._remember(known)
        return msgspec.structs.replace(entry, row=with_facts_of(known, row))

    def _entry(self, line: Line, line_at: int) -> IndexEntry:
        stored, part_at = self._parts.take(line, self._segment)
        part = None if stored is None else stored.part()
        slot, place = self.position.slot, "" if part is None else part.ip
        row = row_of(slot, line, place, self._segment, line_at, part_at)
        begins = bool(row.call) and row.kind not in INHERITING
        if row.call and not begins:
            known = self._first.get(row.call)
            begins = known is None and getattr(line.body, "facts", None) is not None
            if known is not None:
                row = with_facts_of(known, row)
            elif begins:
                self._remember(row)
        if part is None:
            return IndexEntry(row=row, begins=begins)
        return IndexEntry(row=row, begins=begins, released=part.people, met=part.met)

    def _remember(self, row: LogRow) -> None:
        self._first[row.call] = row
        if len(self._first) > MOST_KNOWN:
            self._first.popitem(last=False)

    def _lines(self) -> Iterator[tuple[bytes, int]]:
        """Yield whole lines and where they begin, from where the last reading ended."""
        while True:
            # Looked at before reading: once a later segment is there, this one has all its lines.
            is_full = any(later > self._segment for later in segments(self._directory))
            if self._file.offset and _size(self._file.path) < self._file.offset:
                raise self._changed()
            for raw in self._file.lines():
                yield raw, self._file.offset - len(raw) - 1
            if not is_full:
                return
            if self._file.rest:
                raise LogDamaged(f"segment {self._segment:06} of {self.position.slot} ends inside a line")
            self._segment += 1
            self._file = LineFile(segment_path(self._directory, self._segment))

    def _behind(self, row: LogRow, raw: bytes) -> LogPosition:
        return LogPosition(
            slot=row.slot,
            size=row.seq + 1,
            segment=self._segment,
            line_at=self._file.offset,
            part_at=self._parts.offset,
            head=leaf_hash(raw).hex(),
            last_us=row.at_us,
        )

    def _changed(self) -> LogChanged:
        position = self.position
        return LogChanged(f"the files of {position.slot} are not those of which {position.size} entries were read")


def beginning_of(directory: Path) -> LogPosition:
    """Return the position before the first entry of a slot that is here; segments before it may have been moved away.

    Raises:
        LogDamaged: The seal of the last of those is missing or wrong.
    """
    if min(segments(directory), default=0) == 0:
        return LogPosition(slot=directory.name)
    try:
        key = parse_verifier_key((directory / PUBLIC_KEY).read_bytes().decode().removesuffix("\n"))
        begin = begin_of_log(directory, key)
    except (OSError, UnicodeDecodeError, CheckpointInvalid) as error:
        raise LogDamaged(
            f"the first segments of {directory.name} are not here, nor the seal that tells of them"
        ) from error
    return LogPosition(slot=directory.name, size=begin.first, segment=begin.number, head=begin.prev)


def position_of(directory: Path, seq: int) -> LogPosition:
    """Return the position before an entry of a slot, or before the first that is here, found from the files alone.

    Raises:
        LogDamaged: The entry before it is not where it should be.
    """
    beginning = beginning_of(directory)
    if seq <= beginning.size:
        return beginning
    number = _segment_with(directory, seq - 1)
    path = segment_path(directory, number)
    lines = LineFile(path, offset_of(path, seq - 1, LINE_SEQ))
    raw = next(lines.lines(), None)
    line = None if raw is None else _decoded(raw, directory.name)
    if raw is None or line is None or line.seq != seq - 1:
        raise LogDamaged(f"entry {seq - 1} of {directory.name} is missing or out of order")
    return LogPosition(
        slot=directory.name,
        size=seq,
        segment=number,
        line_at=lines.offset,
        head=leaf_hash(raw).hex(),
        last_us=line.at_us,
    )


def _segment_with(directory: Path, seq: int) -> int:
    for number in reversed(segments(directory)):
        first = next(LineFile(segment_path(directory, number)).lines(), None)
        if first is not None and _decoded(first, directory.name).seq <= seq:
            return number
    return 0


def _decoded(raw: bytes, slot: str) -> Line:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogDamaged(f"an entry of {slot} cannot be read; run `gateway log verify`") from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _leaf_before(path: Path, line_at: int) -> str | None:
    """Return the leaf hash of the line that ends where another begins; ``None`` if none ends there."""
    if line_at < 1 or _size(path) < line_at:
        return None
    with path.open("rb") as file:
        n_bytes = min(_BACK_BYTES, line_at)
        while True:
            file.seek(line_at - n_bytes)
            held = file.read(n_bytes)
            if not held.endswith(b"\n"):
                return None
            _before, feed, line = held[:-1].rpartition(b"\n")
            if feed or n_bytes == line_at:
                return leaf_hash(line if feed else held[:-1]).hex()
            n_bytes = min(n_bytes * 8, line_at)
