# SPDX-License-Identifier: Apache-2.0
"""Seals: what a log states of a segment that it will not write to any more, under its own signature.

A seal is a checkpoint at the end of the segment (so whatever reads checkpoints reads it), whose further
lines say which segment it is, what its bytes are, and what came before and after it: enough to verify the
segment by itself, or all later ones where the segment was moved elsewhere. Parts are not sealed, since they
may be deleted.

Source: C2SP tlog-checkpoint, extension lines.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from gateway.record.format.chain import NO_LEAF
from gateway.record.format.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    Signer,
    VerifierKey,
    from_base64,
    open_checkpoint,
    signed,
)
from gateway.record.format.layout import CHUNK_BYTES, segments
from gateway.record.format.merkle import Tree
from gateway.record.format.waypoint import Waypoint

FOLDER = "seals"
_NAME = re.compile(r"[0-9]{6}\Z", re.ASCII)
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})\Z", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
_WORDS = ("segment", "first", "bytes", "sha256", "prev", "last", "before", "peaks")
NO_PEAKS = "none"


class Begin(msgspec.Struct, frozen=True):
    """Where a segment begins: its number, its first entry, the leaf before that, and the tree before it."""

    number: int = 0
    first: int = 0
    prev: str = NO_LEAF
    peaks: tuple[bytes, ...] = ()

    def waypoint(self) -> Waypoint:
        """Return the same as the place to read on from."""
        peaks = tuple(peak.hex() for peak in self.peaks)
        return Waypoint(
            size=self.first, segment=self.number, offset=0, prev=self.prev, peaks=peaks, unended=(), seen={}
        )


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated of a segment.

    Attributes:
        origin: Name of the log.
        size / root: Entries of the log up to the end of the segment, and the root over them.
        begin: Where it begins.
        n_bytes / digest: Of the file of its lines; SHA-256, hexadecimal.
        last: Leaf of its last entry, hexadecimal.
        peaks: Of the tree at its end, highest first.
    """

    origin: str
    size: int
    root: bytes
    begin: Begin
    n_bytes: int
    digest: str
    last: str
    peaks: tuple[bytes, ...]

    @property
    def n_entries(self) -> int:
        """Entries in the segment."""
        return self.size - self.begin.first

    def next(self) -> Begin:
        """Return where the next segment begins."""
        return Begin(self.begin.number + 1, self.size, self.last, self.peaks)

    def note(self, signer: Signer) -> str:
        """Return the seal as a signed note."""
        stated = (
            str(self.begin.number),
            str(self.begin.first),
            str(self.n_bytes),
            self.digest,
            self.begin.prev,
            self.last,
            _spelled(self.begin.peaks),
            _spelled(self.peaks),
        )
        lines = tuple(f"{word} {said}" for word, said in zip(_WORDS, stated, strict=True))
        return signed(Checkpoint(origin=self.origin, size=self.size, root=self.root, extensions=lines), signer)


def seal_of(lines: Path, origin: str, begin: Begin, tree: Tree, last: str) -> Seal:
    """Return the seal of a segment that ends where a tree ends now.

    Args:
        lines: The file of its lines.
        origin: Name of the log.
        begin: Where it begins.
        tree: Over all entries of the log up to its end.
        last: Leaf of its last entry, hexadecimal.

    Raises:
        OSError: It cannot be read.
    """
    n_bytes, digest = digest_of(lines)
    return Seal(
        origin=origin,
        size=tree.size,
        root=tree.root(),
        begin=begin,
        n_bytes=n_bytes,
        digest=digest,
        last=last,
        peaks=tree.peaks,
    )


def seal_name(number: int) -> str:
    """Return the name of a segment's seal in the directory of its slot."""
    return f"{FOLDER}/{number:06}"


def open_seal(note: str, key: VerifierKey) -> Seal:
    """Return a seal whose signature is right and whose hashes agree with each other.

    Raises:
        CheckpointInvalid: It is none, or not one of this log.
    """
    state = open_checkpoint(note, key)
    if len(state.extensions) < len(_WORDS):
        raise CheckpointInvalid("a seal says which segment it is of")
    said = [_said(line, word) for word, line in zip(_WORDS, state.extensions, strict=False)]
    number, first, n_bytes = (_number(text) for text in said[:3])
    digest, prev, last = (_hash(text) for text in said[3:6])
    before, peaks = _peaks(said[6]), _peaks(said[7])
    if not first < state.size or _root(first, before) is None or _root(state.size, peaks) != state.root:
        raise CheckpointInvalid("the hashes of the seal do not agree with each other")
    return Seal(
        origin=state.origin,
        size=state.size,
        root=state.root,
        begin=Begin(number, first, prev, before),
        n_bytes=n_bytes,
        digest=digest,
        last=last,
        peaks=peaks,
    )


def seals(directory: Path) -> list[int]:
    """Return the numbers of the segments of a slot that have a seal, in order."""
    folder = directory / FOLDER
    return sorted(int(path.name) for path in folder.iterdir() if _NAME.match(path.name)) if folder.is_dir() else []


def read_seal(directory: Path, number: int, key: VerifierKey) -> Seal:
    """Return the seal of a segment of a slot.

    Raises:
        CheckpointInvalid: It is not there, or not right.
    """
    try:
        seal = open_seal((directory / seal_name(number)).read_text(encoding="utf-8"), key)
    except (OSError, UnicodeDecodeError):
        raise CheckpointInvalid(f"the seal of segment {number:06} is missing or is not text") from None
    if seal.begin.number != number:
        raise CheckpointInvalid(f"the seal of segment {number:06} is of another segment")
    return seal


def begin_of_log(directory: Path, key: VerifierKey) -> Begin:
    """Return where the lines begin that are here: at the first entry, or behind segments that were moved away.

    Raises:
        CheckpointInvalid: Segments are not here, and the seal of the last of them is missing or wrong.
    """
    first = min(segments(directory), default=0)
    return Begin() if first == 0 else read_seal(directory, first - 1, key).next()


def digest_of(path: Path) -> tuple[int, str]:
    """Return the length of a file and its SHA-256, hexadecimal."""
    n_bytes, digest = 0, sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            n_bytes += len(chunk)
            digest.update(chunk)
    return n_bytes, digest.hexdigest()


def runs(numbers: Sequence[int]) -> Iterator[str]:
    """Spell numbers in order as runs: ``0-3``, ``7``."""
    start = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            first, last = numbers[start], numbers[place - 1]
            yield str(first) if first == last else f"{first}-{last}"
            start = place


def _spelled(peaks: Sequence[bytes]) -> str:
    return " ".join(b64encode(peak).decode() for peak in peaks) or NO_PEAKS


def _said(line: str, word: str) -> str:
    name, _, said = line.partition(" ")
    if name != word:
        raise CheckpointInvalid(f"a seal says its {word}")
    return said


def _number(text: str) -> int:
    if _NUMBER.match(text) is None:
        raise CheckpointInvalid("a number of a seal is a plain decimal number")
    return int(text)


def _hash(text: str) -> str:
    if _HASH.match(text) is None:
        raise CheckpointInvalid("a hash of a seal is 64 hexadecimal digits")
    return text


def _peaks(text: str) -> tuple[bytes, ...]:
    return () if text == NO_PEAKS else tuple(map(from_base64, text.split(" ")))


def _root(size: int, peaks: Sequence[bytes]) -> bytes | None:
    try:
        return Tree.over(size, peaks).root()
    except ValueError:
        return None
