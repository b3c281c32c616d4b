# SPDX-License-Identifier: Apache-2.0
"""Where a log stands, and whether an index of it was built from the parts that are there now.

What is deleted from a file of parts moves all that comes after it, so one look at the last part of a
segment tells whether any part of it was deleted since. Nothing here proves a log; that is ``verify``.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from gateway.domain.errors import LogDamaged
from gateway.domain.reach import Extent
from gateway.record.format.checkpoint import CheckpointInvalid, open_checkpoint, parse_verifier_key
from gateway.record.format.layout import CHECKPOINT, PUBLIC_KEY, LineFile, parts_path, segment_path, segments
from gateway.record.format.parts import PartInvalid, parse_part
from gateway.record.reading.indexing import position_of


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


def agreeing_extents(
    logs: Path, there: Collection[str], extents: Mapping[str, Extent]
) -> tuple[dict[str, Extent], list[str]]:
    """Return how far an index reaches in the logs that it was built from, and in sentences why no further.

    Args:
        logs: ``STATE/log``.
        there: The slots in it.
        extents: By slot how far the index says that it reaches.
    """
    found = {slot: one for slot, one in extents.items() if slot in there and _is_built_from(logs, one)}
    remarks = [
        f"the index was built from another log {slot} than is there, so it was not used for it"
        for slot in sorted(set(extents) - set(found))
    ]
    return found, remarks or ([] if extents else ["the index is empty: every entry was read"])


def _is_built_from(logs: Path, extent: Extent) -> bool:
    try:
        return position_of(logs / extent.slot, extent.size).head == extent.head
    except LogDamaged:
        return False


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
