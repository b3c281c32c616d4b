# SPDX-License-Identifier: Apache-2.0
"""Where a log stands, and whether an index of it was built from the parts that are there now.

What is deleted from a file of parts moves all that comes after it, so one look at the last part of a
segment tells whether any part of it was deleted since. Nothing here proves a log; that is ``verify``.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged
from gateway.record.format.checkpoint import CheckpointInvalid, open_checkpoint, parse_verifier_key
from gateway.record.format.layout import CHECKPOINT, PUBLIC_KEY, LineFile, parts_path, segment_path, segments
from gateway.record.format.parts import PartInvalid, parse_part


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer from a log rests on.

    Attributes:
        log: ``<installation>/<node>/<slot>``; the folder's name where the key of the log cannot be read.
        entries: How many were read.
        size / root: Of the newest signed checkpoint; 0 and empty where none can be read.
    """

    log: str
    entries: int
    size: int = 0
    root: str = ""


def stand_of(directory: Path, entries: int) -> Stand:
    """Return where a log stands of which so many entries were read."""
    try:
        key = parse_verifier_key((directory / PUBLIC_KEY).read_bytes().decode().removesuffix("\n"))
        signed = open_checkpoint((directory / CHECKPOINT).read_bytes().decode(), key)
    except (OSError, UnicodeDecodeError, CheckpointInvalid):
        return Stand(log=directory.name, entries=entries)
    return Stand(log=key.name, entries=entries, size=signed.size, root=signed.root.hex())


def spread(directory: Path, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, first place and end of each segment, as far as its entries are below place ``size``.

    Raises:
        LogDamaged: The first entry of a segment cannot be read.
    """
    firsts = [(number, first) for number in segments(directory) if (first := _first_place(directory, number)) >= 0]
    ends = [first for _, first in firsts[1:]] + [size]
    for (number, first), end in zip(firsts, ends, strict=True):
        if first < min(end, size):
            yield number, first, min(end, size)


def has_part_at(directory: Path, segment: int, seq: int, offset: int) -> bool:
    """Tell whether the part of an entry begins at this byte of a segment's parts."""
    line = next(LineFile(parts_path(directory, segment), offset).lines(), None)
    try:
        return line is not None and parse_part(line).seq == seq
    except PartInvalid:
        return False


class _Place(msgspec.Struct):
    seq: int


def _first_place(directory: Path, segment: int) -> int:
    """Return the place of a segment's first entry; -1 for a segment without any."""
    raw = next(LineFile(segment_path(directory, segment)).lines(), None)
    try:
        return -1 if raw is None else msgspec.json.decode(raw, type=_Place).seq
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogDamaged("an entry cannot be read; run `gateway log verify`") from error
