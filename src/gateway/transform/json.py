# SPDX-License-Identifier: Apache-2.0
"""Encoded rows go out in blocks: an array, an object around its rows, or a single record.

RULES

1. A block holds at most 4,096 rows and, unless a single row is longer, at most 1 MiB of body.
2. The newest block is held back until more rows come or the answer ends, so that an answer which
   fits one block is one block, and the last block is known to be the last before it is released.
3. The members around the rows are built here from the declaration; nothing of the store's own text
   is passed on. A count is told only where the flow gives one.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import msgspec
from typing_extensions import override

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.names import PersonNumber

MOST_ROWS = 4096
MOST_ROWS_UNDER_SUSPICION = 256
MOST_BYTES = 1024 * 1024


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

    def __init__(self, shape: AnswerShape, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self._opening, self._closing = _frame(shape)
        self._shape = shape
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._rows: list[bytes] = []
        self._people: list[PersonNumber] = []
        self._n_bytes = len(self._opening)
        self._before = self._opening

    def add(self, rows: Sequence[bytes], people: Sequence[PersonNumber | None]) -> list[Block]:
        """Take rows in order, each with the person it is about, and return the blocks that are full.

        Raises:
            ValueError: There is not one person or ``None`` for each row, or more than one single record.
        """
        if self._shape.kind == "record" and len(self._rows) + len(rows) > 1:
            raise ValueError("a record is one row")
        full = []
        for row, person in zip(rows, people, strict=True):
            if self._rows and not self._has_room(row):
                full.append(self._cut(b""))
            self._rows.append(row)
            self._n_bytes += len(row) + 1
            if person is not None:
                self._people.append(person)
        return full

    def finish(self, counts: Mapping[str, int] | None = None) -> Block:
        """Return the last block; it may hold no row.

        Args:
            counts: Number to tell for each member declared ``recount``; those not given are left out.
        """
        told = counts or {}
        names = [name for name, use in self._shape.members if use is MemberUse.RECOUNT and name in told]
        members = b"".join(b"," + msgspec.json.encode(name) + b":" + str(told[name]).encode() for name in names)
        return self._cut(self._closing[:1] + members + self._closing[1:])

    def _has_room(self, row: bytes) -> bool:
        # 64 bytes for the closing; a few members with counts fit.
        return len(self._rows) < self._most_rows and self._n_bytes + len(row) + 64 <= self._most_bytes

    def _cut(self, closing: bytes) -> Block:
        before = self._before if self._rows else self._before.removesuffix(b",")
        body = before + b",".join(self._rows) + closing
        # Each row ends one comma before the next begins.
        ends = tuple(end - 1 for end in accumulate((len(row) + 1 for row in self._rows), initial=len(before)))[1:]
        block = Block(body=body, n_rows=len(self._rows), people=tuple(self._people), ends=ends)
        self._rows, self._people = [], []
        self._before, self._n_bytes = b",", 1
        return block


def _frame(shape: AnswerShape) -> tuple[bytes, bytes]:
    """Return what stands before the first row and behind the last."""
    if shape.kind == "record":
        return b"", b""
    if shape.kind == "array":
        return b"[", b"]"
    return b"{" + msgspec.json.encode(shape.rows) + b":[", b"]}"
