# SPDX-License-Identifier: Apache-2.0
"""The rows of one answer as they are read: each is decoded once.

To find where a row ends an array of rows is decoded (see ``split``), and what was decoded then is what the
codec wants next. A ``Reading`` decodes for both; it belongs to one call.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from gateway.transform.scan import n_objects
from gateway.transform.shape import Columns

T = TypeVar("T")

_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)


class Batch:
    """Decoded rows of one block, and how many of it were malformed. Only their codec looks inside."""

    __slots__ = ("columns", "malformed", "rows")

    def __init__(self, rows: Sequence[msgspec.Struct], malformed: int, columns: Columns) -> None:
        self.rows = rows
        self.malformed = malformed
        self.columns = columns

    def __len__(self) -> int:
        return len(self.rows)


class Reading:
    """One answer on its way through a codec; made for each call.

    Whether a piece of an answer is an array of rows is found by decoding it, so what was decoded then is kept
    until the piece itself is asked for.
    """

    __slots__ = ("_batch", "_decode", "_found")

    def __init__(
        self,
        decode: Callable[[bytes], Sequence[msgspec.Struct]],
        batch: Callable[[bytes, Sequence[msgspec.Struct] | None], Batch],
    ) -> None:
        self._decode, self._batch = decode, batch
        self._found: tuple[bytes, Sequence[msgspec.Struct] | None] = (b"", None)

    def n_objects(self, array: bytes) -> int:
        """Return how many objects an array of objects holds, or 0 if the text is none."""
        rows = or_none(self._decode, array)
        if rows is None:
            return n_objects(array)
        self._found = (array, rows)
        return len(rows)

    def batch(self, array: bytes) -> Batch:
        """Return the rows of a JSON array, as ``Codec.decode`` does."""
        (known, rows), self._found = self._found, (b"", None)
        return self._batch(array, rows if known is array else or_none(self._decode, array))


def or_none(decode: Callable[[bytes], T], raw: bytes) -> T | None:
    """Return what a text decodes to, or ``None`` where it is not what was expected."""
    try:
        return decode(raw)
    except _UNREADABLE:
        return None
