# SPDX-License-Identifier: Apache-2.0
"""A log open for writing: lines, tree, checkpoint. Plain calls, one thread at a time; see sequencer.

Words for the life of an entry: it is *sequenced* once its line is durable, *integrated* once its leaf
is in the tree, *published* once a checkpoint covers it. A leaf is integrated only after its line was
sequenced, so a checkpoint never speaks of an entry that the disk may not have.

A checkpoint that is due is written before the next entry; while it cannot be written, nothing is
appended. So never more than ``MOST_UNSIGNED`` entries wait for their first checkpoint.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import msgspec

from gateway.domain.entry import Closed, End, Entry, Intent, Line, Observed, Part, Passed, Refused, Release
from gateway.domain.errors import LogUnavailable
from gateway.record.chain import NO_LEAF
from gateway.record.checkpoint import Checkpoint, Signer, signed
from gateway.record.files import Files, replace_file
from gateway.record.layout import CHECKPOINT
from gateway.record.merkle import Tree, leaf_hash
from gateway.record.parts import StoredPart, new_salts
from gateway.record.segment import Segment, SlotLock
from gateway.record.waypoint import EVERY, Waypoint
from gateway.record.waypoint import FILE as WAYPOINT

MOST_UNSIGNED = 256
_encoder = msgspec.json.Encoder()
_PIECES, _BEGINNINGS, _ENDS = (Release, Passed), (Intent, Observed), (End, Refused)


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An entry on its way into the log: its time and its bytes, as they were when it was handed over.

    Attributes:
        opens / ends: The call that stays open behind it, the call that it ends; empty for none.
    """

    at_us: int
    body: bytes
    part: bytes | None
    opens: str = ""
    ends: str = ""


class Tip(msgspec.Struct):
    """The end of a log: the next place, the leaf before it, and the tree."""

    tree: Tree
    prev: str = NO_LEAF
    n_signed: int = 0


def draft(entry: Entry, part: Part | None, at_us: int) -> Draft:
    """Return an entry and its part as bytes.

    Raises:
        LogUnavailable: It holds text that is not Unicode, so it cannot be entered.
    """
    opens, ends = _calls(entry)
    try:
        return Draft(at_us, _encoder.encode(entry), None if part is None else _encoder.encode(part), opens, ends)
    except UnicodeEncodeError:
        raise LogUnavailable("an entry holds text that is not Unicode") from None


def _calls(entry: Entry) -> tuple[str, str]:
    if isinstance(entry, _PIECES):
        return ("", entry.call) if entry.last else (entry.call, "")
    if isinstance(entry, _BEGINNINGS):
        return entry.call, ""
    return ("", entry.call) if isinstance(entry, _ENDS) else ("", "")


class SlotLog:
    """A slot's log and the right to write it; made by ``opening.open_slot``."""

    def __init__(
        self,
        *,
        files: Files,
        directory: Path,
        name: str,
        signer: Signer,
        lock: SlotLock,
        tip: Tip,
        segment: int,
        most_bytes: int,
        unended: Iterable[str] = (),
        seen: dict[str, str] | None = None,
        marked: int = 0,
    ) -> None:
        self._files = files
        self._directory = directory
        self._name = name
        self._signer = signer
        self._lock: SlotLock | None = lock
        self._tip = tip
        self._most_bytes = most_bytes
        self._next_number = segment
        self._segment: Segment | None = None
        self._damaged: Segment | None = None
        self._unended = dict.fromkeys(unended)
        self._seen = {} if seen is None else seen
        self._marked = marked

    @property
    def size(self) -> int:
        """Number of entries that are durable."""
        return self._tip.tree.size

    @property
    def n_unsigned(self) -> int:
        """Number of entries that no checkpoint covers yet."""
        return self._tip.tree.size - self._tip.n_signed

    def append(self, drafts: Sequence[Draft]) -> int:
        """Make entries durable, all with one fdatasync, and return the place of the first.

        Args:
            drafts: At least one; at most ``MOST_UNSIGNED``.

        Raises:
            LogUnavailable: None of them is in the log.
        """
        if self.n_unsigned + len(drafts) > MOST_UNSIGNED:
            self.sign()
        lines, parts, leaves = self._lay_out(drafts)
        try:
            self._writable().write(lines, parts)
        except OSError as error:
            self._give_up_segment()
            raise LogUnavailable(f"the disk of the log refused: {error.strerror}") from error
        first = self.size
        for leaf in leaves:
            self._tip.tree.append(leaf)
        self._tip.prev = leaves[-1].hex()
        for one in drafts:
            self._unended.pop(one.ends, None)
            if one.opens:
                self._unended[one.opens] = None
        return first

    def sign(self) -> None:
        """Publish every entry so far under a new checkpoint, if there are any new ones.

        Raises:
            LogUnavailable: The checkpoint could not be written.
        """
        if self.n_unsigned:
            self._publish()
            if self.size - self._marked >= EVERY:
                self._mark_way()

    def mend(self) -> None:
        """Show that the disk takes writes again: cut a segment that failed, and publish once more.

        Raises:
            LogUnavailable: It does not.
        """
        if self._damaged is not None:
            self._give_up_segment()
        if self._damaged is not None:
            raise LogUnavailable("the segment that failed cannot be cut yet")
        self._publish()

    def _publish(self) -> None:
        size = self.size
        state = Checkpoint(origin=self._name, size=size, root=self._tip.tree.root())
        try:
            replace_file(self._files, self._directory / CHECKPOINT, signed(state, self._signer).encode())
        except OSError as error:
            raise LogUnavailable(f"the checkpoint could not be written: {error.strerror}") from error
        self._tip.n_signed = size

    def close(self, at_us: int | None) -> None:
        """Enter the end of an orderly life if a time is given, publish what is there, let the slot go.

        Raises:
            LogUnavailable: The end could not be entered or published; the slot is let go all the same.
        """
        if self._lock is None:
            return
        try:
            if at_us is not None:
                self.append([draft(Closed(), None, at_us)])
                self.sign()
        finally:
            if self._segment is not None:
                self._segment.close()
            self._lock.release()
            self._lock = None

    def _mark_way(self) -> None:
        """Leave a waypoint behind the entries that were published; without one an opening takes longer, no more."""
        segment, self._marked = self._segment, self.size
        if segment is None:
            return
        found = Waypoint(
            size=self.size,
            segment=segment.number,
            offset=segment.n_bytes,
            prev=self._tip.prev,
            peaks=tuple(peak.hex() for peak in self._tip.tree.peaks),
            unended=tuple(self._unended),
            seen=dict(self._seen),
        )
        with suppress(OSError):
            replace_file(self._files, self._directory / WAYPOINT, _encoder.encode(found))

    def _lay_out(self, drafts: Sequence[Draft]) -> tuple[bytes, bytes, list[bytes]]:
        """Return the lines, the lines of the parts, and the leaf hashes for the next places."""
        lines, parts, leaves, prev = [], [], [], self._tip.prev
        for (seq, one), salt in zip(enumerate(drafts, self.size), new_salts(len(drafts)), strict=True):
            stored = None if one.part is None else StoredPart(seq, salt, one.part)
            line = self._line(seq, prev, one, stored)
            leaf = leaf_hash(line)
            prev = leaf.hex()
            leaves.append(leaf)
            lines.append(line)
            if stored is not None:
                parts.append(stored.line())
        return b"\n".join(lines) + b"\n", b"".join(parts), leaves

    def _line(self, seq: int, prev: str, one: Draft, stored: StoredPart | None) -> bytes:
        # The body was encoded when the entry was handed over; Raw puts those bytes in as they are.
        body = cast("Entry", msgspec.Raw(one.body))
        digest = None if stored is None else stored.digest
        return _encoder.encode(Line(log=self._name, seq=seq, prev=prev, at_us=one.at_us, body=body, part=digest))

    def _writable(self) -> Segment:
        """Return the segment to write to: repaired after a failure, rolled over when it is full."""
        if self._damaged is not None:
            self._next_number = self._damaged.repair()
            self._damaged = None
        if self._segment is not None and self._segment.n_bytes >= self._most_bytes:
            self._next_number = self._segment.number + 1
            self._segment.close()
            self._segment = None
        if self._segment is None:
            self._segment = Segment(self._files, self._directory, self._next_number)
        return self._segment

    def _give_up_segment(self) -> None:
        """Close the segment at once and cut it when the disk lets us: now, or before the next entry."""
        if self._segment is not None:
            self._damaged, self._segment = self._segment, None
        if self._damaged is not None:
            try:
                self._next_number = self._damaged.repair()
            except OSError:
                return
            self._damaged = None
