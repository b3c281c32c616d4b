# SPDX-License-Identifier: Apache-2.0
"""Two copies of one log side by side: where they differ, what each says of itself, and which is to be believed.

Nothing is proved here: what is taken over from one into the other is verified first, or was.
"""

import errno
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged
from gateway.record.format.checkpoint import CheckpointInvalid, parse_checkpoint, parse_note
from gateway.record.format.layout import CHECKPOINT, CHUNK_BYTES, segment_path, segments
from gateway.record.format.seal import seal_name
from gateway.record.reading.tail import LINE_SEQ, size_of
from gateway.record.writing.copying import is_same
from gateway.record.writing.sinks import ALONE, Alone


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


def refuse_another_history(whole: Path, lost: Path) -> None:
    """Refuse to make a sink that comes back equal to the whole one where that would take away what it has signed.

    A log that was put back to a copy from a time when it was alone does not know what the other took since then.

    Raises:
        OSError: With a sentence in place of the system's words.
    """
    alone = alone_of(whole)
    try:
        place = first_difference(whole, lost)
        if place is None and size_of(lost) > size_of(whole):
            place = size_of(whole)
        is_right = place is None or is_believed(alone, lost, place)
    except LogDamaged:
        place, is_right = alone.size if alone else 0, is_believed_unread(alone, whole, lost)
    if not is_right:
        raise OSError(
            errno.ESTALE,
            f"it holds another history from entry {place} on: compare both with `gateway log verify --dir`",
        )


def is_believed(alone: Alone | None, other: Path, place: int) -> bool:
    """Tell whether one that went on alone is to be believed over the other from a place on."""
    return alone is not None and alone.size <= place and signed_size(other) <= alone.size


def is_believed_unread(alone: Alone | None, own: Path, other: Path) -> bool:
    """Tell the same where lines cannot be read, so that no place is known.

    What cannot be read is no history; its checkpoint still says whether there was one. What a mark says is not
    enough then: whoever can write one disk alone must not put the other back by it.
    """
    return alone is not None and signed_size(other) <= min(alone.size, signed_size(own))


def signed_size(directory: Path) -> int:
    """Return what the checkpoint of a sink says of its size, whoever signed it; 0 where it says nothing."""
    with suppress(CheckpointInvalid):
        return parse_checkpoint(parse_note(note_of(directory)).text).size
    return 0


def note_of(directory: Path) -> str:
    """Return the checkpoint of a sink as it is written; empty where it cannot be read."""
    with suppress(OSError, UnicodeDecodeError):
        return (directory / CHECKPOINT).read_text(encoding="utf-8")
    return ""


def alone_of(directory: Path) -> Alone | None:
    """Return what a sink says of itself that went on without the other; ``None`` where it says nothing that can be read."""
    try:
        return msgspec.json.decode((directory / ALONE).read_bytes(), type=Alone)
    except (OSError, msgspec.DecodeError):
        return None
