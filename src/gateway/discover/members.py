# SPDX-License-Identifier: Apache-2.0
"""Which members of a store's rows no dataset declares: their names as far as they are names, never a value.

RULES

1. Only the first rows of a sample are looked at, and only their names; values are thrown away as they are read.
2. A member inside an object counts where the dataset declares fields of that object; an undeclared object is
   one name.
3. A name is told only if it reads like the name of a field: a letter first, then at most 39 letters, digits,
   ``_`` and ``-``, with at most 4 digits in all. Keys of a map can be mails, telephones or numbers of people.
4. An object with many undeclared members may be such a map as well, and a word in another script may be
   somebody's name; so those are told only if several rows have them. A sample of fewer rows leaves them open.
5. Everything else is told as ``HIDDEN``.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from gateway.domain.names import ancestors

SAMPLE_BYTES = 64 * 1024
"""Of a block, what is kept of a sample; a first row that is longer is not looked at."""
MOST_ROWS = 8
MOST_FEW = 8
"""Undeclared members that one object can have before it may be a map."""
LEAST_ROWS = 3
"""Rows that must share a name for it to be told where there are many."""

HIDDEN = "(not shown)"
"""Stands for every field whose name cannot be shown; no field can be declared under it."""

_FEW_DIGITS = r"(?!(?:[^0-9]*[0-9]){5})"
_NAME = re.compile(_FEW_DIGITS + r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_WORD = re.compile(_FEW_DIGITS + r"[^\W\d][\w-]{0,39}")
_BETWEEN = re.compile(r"[\s,]*")

# Numbers stay text: no digits of a store are worth reckoning with here.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def is_name(text: str) -> bool:
    """Tell whether a text reads like the name of a field in letters of ASCII."""
    return _NAME.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Tell whether a text reads like the name of a field in any script."""
    return _WORD.fullmatch(text) is not None


class Undeclared(msgspec.Struct, frozen=True):
    """What a sample holds that is not declared.

    Attributes:
        names: Paths of members, or ``HIDDEN`` for those that cannot be shown.
        is_open: There are more, of which so few rows do not tell whether they can be shown.
    """

    names: frozenset[str]
    is_open: bool = False


def undeclared(array: bytes, declared: Iterable[str]) -> Undeclared:
    """Return what the first rows of a block hold that is not declared.

    Args:
        array: The start of a JSON array of rows; it may be cut anywhere.
        declared: Names of the collection's fields, dotted inside objects, and others that are no news.
    """
    fields = frozenset(declared)
    objects = frozenset(above for name in fields for above in ancestors(name)[1:])
    found: Counter[str] = Counter()
    doubtful: set[str] = set()
    n_rows = 0
    for n_rows, row in enumerate(_first_rows(array), 1):  # noqa: B007 - their number is what is wanted
        for members in _new_members(row, "", fields, objects):
            words = [path for path, own in members if _WORD.fullmatch(own)]
            found.update([*words, HIDDEN] if len(words) < len(members) else words)
            doubtful.update(path for path, own in members if len(members) > MOST_FEW or not _NAME.fullmatch(own))
    sure = frozenset(name for name in found if name not in doubtful or found[name] >= LEAST_ROWS)
    if len(sure) == len(found):
        return Undeclared(sure)
    return Undeclared(sure, is_open=True) if n_rows < LEAST_ROWS else Undeclared(sure | {HIDDEN})


def _first_rows(array: bytes) -> Iterator[dict[str, object]]:
    text = array[:SAMPLE_BYTES].decode("utf-8", "replace")
    place, n_rows = 1, 0
    while n_rows < MOST_ROWS and text[:1] == "[":
        found = _BETWEEN.match(text, place)
        try:
            row, place = _DECODER.raw_decode(text, found.end() if found else place)
        except (ValueError, RecursionError):
            return
        n_rows += 1
        if isinstance(row, dict):
            yield row


def _new_members(
    row: dict[str, object], path: str, fields: frozenset[str], objects: frozenset[str]
) -> Iterator[list[tuple[str, str]]]:
    """Yield for each object of a row its undeclared members, by path and own name."""
    new = []
    for own, value in row.items():
        # A dot in a member's own name is no way into an object.
        is_plain = "." not in own
        if is_plain and path + own in objects and isinstance(value, dict):
            yield from _new_members(value, f"{path}{own}.", fields, objects)
        elif not is_plain or (path + own not in fields and path + own not in objects):
            new.append((path + own, own))
    if new:
        yield new
