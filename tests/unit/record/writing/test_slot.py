# SPDX-License-Identifier: Apache-2.0
"""A log open for writing: batches, checkpoints, segments, and a disk that fails."""

import errno
from pathlib import Path

import pytest

from gateway.domain.entry import Refused
from gateway.domain.errors import LogUnavailable
from gateway.domain.names import DecisionId
from gateway.record.format.checkpoint import open_checkpoint, parse_verifier_key
from gateway.record.format.layout import segments
from gateway.record.proof.verify import verify_log
from gateway.record.writing.drafts import draft
from tests.fakes.log import (
    START_US,
    FaultyDisk,
    checkpoint_of,
    enter,
    opened,
    part,
    release,
    verifier_key,
)


def signed_size(log: Path) -> int:
    return open_checkpoint(checkpoint_of(log), parse_verifier_key(verifier_key())).size


def test_a_batch_is_durable_with_two_syncs(tmp_path: Path) -> None:
    """One for all its parts and one for all its lines."""
    disk = FaultyDisk()
    log = opened(tmp_path / "door-0", files=disk)
    before = disk.n_syncs

    first = log.append([draft(release(f"d{place}"), part(place), START_US) for place in range(100)])

    assert (first, log.size, disk.n_syncs - before) == (1, 101, 2)
    log.close(START_US)


def test_no_more_than_256_entries_wait_for_a_checkpoint(tmp_path: Path) -> None:
    """The one that would be the 257th is written after a signature."""
    log = opened(tmp_path / "door-0")
    for place in range(600):
        enter(log, release(f"d{place}"))
        assert log.n_unsigned <= 256
        assert signed_size(tmp_path / "door-0") == log.size - log.n_unsigned
    log.close(START_US)

    assert signed_size(tmp_path / "door-0") == 602


def test_an_orderly_close_signs_and_may_be_repeated(tmp_path: Path) -> None:
    """The second does nothing."""
    log = opened(tmp_path / "door-0")
    log.close(START_US)
    log.close(START_US)

    verdict = verify_log(tmp_path / "door-0")
    assert (verdict.problems, verdict.n_signed, verdict.n_tail) == ((), 2, 0)


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    """Entries go on counting."""
    log = opened(tmp_path / "door-0", most_bytes=2_000)
    for place in range(40):
        enter(log, release(f"d{place}"), part(place))
    log.close(START_US)

    verdict = verify_log(tmp_path / "door-0")
    assert len(segments(tmp_path / "door-0")) > 3
    assert (verdict.problems, verdict.n_signed, verdict.n_parts) == ((), 42, 40)


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_failed_write_leaves_no_trace_and_the_next_one_succeeds(tmp_path: Path, operation: str) -> None:
    """Nothing of the failed entry is in the tree or in the files."""
    disk = FaultyDisk()
    log = opened(tmp_path / "door-0", files=disk)
    enter(log, release("d1"), part(1))
    disk.fail = {operation: errno.EIO}
    with pytest.raises(LogUnavailable):
        enter(log, release("lost"), part(2))
    assert log.size == 2

    disk.fail = {}
    assert enter(log, release("d2"), part(3)) == 2
    log.close(START_US)

    verdict = verify_log(tmp_path / "door-0")
    assert (verdict.problems, verdict.n_signed, verdict.n_parts) == ((), 4, 2)
    assert b"lost" not in b"".join(path.read_bytes() for path in (tmp_path / "door-0").glob("*.ndjson"))


def test_while_the_segment_cannot_be_cut_nothing_is_written(tmp_path: Path) -> None:
    """A new segment beside an uncut one would hold the same places twice."""
    disk = FaultyDisk()
    log = opened(tmp_path / "door-0", files=disk)
    disk.fail = {"sync": errno.EIO, "cut": errno.EIO}
    for _ in range(3):
        with pytest.raises(LogUnavailable):
            enter(log, release("lost"))
    disk.fail = {"cut": errno.EIO}
    with pytest.raises(LogUnavailable):
        enter(log, release("lost"))

    disk.fail = {}
    enter(log, release("d1"))
    log.close(START_US)

    assert verify_log(tmp_path / "door-0").problems == ()
    assert segments(tmp_path / "door-0") == [0, 1]


def test_a_full_disk_leaves_no_heap_of_empty_segments(tmp_path: Path) -> None:
    """However often it is tried."""
    disk = FaultyDisk()
    log = opened(tmp_path / "door-0", files=disk)
    disk.budget_bytes = 0
    for _ in range(20):
        with pytest.raises(LogUnavailable, match="space"):
            enter(log, release("lost"), part(1))

    disk.budget_bytes = None
    enter(log, release("d1"), part(1))
    log.close(START_US)

    assert segments(tmp_path / "door-0") == [0, 1]
    assert verify_log(tmp_path / "door-0").problems == ()


def test_without_a_checkpoint_the_257th_entry_is_refused(tmp_path: Path) -> None:
    """The tail that nobody signed does not grow beyond the promise."""
    disk = FaultyDisk()
    log = opened(tmp_path / "door-0", files=disk)
    disk.fail = {"rename": errno.EIO}
    for place in range(256):
        enter(log, release(f"d{place}"))
    with pytest.raises(LogUnavailable, match="checkpoint"):
        enter(log, release("refused"))

    disk.fail = {}
    assert enter(log, release("d256")) == 257
    log.close(START_US)
    assert verify_log(tmp_path / "door-0").problems == ()


def test_an_entry_that_is_not_unicode_is_refused_before_it_is_queued() -> None:
    """A lone surrogate cannot be written down."""
    with pytest.raises(LogUnavailable, match="Unicode"):
        draft(Refused(call=DecisionId("\ud800"), reason="malformed", status=400), None, START_US)


def test_a_close_that_fails_lets_the_slot_go(tmp_path: Path) -> None:
    """The error is told, and the log can be opened again."""
    disk = FaultyDisk()
    log = opened(tmp_path / "door-0", files=disk)
    disk.fail = {"sync": errno.EIO}
    with pytest.raises(LogUnavailable):
        log.close(START_US)

    opened(tmp_path / "door-0").close(START_US)
    assert verify_log(tmp_path / "door-0").problems == ()


def test_a_disk_that_failed_is_shown_to_be_well_by_publishing_anew(tmp_path: Path) -> None:
    """What is published stays what it was; while the failed segment cannot be cut, it is not well."""
    disk = FaultyDisk()
    log = opened(tmp_path / "door-0", files=disk)
    log.sign()
    before = checkpoint_of(tmp_path / "door-0")
    disk.fail = {"sync": errno.EIO, "cut": errno.EIO}
    with pytest.raises(LogUnavailable):
        enter(log, release("d1"))
    with pytest.raises(LogUnavailable, match="cannot be cut"):
        log.mend()
    disk.fail = {"open_fresh": errno.ENOSPC}
    with pytest.raises(LogUnavailable, match="could not be written"):
        log.mend()
    disk.fail = {}
    log.mend()
    assert checkpoint_of(tmp_path / "door-0") == before
    assert enter(log, release("d1")) == 1
    log.close(START_US)
