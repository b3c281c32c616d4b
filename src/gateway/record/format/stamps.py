# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that a time authority stamped, kept beside their log: ``stamps/<size>.checkpoint`` and ``….tsr``.

The first is the signed note to the byte, the second the authority's whole answer (RFC 3161, DER). Each pair stands for
itself, so others' programs check it: ``openssl ts -verify -data …checkpoint -in ….tsr -CAfile ROOTS``.
"""

from pathlib import Path

import msgspec

from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, open_checkpoint
from gateway.record.format.files import DiskFiles, replace_file

FOLDER = "stamps"


class Stamp(msgspec.Struct, frozen=True):
    """A stamped checkpoint: over how many entries, its note, and the authority's answer."""

    size: int
    note: bytes
    answer: bytes


def keep_stamp(directory: Path, stamp: Stamp) -> Path:
    """Keep a stamp of a slot durably, and return where its answer is.

    Raises:
        OSError: The disk refuses; no half of a pair counts.
    """
    folder, files = directory / FOLDER, DiskFiles()
    folder.mkdir(mode=0o700, exist_ok=True)
    replace_file(files, folder / f"{stamp.size:012}.checkpoint", stamp.note)
    path = folder / f"{stamp.size:012}.tsr"
    replace_file(files, path, stamp.answer)
    return path


def newest_stamp(directory: Path, key: VerifierKey) -> Stamp | None:
    """Return the stamp over the most entries, its note found right by the log's key; ``None`` if there is none.

    Raises:
        CheckpointInvalid: The note is not a checkpoint of this log.
    """
    pairs = sorted((directory / FOLDER).glob("*.tsr")) if (directory / FOLDER).is_dir() else []
    for path in reversed(pairs):
        try:
            note = path.with_suffix(".checkpoint").read_bytes()
        except FileNotFoundError:
            continue
        try:
            return Stamp(open_checkpoint(note.decode(), key).size, note, path.read_bytes())
        except UnicodeDecodeError:
            raise CheckpointInvalid("a stamped checkpoint is not text") from None
    return None
