# SPDX-License-Identifier: Apache-2.0
"""A segment counts only what is durable, and is cut to that after a failure."""

import errno
from pathlib import Path

import pytest

from gateway.domain.errors import LogUnavailable
from gateway.record.format.files import DiskFiles
from gateway.record.writing.segment import Segment, SlotLock
from tests.fakes.log import FaultyDisk


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    return tmp_path


def content(slot: Path, number: int = 0) -> tuple[bytes, bytes]:
    name = f"{number:06}.ndjson"
    return (slot / name).read_bytes(), (slot / "parts" / name).read_bytes()


def test_lines_and_parts_go_to_their_files(slot: Path) -> None:
    """And the lengths tell what is durable."""
    segment = Segment(DiskFiles(), slot, 0)
    segment.write(b"line\n", b"part\n")
    segment.write(b"more\n", b"")
    segment.close()

    assert content(slot) == (b"line\nmore\n", b"part\n")
    assert (segment.n_bytes, segment.n_part_bytes) == (10, 5)


def test_parts_are_durable_before_a_line_is_written(slot: Path) -> None:
    """When the sync of the parts fails, the line is not even written."""
    disk = FaultyDisk()
    segment = Segment(disk, slot, 0)
    disk.fail = {"sync": errno.EIO}

    with pytest.raises(OSError, match="error"):
        segment.write(b"line\n", b"part\n")
    segment.close()

    assert content(slot)[0] == b""


def test_a_failed_segment_is_cut_and_the_next_number_goes_on(slot: Path) -> None:
    """What was durable stays, what came after is gone."""
    disk = FaultyDisk()
    segment = Segment(disk, slot, 0)
    segment.write(b"line\n", b"part\n")
    disk.budget_bytes = 7
    with pytest.raises(OSError, match="space"):
        segment.write(b"more\n", b"more\n")

    disk.budget_bytes = None
    assert segment.repair() == 1
    assert content(slot) == (b"line\n", b"part\n")


def test_a_failed_segment_without_entries_is_removed_and_its_number_used_again(slot: Path) -> None:
    """So a full disk does not fill with empty files."""
    disk = FaultyDisk()
    segment = Segment(disk, slot, 0)
    disk.budget_bytes = 7
    with pytest.raises(OSError, match="space"):
        segment.write(b"more\n", b"more\n")

    assert segment.repair() == 0
    assert not (slot / "000000.ndjson").exists()


def test_a_slot_is_held_by_one_at_a_time(slot: Path) -> None:
    """The second is refused until the first lets go."""
    first = SlotLock(slot)
    with pytest.raises(LogUnavailable, match="another process"):
        SlotLock(slot)
    with pytest.raises(LogUnavailable, match="another process"):
        SlotLock(slot, patience_s=0.05)

    first.release()
    SlotLock(slot).release()


def test_a_segment_that_cannot_be_opened_leaves_nothing_open(slot: Path) -> None:
    """Its directory is gone."""
    with pytest.raises(FileNotFoundError):
        Segment(DiskFiles(), slot / "absent", 0)
