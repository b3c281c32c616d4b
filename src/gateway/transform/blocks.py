# SPDX-License-Identifier: Apache-2.0
"""Written rows go out in blocks, framed as the form of the answer asks.

RULES

1. A block holds at most 4,096 rows and, unless a single row is longer, at most 1 MiB of body.
2. The newest block is held back until more rows come or the answer ends, so that an answer which
   fits one block is one block, and the last block is known to be the last before it is released.
3. What stands around the rows is built from the declaration; nothing of the store's own text is
   passed on. A count is told only where the flow gives one.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import msgspec
from typing_extensions import override

from gateway.domain.names import PersonNumber

MOST_ROWS = 4096
MOST_ROWS_UNDER_SUSPICION = 256
MOST_BYTES = 1024 * 1024
CLOSING_BYTES = 64
"""A few members with counts fit."""
NEXT_BYTES = 4096
"""A store's continuation fits, sealed, under any declared path."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around the rows of an answer.

    Attributes:
        opening: Before the first row.
        between: Between two rows.
        behind: Behind each row, the last one too.
        closing: Behind the last row; a ``]}`` may get counts between its two marks.
        counts: Names of the members by which counts may be told.
        most_rows: Rows that the answer can hold; ``None`` for any number.
        next: Path of the member that tells where the list goes on; told as the flow gives it.
    """

    opening: bytes = b""
    between: bytes = b""
    behind: bytes = b""
    closing: bytes = b""
    counts: tuple[str, ...] = ()
    most_rows: int | None = None
    next: str | None = None

    def goes_on(self, where: str | int | None) -> bytes:
        """Return the member that tells where the list goes on: null at its end, or nothing inside another object."""
        if self.next is None:
            return b""
        first, *deeper = self.next.split(".")
        if where is None:
            return b"" if deeper else b"," + msgspec.json.encode(first) + b":null"
        value: object = where
        for name in reversed(deeper):
            value = {name: value}
        return b"," + msgspec.json.encode(first) + b":" + msgspec.json.encode(value)


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the body, with what its entry must tell.

    Attributes:
        people: Numbers of the people whom the rows are about, one for each row that is about one.
        ends: For each row, the place in the body behind it.
    """

    body: bytes
    n_rows: int
    people: tuple[PersonNumber, ...]
    ends: tuple[int, ...] = ()

    def first(self, n_rows: int) -> "Block":
        """Return the block of the first so many rows, without an end: for an answer that is cut behind them."""
        return Block(
            body=self.body[: self.ends[n_rows - 1]] if n_rows else b"",
            n_rows=n_rows,
            people=self.people[:n_rows],
            ends=self.ends[:n_rows],
        )

    @override
    def __repr__(self) -> str:
        return f"<Block of {self.n_rows} rows, {len(self.body)} bytes>"


class BlockWriter:
    """Puts rows together to the blocks of one answer; made for each call."""

    def __init__(self, frame: Frame, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self._frame = frame
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._n_around = len(frame.between) + len(frame.behind)
        self._n_before = 0
        """Rows of the blocks that were cut."""
        self._begin()

    def add(self, rows: Sequence[bytes], people: Sequence[PersonNumber | None]) -> list[Block]:
        """Take rows in order, each with the person it is about, and return the blocks that are full.

        Raises:
            ValueError: There is not one person or ``None`` for each row, or more than one single record.
        """
        if self._frame.most_rows is not None and len(self._rows) + len(rows) > self._frame.most_rows:
            raise ValueError("a record is one row")
        if len(rows) != len(people):
            raise ValueError(f"{len(rows)} rows and {len(people)} people, not one for each")
        if self._has_room(len(rows), n_bytes := sum(map(len, rows)) + len(rows) * self._n_around):
            # The usual case, all at once: 0.05 µs a row instead of 0.3.
            self._rows.extend(rows)
            self._people.extend(people)
            self._n_bytes += n_bytes
            return []
        full = []
        for row, person in zip(rows, people, strict=True):
            if self._rows and not self._has_room(1, len(row)):
                full.append(self._cut(b""))
            self._rows.append(row)
            self._n_bytes += len(row) + self._n_around
            self._people.append(person)
        return full

    def narrow(self, most_rows: int) -> list[Block]:
        """Let blocks hold at most so many rows from now on; return those that the waiting rows fill."""
        if most_rows >= self._most_rows:
            return []
        self._most_rows = most_rows
        rows, people = self._rows, self._people
        self._begin()
        return self.add(rows, people)

    def finish(self, counts: Mapping[str, int] | None = None, where: str | int | None = None) -> Block:
        """Return the last block; it may hold no row.

        Args:
            counts: Number to tell for each member declared ``recount``; those not given are left out.
            where: Where the list goes on, as callers may have it.
        """
        told = counts or {}
        names = [name for name in self._frame.counts if name in told]
        members = b"".join(b"," + msgspec.json.encode(name) + b":" + str(told[name]).encode() for name in names)
        members += self._frame.goes_on(where)
        return self._cut(self._frame.closing[:1] + members + self._frame.closing[1:])

    def _has_room(self, n_rows: int, n_bytes: int) -> bool:
        n_closing = CLOSING_BYTES if self._frame.next is None else CLOSING_BYTES + NEXT_BYTES
        is_few = len(self._rows) + n_rows <= self._most_rows
        return is_few and self._n_bytes + n_bytes + n_closing <= self._most_bytes

    def _cut(self, closing: bytes) -> Block:
        frame, rows = self._frame, self._rows
        before = frame.between if self._n_before and rows else b"" if self._n_before else frame.opening
        text = (frame.behind + frame.between).join(rows) + frame.behind if rows else b""
        people = tuple(person for person in self._people if person is not None)
        ends = accumulate((len(row) + self._n_around for row in rows), initial=len(before) - len(frame.between))
        block = Block(body=before + text + closing, n_rows=len(rows), people=people, ends=tuple(ends)[1:])
        self._n_before += len(rows)
        self._begin()
        return block

    def _begin(self) -> None:
        """Begin a block without rows."""
        self._rows: list[bytes] = []
        self._people: list[PersonNumber | None] = []
        self._n_bytes = len(self._frame.between if self._n_before else self._frame.opening)
