# SPDX-License-Identifier: Apache-2.0
"""Blocks of an answer: rows gathered until a block is full, and the brackets around them.

A block holds at most 4,096 rows or 1 MiB of output, so what one entry authorises stays small enough
to be cut between blocks, and an ordinary page is a single block with a single entry.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.names import PersonNumber
from gateway.domain.viewplan import Cause

MOST_ROWS = 4096
MOST_BYTES = 1 << 20


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """What one entry authorises.

    Attributes:
        body: The bytes on the wire, brackets and commas included.
        people: Numbers of the people whose rows are in the body; unsorted, may repeat.
        withheld: Rows left out since the block before, by cause.
        last: The answer is complete with this block.
    """

    body: bytes
    n_rows: int
    people: tuple[PersonNumber, ...]
    withheld: Mapping[Cause, int]
    last: bool


class Gathering:
    """Rows on their way into blocks; belongs to one call."""

    def __init__(self, shape: AnswerShape, most_rows: int = MOST_ROWS) -> None:
        """Begin before the first row."""
        self._shape = shape
        self._most_rows = most_rows
        self._rows: list[bytes] = []
        self._people: list[PersonNumber] = []
        self._n_bytes = 0
        self._withheld: Counter[Cause] = Counter()
        self._begun = False
        self._any_row = False
        self.total_rows = 0
        self.total_withheld: Counter[Cause] = Counter()

    def add(self, rows: Sequence[bytes], people: Sequence[PersonNumber], withheld: Mapping[Cause, int]) -> None:
        """Take rows that may leave, the people they are about, and counts of those that may not."""
        self._rows.extend(rows)
        self._people.extend(people)
        self._n_bytes += sum(map(len, rows)) + len(rows)
        self._withheld.update(withheld)
        self.total_withheld.update(withheld)
        self.total_rows += len(rows)

    def full(self) -> bool:
        """Tell whether a block must go before more rows are taken."""
        return len(self._rows) >= self._most_rows or self._n_bytes >= MOST_BYTES

    def next_block(self) -> Block:
        """Return the rows gathered so far as a block that is not the last."""
        return self._block(self._opening() + b",".join(self._rows), last=False)

    def last_block(self, members: Mapping[str, int]) -> Block:
        """Return what is left, and the end of the answer with its recounted members."""
        return self._block(self._opening() + b",".join(self._rows) + self._closing(members), last=True)

    def record_block(self) -> Block:
        """Return the single record as a whole answer."""
        return self._block(b"".join(self._rows), last=True)

    def _opening(self) -> bytes:
        if not self._begun:
            self._begun = True
            if self._shape.kind == "array":
                return b"["
            return b"{" + msgspec.json.encode(self._shape.rows) + b":["
        return b"," if self._rows and self._any_row else b""

    def _closing(self, members: Mapping[str, int]) -> bytes:
        if self._shape.kind == "array":
            return b"]"
        told = [
            msgspec.json.encode(name) + b":" + msgspec.json.encode(members[name])
            for name, use in self._shape.members
            if use is MemberUse.RECOUNT and name in members
        ]
        return b"]" + b"".join(b"," + member for member in told) + b"}"

    def _block(self, body: bytes, *, last: bool) -> Block:
        block = Block(
            body=body,
            n_rows=len(self._rows),
            people=tuple(self._people),
            withheld=dict(self._withheld),
            last=last,
        )
        self._any_row = self._any_row or bool(self._rows)
        self._rows, self._people, self._n_bytes = [], [], 0
        self._withheld = Counter()
        return block
