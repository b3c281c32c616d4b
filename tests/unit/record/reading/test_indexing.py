# SPDX-License-Identifier: Apache-2.0
"""A log read for its index: whole lines alone, never other files unseen, facts carried through each call."""

from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import End, Part
from gateway.domain.errors import LogDamaged
from gateway.domain.log_index import SPAN, LogBatch, LogPosition
from gateway.domain.log_query import LogRow
from gateway.domain.names import DecisionId
from gateway.record.reading import indexing
from gateway.record.reading.indexing import LogChanged, SlotReader, position_of
from tests.fakes.log import START_US, changed, enter, lines, opened, part, put_lines, release, written
from tests.fakes.log_index import delete_parts, long_log

SLOT = "door-0"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A closed log of twelve entries in several segments."""
    written(tmp_path / SLOT, 12, most_bytes=1_500)
    return tmp_path / SLOT


def reader_of(directory: Path, position: LogPosition | None = None) -> SlotReader:
    """Return what reads a log from its first entry, or on from a position."""
    return SlotReader(directory, position or LogPosition(slot=directory.name))


def rows_of(reader: SlotReader, most: int = 100) -> list[LogRow]:
    """Return all rows from a reader's position on; no call of them is known from before."""
    rows = []
    while (batch := reader.read(most)) is not None:
        rows += [entry.row for entry in reader.completed(batch, {}).entries]
    return rows


@pytest.mark.parametrize("most", [1, 2, 5, 100])
def test_batches_of_any_size_hold_the_same(log: Path, most: int) -> None:
    """Every entry once, in order, and the same position in the end."""
    at_once, sliced = reader_of(log), reader_of(log)

    assert rows_of(sliced, most) == rows_of(at_once)
    assert sliced.position == at_once.position
    assert at_once.position.size == 12


def test_it_goes_on_from_any_position_that_the_files_tell(log: Path) -> None:
    """As if it had read what came before."""
    rows = rows_of(reader_of(log))
    for seq in range(12):
        assert [one.seq for one in rows_of(SlotReader.at(log, seq))] == [one.seq for one in rows[seq:]]


def test_a_line_lies_where_its_row_says(log: Path) -> None:
    """Lines and parts alike."""
    for row in rows_of(reader_of(log)):
        line = (log / f"{row.segment:06}.ndjson").read_bytes()[row.line_at :].split(b"\n")[0]
        assert msgspec.json.decode(line)["seq"] == row.seq
        if row.part_at >= 0:
            stored = (log / "parts" / f"{row.segment:06}.ndjson").read_bytes()[row.part_at :].split(b"\n")[0]
            assert msgspec.json.decode(stored)["seq"] == row.seq


def test_a_torn_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    """And nothing of it before."""
    written(tmp_path / SLOT, 6)
    whole = lines(tmp_path / SLOT)
    put_lines(tmp_path / SLOT, [*whole[:4], whole[4][:40]])
    reader = reader_of(tmp_path / SLOT)
    assert len(rows_of(reader)) == 4
    put_lines(tmp_path / SLOT, whole)
    assert [one.seq for one in rows_of(reader)] == [4, 5]


def test_other_files_are_noticed(tmp_path: Path) -> None:
    """By a reader that goes on, by one that begins there, and where nothing is left to read."""
    directory = tmp_path / SLOT
    written(directory, 8)
    reader = reader_of(directory)
    first = reader.read(5)
    assert first is not None
    whole = lines(directory)
    put_lines(directory, [*whole[:4], changed(whole[4], at_us=7), *whole[5:]])
    with pytest.raises(LogChanged):
        reader_of(directory, first.after).check()
    put_lines(directory, whole[:3])
    for one in (reader, reader_of(directory, first.after)):
        with pytest.raises(LogChanged):
            one.read()


def test_a_chain_that_is_broken_in_the_same_files_is_for_the_verifier(tmp_path: Path) -> None:
    """It was read so before, and is read on: nothing of the log is hidden from searches."""
    directory = tmp_path / SLOT
    written(directory, 8)
    whole = lines(directory)
    put_lines(directory, [*whole[:4], changed(whole[4], at_us=7), *whole[5:]])
    assert [one.seq for one in rows_of(reader_of(directory), 5)] == list(range(8))


@pytest.mark.parametrize("wrong", ["missing", "unreadable", "torn"])
def test_what_cannot_be_read_is_told(tmp_path: Path, wrong: str) -> None:
    """By the place or the log's name, never by what it holds."""
    directory = tmp_path / SLOT
    written(directory, 8)
    whole = lines(directory)
    put = {"missing": [*whole[:3], *whole[4:]], "unreadable": [*whole[:3], b"{}\n", *whole[4:]], "torn": whole[:3]}[
        wrong
    ]
    if wrong == "torn":
        put = [*whole[:3], whole[3][:9]]
        put_lines(directory, whole[4:], 1)
    put_lines(directory, put)
    with pytest.raises(LogDamaged, match="door-0"):
        rows_of(reader_of(directory))


def test_a_part_that_was_changed_is_not_taken(log: Path) -> None:
    """What it says would be believed."""
    path = log / "parts" / "000000.ndjson"
    path.write_bytes(path.read_bytes().replace(b"192.0.2.7", b"192.0.2.8", 1))
    with pytest.raises(LogDamaged, match="was changed"):
        rows_of(reader_of(log))


def test_parts_that_are_deleted_between_two_readings_are_missed_and_no_others(tmp_path: Path) -> None:
    """The place in the file that was there says nothing of the one that is."""
    directory = tmp_path / SLOT
    long_log(directory, 60)
    reader = reader_of(directory)
    assert reader.read(20) is not None
    delete_parts(directory, set(range(31)))
    batch = reader.read(100)
    assert batch is not None
    assert [entry.row.seq for entry in batch.entries if entry.row.part_at >= 0] == [
        seq for seq in range(31, 60) if seq % 10 != 9
    ]


def test_a_call_that_was_open_before_takes_what_its_first_entry_said(tmp_path: Path) -> None:
    """From the index; a call that has no earlier entry begins with the first that is seen."""
    directory = tmp_path / SLOT
    log = opened(directory)
    enter(log, release("a" * 32, last=False), part(1))
    enter(log, release("a" * 32, 1, last=False))
    enter(log, End(call=DecisionId("a" * 32), how="cut"))
    enter(log, End(call=DecisionId("b" * 32), how="cut"))
    log.close(START_US)
    (first, *_others) = rows_of(SlotReader.at(directory, 1), 1)

    reader = SlotReader.at(directory, 2)
    batch = reader.read()
    assert batch is not None
    assert batch.unknown == {"a" * 32, "b" * 32}
    completed = reader.completed(batch, {"a" * 32: first})

    assert [entry.row.account for entry in completed.entries] == ["a:analyst", "a:analyst", "", ""]
    assert [entry.begins for entry in completed.entries] == [False, False, True, False]
    assert completed.entries[0].row.place == ""


def test_a_batch_never_holds_entries_of_two_spans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that ends a span says so."""
    monkeypatch.setattr(indexing, "SPAN", 8)
    written(tmp_path / SLOT, 20)
    reader = reader_of(tmp_path / SLOT)
    sizes = []
    while (batch := reader.read()) is not None:
        sizes.append(len(batch.entries))
    assert sizes == [8, 8, 4]


def test_a_large_batch_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at once has a bound in bytes."""
    monkeypatch.setattr(indexing, "MOST_BYTES", 1_000)
    written(tmp_path / SLOT, 20)
    batch = reader_of(tmp_path / SLOT).read()
    assert batch is not None
    assert len(batch.entries) < 5


def test_a_position_behind_the_log_is_told(log: Path) -> None:
    """There is no entry before it."""
    with pytest.raises(LogDamaged):
        position_of(log, 14)
    assert position_of(log, 0) == LogPosition(slot=SLOT)


def test_a_batch_tells_of_its_span() -> None:
    """Whether it ends one, and whether it is one."""

    def batch(first: int, until: int) -> LogBatch:
        before, after = LogPosition(slot=SLOT, size=first), LogPosition(slot=SLOT, size=until)
        return LogBatch(before=before, after=after, entries=())

    assert (batch(0, SPAN).ends_span, batch(0, SPAN).is_span) == (True, True)
    assert (batch(5, SPAN).ends_span, batch(5, SPAN).is_span) == (True, False)
    assert (batch(0, 5).ends_span, batch(0, 5).is_span) == (False, False)


def test_people_are_those_of_the_part(tmp_path: Path) -> None:
    """Released and met apart."""
    log = opened(tmp_path / SLOT)
    enter(log, release("a" * 32), Part(ip="192.0.2.1", people=b"", met=(4, 5)))
    log.close(START_US)
    batch = reader_of(tmp_path / SLOT).read()
    assert batch is not None
    assert (batch.entries[1].released, batch.entries[1].met) == (b"", (4, 5))


def test_a_log_whose_first_segments_were_moved_away_begins_behind_them(log: Path) -> None:
    """By the seal that stays: it names the first place that is here, and the leaf before it."""
    whole = rows_of(reader_of(log))
    for number in (0, 1):
        (log / f"{number:06}.ndjson").unlink()
        (log / "parts" / f"{number:06}.ndjson").unlink(missing_ok=True)

    reader = reader_of(log)
    begin = reader.position

    assert begin.size == next(row.seq for row in whole if row.segment == 2)
    assert begin.is_beginning
    assert rows_of(reader) == whole[begin.size :]
    assert position_of(log, 0) == position_of(log, begin.size) == begin
    assert [one.seq for one in rows_of(SlotReader.at(log, begin.size + 2))] == list(range(begin.size + 2, 12))


def test_moved_segments_without_a_seal_are_no_beginning(log: Path) -> None:
    """Nobody can tell which entries are missing then."""
    (log / "000000.ndjson").unlink()
    (log / "seals" / "000000").unlink()
    with pytest.raises(LogDamaged, match="nor the seal"):
        reader_of(log)
