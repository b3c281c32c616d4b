# SPDX-License-Identifier: Apache-2.0
"""Rows as lines of JSON: from the bytes of a store's answer to whole rows, and back to lines.

RULES

1. A line feed ends a line, and nothing else does; JSON has none inside a value. A carriage return
   before it is space. Every line is one row and every row is one line: each is decoded by itself, so
   neither two objects on one line nor an object over two lines pass for what they are not.
2. A line that is no object, is empty, is longer than 1 MiB, deeper than 32 or has a lone surrogate is
   replaced by ``null``, which the codec counts as malformed. A line that is too long is not kept.
3. What stands behind the last line feed is the last row if it is a whole object; if it is anything
   but space, the answer ended early.
4. An answer of lines that is cut ends with a line of the gateway's own, a control record. No row can
   look like one: only declared fields leave, and none can be called ``$gateway``.

Source: github.com/ndjson/ndjson-spec.
"""

import msgspec

from gateway.domain.errors import StoreMisbehaved
from gateway.transform.blocks import Frame
from gateway.transform.scan import MOST_ROW_BYTES, NO_ROW, UNREADABLE, are_shallow, check_objects, is_row
from gateway.transform.split import PIECE_BYTES, Members

NDJSON_FRAME = Frame(behind=b"\n")


class LineSplitter:
    """Cuts one answer; made for each call."""

    def __init__(self) -> None:
        self._open = bytearray()
        """What came of the line that is not at its end."""
        self._is_kept = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the rows whose lines the chunk completes, as JSON arrays of objects and nulls."""
        pieces = (chunk[start : start + PIECE_BYTES] for start in range(0, len(chunk), PIECE_BYTES))
        return [b"[" + b",".join(rows) + b"]" for piece in pieces if (rows := self._rows(piece))]

    def finish(self) -> Members:
        """Return the last row, if no line feed ended it.

        Raises:
            StoreMisbehaved: The answer ended in the middle of a line.
        """
        last = bytes(self._open).strip(b" \t\r")
        if self._is_kept and not last:
            return Members(counts={})
        if not self._is_kept or not is_row(last):
            raise StoreMisbehaved("the store's answer ended early")
        return Members(counts={}, rest=(b"[" + last + b"]",))

    def _rows(self, piece: bytes) -> list[bytes]:
        end = piece.rfind(b"\n")
        if end < 0:
            self._keep(piece)
            return []
        first, *others = piece[:end].split(b"\n")
        self._keep(first)
        lines = [bytes(self._open) if self._is_kept else b"", *others]
        self._open, self._is_kept = bytearray(), True
        self._keep(piece[end + 1 :])
        return judged_lines(lines)

    def _keep(self, piece: bytes) -> None:
        if self._is_kept:
            self._open += piece
            if len(self._open) > MOST_ROW_BYTES:
                self._is_kept = False
                self._open.clear()


def judged_lines(lines: list[bytes]) -> list[bytes]:
    """Return the lines, each that is no row replaced by ``null``; judged one by one only where one is none."""
    try:
        check_objects(lines)
        if are_shallow(b"".join(lines), len(lines)):
            return lines
    except UNREADABLE:
        pass
    return [line if line and is_row(line) else NO_ROW for line in lines]


def control_line(n_rows: int, reason: str) -> bytes:
    """Return the line that ends an answer which was cut."""
    return msgspec.json.encode({"$gateway": {"end": "cut", "rows": n_rows, "reason": reason}}) + b"\n"
