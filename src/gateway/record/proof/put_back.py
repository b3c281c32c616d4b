# SPDX-License-Identifier: Apache-2.0
"""Parts that should be gone: entries say that others stand in their places, and an older one stands there.

Both were right at their time, so their digests show nothing; that the newer one was entered does. While a forgetting
goes on, or after it was broken off, entries speak of what is to come: so only what is before an entry that says that
one came to its end is held against the log. Which of two entries is the newer is only told within one log.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from gateway.record.proof.examination import Amendment, Examination


def check_put_back(one: Examination, amendments: AbstractSet[Amendment], forgotten: Mapping[str, int]) -> None:
    """Blame a log for parts that were put back; note those that are still to be amended.

    Args:
        one: The log, whose parts were read.
        amendments: Of every log that is here.
        forgotten: By name of log, the place of its newest entry that says that a forgetting came to its end.
    """
    name, n_open = "" if one.key is None else one.key.name, 0
    for place, newest in sorted(_newest(name, amendments).items()):
        stands = one.amended.get(place)
        if stands is None:
            late = newest if place in one.original else {}
        else:
            log, seq = _entry(stands[1])
            is_late = (name, place, *stands) in amendments and newest[log] > seq
            late = {log: newest[log]} if is_late else {}
        done = [f"{log}:{seq}" for log, seq in late.items() if seq < forgotten.get(log, -1)]
        if done:
            one.blame(f"the part of entry {place} should be gone, as {done[0]} says: an older one was put back", place)
        n_open += bool(late) and not done
    if n_open:
        one.notes.append(f"{n_open} parts are still to be amended: `gateway log forget` was broken off; begin it again")


def _newest(name: str, amendments: AbstractSet[Amendment]) -> dict[int, dict[str, int]]:
    """Return, by place in a log and by log that speaks of it, the place of the newest entry that does."""
    found: dict[int, dict[str, int]] = {}
    for origin, place, _digest, by in amendments:
        if origin == name:
            log, seq = _entry(by)
            said = found.setdefault(place, {})
            said[log] = max(seq, said.get(log, -1))
    return found


def _entry(text: str) -> tuple[str, int]:
    log, _, place = text.rpartition(":")
    return log, int(place)
