# SPDX-License-Identifier: Apache-2.0
"""Where a log stands, and whether its parts are still where an index saw them."""

from pathlib import Path

import pytest

from gateway.domain.errors import LogDamaged
from gateway.record.reading.agreeing import Stand, has_part_at, spread, stand_of
from gateway.record.reading.indexing import SlotReader
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
