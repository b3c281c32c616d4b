# SPDX-License-Identifier: Apache-2.0
"""Scanners that follow strings and brackets of JSON over buffers of any size, each byte once.

They find where something ends; whether it is JSON is judged when it is whole, by a reader that
checks everything. A scanner that is misled by text which is no JSON only finds text that is no JSON.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from gateway.domain import strictjson
from gateway.domain.errors import StoreMisbehaved

MOST_ROW_BYTES = 1024 * 1024
MOST_DEPTH = 32
MOST_MEMBERS_BYTES = 64 * 1024
NO_ROW = b"null"
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises for a text that is not what was expected."""

# Possessive, so a string is passed over once; its closing quote is missing where the buffer ends.
_REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+("?)', re.DOTALL)
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)|[\[{\]}]', re.DOTALL)
_SCALAR = re.compile(rb"[^,\]} \t\r\n]*")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

_QUOTE, _OPEN_LIST, _OPEN_OBJECT = b'"[{'
_OPENING = b"[{"


class Walk:
    """Finds the brackets outside strings, in buffers that follow each other."""

    __slots__ = ("_is_escaped", "in_string")

    def __init__(self, *, in_string: bool = False) -> None:
        self.in_string = in_string
        self._is_escaped = False

    def brackets(self, buffer: bytes, start: int) -> Iterator[int]:
        """Yield the place of each bracket from ``start`` on."""
        if self.in_string:
            start = self.leave_string(buffer, start)
        for match in _STRING_OR_BRACKET.finditer(buffer, start):
            if buffer[match.start()] == _QUOTE:
                self._note(match, len(buffer))
            else:
                yield match.start()

    def leave_string(self, buffer: bytes, start: int) -> int:
        """Return the place behind the string that is open, or the buffer's end if it goes on there."""
        match = next(_REST_OF_STRING.finditer(buffer, start + self._is_escaped))  # it matches nothing as well
        self._note(match, len(buffer))
        return len(buffer) if self.in_string else match.end()

    def _note(self, match: re.Match[bytes], end: int) -> None:
        """Note whether a string goes on behind the buffer, and whether its first byte there is escaped."""
        self.in_string = not match[1]
        self._is_escaped = self.in_string and match.end() < end


class _Skipped(msgspec.Struct, gc=False):
    """An object whose members are all read past: it proves that a text is JSON and keeps nothing."""


_object = msgspec.json.Decoder(_Skipped)
_objects = msgspec.json.Decoder(list[_Skipped])


def check_objects(texts: Iterable[bytes]) -> None:
    """Return if each text is one object; raise one of ``UNREADABLE`` if not."""
    deque(map(_object.decode, texts), maxlen=0)


def is_row(text: bytes) -> bool:
    """Tell whether a text is one object, neither too deep nor with a lone surrogate."""
    try:
        check_objects((text,))
    except UNREADABLE:
        return False
    return are_shallow(text, 1) or not _is_deep(text)


def are_shallow(rows: bytes, n_rows: int) -> bool:
    """Tell whether rows have too few brackets, in strings or not, for any of them to be too deep."""
    n_lists = rows.count(b"[") if rows.find(b"[", 1) > 0 else int(rows.startswith(b"["))
    # Replacing stops where it may; it takes a third of what counting every byte takes.
    n_objects_allowed = n_rows + MOST_DEPTH - 1 - n_lists
    return n_objects_allowed >= 0 and b"{" not in rows.replace(b"{", b" ", n_objects_allowed)


def _is_deep(row: bytes) -> bool:
    depth = 0
    for place in Walk().brackets(row, 0):
        depth += 1 if row[place] in _OPENING else -1
        if depth > MOST_DEPTH:
            return True
    return False


def n_objects(array: bytes) -> int:
    """Return how many objects an array of objects holds, or 0 if the text is none."""
    try:
        return len(_objects.decode(array))
    except UNREADABLE:
        return 0


class RowScanner:
    """Follows one element of the list of rows, whatever it is, to its end."""

    def __init__(self) -> None:
        self.is_done = False
        self._text = bytearray()
        self._is_kept = True
        self._first = 0
        self._walk = Walk()
        self._depth = 0

    def scan(self, buffer: bytes, start: int) -> int:
        """Take bytes from ``start`` on until the element ends, and return the place behind them."""
        begin = start
        if not self._first:
            self._first = buffer[start]
            if self._first == _QUOTE:
                self._walk = Walk(in_string=True)
                begin += 1
        if self._first in _OPENING:
            end = self._scan_brackets(buffer, begin)
        elif self._first == _QUOTE:
            end = self._scan_string(buffer, begin)
        else:
            end = self._scan_scalar(buffer, begin)
        self._keep(buffer[start:end])
        return end

    def take(self) -> bytes:
        """Return the row, or ``null`` where it is no object, too long, too deep, or has a lone surrogate.

        Raises:
            StoreMisbehaved: It is not JSON.
        """
        row = bytes(self._text)
        if not self._is_kept:
            return NO_ROW
        if self._first == _OPEN_OBJECT and n_objects(b"[" + row + b"]") == 1:
            return row
        if _SURROGATE.search(row) or n_objects(b'[{"":' + row + b"}]"):
            return NO_ROW
        raise StoreMisbehaved("the store's answer is not JSON")

    def _scan_brackets(self, buffer: bytes, start: int) -> int:
        for place in self._walk.brackets(buffer, start):
            self._depth += 1 if buffer[place] in _OPENING else -1
            if self._depth > MOST_DEPTH:
                self._drop()
            if self._depth == 0:
                self.is_done = True
                return place + 1
        return len(buffer)

    def _scan_string(self, buffer: bytes, start: int) -> int:
        end = self._walk.leave_string(buffer, start)
        self.is_done = not self._walk.in_string
        return end

    def _scan_scalar(self, buffer: bytes, start: int) -> int:
        found = _SCALAR.match(buffer, start)
        end = len(buffer) if found is None else found.end()
        self.is_done = end < len(buffer)
        return end

    def _keep(self, piece: bytes) -> None:
        if self._is_kept:
            self._text += piece
            if len(self._text) > MOST_ROW_BYTES:
                self._drop()

    def _drop(self) -> None:
        self._is_kept = False
        self._text.clear()


class Head:
    """Collects the members before the list of rows, up to the bracket that opens the list."""

    def __init__(self, rows_name: str) -> None:
        self.is_done = False
        self._rows_name = rows_name
        self._text = bytearray()
        self._walk = Walk()
        self._depth = 0
        self._mark = 0

    @property
    def text(self) -> bytes:
        """What was collected."""
        return bytes(self._text)

    def scan(self, buffer: bytes, start: int) -> int:
        """Take bytes from ``start`` on up to the list of rows, and return the place behind them.

        Raises:
            StoreMisbehaved: There is no such list, or what stands before it is not JSON.
        """
        base = len(self._text) - start
        self._text += buffer[start:]
        for place in self._walk.brackets(buffer, start):
            if self._opens_rows(base + place):
                del self._text[base + place + 1 :]
                self.is_done = True
                break
        if len(self._text) > MOST_MEMBERS_BYTES:
            raise StoreMisbehaved("the members before the rows are too long")
        if not self.is_done:
            return len(buffer)
        read_members(self.text + b"]}")
        return len(self._text) - base

    def _opens_rows(self, place: int) -> bool:
        """Follow one bracket; tell whether it opens the list of rows."""
        bracket = self._text[place]
        if self._depth == 0 and (bracket != _OPEN_OBJECT or self._text[:place].strip(b" \t\r\n")):
            raise StoreMisbehaved("the store's answer is not an object")
        if bracket == _OPEN_LIST and self._depth == 1 and self._is_named(place):
            return True
        self._depth += 1 if bracket in _OPENING else -1
        if self._depth == 0:
            raise StoreMisbehaved("the store's answer has no list of rows")
        if self._depth == 1:
            self._mark = place + 1
        return False

    def _is_named(self, place: int) -> bool:
        """Tell whether the last key before a bracket of the outer object is that of the rows."""
        since = bytes(self._text[self._mark : place]).strip(b" \t\r\n").removeprefix(b",")
        return next(reversed(read_members(b"{" + since + b"[]}")), None) == self._rows_name


def read_members(text: bytes) -> dict[str, object]:
    """Return the members of an object, read strictly.

    Raises:
        StoreMisbehaved: The text breaks a rule of the strict reader, or is no object.
    """
    try:
        members = strictjson.read(text, max_bytes=2 * MOST_MEMBERS_BYTES + 16, max_depth=MOST_DEPTH)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise StoreMisbehaved("the members beside the rows are not JSON of an object")
    return members
