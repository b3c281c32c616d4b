# SPDX-License-Identifier: Apache-2.0
"""Seals under examination: those of segments that are here, those of segments that were moved away, and one alone.

A seal that is missing harms nobody: the lines of its segment are under the log's checkpoint as well. One that
is there must be right, whether its segment is here or not.
"""

from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged
from gateway.record.format.chain import Chain
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey
from gateway.record.format.layout import LineFile, segment_path, segments
from gateway.record.format.merkle import Tree, leaf_hash
from gateway.record.format.seal import Seal, digest_of, open_seal, read_seal, runs, seals
from gateway.record.proof.examination import Examination


class SegmentVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one sealed segment by itself.

    Attributes:
        first / size: Its first entry, and the entries of the log up to its end.
        problems: What is wrong, in sentences; empty if nothing is.
    """

    origin: str
    segment: int
    first: int
    size: int
    problems: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        """Tell whether nothing is wrong with it."""
        return not self.problems


def check_seals(one: Examination) -> None:
    """Hold a log against every seal beside it."""
    key, chain = one.key, one.chain
    if key is None or chain is None:
        return
    found: dict[int, Seal] = {}
    for number in seals(one.directory):
        try:
            found[number] = read_seal(one.directory, number, key)
        except CheckpointInvalid as error:
            one.blame(str(error))
    for number, seal in found.items():
        before = found.get(number - 1)
        if before is not None and before.next() != seal.begin:
            one.blame(f"the seal of segment {number:06} does not begin where the one before ends")
    here = set(segments(one.directory))
    held = {number: seal for number, seal in found.items() if number in here}
    one.read(max((seal.size for seal in held.values()), default=0))
    if chain.broken is None:
        _compare(one, chain, held)
    for number, seal in sorted(found.items()):
        if number > max(here, default=-1):
            # Entries of segments between may be missing as well, with no seal left to speak for them.
            first = min(seal.begin.first, len(chain.leaves))
            one.blame(f"segment {number:06} was sealed and is not here: the log was shortened", first)
    if moved := [number for number in found if number < min(here, default=0)]:
        one.notes.append(f"segments {', '.join(runs(moved))} are not here; their seals hold")


def is_told_moved(one: Examination, archived: AbstractSet[tuple[str, int]]) -> bool:
    """Tell whether entries say of the first segments, which are not here, that they were moved; they go from the front."""
    return any(slot == one.directory.name and number >= one.n_moved - 1 for slot, number in archived)


def check_moved(one: Examination, archived: AbstractSet[tuple[str, int]], *, is_all: bool) -> None:
    """Blame a log for first segments that are gone although no entry says that they were moved.

    Args:
        one: The log.
        archived: Segments of which entries of every log that is here say so, by slot.
        is_all: Whether every entry is here that could say so.
    """
    if not one.n_moved or is_told_moved(one, archived):
        return
    told = f"the segments before {one.n_moved:06} are not here, and no entry says that they were moved"
    if is_all:
        one.blame(f"{told}: they were removed", 0)
    else:
        one.notes.append(f"{told}: it may be in a log or a segment that is not here")


def verify_segment(lines: Path, note: str, key: VerifierKey) -> SegmentVerdict:
    """Verify one segment by itself, with its seal and the log's key.

    Raises:
        CheckpointInvalid: The seal is none of this log.
        OSError: The segment cannot be read.
    """
    seal = open_seal(note, key)
    problems = []
    if digest_of(lines) != (seal.n_bytes, seal.digest):
        problems.append("the segment is not the one that was sealed: its bytes differ")
    try:
        problems += _problems_of_chain(lines, seal, key)
    except LogDamaged as error:
        problems.append(str(error))
    return SegmentVerdict(
        origin=seal.origin,
        segment=seal.begin.number,
        first=seal.begin.first,
        size=seal.size,
        problems=tuple(problems),
    )


def _problems_of_chain(lines: Path, seal: Seal, key: VerifierKey) -> list[str]:
    """Return what is wrong with the entries, the first bad one named where one can be."""
    tree, prev = Tree.over(seal.begin.first, seal.begin.peaks), seal.begin.prev
    for line in LineFile(lines).lines():
        try:
            link = msgspec.json.decode(line, type=_Link)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [f"entry {tree.size} cannot be read"]
        if (link.log, link.seq) != (key.name, tree.size):
            return [f"entry {tree.size} is missing, out of order, or belongs to another log"]
        if link.prev != prev:
            return [f"entry {tree.size} or the one before was changed"]
        leaf = leaf_hash(line)
        tree.append(leaf)
        prev = leaf.hex()
    if tree.size != seal.size:
        return [f"the segment ends at entry {tree.size}, its seal at {seal.size}"]
    return [] if tree.root() == seal.root else ["the entries do not come to the root that was sealed"]


class _Link(msgspec.Struct, frozen=True, gc=False):
    log: str
    seq: int
    prev: str


def _compare(one: Examination, chain: Chain, held: dict[int, Seal]) -> None:
    """Hold lines that hold together against the seals of their segments."""
    leaves = chain.leaves
    roots = leaves.roots(seal.size for seal in held.values())
    for number, seal in sorted(held.items()):
        if seal.size > len(leaves):
            one.blame(
                f"the log has {len(leaves)} entries, the seal of segment {number:06} {seal.size}: it was shortened",
                len(leaves),
            )
        elif roots.get(seal.size) != seal.root:
            one.blame(f"the log differs from the seal of segment {number:06} over {seal.size} entries")
        elif digest_of(segment_path(one.directory, number)) != (seal.n_bytes, seal.digest):
            one.blame(f"segment {number:06} is not the one that was sealed: its bytes differ")
