# SPDX-License-Identifier: Apache-2.0
"""Two sinks of one log at its opening: which is whole, and the other made equal to it.

Rules:
1. The shorter is completed from the longer, if it is the beginning of it. Where they differ, neither is
   touched and the log is not opened.
2. What differs behind the place at which one says that it went on alone was never told to anybody, if the
   other has not signed it: there the one that went on is believed. Where both say so, neither is.
3. A sink that is not there can only be gone without under ``either``, and only by one that says that it was
   alone already: of any other nobody can tell here whether it is behind.
4. A sink that was there and is empty now is not filled again unasked: its disk may not be mounted. One that says
   that it was alone goes on without it, as without one that is not there.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, open_checkpoint
from gateway.record.format.files import Files
from gateway.record.format.layout import CHECKPOINT, segments
from gateway.record.format.seal import read_seal, seal_name
from gateway.record.reading.tail import size_of
from gateway.record.writing.copying import PAIRED, copy_closed, copy_rest
from gateway.record.writing.differing import (
    alone_of,
    first_difference,
    is_believed,
    is_believed_unread,
    note_of,
    signed_size,
)
from gateway.record.writing.sink import Sink
from gateway.record.writing.sinks import ALONE, FIRST, SECOND, Rule, Sinks

MOST_APART = 256
"""Entries that one sink can be ahead by a crash; one that is further behind was away, and parts of it too."""


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """A second sink as it is asked for.

    Attributes:
        directory: Of the slot, on another disk; the folder above must be there.
        files: The disk, if it is not the same as the first one's.
    """

    directory: Path
    rule: Rule = "both"
    files: Files | None = None


class Pair:
    """Two sinks that meet at an opening.

    Attributes:
        completed: Which of them was made equal to the other, and how many entries it lacked.
    """

    def __init__(self, first: Sink, second: Second) -> None:
        """Nothing is looked at yet."""
        self.first, self.rule = first, second.rule
        self.second = Sink(second.files or first.files, second.directory)
        self.completed: tuple[str, int] = ("", 0)
        self._missing = ""
        self._was_away = False
        self._alone = alone_of(first.directory)

    def meet(self, check: Callable[[Path], None], key: VerifierKey, *, patience_s: float) -> None:
        """Complete the first from the second, if that is the longer.

        Args:
            check: Raises ``LogDamaged`` where a directory holds no log that is right in itself.
            key: The log's.
            patience_s: How long to wait for another process to let the second go.

        Raises:
            LogDamaged: They differ, or the longer is not right.
            LogUnavailable: The second cannot be used.
        """
        try:
            self.second.take(patience_s=patience_s)
        except OSError as error:
            if self.rule == "either" and self._alone is not None:
                self._missing = error.strerror or "not there"
                return
            raise LogUnavailable(_is_away(self.second.directory, error, self.rule)) from error
        if (
            self.rule == "either"
            and self._alone is not None
            and _is_emptied(self.first.directory, self.second.directory)
        ):
            # A folder that a disk was mounted over once: to fill it would be to keep both copies on one disk.
            self._missing = f"it is empty; if its disk is new, remove {self.first.directory / PAIRED}"
            self.second.close()
            return
        self._refuse_if_not_mounted()
        ahead = self._first_is_behind_by()
        if ahead > 0:
            check(self.second.directory)
            self.completed = (FIRST, ahead)
            _complete(self.second.directory, self.first, with_parts=self._was_away)
        elif ahead == 0:
            self._take_what_is_signed(key)

    def joined(self) -> Sinks:
        """Complete the second from the first, which was found right by now, and return both.

        Raises:
            OSError: It cannot be done.
        """
        sinks = Sinks(self.first, self.second, self.rule)
        if self._missing:
            sinks.lose(SECOND, self._missing)
            return sinks
        lacks = size_of(self.first.directory) - self._size_of_second()
        _complete(self.first.directory, self.second, with_parts=self._was_away)
        if lacks > 0:
            self.completed = (SECOND, lacks)
        for sink in (self.first, self.second):
            if not (sink.directory / PAIRED).exists():
                sink.put(PAIRED, b"")
            sink.remove(ALONE)
        return sinks

    def _size_of_second(self) -> int:
        try:
            return size_of(self.second.directory)
        except LogDamaged:
            return 0 if self._alone is None else self._alone.size

    def close(self) -> None:
        """Let the second go again."""
        self.second.close()

    def _refuse_if_not_mounted(self) -> None:
        first, second = self.first.directory, self.second.directory
        for here, there in ((first, second), (second, first)):
            is_said = here == second and alone_of(here) is not None
            if _is_emptied(here, there) and not is_said:
                raise LogUnavailable(
                    f"{there} held this log and is empty now: is its disk mounted? If the disk is new, "
                    f"remove {here / PAIRED}"
                )

    def _first_is_behind_by(self) -> int:
        """Return by how many entries the second is ahead, after it was made sure that one begins the other.

        Where they differ and one of them is believed, 1 or -1 says which. To say that it was alone makes nobody longer:
        a mark that was left behind, or put there, must not cut the other.
        """
        first, second = self.first.directory, self.second.directory
        alone, other = alone_of(first), alone_of(second)
        try:
            place, apart = first_difference(first, second), size_of(second) - size_of(first)
        except LogDamaged:
            is_first, is_second = is_believed_unread(alone, first, second), is_believed_unread(other, second, first)
            if is_first == is_second:
                raise
            self._was_away = True
            return 1 if is_second else -1
        if place is not None:
            is_first, is_second = is_believed(alone, second, place), is_believed(other, first, place)
            if is_first == is_second:
                raise _differing(place)
            self._was_away = True
            return 1 if is_second else -1
        self._was_away = alone is not None or abs(apart) > MOST_APART
        return apart

    def _take_what_is_signed(self, key: VerifierKey) -> None:
        """Take the seal and the checkpoint of as many entries that a crash left on the second alone, if they are right."""
        first, second = self.first.directory, self.second.directory
        newest = max(segments(second), default=0)
        name = seal_name(newest)
        if (second / name).exists() and not (first / name).exists():
            with suppress(CheckpointInvalid):
                if read_seal(second, newest, key).size == size_of(first):
                    self.first.put(name, (second / name).read_bytes())
                    self.first.protect(newest)
        note = note_of(second)
        with suppress(CheckpointInvalid):
            if open_checkpoint(note, key).size > signed_size(first):
                self.first.put(CHECKPOINT, note.encode())


def _is_emptied(here: Path, there: Path) -> bool:
    """Tell whether one held the log that the other holds, and holds nothing now.

    A disk that was paired says so itself. One that says so and has no entry is the right one: a crash came when the
    first entry of all was on the other alone.
    """
    return (here / PAIRED).exists() and bool(segments(here)) and not segments(there) and not (there / PAIRED).exists()


def _complete(source: Path, sink: Sink, *, with_parts: bool) -> None:
    newest = max(segments(source), default=0)
    copy_closed(source, sink, newest, with_parts=with_parts)
    copy_rest(source, sink, newest)


def _is_away(directory: Path, error: OSError, rule: Rule) -> str:
    why = error.strerror or "it is not there"
    if rule == "both":
        return f"the second log {directory} cannot be used ({why}), and log.second_rule is both: mount its disk"
    return (
        f"the second log {directory} cannot be used ({why}), and the first does not say that it went on alone: "
        "whether it is whole cannot be known. Mount the disk, or take log.second out of the settings"
    )


def _differing(place: int) -> LogDamaged:
    return LogDamaged(
        f"the log and its second copy differ from entry {place} on; neither was touched: compare both with "
        "`gateway log verify --dir`, keep the right one, and put a copy of it in the place of the other"
    )
