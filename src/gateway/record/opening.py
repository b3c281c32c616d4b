# SPDX-License-Identifier: Apache-2.0
"""Opening a slot's log: make it, or read all of it and refuse it if it contradicts itself.

1. Take the slot's lock.
2. A new slot gets its public key and a checkpoint of size 0 before its first entry, so an absent
   checkpoint always means damage.
3. Read the chain, from the last waypoint on; a torn last line was never acknowledged and is cut.
4. Hold it against what the logs beside it last saw of it: a log that was lost, shortened or put back
   to an older copy is not made anew or gone on with in silence.
5. Hold it against its own checkpoint: as long at least, and the same root. A waypoint that this does not
   bear out is passed over, and all of the log is read.
6. After an end out of order, write the last segment anew: it may hold lines that were only in memory
   when an fdatasync failed, and a line must be on the disk before another names it.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.domain.entry import End, Entry, Opened
from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.domain.names import DecisionId
from gateway.record.chain import Chain, Link
from gateway.record.checkpoint import (
    Checkpoint,
    CheckpointInvalid,
    Signer,
    VerifierKey,
    open_checkpoint,
    signed,
)
from gateway.record.files import Files, replace_file
from gateway.record.layout import (
    CHECKPOINT,
    PUBLIC_KEY,
    LineFile,
    is_log_name,
    parts_path,
    segment_path,
    segments,
)
from gateway.record.merkle import EMPTY_ROOT
from gateway.record.parts import PartInvalid, parse_part
from gateway.record.segment import SlotLock
from gateway.record.siblings import newest_sightings
from gateway.record.slot import MOST_UNSIGNED, SlotLog, Tip, draft
from gateway.record.waypoint import Waypoint, read_waypoint

SEGMENT_BYTES = 64 << 20


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What an opened log held.

    Attributes:
        size: Number of entries before this opening.
        torn_bytes: Length of a torn last line that was cut.
        unended: Calls whose last block is not in the log and whose end is not either, oldest first.
        seen: The newest checkpoint of every other log that an entry names, by origin.
        marked: Entries before the waypoint that the reading began at.
    """

    size: int
    torn_bytes: int
    unended: tuple[str, ...]
    seen: dict[str, str]
    marked: int = 0


def open_slot(
    directory: Path,
    name: str,
    signer: Signer,
    files: Files,
    *,
    most_bytes: int = SEGMENT_BYTES,
    lock_wait_s: float = 0.0,
) -> tuple[SlotLog, Found]:
    """Open a log for writing, making it if it is not there.

    Args:
        directory: ``STATE/log/<slot>``.
        name: ``<installation>/<node>/<slot>``.
        signer: The log's own key; always the same for a slot.
        files: The disk.
        most_bytes: Length of lines at which a segment is full.
        lock_wait_s: How long to wait for another process to let the slot go.

    Raises:
        LogDamaged: The log contradicts itself, its checkpoint or its key.
        LogUnavailable: Another process holds it, or the disk refuses.
    """
    if not is_log_name(name):
        raise LogUnavailable("a log is named <installation>/<node>/<slot>")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / "parts").mkdir(mode=0o700, exist_ok=True)
        lock = SlotLock(directory, patience_s=lock_wait_s)
    except OSError as error:
        raise LogUnavailable(f"the log's directory cannot be used: {error.strerror}") from error
    try:
        tip, found, number = _take_over(directory, VerifierKey(name, signer.public_key), signer, files)
    except OSError as error:
        lock.release()
        raise LogUnavailable(f"the log cannot be read: {error.strerror}") from error
    except BaseException:
        lock.release()
        raise
    log = SlotLog(
        files=files,
        directory=directory,
        name=name,
        signer=signer,
        lock=lock,
        tip=tip,
        segment=number,
        most_bytes=most_bytes,
        unended=found.unended,
        seen=found.seen,
        marked=found.marked,
    )
    return log, found


def begin(log: SlotLog, found: Found, *, version: str, public_key: bytes, clock: Callable[[], int]) -> None:
    """Enter the opening of a log and an end for every call that the log left open, and publish them.

    Raises:
        LogUnavailable: They could not be entered; the slot was let go.
    """
    opened = Opened(version=version, public_key=public_key.hex(), resumed_at=found.size)
    first: list[Entry] = [opened, *(End(call=DecisionId(call), how="unknown") for call in found.unended)]
    try:
        for start in range(0, len(first), MOST_UNSIGNED):
            log.append([draft(entry, None, clock()) for entry in first[start : start + MOST_UNSIGNED]])
        log.sign()
    except BaseException:
        log.close(None)
        raise


def _take_over(directory: Path, key: VerifierKey, signer: Signer, files: Files) -> tuple[Tip, Found, int]:
    """Return the end of the log, what it held, and the number of the segment to go on with."""
    chain, reading = _read_on(directory, key) or _read(directory, key, None)
    _check_seen(chain, directory, key)
    if not len(chain.leaves) and chain.broken is None:
        _found(directory, key, signer, files)
    state = _checked_state(directory, key)
    if chain.broken is not None:
        raise LogDamaged(chain.broken.sentence)
    tip = _tip(chain, state)
    ended_in_order = chain.last.body.kind == "closed" if chain.last else not len(chain.leaves)
    if chain.torn_bytes or not ended_in_order:
        _write_anew(directory, chain, files)
    found = Found(
        size=tip.tree.size,
        torn_bytes=chain.torn_bytes,
        unended=tuple(reading.unended),
        seen=reading.seen,
        marked=chain.leaves.first,
    )
    return tip, found, max(segments(directory), default=0)


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
    chain, reading = Chain(directory, key.name, start), _Reading(start)
    for link in chain.read():
        reading.note(link)
    return chain, reading


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
            raise LogDamaged(f"the log has {n_entries} entries, {slot} saw {seen.size}: it was lost or put back")
        # Before a waypoint there is no root to compare with; `gateway log verify` compares all of them.
        if seen.size >= chain.leaves.first and chain.leaves.roots((seen.size,))[seen.size] != seen.root:
            raise LogDamaged(f"the log differs from what {slot} saw of it")


def _found(directory: Path, key: VerifierKey, signer: Signer, files: Files) -> None:
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
        written = (directory / PUBLIC_KEY).read_text()
        note = (directory / CHECKPOINT).read_text()
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
    replace_file(files, parts, _kept_parts(parts, len(chain.leaves)))
    replace_file(files, lines, content[: len(content) - chain.torn_bytes])


def _kept_parts(path: Path, size: int) -> bytes:
    """Return the lines of a parts file up to the last that belongs to an entry of the log."""
    file, kept, content = LineFile(path), 0, path.read_bytes() if path.exists() else b""
    for line in file.lines():
        # A malformed line is kept: it is for `verify` to name, not for an opening to hide.
        seq = -1
        with contextlib.suppress(PartInvalid):
            seq = parse_part(line).seq
        if seq < size:
            kept = file.offset
    return content[:kept]
