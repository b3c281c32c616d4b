# SPDX-License-Identifier: Apache-2.0
"""Where a log stands, and whether its parts are still where an index saw them."""

from pathlib import Path

import pytest

from gateway.domain.errors import LogDamaged
from gateway.domain.reach import Extent
from gateway.record.reading.agreeing import Stand, agreeing_extents, has_part_at, spread, stand_of
from gateway.record.reading.indexing import SlotReader, position_of
from tests.fakes.log import NAME, checkpoint_of, put_lines, written
from tests.fakes.log_index import delete_parts


def test_a_log_stands_at_its_signed_root(tmp_path: Path) -> None:
    """With as many entries as were read; without a checkpoint nothing is signed."""
    written(tmp_path / "door-0", 9)
    root = checkpoint_of(tmp_path / "door-0").split("\n")[2]

    stand = stand_of(tmp_path / "door-0", 7)

    assert (stand.log, stand.entries, stand.size) == (NAME, 7, 9)
    assert bytes.fromhex(stand.root)
    assert root
    (tmp_path / "door-0" / "checkpoint").write_text("nothing")
    assert stand_of(tmp_path / "door-0", 7) == Stand(log="door-0", entries=7)


def test_an_index_of_another_log_or_of_none_counts_for_nothing(tmp_path: Path) -> None:
    """Whose last entry is another one, which is longer than the files, or whose log is not there; each is told."""
    for slot in ("door-0", "door-1", "door-2"):
        written(tmp_path / slot, 9)
    head = position_of(tmp_path / "door-0", 5).head
    extents = {
        "door-0": Extent(slot="door-0", size=5, spans=0, head=head),
        "door-1": Extent(slot="door-1", size=6, spans=0, head=head),
        "door-2": Extent(slot="door-2", size=50, spans=0, head=head),
        "gone": Extent(slot="gone", size=5, spans=0, head=head),
    }

    found, remarks = agreeing_extents(tmp_path, ("door-0", "door-1", "door-2"), extents)

    assert found == {"door-0": extents["door-0"]}
    assert all(slot in remark for slot, remark in zip(("door-1", "door-2", "gone"), remarks, strict=True))
    assert agreeing_extents(tmp_path, ("door-0",), {}) == ({}, ["the index is empty: every entry was read"])


def test_segments_are_spread_over_places_without_a_gap(tmp_path: Path) -> None:
    """Up to the place that is asked for; what begins behind it is left out."""
    written(tmp_path, 60, most_bytes=4_000)
    found = list(spread(tmp_path, 50))

    assert len(found) > 2
    assert [number for number, _, _ in found] == list(range(len(found)))
    assert (found[0][1], found[-1][2]) == (0, 50)
    assert [end for _, _, end in found[:-1]] == [first for _, first, _ in found[1:]]
    assert list(spread(tmp_path, 0)) == []


def test_a_part_that_moved_or_went_is_not_where_it_was(tmp_path: Path) -> None:
    """One deleted part before it is enough; the part itself too."""
    written(tmp_path, 12)
    batch = SlotReader.at(tmp_path, 0).read()
    assert batch is not None
    with_parts = [entry.row for entry in batch.entries if entry.row.part_at >= 0]
    last = with_parts[-1]
    assert all(has_part_at(tmp_path, 0, row.seq, row.part_at) for row in with_parts)

    delete_parts(tmp_path, {with_parts[0].seq})
    assert not has_part_at(tmp_path, 0, last.seq, last.part_at)
    delete_parts(tmp_path, {row.seq for row in with_parts})
    assert not has_part_at(tmp_path, 0, last.seq, last.part_at)
    assert not has_part_at(tmp_path, 7, last.seq, 0)


def test_a_segment_whose_first_entry_cannot_be_read_is_damage(tmp_path: Path) -> None:
    """And is said so."""
    written(tmp_path, 5)
    put_lines(tmp_path, [b"nothing\n"])
    with pytest.raises(LogDamaged):
        list(spread(tmp_path, 5))
