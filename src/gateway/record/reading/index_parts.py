# SPDX-License-Identifier: Apache-2.0
"""The parts of a log, read beside its lines, in a file that may grow and from which parts may be deleted.

Who deletes parts puts another file in the place of the old one, so what is known of a place in it holds for
that file alone; in another one the next part is looked for by its number.
"""

from collections.abc import Iterator
from pathlib import Path

from gateway.domain.entry import Line
from gateway.domain.errors import LogDamaged
from gateway.record.format.layout import LineFile, parts_path
from gateway.record.format.parts import PartInvalid, StoredPart, parse_part
from gateway.record.reading.tail import PART_SEQ, offset_of

File = tuple[int, int]


class PartsBeside:
    """Hands out the parts of entries that are asked for in order; some may be left out."""

    def __init__(self, directory: Path) -> None:
        """Begin with no file open."""
        self._directory = directory
        self._segment = -1
        self._file = LineFile(Path())
        self._is: File | None = None
        self._lines: Iterator[bytes] | None = None
        self._held: tuple[StoredPart, int] | None = None

    @property
    def offset(self) -> int:
        """Where the next part begins that was not read."""
        return self._file.offset if self._held is None else self._held[1]

    def look(self) -> None:
        """Let what came since be read, and forget the place in a file that is another one by now."""
        self._lines = None
        if self._is != _identity(self._file.path):
            self._segment = -1

    def take(self, line: Line, segment: int) -> tuple[StoredPart | None, int]:
        """Return the part of an entry and where it begins; ``None`` and -1 if it has none or it was deleted.

        Raises:
            LogDamaged: A line of the parts cannot be read, or the part is not the one that the entry names.
        """
        if line.part is None:
            return None, -1
        if segment != self._segment:
            self._open(segment, line.seq)
        while self._held is None or self._held[0].seq < line.seq:
            self._held = self._next()
            if self._held is None:
                return None, -1
        stored, at = self._held
        if stored.seq > line.seq:
            return None, -1
        if stored.digest != line.part:
            raise LogDamaged(f"the part of entry {line.seq} was changed; run `gateway log verify`")
        return stored, at

    def _open(self, segment: int, seq: int) -> None:
        path = parts_path(self._directory, segment)
        self._segment, self._is = segment, _identity(path)
        self._file = LineFile(path, offset_of(path, seq, PART_SEQ))
        self._lines, self._held = None, None

    def _next(self) -> tuple[StoredPart, int] | None:
        if self._lines is None:
            self._lines = self._file.lines()
        raw = next(self._lines, None)
        if raw is None:
            return None
        try:
            return parse_part(raw), self._file.offset - len(raw) - 1
        except PartInvalid as error:
            raise LogDamaged(str(error)) from error


def _identity(path: Path) -> File | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
