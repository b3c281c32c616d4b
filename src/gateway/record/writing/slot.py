# SPDX-License-Identifier: Apache-2.0
"""A log open for writing: lines, tree, checkpoint. Plain calls, one thread at a time; see sequencer.

Words for the life of an entry: it is *sequenced* once its line is durable, *integrated* once its leaf
is in the tree, *published* once a checkpoint covers it. A leaf is integrated only after its line was
sequenced, so a checkpoint never speaks of an entry that the disk may not have.

A checkpoint that is due is written before the next entry; while it cannot be written, nothing is
appended. So never more than ``MOST_UNSIGNED`` entries wait for their first checkpoint. The same holds for the
seal of a segment that is full, a day old, or failed: nothing follows it before it is sealed.
"""

import errno
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import cast

import msgspec

from gateway.domain.entry import Closed, Entry, Line
from gateway.domain.errors import LogUnavailable
from gateway.record.format.chain import NO_LEAF
from gateway.record.format.checkpoint import Checkpoint, Signer, signed
from gateway.record.format.layout import CHECKPOINT, LineFile, segment_path
from gateway.record.format.merkle import Tree, leaf_hash
from gateway.record.format.parts import StoredPart, new_salts
from gateway.record.format.seal import Begin, Seal, seal_name, seal_of
from gateway.record.format.waypoint import EVERY, Waypoint
from gateway.record.format.waypoint import FILE as WAYPOINT
from gateway.record.writing.copying import copy_closed, copy_rest, take_lost
from gateway.record.writing.differing import refuse_another_history
from gateway.record.writing.drafts import Draft, draft
from gateway.record.writing.sink import Sink
from gateway.record.writing.sinks import Alone, Sinks

MOST_UNSIGNED = 256
_encoder = msgspec.json.Encoder()


class Tip(msgspec.Struct):
    """The end of a log: the next place, the leaf before it, and the tree."""

    tree: Tree
    prev: str = NO_LEAF
    n_signed: int = 0


class _At(msgspec.Struct, frozen=True):
    at_us: int


class SlotLog:
    """A slot's log and the right to write it; made by ``opening.open_slot``."""

    def __init__(
        self,
        *,
        sinks: Sinks,
        name: str,
        signer: Signer,
        tip: Tip,
        begin: Begin,
        most_bytes: int,
        most_age_us: int = 0,
        unended: Iterable[str] = (),
        seen: dict[str, str] | None = None,
        marked: int = 0,
    ) -> None:
        self._sinks = sinks
        self._name = name
        self._signer = signer
        self._is_open = True
        self._tip = tip
        self._begin = begin
        self._began_us, self._n_bytes = _age_and_size(sinks.whole, begin.number)
        self._most_bytes, self._most_age_us = most_bytes, most_age_us
        self._is_well = True
        self._is_left = False
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

    @property
    def lost(self) -> str:
        """Which of two sinks takes nothing at present, and why; empty while all is well."""
        lane = self._sinks.lost
        return "" if lane is None else f"the {lane.name} of two: {lane.lost}"

    def news(self) -> list[Alone]:
        """Return the losses of a sink that nobody was told of yet, once."""
        found, self._sinks.news = self._sinks.news, []
        return found

    def append(self, drafts: Sequence[Draft]) -> int:
        """Make entries durable, all with one fdatasync, and return the place of the first.

        Args:
            drafts: At least one; at most ``MOST_UNSIGNED``.

        Raises:
            LogUnavailable: None of them is in the log.
        """
        if self.n_unsigned + len(drafts) > MOST_UNSIGNED:
            self.sign()
        self._leave_full_segment(drafts[0].at_us)
        lines, parts, leaves = self._lay_out(drafts)
        first = self.size
        try:
            self._sinks.write(self._begin.number, self._n_bytes, lines, parts, first)
        except OSError as error:
            self._give_up_segment()
            raise LogUnavailable(f"the disk of the log refused: {error.strerror}") from error
        if not self._n_bytes:
            self._began_us = drafts[0].at_us
        self._n_bytes += len(lines)
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
        self._mend_sinks()
        self._publish()

    def follow_up(self) -> bool:
        """Bring a sink that was lost a step nearer to counting again; tell whether it does now.

        What is long is copied while the log goes on in the other, and the little that is left while it waits.
        """
        lane = self._sinks.lost
        if lane is None:
            return False
        whole = self._sinks.whole
        if lane.following is None:
            lane.is_back = False
            lane.following = lane.start(lambda sink: take_lost(whole.directory, sink, refuse_another_history))
            return False
        if not lane.following.done():
            return False
        failed, lane.following = lane.following.exception(), None
        if failed is None and not lane.is_back:
            # What is copied behind the log's back are segments that do not grow any more. Not left before the disk is
            # back: one that stays away must not cost a segment for every look.
            self._leave_segment()
            lane.is_back, below = True, self._begin.number
            lane.following = lane.start(lambda sink: copy_closed(whole.directory, sink, below, with_parts=True))
            return False
        if failed is not None:
            # What keeps it away now may be something else than what it was lost by.
            lane.lost = (failed.strerror if isinstance(failed, OSError) else str(failed)) or lane.lost
            return False
        number = self._begin.number
        return self._sinks.rejoin(lane, lambda sink: copy_rest(whole.directory, sink, number))

    def _publish(self) -> None:
        size = self.size
        state = Checkpoint(origin=self._name, size=size, root=self._tip.tree.root())
        try:
            self._sinks.put(CHECKPOINT, signed(state, self._signer).encode(), size)
        except OSError as error:
            raise LogUnavailable(f"the checkpoint could not be written: {error.strerror}") from error
        self._tip.n_signed = size

    def close(self, at_us: int | None) -> None:
        """Enter the end of an orderly life if a time is given, publish what is there, let the slot go.

        Raises:
            LogUnavailable: The end could not be entered or published; the slot is let go all the same.
        """
        if not self._is_open:
            return
        try:
            if at_us is not None:
                self.append([draft(Closed(), None, at_us)])
                self.sign()
        finally:
            self._sinks.close()
            self._is_open = False

    def _mark_way(self) -> None:
        """Leave a waypoint behind the entries that were published; without one an opening takes longer, no more."""
        if not self._n_bytes:
            return
        self._marked = self.size
        found = Waypoint(
            size=self.size,
            segment=self._begin.number,
            offset=self._n_bytes,
            prev=self._tip.prev,
            peaks=tuple(peak.hex() for peak in self._tip.tree.peaks),
            unended=tuple(self._unended),
            seen=dict(self._seen),
        )
        with suppress(OSError):
            self._sinks.whole.put(WAYPOINT, _encoder.encode(found))

    def _lay_out(self, drafts: Sequence[Draft]) -> tuple[bytes, bytes, list[bytes]]:
        """Return the lines, the lines of the parts, and the leaf hashes for the next places."""
        lines, parts, leaves, prev = [], [], [], self._tip.prev
        for (seq, one), salt in zip(enumerate(drafts, self.size), new_salts(len(drafts)), strict=True):
            stored = None if one.part is None else StoredPart(seq, salt, one.part)
            line = self._line(seq, prev, one, salt if stored is None else stored)
            leaf = leaf_hash(line)
            prev = leaf.hex()
            leaves.append(leaf)
            lines.append(line)
            if stored is not None:
                parts.append(stored.line())
        return b"\n".join(lines) + b"\n", b"".join(parts), leaves

    def _line(self, seq: int, prev: str, one: Draft, beside: StoredPart | bytes) -> bytes:
        # The body was encoded when the entry was handed over; Raw puts those bytes in as they are.
        body = cast("Entry", msgspec.Raw(one.body))
        digest = None if isinstance(beside, bytes) else beside.digest
        # Proofs show strangers the hashes of neighbours: without a part to salt it, a line could be guessed by its hash.
        salt = beside.hex() if isinstance(beside, bytes) else None
        line = Line(log=self._name, seq=seq, prev=prev, at_us=one.at_us, body=body, part=digest, salt=salt)
        return _encoder.encode(line)

    def _leave_full_segment(self, now_us: int) -> None:
        """Leave a segment that failed, is full or was begun long ago."""
        is_old = 0 < self._most_age_us <= now_us - self._began_us
        if self._is_left or (self._n_bytes and (self._n_bytes >= self._most_bytes or is_old)):
            self._leave_segment()

    def _leave_segment(self) -> None:
        """Seal the segment that is open and go on with the next; one without an entry is gone on with.

        Raises:
            LogUnavailable: The seal could not be written; nothing is appended before it is.
        """
        self._mend_sinks()
        if not self._n_bytes:
            self._is_left = False
            return
        self._seal()
        self._begin = Begin(self._begin.number + 1, self.size, self._tip.prev, self._tip.tree.peaks)
        self._n_bytes, self._is_left = 0, False

    def _seal(self) -> None:
        begin = self._begin
        try:
            seal = self._seal_of_file()
            self._sinks.put(seal_name(begin.number), seal.note(self._signer).encode(), self.size)
        except OSError as error:
            raise LogUnavailable(f"a segment could not be sealed: {error.strerror}") from error
        self._sinks.protect(begin.number)

    def _seal_of_file(self) -> Seal:
        begin = self._begin
        lines = segment_path(self._sinks.whole.directory, begin.number)
        seal = seal_of(lines, self._name, begin, self._tip.tree, self._tip.prev)
        if seal.n_bytes != self._n_bytes:
            raise OSError(errno.EIO, f"segment {begin.number:06} is not as long as the log knows it to be")
        return seal

    def _mend_sinks(self) -> None:
        if not self._is_well:
            self._is_well = self._sinks.mend()
        if not self._is_well:
            raise LogUnavailable("the segment that failed cannot be cut yet")

    def _give_up_segment(self) -> None:
        """Close the segment at once and cut it when the disk lets us: now, or before the next entry."""
        self._is_left = self._n_bytes > 0
        self._is_well = self._sinks.take_back()


def _age_and_size(sink: Sink, number: int) -> tuple[int, int]:
    """Return the time of the first entry of a segment, and the length of its lines; zeros where there is none."""
    path = segment_path(sink.directory, number)
    first = next(LineFile(path).lines(), None)
    if first is None:
        return 0, 0
    return msgspec.json.decode(first, type=_At).at_us, path.stat().st_size
