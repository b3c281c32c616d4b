# SPDX-License-Identifier: Apache-2.0
"""Edits of a log by somebody who may write its files and cannot sign, and what a verifier must say of each.

What an edit may be without being found, because the log says the same as before:

1. Bytes behind the last line feed of the last segment: a torn line, an entry that nobody was told of. Noted.
2. Whole parts that are gone: retention and erasure may take them. Counted.
3. An older checkpoint of the same log in the place of its newest, while at most 256 entries follow it: nothing that
   is signed differs, and whoever holds the newer one still finds what was cut behind the older.
4. Lines at the end of one segment moved to the start of the next, with their parts, where neither is sealed: where
   files end is no part of what is signed. A seal is a statement of the very bytes of its segment.
5. A seal that is gone: the lines of its segment are under the log's checkpoint as well.

Everything else must be found. Which entry is the first bad one is told by laying the lines beside those of before.
Where two neighbours were changed at once, nothing in the files tells whether the first of them was changed or the
hash that the second holds of it; then either of the two is a right answer, and it is counted apart.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from gateway.record.proof.verify import LogVerdict
from gateway.record.writing.slot import MOST_UNSIGNED

_LINE = re.compile(rb'"seq":(\d{1,18}),"prev":"([0-9a-f]{64})"')
PART_SEQ = re.compile(rb'\{"seq":(\d{1,18}),')
Lines = list[bytes]


class Held(msgspec.Struct):
    """The files of a slot: by segment its lines and its parts, with their line feeds, and its seal."""

    lines: list[Lines]
    parts: list[Lines]
    checkpoint: bytes
    key: bytes
    seals: dict[int, bytes]

    def copy(self) -> "Held":
        """Return the same, to be edited."""
        lines, parts = [list(one) for one in self.lines], [list(one) for one in self.parts]
        return Held(lines, parts, self.checkpoint, self.key, dict(self.seals))

    def whole_lines(self) -> Lines:
        """Return the lines of all segments in order, as far as they are whole; see ``is_broken_inside``."""
        return [line for lines in self.lines for line in lines if line.endswith(b"\n")]

    @property
    def is_broken_inside(self) -> bool:
        """Tell whether a segment other than the last ends inside a line."""
        return any(lines and not lines[-1].endswith(b"\n") for lines in self.lines[:-1])


def held(slot: Path) -> Held:
    """Read the files of a slot."""
    numbers = sorted(path.name for path in slot.glob("*.ndjson"))
    return Held(
        lines=[(slot / name).read_bytes().splitlines(keepends=True) for name in numbers],
        parts=[_read(slot / "parts" / name) for name in numbers],
        checkpoint=(slot / "checkpoint").read_bytes(),
        key=(slot / "log.pub").read_bytes(),
        seals={int(path.name): path.read_bytes() for path in sorted((slot / "seals").glob("*"))},
    )


def put(slot: Path, wanted: Held, there: Held) -> None:
    """Make the files of a slot those of ``wanted``, where they differ from what is there."""
    for folder, some, others in ((slot, wanted.lines, there.lines), (slot / "parts", wanted.parts, there.parts)):
        for number in range(max(len(some), len(others))):
            path = folder / f"{number:06}.ndjson"
            if number >= len(some):
                path.unlink()
            elif number >= len(others) or some[number] != others[number]:
                path.write_bytes(b"".join(some[number]))
    for number in wanted.seals.keys() | there.seals.keys():
        path = slot / "seals" / f"{number:06}"
        if number not in wanted.seals:
            path.unlink()
        elif wanted.seals[number] != there.seals.get(number):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(wanted.seals[number])
    if wanted.checkpoint != there.checkpoint:
        (slot / "checkpoint").write_bytes(wanted.checkpoint)
    if wanted.key != there.key:
        (slot / "log.pub").write_bytes(wanted.key)


def _read(path: Path) -> Lines:
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a verifier that holds the newest checkpoint must say.

    Attributes:
        first: The first entry that is not what it was; ``None`` where no entry can be named.
        others: Entries that are as right an answer, because the files do not tell them apart.
        is_blind: The key is not the log's, so what is said of entries says nothing.
    """

    is_right: bool
    first: int | None = None
    others: frozenset[int | None] = frozenset()
    is_blind: bool = False

    def judge(self, verdict: LogVerdict) -> str:
        """Return ``exact``, ``either`` or what is wrong with the verdict."""
        if verdict.is_right != self.is_right:
            return "a change was not found" if verdict.is_right else f"found what is not there: {verdict.problems[0]}"
        if self.is_right or verdict.first_bad == self.first:
            return "exact"
        return (
            "either"
            if self.is_blind or verdict.first_bad in self.others
            else f"named {verdict.first_bad}, it was {self.first}"
        )


def expected(before: Held, after: Held, older: Sequence[bytes]) -> Expected:
    """Return what must be said of a log that was ``before`` and is ``after`` now.

    Args:
        older: Checkpoints of the log from before its newest.
    """
    was, now = before.whole_lines(), after.whole_lines()
    is_sealed = _is_sealed(before, after)
    is_key = after.key.removesuffix(b"\n") == before.key.removesuffix(b"\n")
    first = _first_changed(was, now, is_broken=after.is_broken_inside)
    is_signed = after.checkpoint == before.checkpoint
    others = set() if first is None else _as_right(was, now, first, is_signed=is_signed)
    part = _first_part(before, after, changed=first)
    if part is not None:
        # Parts are read beside the lines, so what is wrong with one is named at the latest where its segment ends,
        # or behind everything by no number at all.
        others |= {*part, None, first}
        first = part.start
    if first is not None:
        return Expected(is_right=False, first=first, others=frozenset(others), is_blind=not is_key)
    is_right = is_key and is_sealed and _is_fine(before, after, older)
    return Expected(is_right=is_right, is_blind=not (is_key and is_sealed))


def _first_changed(was: Lines, now: Lines, *, is_broken: bool) -> int | None:
    for index, (one, other) in enumerate(zip(was, now, strict=False)):
        if one != other:
            return index
    if len(was) != len(now) or is_broken:
        return min(len(was), len(now))
    return None


def _as_right(was: Lines, now: Lines, first: int, *, is_signed: bool) -> set[int | None]:
    """Return other entries that are as right an answer: what the files say themselves is where they first disagree."""
    seen = next((index for index in range(first, len(now)) if not _fits(now, index)), len(now))
    if first < seen - 1 or seen == len(now):
        # The lines between were written anew so that they fit each other.
        return {None, *range(first, seen + 1)}
    # Of two lines that disagree, the one after them tells which was changed; after the last, the signed root.
    is_last = seen + 1 == len(was) == len(now)
    witness = is_signed if is_last else was[seen + 1 : seen + 2] == now[seen + 1 : seen + 2] != []
    is_as_it_was = was[seen : seen + 1] == now[seen : seen + 1]
    return (
        set()
        if witness and (is_as_it_was or not _fits(now, seen + 1)) and seen == first + is_as_it_was
        else {seen - 1, seen}
    )


def _fits(lines: Lines, index: int) -> bool:
    """Tell whether a line is there and names its own place and the hash of the line before it."""
    found = _LINE.search(lines[index]) if index < len(lines) else None
    before = leaf(lines[index - 1]).encode() if index else b"0" * 64
    return found is not None and (int(found[1]), found[2]) == (index, before)


def leaf(line: bytes) -> str:
    """Return the leaf hash of a line, hexadecimal."""
    return sha256(b"\x00" + line.removesuffix(b"\n")).hexdigest()


def _first_part(before: Held, after: Held, changed: int | None) -> range | None:
    """Return between which entries the first part stands that must not be there, if it comes before a changed entry."""
    known = frozenset(part for parts in before.parts for part in parts)
    first = 0
    for number, lines in enumerate(after.lines):
        until = first + len(lines)
        low = _stray(after.parts[number] if number < len(after.parts) else [], known, first, until)
        if low is not None:
            return range(low, until + 1) if changed is None or low <= changed else None
        first = until
        if changed is not None and first > changed:
            return None
    stray = any(after.parts[len(after.lines) :])
    return range(first, first + 1) if stray and changed is None else None


def _stray(parts: Lines, known: frozenset[bytes], first: int, until: int) -> int | None:
    """Return the entry from which on the parts of a segment are not those of its entries, in order."""
    low = first
    for part in parts:
        found = PART_SEQ.match(part)
        seq = int(found[1]) if found else -1
        if part not in known or not low <= seq < until:
            return low
        low = seq + 1
    return None


def _is_sealed(before: Held, after: Held) -> bool:
    """Tell whether the seals that are there are those that were, each beside the bytes that it is of."""
    return all(
        seal == before.seals.get(number) and after.lines[number : number + 1] == before.lines[number : number + 1]
        for number, seal in after.seals.items()
    )


def _is_fine(before: Held, after: Held, older: Sequence[bytes]) -> bool:
    if after.checkpoint == before.checkpoint:
        return True
    n_behind = (
        len(after.whole_lines()) - int(after.checkpoint.split(b"\n")[1]) if after.checkpoint in older else 1 << 40
    )
    return n_behind <= MOST_UNSIGNED
