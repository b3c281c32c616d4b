# SPDX-License-Identifier: Apache-2.0
"""Two sinks of one log at its opening: which is whole, and the other made equal to it.

Rules:
1. The shorter is completed from the longer, if it is the beginning of it. Where they differ, neither is
   touched and the log is not opened.
2. What differs behind the place at which one says that it went on alone was never told to anybody, if the
   other has not signed it: there the one that went on is believed.
3. A sink that is not there can only be gone without under ``either``, and only by one that says that it was
   alone already: of any other nobody can tell here whether it is behind.
4. A sink that was there and is empty now is not filled again unasked: its disk may not be mounted.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.record.checkpoint import CheckpointInvalid, parse_checkpoint, parse_note
from gateway.record.copying import PAIRED, copy_closed, copy_rest, is_same
from gateway.record.files import Files
from gateway.record.layout import CHECKPOINT, CHUNK_BYTES, segment_path, segments
from gateway.record.seal import seal_name
from gateway.record.sink import Sink
from gateway.record.sinks import ALONE, FIRST, SECOND, Alone, Rule, Sinks
from gateway.record.tail import LINE_SEQ, size_of

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
        self._alone = _alone(first.directory)

    def meet(self, check: Callable[[Path], None], *, patience_s: float) -> None:
        """Complete the first from the second, if that is the longer.

        Args:
            check: Raises ``LogDamaged`` where a directory holds no log that is right in itself.
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
        self._refuse_if_not_mounted()
        ahead = self._first_is_behind_by()
        if ahead > 0 or _alone(self.second.directory) is not None:
            check(self.second.directory)
            self.completed = (FIRST, ahead)
            _complete(self.second.directory, self.first, with_parts=self._was_away)
        elif _signed(self.second.directory) > _signed(self.first.directory):
            self.first.put(CHECKPOINT, (self.second.directory / CHECKPOINT).read_bytes())

    def joined(self) -> Sinks:
        """Complete the second from the first, which was found right by now, and return both.

        Raises:
            OSError: It cannot be done.
        """
        sinks = Sinks(self.first, self.second, self.rule)
        if self._missing:
            sinks.lose(SECOND, self._missing)
            return sinks
        lacks = size_of(self.first.directory) - size_of(self.second.directory)
        _complete(self.first.directory, self.second, with_parts=self._was_away)
        if lacks > 0:
            self.completed = (SECOND, lacks)
        for sink in (self.first, self.second):
            if not (sink.directory / PAIRED).exists():
                sink.put(PAIRED, b"")
            sink.remove(ALONE)
        return sinks

    def close(self) -> None:
        """Let the second go again."""
        self.second.close()

    def _refuse_if_not_mounted(self) -> None:
        first, second = self.first.directory, self.second.directory
        for here, there in ((first, second), (second, first)):
            is_said = _alone(here) is not None
            if (here / PAIRED).exists() and not segments(there) and segments(here) and not is_said:
                raise LogUnavailable(
                    f"{there} held this log and is empty now: is its disk mounted? If the disk is new, "
                    f"remove {here / PAIRED}"
                )

    def _first_is_behind_by(self) -> int:
        """Return by how many entries the second is ahead, after it was made sure that one begins the other."""
        first, second = self.first.directory, self.second.directory
        place = first_difference(first, second)
        alone, other = _alone(first), _alone(second)
        if place is not None:
            _believe(alone, second, place) or _believe(other, first, place) or _refuse(place)
            self._was_away = True
            return 1 if other is not None else 0
        apart = size_of(second) - size_of(first)
        self._was_away = alone is not None or other is not None or abs(apart) > MOST_APART
        return apart


def first_difference(first: Path, second: Path) -> int | None:
    """Return the place of the first entry that two sinks do not have alike; ``None`` if one begins the other.

    Raises:
        LogDamaged: A line cannot be read.
    """
    ours, theirs = segments(first), segments(second)
    for number in sorted({*ours, *theirs}):
        if number not in ours or number not in theirs:
            # Moved to an archive on one side, or the end of the shorter one.
            continue
        found = _difference(first, second, number, max(ours) == number, max(theirs) == number)
        if found is not None:
            return found
    return None


def _difference(first: Path, second: Path, number: int, is_our_last: bool, is_their_last: bool) -> int | None:
    one, other, seal = segment_path(first, number), segment_path(second, number), seal_name(number)
    lengths = (_whole_bytes(one), _whole_bytes(other))
    if lengths[0] == lengths[1] and is_same(first / seal, second / seal):
        return None
    common = min(lengths)
    place = _differing_byte(one, other, common)
    goes_on = (lengths[0] == common and not is_our_last) or (lengths[1] == common and not is_their_last)
    if place is None and not (goes_on and lengths[0] != lengths[1]):
        return None
    return _place_at(one if lengths[0] >= lengths[1] else other, common if place is None else place)


def _differing_byte(one: Path, other: Path, n_bytes: int) -> int | None:
    at = 0
    with one.open("rb") as left, other.open("rb") as right:
        while at < n_bytes:
            size = min(CHUNK_BYTES, n_bytes - at)
            ours, theirs = left.read(size), right.read(size)
            if ours != theirs:
                return at + next((i for i, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), 0)
            at += size
    return None


def _place_at(path: Path, at: int) -> int:
    """Return the place of the entry whose line a byte of a segment lies in."""
    begin = 0
    for line in _lines(path):
        if begin + len(line) >= at:
            found = LINE_SEQ.match(line)
            if found is not None:
                return int(found[1])
            break
        begin += len(line) + 1
    raise LogDamaged("a line of the log cannot be read; run `gateway log verify`")


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from (line.removesuffix(b"\n") for line in file)


def _whole_bytes(path: Path) -> int:
    """Return the length of the whole lines of a file; a torn last one was never told to anybody."""
    with path.open("rb") as file:
        end = at = file.seek(0, 2)
        while at > 0:
            begin = max(0, at - CHUNK_BYTES)
            file.seek(begin)
            found = file.read(at - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            at = begin
    return 0 if end else end


def _believe(alone: Alone | None, other: Path, place: int) -> bool:
    """Tell whether one that went on alone is to be believed over the other from a place on."""
    return alone is not None and alone.size <= place and _signed(other) <= alone.size


def _refuse(place: int) -> bool:
    raise LogDamaged(
        f"the log and its second copy differ from entry {place} on; neither was touched: compare both with "
        "`gateway log verify --dir`, keep the right one, and put a copy of it in the place of the other"
    )


def _signed(directory: Path) -> int:
    """Return what the checkpoint of a sink says of its size, whoever signed it; 0 where it says nothing."""
    with suppress(OSError, UnicodeDecodeError, CheckpointInvalid):
        return parse_checkpoint(parse_note((directory / CHECKPOINT).read_text(encoding="utf-8")).text).size
    return 0


def _alone(directory: Path) -> Alone | None:
    try:
        return msgspec.json.decode((directory / ALONE).read_bytes(), type=Alone)
    except (OSError, msgspec.DecodeError):
        return None


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
