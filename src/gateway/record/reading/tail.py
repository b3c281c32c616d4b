# SPDX-License-Identifier: Apache-2.0
"""The end of a log, found from its end: how long it is, and its entries from a place on.

A place near the end costs a look at the last bytes, however long the log is. Lines are told apart by
their bytes, which have one spelling; only those that are asked for are read whole. Nothing here proves
a log; that is `verify`.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.domain.entry import Line
from gateway.domain.errors import LogDamaged
from gateway.record.format.layout import LineFile, parts_path, segment_path, segments
from gateway.record.format.parts import PartInvalid, StoredPart, parse_part
from gateway.record.reading.reader import Record

STEP_BYTES = 1 << 18
BLOCK_BYTES = 1 << 22
HEAD_BYTES = 512  # holds name and place, with which every line begins
LINE_SEQ = re.compile(rb'\{"log":"[^"\\]*","seq":(0|[1-9][0-9]{0,18}),')
PART_SEQ = re.compile(rb'\{"seq":(0|[1-9][0-9]{0,18}),')
_KIND = re.compile(rb'"body":\{"kind":"([a-z-]+)"')
_decoder = msgspec.json.Decoder(Line)


def size_of(directory: Path) -> int:
    """Return the number of whole entries of a slot.

    Raises:
        LogDamaged: The last of them cannot be read.
    """
    for number in reversed(segments(directory)):
        last = last_line(segment_path(directory, number))
        if last is not None:
            return _seq(LINE_SEQ, last) + 1
    return 0


def tail(directory: Path, place: int, *, kinds: Sequence[str] | None = None) -> Iterator[Record]:
    """Yield the entries of a slot from a place on, with their parts where those are still there.

    Args:
        directory: ``STATE/log/<slot>``.
        place: The first entry that is looked at.
        kinds: Kinds that are wanted; ``None`` for all. Others are passed over unread.

    Raises:
        LogDamaged: An entry or a part cannot be read, or a part is not the one that its entry names.
    """
    wanted = None if kinds is None else frozenset(kind.encode() for kind in kinds)
    numbers = segments(directory)
    for number in numbers[_first_index(directory, numbers, place) :]:
        path = segment_path(directory, number)
        # Lines, then their parts: a part is durable before its line.
        parts = _Parts(parts_path(directory, number))
        for raw in _lines(path, offset_of(path, place, LINE_SEQ), wanted):
            yield parts.joined(raw)


def _lines(path: Path, offset: int, wanted: frozenset[bytes] | None) -> Iterator[bytes]:
    """Yield the whole lines from an offset on that are of a wanted kind.

    A block in which no such kind begins is not even cut into lines: the tail of a busy log is a hundred
    megabytes, and a start has to wait for it.
    """
    begins = None if wanted is None else [b'"body":{"kind":"%s"' % kind for kind in wanted]
    rest = b""
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(BLOCK_BYTES):
            block = rest + chunk
            end = block.rfind(b"\n") + 1
            rest = block[end:]
            if begins is None or any(block.find(begin, 0, end) >= 0 for begin in begins):
                found = block[:end].split(b"\n")[:-1]
                yield from found if wanted is None else (raw for raw in found if _kind(raw) in wanted)


def _first_index(directory: Path, numbers: Sequence[int], place: int) -> int:
    """Return the index of the newest segment that begins at the place or before it."""
    for index in range(len(numbers) - 1, 0, -1):
        first = next(LineFile(segment_path(directory, numbers[index])).lines(), None)
        if first is not None and _seq(LINE_SEQ, first) <= place:
            return index
    return 0


class _Parts:
    """The parts of a segment, read beside its lines and only from the first that is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: Iterator[bytes] | None = None
        self._held: StoredPart | None = None

    def joined(self, raw: bytes) -> Record:
        """Return a line with its part."""
        try:
            line = _decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LogDamaged("an entry cannot be read; run `gateway log verify`") from error
        if line.part is None:
            return Record(line, raw, None)
        stored = self._of(line.seq)
        if stored is None:
            return Record(line, raw, None)
        if stored.digest != line.part:
            raise LogDamaged(f"the part of entry {line.seq} was changed; run `gateway log verify`")
        return Record(line, raw, stored.part())

    def _of(self, seq: int) -> StoredPart | None:
        if self._lines is None:
            self._lines = LineFile(self._path, offset_of(self._path, seq, PART_SEQ)).lines()
        while self._held is None or self._held.seq < seq:
            line = next(self._lines, None)
            if line is None:
                return None
            try:
                self._held = parse_part(line)
            except PartInvalid as error:
                raise LogDamaged(str(error)) from error
        return self._held if self._held.seq == seq else None


def _kind(raw: bytes) -> bytes | None:
    # Inside a text of an entry the quotes would be escaped, so the first find is the entry's own.
    found = _KIND.search(raw)
    return None if found is None else found[1]


def _seq(spelling: "re.Pattern[bytes]", line: bytes) -> int:
    found = spelling.match(line)
    if found is None:
        raise LogDamaged("a line of the log cannot be read; run `gateway log verify`")
    return int(found[1])


def last_line(path: Path) -> bytes | None:
    """Return the last whole line of a file."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        step = STEP_BYTES
        while True:
            start = max(0, end - step)
            file.seek(start)
            *whole, _rest = file.read(end - start).split(b"\n")
            # The first piece may be the end of a longer line, unless it is the first of the file.
            if len(whole) > (1 if start else 0):
                return whole[-1]
            if start == 0:
                return None
            step *= 4


def offset_of(path: Path, place: int, spelling: "re.Pattern[bytes]") -> int:
    """Return where the first line of a place or a later one begins; the end of the file if there is none.

    Found by halves: lines are in the order of their places.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        low, high = 0, file.seek(0, 2)
        while high - low > STEP_BYTES:
            middle = (low + high) // 2
            begin = _next_line(file, middle, high)
            if begin is None or _seq(spelling, _head(file, begin)) >= place:
                high = middle
            else:
                low = begin
    lines = LineFile(path, low)
    begin = low
    for line in lines.lines():
        if _seq(spelling, line) >= place:
            return begin
        begin = lines.offset
    return begin


def _next_line(file: BinaryIO, after: int, before: int) -> int | None:
    """Return where the first line begins that begins behind one place of a file and before another."""
    file.seek(after)
    while chunk := file.read(min(STEP_BYTES, before - after)):
        found = chunk.find(b"\n")
        if found >= 0:
            begin = after + found + 1
            return begin if begin < before else None
        after += len(chunk)
    return None


def _head(file: BinaryIO, begin: int) -> bytes:
    file.seek(begin)
    return file.read(HEAD_BYTES)
