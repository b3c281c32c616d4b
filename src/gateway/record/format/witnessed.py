# SPDX-License-Identifier: Apache-2.0
"""The file ``witnessed`` of a slot: the newest checkpoint that a witness co-signed, with all signatures.

It is what a start holds the log against: a log that is shorter than its witnesses know, or another, is not gone on
with. It only moves on: of two that are to be kept, the longer one stays, whoever comes last.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from gateway.domain.errors import LogBehind, LogDamaged
from gateway.record.format.checkpoint import Checkpoint, CheckpointInvalid, VerifierKey, open_checkpoint
from gateway.record.format.files import DiskFiles, Files, replace_file
from gateway.record.format.merkle import Leaves

WITNESSED = "witnessed"
LOCK = "witnessed.lock"


def read_witnessed(directory: Path, key: VerifierKey) -> tuple[Checkpoint, str] | None:
    """Return what is kept and its note; ``None`` if there is nothing.

    Raises:
        LogDamaged: What is there is not a checkpoint of this log, which no crash leaves behind.
    """
    try:
        note = (directory / WITNESSED).read_text("utf-8")
        return open_checkpoint(note, key), note
    except FileNotFoundError:
        return None
    except (UnicodeDecodeError, CheckpointInvalid) as error:
        raise LogDamaged(
            f"{directory / WITNESSED} is no co-signed checkpoint of this log ({error}): it was changed. Ask the "
            "witness for its own (`gateway log witness status` there), and put that in its place"
        ) from None


def keep_witnessed(directory: Path, key: VerifierKey, note: str, files: Files | None = None) -> bool:
    """Keep a co-signed checkpoint durably, unless a longer one is kept already; tell whether it is kept now.

    Raises:
        LogDamaged: What is there is not a checkpoint of this log.
        CheckpointInvalid: The note is none.
        OSError: The disk refuses.
    """
    state = open_checkpoint(note, key)
    with _alone(directory):
        held = read_witnessed(directory, key)
        if held is not None and (held[0].size > state.size or held[1] == note):
            return False
        replace_file(files or DiskFiles(), directory / WITNESSED, note.encode())
    return True


def check_witnessed(directory: Path, key: VerifierKey, leaves: Leaves) -> None:
    """Refuse a log that is behind what its witnesses co-signed, or that differs from it.

    Args:
        directory: The slot's.
        key: The log's.
        leaves: Of the log as it was read; behind a waypoint there is no root before it to compare with.

    Raises:
        LogDamaged: With what to do.
    """
    found = read_witnessed(directory, key)
    if found is None:
        return
    state, _ = found
    _insist_on_size(directory, state, len(leaves))
    if state.size >= leaves.first and leaves.roots((state.size,))[state.size] != state.root:
        raise LogDamaged(
            f"the log differs from the {state.size} entries that its witnesses co-signed. {_advice(directory)}"
        )


def check_witnessed_size(directory: Path, key: VerifierKey, n_entries: int) -> None:
    """Refuse a log that has fewer entries than its witnesses co-signed; for one that is not opened now.

    Raises:
        LogDamaged: With what to do.
    """
    found = read_witnessed(directory, key)
    if found is not None:
        _insist_on_size(directory, found[0], n_entries)


def _insist_on_size(directory: Path, state: Checkpoint, n_entries: int) -> None:
    if n_entries < state.size:
        raise LogBehind(
            f"the log has {n_entries} entries, its witnesses co-signed {state.size}: it was cut off, lost or put back "
            f"to an older copy. {_advice(directory)}"
        )


def _advice(directory: Path) -> str:
    return (
        f"Stop the gateway and put {directory} back from a copy that has them all; what is there now is kept as evidence. "
        "If no copy has them, docs/how-to/keep-checkpoints-outside.md says how to begin anew"
    )


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep two processes from reading and replacing at the same time."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
