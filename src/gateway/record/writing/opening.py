# SPDX-License-Identifier: Apache-2.0
"""Opening a slot's log: make it, or read all of it and refuse it if it contradicts itself.

1. Take the slot's lock.
2. A new slot gets its public key and a checkpoint of size 0 before its first entry, so an absent
   checkpoint always means damage.
3. Read the chain, from the last waypoint on; a torn last line was never acknowledged and is cut.
4. Hold it against what the logs beside it last saw of it: a log that was lost, shortened or put back
   to an older copy is not made anew or gone on with in silence. The same against what witnesses co-signed.
5. Hold it against its own checkpoint: as long at least, and the same root. A waypoint that this does not
   bear out is passed over, and all of the log is read.
6. After an end out of order, write the last segment anew: it may hold lines that were only in memory
   when an fdatasync failed, and a line must be on the disk before another names it.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.domain.entry import Changed, End, Entry, Opened
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import DecisionId
from gateway.record.format.checkpoint import Signer, VerifierKey
from gateway.record.format.files import Files
from gateway.record.format.layout import is_log_name
from gateway.record.writing.drafts import draft
from gateway.record.writing.pairing import Pair, Second
from gateway.record.writing.sink import Sink
from gateway.record.writing.sinks import Sinks
from gateway.record.writing.slot import MOST_UNSIGNED, SlotLog
from gateway.record.writing.takeover import Found, check, take_over

__all__ = ["SEGMENT_BYTES", "Found", "begin", "open_slot"]

SEGMENT_BYTES = 64 << 20


def open_slot(
    directory: Path,
    name: str,
    signer: Signer,
    files: Files,
    *,
    most_bytes: int = SEGMENT_BYTES,
    most_age_us: int = 0,
    lock_wait_s: float = 0.0,
    second: Second | None = None,
) -> tuple[SlotLog, Found]:
    """Open a log for writing, making it if it is not there.

    Args:
        directory: ``STATE/log/<slot>``.
        name: ``<installation>/<node>/<slot>``.
        signer: The log's own key; always the same for a slot.
        files: The disk.
        most_bytes: Length of lines at which a segment is full.
        most_age_us: Age at which one is left, counted from its first entry; 0 for none.
        second: The same slot on another disk, if there is one.
        lock_wait_s: How long to wait for another process to let the slot go.

    Raises:
        LogDamaged: The log contradicts itself, its checkpoint or its key.
        LogUnavailable: Another process holds it, or the disk refuses.
    """
    if not is_log_name(name):
        raise LogUnavailable("a log is named <installation>/<node>/<slot>")
    key = VerifierKey(name, signer.public_key)
    first = Sink(files, directory)
    pair = None if second is None else Pair(first, second)
    try:
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        first.take(patience_s=lock_wait_s)
    except OSError as error:
        raise LogUnavailable(f"the log's directory cannot be used: {error.strerror}") from error
    try:
        if pair is not None:
            pair.meet(lambda there: check(there, key), key, patience_s=lock_wait_s)
        tip, found, begin = take_over(directory, key, signer, files)
        sinks = Sinks(first) if pair is None else pair.joined()
    except OSError as error:
        _let_go(first, pair)
        raise LogUnavailable(f"the log cannot be read: {error.strerror}") from error
    except BaseException:
        _let_go(first, pair)
        raise
    if pair is not None:
        found = msgspec.structs.replace(found, completed=pair.completed)
    log = SlotLog(
        sinks=sinks,
        name=name,
        signer=signer,
        tip=tip,
        begin=begin,
        most_bytes=most_bytes,
        most_age_us=most_age_us,
        unended=found.unended,
        seen=found.seen,
        marked=found.marked,
    )
    return log, found


def _let_go(first: Sink, pair: Pair | None) -> None:
    first.close()
    if pair is not None:
        pair.close()


def begin(log: SlotLog, found: Found, *, version: str, public_key: bytes, clock: Callable[[], int]) -> None:
    """Enter the opening of a log and an end for every call that the log left open, and publish them.

    Raises:
        LogUnavailable: They could not be entered; the slot was let go.
    """
    opened = Opened(version=version, public_key=public_key.hex(), resumed_at=found.size)
    first: list[Entry] = [opened, *(End(call=DecisionId(call), how="unknown") for call in found.unended)]
    which, n_lacked = found.completed
    if which:
        facts: dict[str, str | int] = {"entries": n_lacked}
        first.append(Changed(by="gateway", what="log-sink-completed", target=which, facts=facts))
    try:
        for start in range(0, len(first), MOST_UNSIGNED):
            log.append([draft(entry, None, clock()) for entry in first[start : start + MOST_UNSIGNED]])
        log.sign()
    except BaseException:
        log.close(None)
        raise
