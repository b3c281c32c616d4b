# SPDX-License-Identifier: Apache-2.0
"""The other logs of an installation, as one log sees them: their newest checkpoints, unchecked.

Only form is looked at here; whether the signature and the root are right is for `verify`, and a wrong
one that was entered is evidence.
"""

from pathlib import Path

from gateway.record.checkpoint import CheckpointInvalid, parse_checkpoint, parse_note
from gateway.record.layout import CHECKPOINT, slots

MOST_BYTES = 64 << 10


def newest_checkpoints(logs: Path, but: str) -> list[tuple[str, str]]:
    """Return the origin and note of every log under ``STATE/log`` except the one named ``but``."""
    found = []
    for slot in slots(logs):
        note = _note(logs / slot / CHECKPOINT)
        origin = None if note is None else _origin(note)
        if note is not None and origin is not None and origin != but:
            found.append((origin, note))
    return found


def _note(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return None


def _origin(note: str) -> str | None:
    try:
        return parse_checkpoint(parse_note(note).text).origin
    except CheckpointInvalid:
        return None
