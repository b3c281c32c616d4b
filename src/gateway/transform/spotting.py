# SPDX-License-Identifier: Apache-2.0
"""Text of surrogate shape in any text, however it was spelled: a list that leaked, in whatever form it went round.

RULES

1. Nothing but letters, digits and ``_`` counts, in any case and in any width (NFKC): blanks, quotes, separators,
   dashes, zero-width characters and what is not ASCII are passed over wherever they stand, inside a cell too.
   JSON's escapes are read first. A line may break inside a cell.
2. What stands behind a surrogate may run on into its digits, as of two cells that were glued; which of them are
   the surrogate's is for whoever opens it. Nothing here says that a text is a surrogate: that takes a key.
3. A row is a line; in JSON that is no sequence of lines it is an object. Rows are counted from 1.
4. Memory holds one piece of the text at a time, however long the text is.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MOST_DIGITS = 2400
"""That are looked at behind a prefix: the longest surrogate has 2,144, and lines may break."""

LEAST_DIGITS = 48
TOKEN_DIGITS = 32
"""Of ``av``, what a store holds in the place of a vault's value."""

BEGINNING = 1 << 16
"""Characters by which it is told what a row is."""

_LONGEST = MOST_DIGITS + 40
_BEHIND_A = rb"\n?[sv]\n?[1-9](?:\n?[0-9]){0,8}\n?_"
_SHAPE = re.compile(
    rb"(s\n?[vh]|a\n?[sv])\n?([1-9](?:\n?[0-9]){0,8})\n?_"
    # The first letter of the next cell's prefix is a digit as well.
    rb"([0-9a-f\n]{31,2399}(?:[0-9b-f]|a(?!" + _BEHIND_A + rb")))"
)
_MOST_BEHIND_A = 24
"""Characters of which it is to be seen whether an ``a`` begins a prefix."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_MOST_ESCAPED = 12
"""Characters of an escape, and of the other half of a pair."""

_KEPT = b"abcdefghijklmnopqrstuvwxyz0123456789_"
_OTHERS = bytes(code for code in range(128) if code not in _KEPT)
_BUT_LINES = _OTHERS.replace(b"\n", b"")
_BUT_OBJECTS = _OTHERS.replace(b"{", b"")
_OBJECT_BEGINS = bytes.maketrans(b"{", b"\n")


class Spotted(NamedTuple):
    """Text of surrogate shape.

    Attributes:
        kind: ``sv``, ``sh``, ``as`` or ``av``.
        digits: Hexadecimal, in lower case; the surrogate's own first, and perhaps more.
    """

    row: int
    kind: str
    version: int
    digits: str


class Spotting:
    """Finds the shape in one text, which comes in pieces."""

    def __init__(self) -> None:
        """Begin before the first piece."""
        self._rest = ""
        self._held = b""
        self._row = 1
        self._is_begun = self._by_object = False

    @property
    def unit(self) -> str:
        """What a row is: ``line`` or ``object``."""
        return "object" if self._by_object else "line"

    def feed(self, piece: str) -> Iterator[Spotted]:
        """Yield what is found up to a piece of the text, whose lines end with a line feed alone."""
        text = self._rest + piece
        if not self._is_begun and len(text) < BEGINNING:
            self._rest = text
            return
        cut = text.rfind("\\", max(0, len(text) - _MOST_ESCAPED))
        # Of an escape that is not whole yet, and of the pair that it may be half of.
        cut = len(text) if cut < 0 else max(0, min(cut, len(text) - _MOST_ESCAPED))
        while cut and text[cut - 1] == "\\":
            cut -= 1
        self._rest = text[cut:]
        yield from self._found(text[:cut], is_last=False)

    def finish(self) -> Iterator[Spotted]:
        """Yield what is found at the end of the text."""
        yield from self._found(self._rest, is_last=True)
        self._rest, self._held = "", b""

    def _found(self, text: str, *, is_last: bool) -> Iterator[Spotted]:
        if not self._is_begun and text.strip("\ufeff \t\n\r"):
            self._begin(text)
        held = self._held + self._cleaned(text)
        row, counted, kept_from = self._row, 0, max(0, len(held) - _LONGEST)
        for match in _SHAPE.finditer(held):
            if match.end() >= len(held) - _MOST_BEHIND_A and not is_last and len(match[3]) < MOST_DIGITS:
                # The next piece may go on with its digits, or with a prefix that begins in them.
                kept_from = match.start()
                break
            row += held.count(b"\n", counted, match.start())
            counted = match.start()
            kept_from = max(kept_from, match.end())
            kind = match[1].replace(b"\n", b"").decode()
            version = int(match[2].replace(b"\n", b""))
            digits = match[3].replace(b"\n", b"").decode()
            if len(digits) >= (TOKEN_DIGITS if kind == "av" else LEAST_DIGITS):
                yield Spotted(max(row, 1), kind, version, digits)
        self._row = row + held.count(b"\n", counted, kept_from)
        self._held = held[kept_from:]

    def _begin(self, text: str) -> None:
        """Find out from its beginning whether rows are lines or objects."""
        self._is_begun = True
        begun = text.lstrip("\ufeff \t\n\r")
        first, feed, more = begun.partition("\n")
        is_lines = first.startswith("{") and first.rstrip().endswith("}") and bool(feed) and bool(more.strip())
        self._by_object = begun.startswith(("[", "{")) and not is_lines
        if self._by_object:
            # The first brace opens the first object, or what is around the list of them.
            self._row = 0 if begun.startswith("[") else -1

    def _cleaned(self, text: str) -> bytes:
        if "\\" in text:
            text = _ESCAPE.sub(_unescaped, text)
            if not text.isascii():
                text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        raw = text.lower().encode("ascii", "ignore")
        if self._by_object:
            return raw.translate(_OBJECT_BEGINS, _BUT_OBJECTS)
        return raw.translate(None, _BUT_LINES)


def _unescaped(match: re.Match[str]) -> str:
    """Return what an escape of JSON stands for, as far as it can be of a surrogate."""
    if match[1]:
        return chr(int(match[1], 16))
    return "" if match[0][1] in "nrtbfu" else match[0][1]
