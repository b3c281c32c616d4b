# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a store's JSON answer to blocks of whole rows, as they come, in constant memory.

RULES

1. Where a row ends is found by decoding: the text up to some ``}``, closed with ``]``, is JSON only if
   that ``}`` ends a row. The last such place in what has arrived is the cut.
2. After 16 tries in a buffer a scanner takes over that follows strings and brackets and is kept across
   buffers; it looks at each byte once. Both ways give the same rows, however the answer was sliced.
3. A row of more than 1 MiB, deeper than 32, with a lone surrogate, or that is no object is replaced by
   ``null``, which the codec counts as malformed. Its bytes are not kept.
4. What is not JSON at all, not of the declared shape, or followed by anything, breaks the answer.
5. Members beside the rows may stand before and after them, 64 KiB each, and are read by the strict
   reader; those before are read before the first row is given out.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.continuation import told_in
from gateway.domain.errors import StoreMisbehaved
from gateway.transform.scan import MOST_MEMBERS_BYTES, Head, RowScanner, are_shallow, n_objects, read_members

MOST_TRIES = 16
MOST_COUNTED = 10**12
"""A count beyond this counts nothing; its digits could be anything."""
PIECE_BYTES = 256 * 1024
"""Larger buffers are looked at in pieces, which bounds what one try costs and one block holds."""

LEAST_APART_BYTES = 16 * 1024
"""Rows of a cut shorter than this are joined with the row before them: to read them again is cheaper than two batches."""

Step = Callable[["RowSplitter", bytes, int], int]
"""A function and no bound method: a splitter that held those of itself would stay until the collector of circles comes."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_COMMA, _OPEN_LIST, _CLOSE_LIST, _OPEN_OBJECT = b",[]{"


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """What the end of an answer tells.

    Attributes:
        counts: Of the members beside the rows, the numbers declared ``recount``, by name.
        next: Where the store says that its list goes on, in its own words.
        rest: Rows that only the end completes, as JSON arrays: of lines, the last may have no line feed.
        unread: Names of the columns of CSV that are passed over.
    """

    counts: Mapping[str, int]
    next: str | None = None
    rest: tuple[bytes, ...] = ()
    unread: tuple[str, ...] = ()


class RowSplitter:
    """Cuts one answer; made for each call.

    Raises:
        ValueError: The shape is of no known kind.
    """

    def __init__(
        self, shape: AnswerShape, *, tries: int = MOST_TRIES, count: Callable[[bytes], int] = n_objects
    ) -> None:
        """Begin before the first byte.

        Args:
            shape: As the route declares it.
            tries: Places tried in a buffer before the scanner takes over.
            count: Tells how many objects an array of objects holds, or 0 for any other text; asked at the first
                try in a buffer, so that it may decode more than has to be.
        """
        starts: Mapping[str, Step] = {
            "array": RowSplitter._start_array,
            "object": RowSplitter._in_head,
            "record": RowSplitter._start_record,
        }
        if shape.kind not in starts or (shape.kind == "object") != (shape.rows is not None):
            raise ValueError(f"no answer has the shape {shape.kind}")
        self._shape = shape
        self._tries = self._tries_left = tries
        self._count = count
        self._cut_rows = self._cut_array = b""
        """The rows that were cut out of a buffer last, and the array of them."""
        self._step: Step = starts[shape.kind]
        self._row = RowScanner()
        self._head = Head(shape.rows or "")
        self._tail = bytearray()
        self._found: list[bytes] = []
        self._after_row = False
        self._after_comma = False
        self._is_whole = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the rows that the chunk completes, as JSON arrays of objects and nulls.

        Raises:
            StoreMisbehaved: The answer is not JSON of the declared shape.
        """
        pieces = (chunk[start : start + PIECE_BYTES] for start in range(0, len(chunk), PIECE_BYTES))
        return [array for piece in pieces if (rows := self.rows(piece)) for array in self._arrays(rows)]

    def _arrays(self, rows: list[bytes]) -> list[bytes]:
        # As a rule the last rows of a buffer, if not all, are one cut: they stand in their array already.
        cut = [self._cut_array] if rows[-1] is self._cut_rows else []
        if cut and len(rows) > 1 and len(cut[0]) < LEAST_APART_BYTES:
            cut = []
        rest = rows[: len(rows) - len(cut)]
        self._cut_rows = self._cut_array = b""
        return [b"[" + b",".join(rest) + b"]", *cut] if rest else cut

    def rows(self, piece: bytes) -> list[bytes]:
        """Return what a piece completes: text of a row, of several joined by commas, or ``null``."""
        self._tries_left = self._tries
        place = 0
        while place < len(piece):
            place = self._step(self, piece, place)
        found, self._found = self._found, []
        return found

    def finish(self) -> Members:
        """Return the members beside the rows, when the answer is complete.

        Raises:
            StoreMisbehaved: The answer ended early, or its end is not as declared.
        """
        if not self._is_whole:
            raise StoreMisbehaved("the store's answer ended early")
        if self._shape.kind != "object":
            return Members(counts={})
        members = read_members(self._head.text + b"]" + bytes(self._tail))
        counts = [(name, members.get(name)) for name, use in self._shape.members if use is MemberUse.RECOUNT]
        return Members(
            counts={name: n for name, n in counts if type(n) is int and 0 <= n <= MOST_COUNTED},
            next=None if self._shape.next is None else told_in(members, self._shape.next),
        )

    # Each step takes what it can of a buffer from a place on, and returns the place it came to.

    def _start_array(self, buffer: bytes, start: int) -> int:
        place = _skip_space(buffer, start)
        if place < len(buffer):
            if buffer[place] != _OPEN_LIST:
                raise StoreMisbehaved("the store's answer is not an array")
            self._step = RowSplitter._between_rows
        return place + 1

    def _start_record(self, buffer: bytes, start: int) -> int:
        place = _skip_space(buffer, start)
        if place < len(buffer):
            if buffer[place] != _OPEN_OBJECT:
                raise StoreMisbehaved("the store's answer is not an object")
            self._step = RowSplitter._in_record
        return place

    def _in_head(self, buffer: bytes, start: int) -> int:
        place = self._head.scan(buffer, start)
        if self._head.is_done:
            self._step = RowSplitter._between_rows
        return place

    def _between_rows(self, buffer: bytes, start: int) -> int:
        place = _skip_space(buffer, start)
        if place == len(buffer):
            return place
        byte = buffer[place]
        if byte == _CLOSE_LIST and not self._after_comma:
            self._step = RowSplitter._in_tail if self._shape.kind == "object" else RowSplitter._in_space
            self._is_whole = self._shape.kind != "object"
            return place + 1
        if (byte == _COMMA) != self._after_row or byte == _CLOSE_LIST:
            raise StoreMisbehaved("the store's answer is not a list of rows")
        if byte == _COMMA:
            self._after_row, self._after_comma = False, True
            return place + 1
        return self._row_from(buffer, place)

    def _row_from(self, buffer: bytes, start: int) -> int:
        """Take as many rows as one cut gives, else leave the next one to the scanner."""
        end = self._cut(buffer, start) if buffer[start] == _OPEN_OBJECT else start
        if end > start:
            self._cut_rows = buffer[start:end]
            self._found.append(self._cut_rows)
            self._after_row, self._after_comma = True, False
        else:
            self._row = RowScanner()
            self._step = RowSplitter._in_row
        return end

    def _cut(self, buffer: bytes, start: int) -> int:
        """Return the end of the last row that the buffer completes, or ``start`` when tries do not find it."""
        end = len(buffer)
        while self._tries_left > 0:
            self._tries_left -= 1
            end = buffer.rfind(b"}", start, end)
            if end < 0:
                break
            array = b"".join((b"[", buffer[start : end + 1], b"]"))
            n_rows = (self._count if self._tries_left == self._tries - 1 else n_objects)(array)
            if n_rows:
                self._cut_array = array
                return end + 1 if are_shallow(array, n_rows + 1) else start
        return start

    def _in_row(self, buffer: bytes, start: int) -> int:
        end = self._row.scan(buffer, start)
        if self._row.is_done:
            self._found.append(self._row.take())
            self._after_row, self._after_comma = True, False
            self._step = RowSplitter._between_rows
        return end

    def _in_record(self, buffer: bytes, start: int) -> int:
        end = self._in_row(buffer, start)
        if self._row.is_done:
            self._step, self._is_whole = RowSplitter._in_space, True
        return end

    def _in_space(self, buffer: bytes, start: int) -> int:
        if _skip_space(buffer, start) != len(buffer):
            raise StoreMisbehaved("the store's answer goes on after its end")
        return len(buffer)

    def _in_tail(self, buffer: bytes, start: int) -> int:
        self._is_whole = True  # finish() reads what is collected here, and judges it
        self._tail += buffer[start:]
        if len(self._tail) > MOST_MEMBERS_BYTES:
            raise StoreMisbehaved("the members after the rows are too long")
        return len(buffer)


def rows_of(array: bytes) -> list[bytes]:
    """Return the text of each row of a complete array; ``null`` for one that is too deep, long or no object.

    Raises:
        StoreMisbehaved: The text is not an array of JSON values.
    """
    splitter = RowSplitter(AnswerShape(kind="array"), tries=0)
    rows = splitter.rows(array)
    splitter.finish()
    return rows


def _skip_space(buffer: bytes, start: int) -> int:
    found = _SPACE.match(buffer, start)
    return start if found is None else found.end()
