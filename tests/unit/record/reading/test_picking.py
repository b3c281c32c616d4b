# SPDX-License-Identifier: Apache-2.0
"""Exactly the entries that an index names, in its order, wherever their parts lie by now."""

import random
from pathlib import Path

import msgspec
import pytest

from gateway.domain.errors import LogDamaged
from gateway.domain.log_index import LogPosition
from gateway.domain.log_query import LogRow
from gateway.record.reading import picking
from gateway.record.reading.indexing import SlotReader
from gateway.record.reading.picking import picked
from gateway.record.reading.reader import records
from tests.fakes.log import changed, lines, put_lines
from tests.fakes.log_index import delete_parts, long_log

SLOTS = ("cli", "door-0")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two logs."""
    for slot in SLOTS:
        long_log(tmp_path / slot, 200, f"demo/node-1/{slot}")
    return tmp_path


def rows_of(logs: Path) -> list[LogRow]:
    """Return the rows of all entries, in no order."""
    batches = [SlotReader(logs / slot, LogPosition(slot=slot)).read() for slot in SLOTS]
    rows = [entry.row for batch in batches if batch is not None for entry in batch.entries]
    random.Random(5).shuffle(rows)
    return rows


def found_in(logs: Path, rows: list[LogRow]) -> list[object]:
    """Return the same entries as whoever reads everything finds them."""
    all_of = {slot: list(records(logs / slot)) for slot in SLOTS}
    return [all_of[row.slot][row.seq] for row in rows]


def test_they_are_what_whoever_reads_everything_finds(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the rows, however many are held at once."""
    rows = rows_of(logs)
    assert list(picked(logs, rows)) == found_in(logs, rows)
    monkeypatch.setattr(picking, "AT_ONCE", 7)
    assert list(picked(logs, rows)) == found_in(logs, rows)
    assert list(picked(logs, [])) == []


def test_a_part_that_moved_is_found_and_one_that_was_deleted_is_not(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since others before it were deleted, its place is only a hint; near ones are found by going on."""
    rows = rows_of(logs)
    delete_parts(logs / "door-0", set(range(0, 120, 2)))
    assert list(picked(logs, rows)) == found_in(logs, rows)
    few = rows[::9]
    assert list(picked(logs, few)) == found_in(logs, few)
    monkeypatch.setattr(picking, "MOST_STEPS", 2)
    assert list(picked(logs, few)) == found_in(logs, few)
    assert [one.part for one in picked(logs, [row for row in rows if row.seq == 2 and row.slot == "door-0"])] == [None]


def test_without_its_file_of_parts_an_entry_has_none(logs: Path) -> None:
    """All were deleted."""
    (logs / "cli" / "parts" / "000000.ndjson").unlink()
    rows = [row for row in rows_of(logs) if row.slot == "cli"]
    assert {one.part for one in picked(logs, rows)} == {None}


def test_an_index_that_does_not_fit_the_files_is_told(logs: Path) -> None:
    """By the entry, and with what finds the rest."""
    (row, *_others) = [row for row in rows_of(logs) if row.seq == 7]
    for wrong in ({"line_at": row.line_at + 1}, {"seq": 8}, {"line_at": 1 << 40}):
        with pytest.raises(LogDamaged, match="gateway log index check"):
            list(picked(logs, [msgspec.structs.replace(row, **wrong)]))
    with pytest.raises(LogDamaged, match="is not there"):
        list(picked(logs, [msgspec.structs.replace(row, segment=9)]))


def test_a_part_that_is_not_the_one_its_entry_names_is_told(logs: Path) -> None:
    """It is not handed out."""
    whole = lines(logs / "cli")
    rows = [row for row in rows_of(logs) if (row.slot, row.seq) == ("cli", 7)]
    put_lines(logs / "cli", [*whole[:7], changed(whole[7], part="0" * 64), *whole[8:]])
    with pytest.raises(LogDamaged, match="part of entry 7"):
        list(picked(logs, rows))
