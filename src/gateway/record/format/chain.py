# SPDX-License-Identifier: Apache-2.0
"""The chain of a log's lines: read in order, each line names its place and the leaf hash before it.

Reading stops at the first entry that does not fit, and says which entry was changed: where an entry
and the hash that the next one holds of it disagree, the entry after that tells which of the two it
was written after. What the chain cannot show (a changed last entry, a history written anew) is for
the root under the checkpoint.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged
from gateway.record.format.layout import LineFile, segment_path, segments
from gateway.record.format.merkle import HASH_BYTES, Leaves, leaf_hash
from gateway.record.format.waypoint import Waypoint

NO_LEAF = "0" * (2 * HASH_BYTES)


class Core(msgspec.Struct, frozen=True, gc=False):
    """What a chain of entries needs to know of a body, whatever its kind."""

    kind: str
    call: str = ""
    last: bool = False
    public_key: str = ""
    origin: str = ""
    checkpoint: str = ""
    place: int = -1
    digest: str = ""
    what: str = ""


class Link(msgspec.Struct, frozen=True, gc=False):
    """What a chain of entries needs to know of a line."""

    log: str
    seq: int
    prev: str
    body: Core
    part: str | None = None


class Break(msgspec.Struct, frozen=True):
    """Where a chain does not hold.

    Attributes:
        index: The first bad entry.
        sentence: What is wrong with it.
        doubt: Set where no later entry tells whether the last line or the one before was changed:
            the leaf that the last line holds of the one before, and its own leaf.
    """

    index: int
    sentence: str
    doubt: tuple[bytes, bytes] | None = None


_decoder = msgspec.json.Decoder(Link)


class Chain:
    """The lines of a slot, read as far as they hold together.

    Attributes:
        leaves: Leaf hashes of the entries read so far.
        segment: Number of the segment that the last entry was read from; -1 at the start.
        broken: The first thing that is wrong; nothing is read after it.
        torn_bytes: Length of a last line without line feed.
        last: The newest link.
        raw: Its bytes.
        prev: Leaf of the last entry, as the next one has to name it.
    """

    def __init__(self, directory: Path, name: str, start: Waypoint | None = None) -> None:
        """Begin at the first entry, or behind those before a waypoint; segments before it need not be there."""
        self._directory = directory
        self._name = name
        self._most_missing = start.segment if start else 0
        self._file = LineFile(segment_path(directory, start.segment), start.offset) if start else LineFile(Path())
        self.prev = start.prev if start else NO_LEAF
        self.leaves = Leaves(before=start.tree() if start else None)
        self.segment = start.segment if start else -1
        self.broken: Break | None = None
        self.torn_bytes = 0
        self.last: Link | None = None
        self.raw = b""

    def read(self) -> Iterator[Link]:
        """Yield the links that hold, from where the last reading ended to the end of the log as it is now."""
        lines = iter(()) if self.broken else self._whole_lines()
        for line in lines:
            link, wrong = self._check(line, lines)
            if wrong is not None:
                self.broken = wrong
            if link is None or self.broken is not None:
                return
            leaf = leaf_hash(line)
            self.prev = leaf.hex()
            self.leaves.append(leaf)
            self.last, self.raw = link, line
            yield link

    def _whole_lines(self) -> Iterator[bytes]:
        try:
            yield from self._lines()
        except LogDamaged as error:
            self._break(str(error))

    def _lines(self) -> Iterator[bytes]:
        numbers = segments(self._directory)
        first = min(numbers[0], self._most_missing) if numbers else 0
        for place, number in enumerate(numbers, first):
            if number != place:
                self._break(f"segment {place:06} is missing")
                return
            if number < self.segment:
                continue
            if number > self.segment:
                self.segment = number
                self._file = LineFile(segment_path(self._directory, number))
            yield from self._file.lines()
            self.torn_bytes = len(self._file.rest)
            if self.torn_bytes and number != numbers[-1]:
                self._break(f"segment {number:06} ends inside a line")
                return

    def _break(self, sentence: str) -> None:
        self.broken = self.broken or Break(len(self.leaves), sentence)

    def _check(self, line: bytes, ahead: Iterator[bytes]) -> tuple[Link | None, Break | None]:
        index = len(self.leaves)
        link = _parse(line)
        if link is None:
            return None, Break(index, f"entry {index} cannot be read")
        if link.log != self._name:
            return None, Break(index, f"entry {index} belongs to another log")
        if link.seq != index:
            return None, self._misplaced(link, line, ahead)
        if link.prev != self.prev:
            return None, self._mismatched(link, line, ahead)
        return link, None

    def _misplaced(self, link: Link, line: bytes, ahead: Iterator[bytes]) -> Break:
        """Name the intruder where a place is taken twice; else the place where another was expected."""
        index = len(self.leaves)
        if link.seq == index - 1 and leaf_hash(line).hex() != self.prev and _is_held_by_next(line, ahead):
            return Break(index - 1, f"entry {index - 1} was put in the place of another")
        return Break(index, f"entry {index} is missing or out of order: found {link.seq} in its place")

    def _mismatched(self, link: Link, line: bytes, ahead: Iterator[bytes]) -> Break:
        """Tell whether the entry before was changed, or the hash that this one holds of it."""
        index = len(self.leaves)
        following = next(ahead, None)
        changed = index - 1 if index and _holds(following, line) else index
        named = _leaf_in(link) if following is None and index else None
        doubt = None if named is None else (named, leaf_hash(line))
        return Break(changed, f"entry {changed} was changed", doubt)


def _parse(line: bytes) -> Link | None:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _leaf_in(link: Link) -> bytes | None:
    """Return the leaf hash that a line holds of the one before, if what it holds can be one."""
    try:
        leaf = bytes.fromhex(link.prev)
    except ValueError:
        return None
    return leaf if len(leaf) == HASH_BYTES else None


def _holds(following: bytes | None, line: bytes) -> bool:
    link = None if following is None else _parse(following)
    return link is not None and link.prev == leaf_hash(line).hex()


def _is_held_by_next(line: bytes, ahead: Iterator[bytes]) -> bool:
    return _holds(next(ahead, None), line)
