# SPDX-License-Identifier: Apache-2.0
"""Where a record of CSV ends, and the cells that it holds, over buffers of any size.

RULES

1. A record ends at a line feed outside quotes, with or without a carriage return before it. A quote
   opens a quoted cell only as its first character; inside, a quote is doubled.
2. A quote inside a bare cell, or a carriage return without a line feed in one, makes the record
   malformed. Text behind a closing quote breaks the answer: nobody can tell where its record ends.
3. A record of more than 1 MiB, a cell of more than 131,072 characters, or bytes that are not UTF-8
   make the record malformed.
4. Each byte is looked at a bounded number of times, however the answer was sliced.

Source: RFC 4180, which asks for CRLF; a line feed alone is what most programs write.
"""

import csv
import io
import re
from collections.abc import Callable

from gateway.domain.errors import StoreMisbehaved
from gateway.transform.scan import MOST_ROW_BYTES

Cells = list[str] | None
"""The cells of a record; ``None`` for one that is malformed."""
Step = Callable[[bytes, int], int]

# Possessive, so that no cell is looked at twice; Python's own reader takes what these found sound.
_CELL = rb'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_RECORD = re.compile(_CELL + rb"(?:," + _CELL + rb")*+\r?\n")
_MARK = re.compile(rb'[",\r\n]')

_QUOTE, _CR, _LF, _COMMA = b'"\r\n,'


def sound_end(buffer: bytes, start: int) -> int:
    """Return the place behind the last of the sound records that stand at ``start`` one after the other."""
    # One by one: before Python 3.11.5 a possessive group that fails half way does not go back to where it began.
    while (found := _RECORD.match(buffer, start)) is not None:
        start = found.end()
    return start


def cells_of(records: bytes) -> list[Cells]:
    """Return the cells of records that are sound and end with a line feed."""
    found = _read(records)
    return [one_of(match[0]) for match in _RECORD.finditer(records)] if found is None else list(found)


def one_of(record: bytes) -> Cells:
    """Return the cells of one sound record."""
    found = _read(record)
    return found[0] if found is not None and len(found) == 1 else None


def _read(records: bytes) -> list[list[str]] | None:
    try:
        # Lines end at line feeds alone: Python knows many more ends of lines, CSV does not.
        found = list(csv.reader(io.StringIO(records.decode(), newline="\n"), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    # An empty line is a record of one empty cell.
    return [cells or [""] for cells in found]


class RecordScanner:
    """Follows one record to its end; each step takes what it can and returns the place it came to."""

    def __init__(self) -> None:
        self.is_done = False
        self._text = bytearray()
        self._is_kept = True
        self._is_sound = True
        self._step: Step = self._at_start

    @property
    def is_empty(self) -> bool:
        """Nothing of a record has come."""
        return self._is_kept and not self._text

    @property
    def n_bytes(self) -> int:
        """Bytes of the record that were kept."""
        return len(self._text)

    def scan(self, buffer: bytes, start: int) -> int:
        """Take bytes from ``start`` on until the record ends, and return the place behind them.

        Raises:
            StoreMisbehaved: Text stands behind a closing quote.
        """
        place = start
        while place < len(buffer) and not self.is_done:
            place = self._step(buffer, place)
        self._keep(buffer[start:place])
        return place

    def cells(self) -> Cells:
        """Return the cells of the record as far as it came; ``None`` if it is malformed or not whole."""
        is_whole = self.is_done or self._step not in (self._in_quotes, self._behind_return)
        return one_of(bytes(self._text)) if self._is_kept and self._is_sound and is_whole else None

    def _at_start(self, buffer: bytes, place: int) -> int:
        is_quoted = buffer[place] == _QUOTE
        self._step = self._in_quotes if is_quoted else self._bare
        return place + is_quoted

    def _bare(self, buffer: bytes, place: int) -> int:
        found = _MARK.search(buffer, place)
        return len(buffer) if found is None else self._mark(buffer[found.start()], found.start())

    def _in_quotes(self, buffer: bytes, place: int) -> int:
        end = buffer.find(b'"', place)
        if end < 0:
            return len(buffer)
        self._step = self._behind_quote
        return end + 1

    def _behind_quote(self, buffer: bytes, place: int) -> int:
        if buffer[place] == _QUOTE:
            self._step = self._in_quotes
            return place + 1
        if buffer[place] not in (_COMMA, _CR, _LF):
            raise StoreMisbehaved("the store's answer has text behind a closing quote")
        return self._mark(buffer[place], place)

    def _behind_return(self, buffer: bytes, place: int) -> int:
        self.is_done = buffer[place] == _LF
        self._is_sound = self._is_sound and self.is_done
        self._step = self._bare
        return place + self.is_done

    def _mark(self, mark: int, place: int) -> int:
        """Take the byte that ends a bare cell or does not belong into one."""
        if mark == _QUOTE:
            self._is_sound = False
            self._step = self._bare
        elif mark == _LF:
            self.is_done = True
        else:
            self._step = self._at_start if mark == _COMMA else self._behind_return
        return place + 1

    def _keep(self, piece: bytes) -> None:
        if self._is_kept:
            self._text += piece
            if len(self._text) > MOST_ROW_BYTES:
                self._is_kept = False
                self._text.clear()
