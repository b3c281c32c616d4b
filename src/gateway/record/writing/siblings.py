# SPDX-License-Identifier: Apache-2.0
"""The other logs of an installation: their newest checkpoints, and what they last saw of ours.

Only form is looked at here. Whether a signature and a root are right is for whoever asks, and a wrong
one that was entered is evidence.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from gateway.domain.entry import Line, LogSeen
from gateway.domain.errors import LogUnavailable
from gateway.record.format.checkpoint import CheckpointInvalid, parse_checkpoint, parse_note
from gateway.record.format.layout import CHECKPOINT, segment_path, segments, slots

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


def newest_sightings(logs: Path, origin: str) -> list[tuple[str, str]]:
    """Return, for every slot that saw the log, the slot and the newest note that it has entered.

    Only the two newest segments of each slot are looked at: a log is seen every minute.
    """
    found = []
    for slot in slots(logs):
        for number in reversed(segments(logs / slot)[-2:]):
            note = _last_seen(segment_path(logs / slot, number), origin)
            if note is not None:
                found.append((slot, note))
                break
    return found


def _last_seen(path: Path, origin: str) -> str | None:
    """Return the newest note on a log in a segment.

    It is looked for as bytes, which is quick: inside a text of an entry its quotes would be escaped.
    """
    content = path.read_bytes()
    place = content.rfind(b'"body":{"kind":"log-seen","origin":"%s"' % origin.encode())
    if place < 0:
        return None
    start, stop = content.rfind(b"\n", 0, place) + 1, content.find(b"\n", place)
    try:
        body = msgspec.json.decode(content[start:stop], type=Line).body if stop > 0 else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return body.checkpoint if isinstance(body, LogSeen) else None


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


async def now_and_then(witness: Callable[[], Awaitable[object]], every_s: float, closing: asyncio.Event) -> None:
    """Look at the other logs until this one closes; what cannot be entered now waits for the next time."""
    while not closing.is_set():
        try:
            async with asyncio.timeout(every_s):
                await closing.wait()
        except TimeoutError:
            # The log tells its own trouble; the other logs' directory may be away for a while.
            with contextlib.suppress(LogUnavailable, OSError):
                await witness()
