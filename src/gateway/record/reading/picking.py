# SPDX-License-Identifier: Apache-2.0
"""Reads exactly the entries that an index names, each file once and from its front to its back.

Lines do not move, so one that is not where the index says shows that index and files differ. Parts move when
others are deleted; one that is not where the index says is looked for by its number.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

import msgspec

from gateway.domain.entry import Line, Part
from gateway.domain.errors import LogDamaged
from gateway.domain.log_query import LogRow
from gateway.domain.reach import Released
from gateway.record.format.layout import parts_path, segment_path
from gateway.record.format.parts import PartInvalid, StoredPart, parse_part
from gateway.record.reading.reader import Record
from gateway.record.reading.tail import PART_SEQ, offset_of

AT_ONCE = 4_096
"""Entries that are held before the first of them is given out."""

MOST_STEPS = 64
"""Parts that are passed over one by one before the next is looked for by halves."""

_decoder = msgspec.json.Decoder(Line)


class _Core(msgspec.Struct, gc=False):
    seq: int
    part: str | None = None


class _People(msgspec.Struct, gc=False):
    people: bytes = b""


_core = msgspec.json.Decoder(_Core)
_people = msgspec.json.Decoder(_People)
Entered = TypeVar("Entered", Line, _Core)


def picked(logs: Path, rows: Sequence[LogRow]) -> Iterator[Record]:
    """Yield the entries of rows, in the order of the rows; the part is ``None`` where it was deleted.

    Args:
        logs: ``STATE/log``.
        rows: What the index says of entries.

    Raises:
        LogDamaged: An entry is not where the index says, or its part is not the one that it names.
    """
    for first in range(0, len(rows), AT_ONCE):
        yield from _together(logs, rows[first : first + AT_ONCE])


def people_of(logs: Path, rows: Sequence[Released]) -> Iterator[bytes | None]:
    """Yield the people of releases, in their order, each a serialised roaring bitmap; ``None`` for a deleted part.

    As ``picked``, but nothing else of an entry is read.
    """
    for (slot, segment), group in groupby(rows, key=lambda row: (row.slot, row.segment)):
        with _opened(logs, slot, segment) as file, _Parts(parts_path(logs / slot, segment)) as parts:
            for row in group:
                stored = parts.stored(_line(file, row, _core)[1], row.part_at)
                yield None if stored is None else _people.decode(stored.content).people


def _together(logs: Path, rows: Sequence[LogRow]) -> list[Record]:
    found: list[Record | None] = [None] * len(rows)
    places = sorted(range(len(rows)), key=lambda place: _place(rows[place]))
    for (slot, segment), group in groupby(places, key=lambda place: (rows[place].slot, rows[place].segment)):
        these = list(group)
        with _opened(logs, slot, segment) as file:
            lines = [_line(file, rows[place], _decoder) for place in these]
        with _Parts(parts_path(logs / slot, segment)) as parts:
            for place, (raw, line) in zip(these, lines, strict=True):
                found[place] = Record(line, raw, parts.of(line, rows[place].part_at))
    return [one for one in found if one is not None]


def _place(row: LogRow) -> tuple[str, int, int]:
    return row.slot, row.segment, row.line_at


def _opened(logs: Path, slot: str, segment: int) -> BinaryIO:
    try:
        return segment_path(logs / slot, segment).open("rb")
    except FileNotFoundError as error:
        raise LogDamaged(f"segment {segment:06} of {slot} is not there; run `gateway log verify`") from error


def _line(file: BinaryIO, row: LogRow | Released, decoder: "msgspec.json.Decoder[Entered]") -> tuple[bytes, Entered]:
    file.seek(row.line_at)
    raw = file.readline()
    try:
        line = decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        line = None
    if line is None or line.seq != row.seq or not raw.endswith(b"\n"):
        raise LogDamaged(
            f"entry {row.seq} of {row.slot} is not where the index of the log says: run `gateway log index check`"
        )
    return raw[:-1], line


class _Parts:
    """The parts of one segment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._next_at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        if self._file is not None:
            self._file.close()

    def of(self, line: Line, hint: int) -> Part | None:
        """Return the part of an entry; it is looked for by its number where the hint does not lead to it."""
        stored = self.stored(line, hint)
        return None if stored is None else stored.part()

    def stored(self, line: "Line | _Core", hint: int) -> StoredPart | None:
        """Return the same as it is stored."""
        if line.part is None:
            return None
        stored = self._at(hint, line.seq) or self._after_last(line.seq)
        if stored is None:
            return None
        if stored.digest != line.part:
            raise LogDamaged(f"the part of entry {line.seq} was changed; run `gateway log verify`")
        return stored

    def _at(self, offset: int, seq: int) -> StoredPart | None:
        """Return the part that begins at a byte, if it is of this entry."""
        stored = self._read(offset, seq) if offset >= 0 else None
        return stored if stored is not None and stored.seq == seq else None

    def _after_last(self, seq: int) -> StoredPart | None:
        """Return the part of an entry, which lies behind the last that was found and mostly right behind it."""
        for _ in range(MOST_STEPS if self._next_at else 0):
            stored = self._read(self._next_at, seq)
            if stored is None or stored.seq >= seq:
                return stored if stored is not None and stored.seq == seq else None
        return self._at(offset_of(self._path, seq, PART_SEQ), seq)

    def _read(self, offset: int, sought: int) -> StoredPart | None:
        """Return the part that begins at a byte, if one does; a later one than is sought may be sought next."""
        try:
            if self._file is None:
                self._file = self._path.open("rb")
        except FileNotFoundError:
            return None
        self._file.seek(offset)
        raw = self._file.readline()
        try:
            stored = parse_part(raw.removesuffix(b"\n"))
        except PartInvalid:
            return None
        if stored.seq <= sought:
            self._next_at = offset + len(raw)
        return stored
