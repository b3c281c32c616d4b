# SPDX-License-Identifier: Apache-2.0
"""The examination of one log: what the verifier has read of it so far, and what it found wrong."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec
from pyroaring import BitMap64

from gateway.record.format.chain import Break, Chain, Link
from gateway.record.format.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    VerifierKey,
    open_checkpoint,
    parse_checkpoint,
    parse_note,
)
from gateway.record.format.layout import CHECKPOINT, parts_path, segments
from gateway.record.format.merkle import Leaves
from gateway.record.format.parts import PartInvalid, PartsCursor
from gateway.record.format.seal import begin_of_log
from gateway.record.format.waypoint import Waypoint
from gateway.record.proof.parts_scan import ARCHIVED, FORGOTTEN, archived_segment
from gateway.record.writing.slot import MOST_UNSIGNED

Amendment = tuple[str, int, str, str]
"""Log and place of an entry whose part was amended, the digest of what stands there now, and the entry that says so."""


class Sighting(msgspec.Struct, frozen=True):
    """A checkpoint of another log, as an entry holds it."""

    entry: int
    note: str


class Examination:
    """One log under examination. Owned by the verifier; made anew for every verification.

    Attributes:
        key: The key that the log must be signed with, once it is known.
        chain: The lines, once they are read.
        checkpoint: The log's own, once it was found right.
        sightings: Checkpoints of other logs that entries of this one hold, by origin.
        n_witnessed: Entries that witnesses co-signed.
        amended: By place, the digest of a part that stands in the place of another, and the entry that it names.
        amendments: What entries of this log say of such parts: of which log, at which place, with which digest, and
            which entry says so.
        original: Places whose part is the one that was entered.
        forgotten: Place of the newest entry that says that a forgetting came to its end; -1 without one.
        n_moved: How many of the first segments are not here.
        archived: Segments of which entries of this log say that they were moved elsewhere, by slot.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key: VerifierKey | None = None
        self.chain: Chain | None = None
        self.checkpoint: Checkpoint | None = None
        self.sightings: dict[str, list[Sighting]] = {}
        self.first_bad: int | None = None
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.n_parts = 0
        self.n_parts_missing = 0
        self.n_witnessed = 0
        self.amended: dict[int, tuple[str, str]] = {}
        self.amendments: set[Amendment] = set()
        self.original = BitMap64()
        self.forgotten = -1
        self.n_moved = 0
        self.archived: set[tuple[str, int]] = set()
        self._parts: PartsCursor | None = PartsCursor(directory)

    def blame(self, sentence: str, entry: int | None = None) -> None:
        """Note what is wrong, and the entry if one can be named; the first such entry is kept."""
        if sentence not in self.problems:
            self.problems.append(sentence)
        if entry is not None and (self.first_bad is None or entry < self.first_bad):
            self.first_bad = entry

    def read(self, size: int | None = None) -> None:
        """Read the lines and their parts, from where the last reading ended, to the end or to a size."""
        if self.key is None:
            return
        if self.chain is None:
            self.chain = Chain(self.directory, self.key.name, self._first_here(self.key))
        chain = self.chain
        if size is not None and len(chain.leaves) >= size:
            return
        for link in chain.read():
            self._take(link, chain.segment)
            if link.seq + 1 == size:
                break

    def _first_here(self, key: VerifierKey) -> Waypoint | None:
        """Return where the lines begin that are here, if a seal speaks for those before."""
        try:
            begin = begin_of_log(self.directory, key)
        except CheckpointInvalid as error:
            self.blame(f"the first segments are not here, and {error}")
            return None
        self.n_moved = begin.number
        return begin.waypoint() if begin.number else None

    def check_checkpoint(self) -> None:
        """Hold the log against its own checkpoint."""
        if self.key is None or self.chain is None:
            return
        try:
            self.checkpoint = open_checkpoint((self.directory / CHECKPOINT).read_bytes().decode(), self.key)
        except (OSError, UnicodeDecodeError):
            self.blame("the checkpoint is missing or is not text")
        except CheckpointInvalid as error:
            self.blame(str(error))
        if self.checkpoint is not None:
            self.read(self.checkpoint.size)
        self._check_break(self.chain)
        if self.checkpoint is not None:
            self._check_root(self.chain, self.checkpoint)

    def check_amended(self, amendments: AbstractSet[Amendment], firsts: Mapping[str, int], *, is_all: bool) -> None:
        """Hold parts from which people were taken out against the entries that say so.

        Args:
            amendments: Of every log that is here.
            firsts: By name of log, the first entry that is here: what those before it say cannot be told.
            is_all: Whether the logs of the whole installation are here.
        """
        name = "" if self.key is None else self.key.name
        unsaid = [place for place, (digest, by) in self.amended.items() if (name, place, digest, by) not in amendments]
        wrong = [place for place in unsaid if is_all and not _is_before(self.amended[place][1], firsts)]
        if len(unsaid) > len(wrong):
            n_parts = len(unsaid) - len(wrong)
            self.notes.append(f"{n_parts} parts were amended, and the entries that say how are in a log not here")
        for place in wrong:
            self.blame(f"the part of entry {place} was changed: no entry says so", place)

    def check_contains(self, other: Checkpoint, what: str) -> None:
        """Blame the log if it is shorter than a checkpoint that somebody holds, or differs from it."""
        self.read(other.size)
        if self.chain is None or self.chain.broken is not None:
            return
        n_entries = len(self.chain.leaves)
        if n_entries < other.size:
            self.blame(f"the log has {n_entries} entries, {what} {other.size}: it was shortened or rolled back")
        elif other.size < self.chain.leaves.first:
            self.blame(f"{what} is of {other.size} entries, which are not here: put their segments back to compare")
        elif self.chain.leaves.roots((other.size,))[other.size] != other.root:
            self.blame(f"the log differs from {what} over {other.size} entries: its history was changed")

    def check_seen(self, sightings: Sequence[Sighting], witness: str) -> None:
        """Hold the log against what another one saw of it.

        All sightings are compared by size and root; only the newest by signature, which is what a
        swapped key cannot get right.
        """
        if self.key is None or self.chain is None:
            return
        seen = [self._stated(one, witness) for one in sightings]
        try:
            open_checkpoint(sightings[-1].note, self.key)
        except CheckpointInvalid as error:
            self.blame(f"what {witness} saw of the log (entry {sightings[-1].entry} there) does not fit it: {error}")
        states = [one for one in seen if one is not None]
        self.read(max((one.size for one in states), default=0))
        if self.chain.broken is None:
            self._compare(states, witness)

    def finish(self) -> None:
        """Note what is left over at the end of the files."""
        chain = self.chain
        if chain is None:
            return
        is_closed = chain.last is not None and chain.last.body.kind == "closed"
        if chain.torn_bytes and chain.broken is None:
            self.notes.append(f"the last line is torn ({chain.torn_bytes} bytes): an entry that nobody was told of")
        self._finish_parts(chain, is_closed=is_closed)

    def _take(self, link: Link, segment: int) -> None:
        self._check_part(link, segment)
        body = link.body
        if body.kind == "opened":
            if self.key is not None and body.public_key != self.key.public_key.hex():
                self.blame(f"entry {link.seq} opens the log with another key", link.seq)
        elif link.seq == 0:
            self.blame("the log does not begin with its opening", 0)
        if body.kind == "amended":
            self.amendments.add((body.origin, body.place, body.digest, f"{link.log}:{link.seq}"))
        if body.kind == "changed" and body.what == FORGOTTEN:
            self.forgotten = link.seq
        if body.kind == "changed" and body.what == ARCHIVED and self.chain is not None:
            moved = archived_segment(self.chain.raw)
            self.archived |= set() if moved is None else {moved}
        if body.kind == "log-seen":
            self.sightings.setdefault(body.origin, []).append(Sighting(link.seq, body.checkpoint))

    def _check_part(self, link: Link, segment: int) -> None:
        if self._parts is None:
            return
        try:
            stored = self._parts.take(link.seq, segment, is_named=link.part is not None)
        except PartInvalid as error:
            self.blame(f"near entry {link.seq}: {error}", link.seq)
            self._parts = None
            return
        if stored is None:
            self.n_parts_missing += link.part is not None
        elif stored.digest == link.part:
            self.n_parts += 1
            if stored.amended:
                self.amended[stored.seq] = (stored.own_digest, stored.amended)
            else:
                self.original.add(stored.seq)
        else:
            self.blame(f"the part of entry {link.seq} was changed", link.seq)

    def _check_break(self, chain: Chain) -> None:
        broken = chain.broken
        if broken is None:
            return
        index = broken.index
        if (
            broken.doubt is not None
            and self.checkpoint is not None
            and _explains(broken, chain.leaves, self.checkpoint)
        ):
            index -= 1
        self.blame(broken.sentence if index == broken.index else f"entry {index} was changed", index)

    def _check_root(self, chain: Chain, state: Checkpoint) -> None:
        n_entries = len(chain.leaves)
        if chain.broken is not None:
            return
        if n_entries < state.size:
            self.blame(f"the log has {n_entries} entries, its checkpoint {state.size}: it was shortened", n_entries)
        elif chain.leaves.roots((state.size,)).get(state.size) != state.root:
            # The chain holds, so either the last entry was changed or all of it was written anew.
            last = state.size - 1 if n_entries == state.size else None
            self.blame("the log differs from its checkpoint: its last entry was changed, or it was written anew", last)
        elif n_entries - state.size > MOST_UNSIGNED:
            self.blame(f"{n_entries - state.size} entries are not signed: the checkpoint is not the newest")

    def _stated(self, sighting: Sighting, witness: str) -> Checkpoint | None:
        try:
            return parse_checkpoint(parse_note(sighting.note).text)
        except CheckpointInvalid as error:
            self.blame(f"what {witness} saw of the log (entry {sighting.entry} there) is no checkpoint: {error}")
            return None

    def _compare(self, states: Sequence[Checkpoint], witness: str) -> None:
        n_entries = len(self.chain.leaves) if self.chain is not None else 0
        longest = max((one.size for one in states), default=0)
        if longest > n_entries:
            self.blame(f"the log has {n_entries} entries, {witness} saw {longest}: it was shortened or rolled back")
        roots = self.chain.leaves.roots(one.size for one in states) if self.chain is not None else {}
        wrong = [one.size for one in states if one.size in roots and roots[one.size] != one.root]
        if wrong:
            self.blame(f"the log differs from what {witness} saw over {min(wrong)} entries: its history was changed")

    def _finish_parts(self, chain: Chain, *, is_closed: bool) -> None:
        if self._parts is None or chain.broken is not None:
            return
        try:
            n_ahead = self._parts.ahead()
        except PartInvalid as error:
            self.blame(f"after the last entry: {error}")
            return
        torn = len(self._parts.rest)
        stray = [number for number in _parts_numbers(self.directory) if number not in segments(self.directory)]
        if stray or ((n_ahead or torn) and is_closed):
            self.blame("there are parts that belong to no entry")
        elif n_ahead or torn:
            self.notes.append(f"{n_ahead} parts are ahead of their entries, {torn} bytes of them torn")


def _is_before(entry: str, firsts: Mapping[str, int]) -> bool:
    """Tell whether an entry, log and place, is before the first of its log that is here."""
    name, _, place = entry.rpartition(":")
    return int(place) < firsts.get(name, 0)


def _explains(broken: Break, leaves: Leaves, state: Checkpoint) -> bool:
    """Tell whether the root is right with the leaf that the last line holds of the one before it."""
    if broken.doubt is None or broken.index + 1 != state.size:
        return False
    before = (leaves[index] for index in range(broken.index - 1))
    return Leaves((*before, *broken.doubt)).root(0, state.size) == state.root


def _parts_numbers(directory: Path) -> list[int]:
    """Return the numbers of the files that hold any parts."""
    numbers = segments(directory / "parts") if (directory / "parts").is_dir() else []
    return [number for number in numbers if parts_path(directory, number).stat().st_size]
