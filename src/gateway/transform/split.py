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
from collections.abc import Callable, Iterator, Mapping

import msgspec

from gateway.domain import strictjson
from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.errors import StoreMisbehaved

MOST_ROW_BYTES = 1024 * 1024
MOST_DEPTH = 32
MOST_MEMBERS_BYTES = 64 * 1024
MOST_TRIES = 16
PIECE_BYTES = 256 * 1024
"""Larger buffers are looked at in pieces, which bounds what one try costs and one block holds."""

NO_ROW = b"null"

_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"[^,\]} \t\r\n]*")
# Possessive, so a string is passed over once; the closing quote is missing where the buffer ends.
_REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+("?)', re.DOTALL)
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[\[{\]}]', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_QUOTE, _COMMA, _OPEN_LIST, _CLOSE_LIST, _OPEN_OBJECT = b'",[]{'
_OPENING = b"[{"


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """What of the members beside the rows may be of use: numbers declared ``recount``, by name."""

    counts: Mapping[str, int]


class _Skipped(msgspec.Struct, gc=False):
    """An object whose members are all read past: it proves that a text is JSON and keeps nothing."""


_objects = msgspec.json.Decoder(list[_Skipped])


class RowSplitter:
    """Cuts one answer; made for each call.

    Raises:
        ValueError: The shape is of no known kind.
    """

    def __init__(self, shape: AnswerShape, *, tries: int = MOST_TRIES) -> None:
        starts: Mapping[str, Callable[[bytes], int]] = {
            "array": self._start_array,
            "object": self._start_object,
            "record": self._start_record,
        }
        if shape.kind not in starts or (shape.kind == "object") != (shape.rows is not None):
            raise ValueError(f"no answer has the shape {shape.kind}")
        self._shape = shape
        self._tries = tries
        self._step: Callable[[bytes], int] = starts[shape.kind]
        self._row = _RowScanner()
        self._head = bytearray()
        self._head_walk = _Walk()
        self._head_depth = 0
        self._head_mark = 0
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
        arrays = []
        for start in range(0, len(chunk), PIECE_BYTES):
            if rows := self.rows(chunk[start : start + PIECE_BYTES]):
                arrays.append(b"[" + b",".join(rows) + b"]")
        return arrays

    def rows(self, piece: bytes) -> list[bytes]:
        """Return the rows that a piece completes: texts of rows, several joined by commas, or ``null``."""
        self._tries_left = self._tries
        rest = piece
        while rest:
            rest = rest[self._step(rest) :]
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
        members = _read_members(bytes(self._head) + b"]" + bytes(self._tail))
        declared = [name for name, use in self._shape.members if use is MemberUse.RECOUNT]
        counts = {name: members[name] for name in declared if name in members}
        return Members(counts={name: n for name, n in counts.items() if type(n) is int and n >= 0})

    # Each step takes what it can from the start of a buffer, and returns how many bytes that was.

    def _start_array(self, buffer: bytes) -> int:
        place = _skip_space(buffer)
        if place < len(buffer):
            if buffer[place] != _OPEN_LIST:
                raise StoreMisbehaved("the store's answer is not an array")
            self._step = self._between_rows
        return place + 1

    def _start_record(self, buffer: bytes) -> int:
        place = _skip_space(buffer)
        if place < len(buffer):
            if buffer[place] != _OPEN_OBJECT:
                raise StoreMisbehaved("the store's answer is not an object")
            self._row = _RowScanner()
            self._step = self._in_record
        return place

    def _start_object(self, buffer: bytes) -> int:
        """Collect members until the list of rows opens."""
        start = len(self._head)
        self._head += buffer
        for place in self._head_walk.brackets(self._head, start):
            if self._opens_rows(place):
                taken = place + 1 - start
                del self._head[place + 1 :]
                self._check_head()
                self._step = self._between_rows
                return taken
        self._check_head_size()
        return len(buffer)

    def _opens_rows(self, place: int) -> bool:
        """Follow one bracket of the head; tell whether it opens the list of rows."""
        bracket = self._head[place]
        if self._head_depth == 0 and (bracket != _OPEN_OBJECT or self._head[:place].strip(b" \t\r\n")):
            raise StoreMisbehaved("the store's answer is not an object")
        if bracket == _OPEN_LIST and self._head_depth == 1 and self._is_named_rows(place):
            return True
        self._head_depth += 1 if bracket in _OPENING else -1
        if self._head_depth == 0:
            raise StoreMisbehaved("the store's answer has no list of rows")
        if self._head_depth == 1:
            self._head_mark = place + 1
        return False

    def _is_named_rows(self, place: int) -> bool:
        """Tell whether the last key before a bracket of the outer object is the declared one."""
        since = bytes(self._head[self._head_mark : place]).strip(b" \t\r\n").removeprefix(b",")
        return next(reversed(_read_members(b"{" + since + b"[]}")), None) == self._shape.rows

    def _check_head(self) -> None:
        self._check_head_size()
        _read_members(bytes(self._head) + b"]}")

    def _check_head_size(self) -> None:
        if len(self._head) > MOST_MEMBERS_BYTES:
            raise StoreMisbehaved("the members before the rows are too long")

    def _between_rows(self, buffer: bytes) -> int:
        place = _skip_space(buffer)
        if place == len(buffer):
            return place
        byte = buffer[place]
        if byte == _CLOSE_LIST and not self._after_comma:
            self._step = self._end_object if self._shape.kind == "object" else self._end_space
            self._is_whole = self._shape.kind != "object"
            return place + 1
        if (byte == _COMMA) != self._after_row or byte == _CLOSE_LIST:
            raise StoreMisbehaved("the store's answer is not a list of rows")
        if byte == _COMMA:
            self._after_row, self._after_comma = False, True
            return place + 1
        return place + self._row_from(buffer[place:])

    def _row_from(self, buffer: bytes) -> int:
        """Take as many rows as one cut gives, else leave the next one to the scanner."""
        cut = self._cut(buffer) if buffer[0] == _OPEN_OBJECT else 0
        if cut:
            self._found.append(buffer[:cut])
            self._after_row, self._after_comma = True, False
            return cut
        self._row = _RowScanner()
        self._step = self._in_row
        return 0

    def _cut(self, buffer: bytes) -> int:
        """Return the end of the last row that the buffer completes, or 0 if the tries are used up."""
        end = len(buffer)
        while self._tries_left > 0:
            self._tries_left -= 1
            end = buffer.rfind(b"}", 0, end)
            if end < 0:
                break
            n_rows = _n_objects(b"[" + buffer[: end + 1] + b"]")
            if n_rows:
                return end + 1 if _is_shallow(buffer[: end + 1], n_rows) else 0
        return 0

    def _in_row(self, buffer: bytes) -> int:
        end = self._row.scan(buffer)
        if self._row.is_done:
            self._found.append(self._row.take())
            self._after_row, self._after_comma = True, False
            self._step = self._between_rows
        return end

    def _in_record(self, buffer: bytes) -> int:
        end = self._in_row(buffer)
        if self._row.is_done:
            self._step, self._is_whole = self._end_space, True
        return end

    def _end_space(self, buffer: bytes) -> int:
        if _skip_space(buffer) != len(buffer):
            raise StoreMisbehaved("the store's answer goes on after its end")
        return len(buffer)

    def _end_object(self, buffer: bytes) -> int:
        self._is_whole = True  # finish() reads what is collected here, and judges it
        self._tail += buffer
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


class _Walk:
    """Finds the brackets outside strings, in buffers that follow each other."""

    __slots__ = ("_escaped", "_in_string")

    def __init__(self) -> None:
        self._in_string = False
        self._escaped = False

    def brackets(self, buffer: bytes | bytearray, start: int) -> Iterator[int]:
        """Yield the place of each bracket from ``start`` on; at the end, what was open is remembered."""
        if self._in_string:
            rest = _REST_OF_STRING.match(buffer, start + self._escaped)
            # A buffer of the one byte that was escaped has nothing behind it to match.
            start = len(buffer) if rest is None else self._string(rest, len(buffer))
        if self._in_string:
            return
        for match in _STRING_OR_BRACKET.finditer(buffer, start):
            if buffer[match.start()] == _QUOTE:
                self._string(match, len(buffer))
            else:
                yield match.start()

    def _string(self, match: re.Match[bytes], end: int) -> int:
        """Note whether a string goes on behind the buffer, and whether its first byte there is escaped."""
        self._in_string = not match[1]
        self._escaped = self._in_string and match.end() < end
        return end if self._in_string else match.end()


class _RowScanner:
    """Follows one element of the list, whatever it is, to its end."""

    def __init__(self) -> None:
        self.is_done = False
        self._kept = bytearray()
        self._is_kept = True
        self._walk = _Walk()
        self._depth = 0
        self._kind = 0

    def scan(self, buffer: bytes) -> int:
        """Take bytes from the start of a buffer until the element ends; return how many."""
        self._kind = self._kind or buffer[0]
        if self._kind == _OPEN_OBJECT or self._kind == _OPEN_LIST:
            end = self._scan_brackets(buffer)
        elif self._kind == _QUOTE:
            end = self._scan_string(buffer)
        else:
            end = self._scan_scalar(buffer)
        self._keep(buffer[:end])
        return end

    def take(self) -> bytes:
        """Return the row, or ``null`` where it is no object, too long, too deep, or has a lone surrogate.

        Raises:
            StoreMisbehaved: It is not JSON.
        """
        if not self._is_kept:
            return NO_ROW
        row = bytes(self._kept)
        if self._kind == _OPEN_OBJECT and _n_objects(b"[" + row + b"]"):
            return row
        if _SURROGATE.search(row) or _is_json(row):
            return NO_ROW
        raise StoreMisbehaved("the store's answer is not JSON")

    def _scan_brackets(self, buffer: bytes) -> int:
        for place in self._walk.brackets(buffer, 0):
            self._depth += 1 if buffer[place] in _OPENING else -1
            if self._depth > MOST_DEPTH:
                self._drop()
            if self._depth == 0:
                self.is_done = True
                return place + 1
        return len(buffer)

    def _scan_string(self, buffer: bytes) -> int:
        # A bracket put behind the string is the first thing outside it; one that is found early is of
        # the text behind the string, which ends before it.
        raise NotImplementedError

    def _scan_scalar(self, buffer: bytes) -> int:
        found = _SCALAR.match(buffer)
        end = len(buffer) if found is None else found.end()
        self.is_done = end < len(buffer)
        return end

    def _keep(self, piece: bytes) -> None:
        if self._is_kept:
            self._kept += piece
            if len(self._kept) > MOST_ROW_BYTES:
                self._drop()

    def _drop(self) -> None:
        self._is_kept = False
        self._kept.clear()


def _skip_space(buffer: bytes) -> int:
    found = _SPACE.match(buffer)
    return 0 if found is None else found.end()


def _n_objects(array: bytes) -> int:
    """Return how many objects an array of objects holds, or 0 if the text is none."""
    try:
        return len(_objects.decode(array))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return 0


def _is_json(text: bytes) -> bool:
    try:
        strictjson.read(text, max_bytes=MOST_ROW_BYTES, max_depth=MOST_DEPTH, max_digits=MOST_ROW_BYTES)
    except ValueError:
        return False
    return True


def _is_shallow(rows: bytes, n_rows: int) -> bool:
    """Tell whether rows have too few brackets, in strings or not, for any of them to be too deep."""
    return rows.count(b"{") + rows.count(b"[") - n_rows < MOST_DEPTH


def _read_members(text: bytes) -> dict[str, object]:
    try:
        members = strictjson.read(text, max_bytes=2 * MOST_MEMBERS_BYTES + 16, max_depth=MOST_DEPTH)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise StoreMisbehaved("the members beside the rows are not JSON of an object")
    return members
