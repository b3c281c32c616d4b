# SPDX-License-Identifier: Apache-2.0
"""Calls that a log surely has no entry of: never one that it has, and nothing of a log that is not known whole."""

from gateway.domain.log_index import IndexEntry, LogBatch, LogPosition
from gateway.domain.log_packing import PackedBatch, packed
from gateway.domain.log_query import LogRow
from gateway.store.log.begun import BegunCalls

CALLS = [f"{number * 2654435761 % 2**64:016x}" * 2 for number in range(400)]


def batch_of(calls: list[str], first: int, *, line_at: int | None = None) -> PackedBatch:
    """Return entries of calls as a batch that begins behind some entries of a log."""
    before = LogPosition(slot="cli", size=first, line_at=first if line_at is None else line_at)
    after = LogPosition(slot="cli", size=first + len(calls), line_at=first + len(calls))
    rows = (
        LogRow(slot="cli", seq=first + place, at_us=1, kind="release", call=call) for place, call in enumerate(calls)
    )
    return packed(LogBatch(before=before, after=after, entries=tuple(IndexEntry(row=row) for row in rows)))


def test_every_call_that_was_added_is_possible_and_hardly_another_one() -> None:
    """Whichever batch it came with."""
    begun = BegunCalls()
    begun.add(batch_of(CALLS[:100], 0))
    begun.add(batch_of(CALLS[100:200], 100))
    assert begun.possible("cli", CALLS) == CALLS[:200]


def test_a_log_that_begins_behind_moved_segments_is_known_as_well() -> None:
    """Nothing before its first entry that is here can be asked for."""
    begun = BegunCalls()
    begun.add(batch_of(CALLS[:100], 5_000, line_at=0))
    assert begun.possible("cli", CALLS) == CALLS[:100]


def test_of_a_log_that_is_not_known_whole_everything_is_possible() -> None:
    """One that was begun by others, one with a gap, and one that was never seen."""
    begun = BegunCalls()
    begun.add(batch_of(CALLS[:10], 500))
    assert begun.possible("cli", CALLS) == CALLS
    assert begun.possible("door-0", CALLS) == CALLS
    begun.add(batch_of(CALLS[:10], 0))
    begun.add(batch_of(CALLS[10:20], 11))
    assert begun.possible("cli", CALLS) == CALLS
