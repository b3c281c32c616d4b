# SPDX-License-Identifier: Apache-2.0
"""Reading a log: in either direction, as it grows, searched, and one entry with its inclusion proof.

A part is handed out only if it has the digest that its entry holds. Nothing here proves a log; that is
`verify`. Entries that cannot be read end the reading with ``LogDamaged``.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from gateway.domain.entry import Line, Part
from gateway.domain.errors import LogDamaged
from gateway.record.format.chain import Chain
from gateway.record.format.checkpoint import Checkpoint, CheckpointInvalid, open_checkpoint, parse_verifier_key
from gateway.record.format.layout import CHECKPOINT, PUBLIC_KEY, LineFile, parts_path, segment_path, segments
from gateway.record.format.parts import PartInvalid, StoredPart, parse_part
from gateway.record.format.proofs import inclusion_proof

_decoder = msgspec.json.Decoder(Line)


class Record(msgspec.Struct, frozen=True):
    """An entry as it was read: the line, its exact bytes, and its part if that is still there."""

    line: Line
    raw: bytes
    part: Part | None

    def text(self) -> str:
        """Return the line with everything that a terminal could obey or hide spelled as an escape."""
        return "".join(one if one.isprintable() else _escaped(one) for one in self.raw.decode())


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with the proof that the log's newest checkpoint covers it.

    Attributes:
        proof: Sibling hashes from the leaf upwards, hexadecimal; ``None`` if no checkpoint covers it yet.
        checkpoint: The signed note that the proof ends in.
    """

    record: Record
    leaf: str
    size: int
    root: str
    proof: tuple[str, ...] | None
    checkpoint: str


def records(directory: Path, *, newest_first: bool = False) -> Iterator[Record]:
    """Yield the entries of a slot; a torn last line is left out.

    Raises:
        LogDamaged: An entry or a part cannot be read, or a part is not the one that its entry names.
    """
    numbers = segments(directory)
    for number in reversed(numbers) if newest_first else numbers:
        # Lines before parts: a part is durable before its line, so none is missed in a growing log.
        lines = list(LineFile(segment_path(directory, number)).lines())
        parts = _parts(LineFile(parts_path(directory, number)))
        for raw in reversed(lines) if newest_first else lines:
            yield _record(raw, parts)


def merged(directories: list[Path], *, newest_first: bool = False) -> Iterator[Record]:
    """Yield the entries of several slots by their times."""
    streams = [records(directory, newest_first=newest_first) for directory in directories]
    return heapq.merge(*streams, key=lambda record: record.line.at_us, reverse=newest_first)


def follow(directory: Path, wait: Callable[[], bool], *, after: int = -1) -> Iterator[Record]:
    """Yield the entries after a place, then those to come.

    Args:
        directory: ``STATE/log/<slot>``.
        wait: Called when there is nothing new; returns whether to go on.
        after: The last place that is already known; -1 for none.
    """
    number = segment_of(directory, after + 1)
    lines, parts = LineFile(segment_path(directory, number)), LineFile(parts_path(directory, number))
    while True:
        # Looked at before reading: once a later segment is there, this one has all its lines.
        is_full = any(later > number for later in segments(directory))
        new = list(lines.lines())
        held = _parts(parts)
        for raw in new:
            record = _record(raw, held)
            if record.line.seq > after:
                yield record
        if is_full:
            number += 1
            lines, parts = LineFile(segment_path(directory, number)), LineFile(parts_path(directory, number))
        elif not wait():
            return


def show(directory: Path, seq: int) -> Shown | None:
    """Return an entry with its inclusion proof, or ``None`` if the log does not reach so far.

    Raises:
        LogDamaged: The log does not hold together up to the entry, or its checkpoint is not right.
    """
    record = _at(directory, seq)
    return None if record is None else show_all(directory, (record,))[0]


def show_all(directory: Path, found: Sequence[Record]) -> list[Shown]:
    """Return entries of one log with their inclusion proofs; the log is read once for all of them.

    Raises:
        LogDamaged: The log does not hold together up to an entry, or its checkpoint is not right.
    """
    try:
        key = parse_verifier_key((directory / PUBLIC_KEY).read_bytes().decode().removesuffix("\n"))
        note = (directory / CHECKPOINT).read_bytes().decode()
        state = open_checkpoint(note, key)
    except (OSError, UnicodeDecodeError, CheckpointInvalid) as error:
        raise LogDamaged("the checkpoint or the key of the log is missing or wrong") from error
    chain = Chain(directory, key.name)
    for _ in chain.read():
        pass
    last = max((record.line.seq for record in found), default=-1)
    if chain.broken is not None or len(chain.leaves) < max(state.size, last + 1):
        raise LogDamaged("the log does not hold together; run `gateway log verify`")
    return [_shown(record, chain, state, note) for record in found]


def _shown(record: Record, chain: Chain, state: Checkpoint, note: str) -> Shown:
    seq = record.line.seq
    siblings = inclusion_proof(chain.leaves, seq, state.size) if seq < state.size else None
    return Shown(
        record=record,
        leaf=chain.leaves[seq].hex(),
        size=state.size,
        root=state.root.hex(),
        proof=None if siblings is None else tuple(one.hex() for one in siblings),
        checkpoint=note,
    )


def segment_of(directory: Path, seq: int) -> int:
    """Return the number of the segment that holds a place, or would hold it next."""
    for number in reversed(segments(directory)):
        first = next(LineFile(segment_path(directory, number)).lines(), None)
        if first is not None and _line(first).seq <= seq:
            return number
    return 0


def _at(directory: Path, seq: int) -> Record | None:
    number = segment_of(directory, seq)
    for raw in LineFile(segment_path(directory, number)).lines():
        if _line(raw).seq == seq:
            return _record(raw, _parts(LineFile(parts_path(directory, number))))
    return None


def _line(raw: bytes) -> Line:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogDamaged("an entry cannot be read; run `gateway log verify`") from error


def _parts(file: LineFile) -> dict[int, StoredPart]:
    """Return the parts that a file has to offer from where it was last read, by place."""
    try:
        return {part.seq: part for part in map(parse_part, file.lines())}
    except PartInvalid as error:
        raise LogDamaged(str(error)) from error


def _record(raw: bytes, parts: dict[int, StoredPart]) -> Record:
    line = _line(raw)
    stored = parts.get(line.seq)
    if stored is None:
        return Record(line, raw, None)
    if stored.digest != line.part:
        raise LogDamaged(f"the part of entry {line.seq} was changed; run `gateway log verify`")
    return Record(line, raw, stored.part())


def _escaped(one: str) -> str:
    """Spell a character as JSON does, in UTF-16 units."""
    units = one.encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
