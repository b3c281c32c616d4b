# SPDX-License-Identifier: Apache-2.0
"""Taking over a log that is there: what it holds, whether it contradicts itself, and where it goes on.

Steps 3 to 6 of ``opening``.
"""

from pathlib import Path

import msgspec

from gateway.domain.errors import LogBehind, LogDamaged
from gateway.record.format.chain import Chain, Link
from gateway.record.format.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    Signer,
    VerifierKey,
    open_checkpoint,
    signed,
)
from gateway.record.format.files import Files, replace_file
from gateway.record.format.layout import (
    CHECKPOINT,
    PUBLIC_KEY,
    parts_path,
    segment_path,
    segments,
)
from gateway.record.format.merkle import EMPTY_ROOT
from gateway.record.format.parts import kept_parts
from gateway.record.format.seal import Begin, begin_of_log, seal_name
from gateway.record.format.waypoint import Waypoint, read_waypoint
from gateway.record.format.witnessed import check_witnessed
from gateway.record.writing.rewriting import parts_held
from gateway.record.writing.sealing import begin_of_next
from gateway.record.writing.siblings import newest_sightings
from gateway.record.writing.slot import Tip


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What an opened log held.

    Attributes:
        size: Number of entries before this opening.
        torn_bytes: Length of a torn last line that was cut.
        unended: Calls whose last block is not in the log and whose end is not either, oldest first.
        seen: The newest checkpoint of every other log that an entry names, by origin.
        marked: Entries before the waypoint that the reading began at.
        completed: Which of two sinks lacked entries, and how many; empty and 0 for neither.
    """

    size: int
    torn_bytes: int
    unended: tuple[str, ...]
    seen: dict[str, str]
    marked: int = 0
    completed: tuple[str, int] = ("", 0)


def take_over(directory: Path, key: VerifierKey, signer: Signer, files: Files) -> tuple[Tip, Found, Begin]:
    """Return the end of the log, what it held, and where the segment to go on with begins."""
    chain, reading = _read_on(directory, key) or _read(directory, key, None)
    _check_seen(chain, directory, key)
    check_witnessed(directory, key, chain.leaves)
    if not len(chain.leaves) and chain.broken is None:
        _make(directory, key, signer, files)
    state = _checked_state(directory, key)
    if chain.broken is not None:
        raise LogDamaged(chain.broken.sentence)
    tip = _tip(chain, state)
    ended_in_order = chain.last.body.kind == "closed" if chain.last else not len(chain.leaves)
    newest = max(segments(directory), default=0)
    is_sealed = (directory / seal_name(newest)).exists()
    if not is_sealed and (chain.torn_bytes or not ended_in_order):
        _write_anew(directory, chain, files)
    found = Found(
        size=tip.tree.size,
        torn_bytes=chain.torn_bytes,
        unended=tuple(reading.unended),
        seen=reading.seen,
        marked=chain.leaves.first,
    )
    return tip, found, begin_of_next(directory, key, signer, files)


class _Reading:
    """What the entries of a log leave open."""

    def __init__(self, start: Waypoint | None) -> None:
        self.unended: dict[str, None] = dict.fromkeys(start.unended if start else ())
        self.seen: dict[str, str] = dict(start.seen) if start else {}

    def note(self, link: Link) -> None:
        """Take one entry in. A refusal is an ending, and so is a release marked last."""
        body = link.body
        match body.kind:
            case "intent" | "observed":
                self.unended[body.call] = None
            case "release" | "passed" if not body.last:
                self.unended[body.call] = None
            case "release" | "passed" | "end" | "refusal":
                self.unended.pop(body.call, None)
            case "log-seen":
                self.seen[body.origin] = body.checkpoint
            case _:
                pass


def _read_on(directory: Path, key: VerifierKey) -> tuple[Chain, _Reading] | None:
    """Return what follows a waypoint, if it bears the waypoint out; ``None`` where all has to be read."""
    start = read_waypoint(directory)
    if start is None:
        return None
    chain, reading = _read(directory, key, start)
    if chain.broken is not None:
        return None
    try:
        _tip(chain, _checked_state(directory, key))
    except LogDamaged:
        return None
    return chain, reading


def _read(directory: Path, key: VerifierKey, start: Waypoint | None) -> tuple[Chain, _Reading]:
    first = _first_here(directory, key)
    chain, reading = Chain(directory, key.name, start or first), _Reading(start)
    for link in chain.read():
        reading.note(link)
    return chain, reading


def _first_here(directory: Path, key: VerifierKey) -> Waypoint | None:
    """Return where the lines begin that are here, if segments were moved away."""
    try:
        begin = begin_of_log(directory, key)
    except CheckpointInvalid as error:
        raise LogDamaged(f"segment 000000 is missing, and {error}") from error
    return begin.waypoint() if begin.number else None


def check(directory: Path, key: VerifierKey) -> None:
    """Refuse a directory that holds no log that is right in itself."""
    chain, _ = _read(directory, key, None)
    if chain.broken is not None:
        raise LogDamaged(f"the log of {directory}: {chain.broken.sentence}")
    _tip(chain, _checked_state(directory, key))


def _check_seen(chain: Chain, directory: Path, key: VerifierKey) -> None:
    """Refuse a log that is behind what another one saw of it, under its own signature."""
    for slot, note in newest_sightings(directory.parent, key.name):
        try:
            seen = open_checkpoint(note, key)
        except CheckpointInvalid:
            # Not signed by this log: it proves nothing here. `gateway log verify` names it.
            continue
        n_entries = len(chain.leaves)
        if n_entries < seen.size:
            raise LogBehind(
                f"the log {key.name} has {n_entries} entries, {slot} saw {seen.size}: it was lost or put back. Keep what is "
                f"there, and put {directory} back from a copy that has them all (docs/how-to/keep-checkpoints-outside.md)"
            )
        # Before a waypoint there is no root to compare with; `gateway log verify` compares all of them.
        if seen.size >= chain.leaves.first and chain.leaves.roots((seen.size,))[seen.size] != seen.root:
            raise LogDamaged(f"the log differs from what {slot} saw of it")


def _make(directory: Path, key: VerifierKey, signer: Signer, files: Files) -> None:
    """Give a slot without entries its key and its first checkpoint, where they are not there yet."""
    if not (directory / PUBLIC_KEY).exists():
        if (directory / CHECKPOINT).exists():
            raise LogDamaged("the log has a checkpoint but not its public key")
        replace_file(files, directory / PUBLIC_KEY, f"{key.text()}\n".encode())
    if not (directory / CHECKPOINT).exists():
        empty = Checkpoint(origin=key.name, size=0, root=EMPTY_ROOT)
        replace_file(files, directory / CHECKPOINT, signed(empty, signer).encode())
    files.sync_directory(directory.parent)
    files.sync_directory(directory.parent.parent)


def _checked_state(directory: Path, key: VerifierKey) -> Checkpoint:
    """Return the log's own checkpoint, signed with the key that the log is opened with."""
    try:
        written = (directory / PUBLIC_KEY).read_bytes().decode()
        note = (directory / CHECKPOINT).read_bytes().decode()
    except FileNotFoundError as error:
        raise LogDamaged(f"the log has entries but no file {Path(error.filename).name}") from None
    except UnicodeDecodeError:
        raise LogDamaged("the checkpoint or the public key is not text") from None
    if written != f"{key.text()}\n":
        raise LogDamaged("log.pub does not hold the key that this log is opened with")
    try:
        return open_checkpoint(note, key)
    except CheckpointInvalid as error:
        raise LogDamaged(str(error)) from error


def _tip(chain: Chain, state: Checkpoint) -> Tip:
    """Return the end of a log that agrees with its checkpoint."""
    leaves = chain.leaves
    if len(leaves) < state.size:
        raise LogDamaged(f"the log has {len(leaves)} entries, its checkpoint {state.size}")
    if leaves.first > state.size:
        raise LogDamaged(f"the waypoint is at {leaves.first} entries, the checkpoint at {state.size}")
    tree = leaves.tree(state.size)
    if tree.root() != state.root:
        raise LogDamaged("the log differs from its checkpoint")
    for index in range(state.size, len(leaves)):
        tree.append(leaves[index])
    return Tip(tree, chain.prev, state.size)


def _write_anew(directory: Path, chain: Chain, files: Files) -> None:
    """Write the last segment and its parts anew, without a torn line and without parts that are ahead."""
    lines, parts = segment_path(directory, chain.segment), parts_path(directory, chain.segment)
    content = lines.read_bytes()
    with parts_held(directory):
        replace_file(files, parts, kept_parts(parts, len(chain.leaves)))
    replace_file(files, lines, content[: len(content) - chain.torn_bytes])
