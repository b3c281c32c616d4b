# SPDX-License-Identifier: Apache-2.0
"""The end of a log is found from its end, whatever its length and wherever its segments are cut."""

from pathlib import Path

import pytest

from gateway.domain.entry import Changed, Part, Release
from gateway.domain.errors import LogDamaged
from gateway.record.reading import tail as module
from gateway.record.reading.reader import records
from gateway.record.reading.tail import size_of, tail
from tests.fakes.log import enter, opened, put_lines, release, written

N_ENTRIES = 60
SMALL_BYTES = 3000  # several segments


@pytest.fixture(params=[64 << 20, SMALL_BYTES], ids=["one-segment", "several"])
def log(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A closed log, read in steps that are shorter than some of its lines."""
    monkeypatch.setattr(module, "STEP_BYTES", 100)
    monkeypatch.setattr(module, "BLOCK_BYTES", 700)
    written(tmp_path / "door-0", N_ENTRIES, most_bytes=request.param)
    return tmp_path / "door-0"


def test_the_size_is_the_number_of_whole_entries(log: Path) -> None:
    """A torn last line is no entry."""
    assert size_of(log) == N_ENTRIES
    newest = max(log.glob("0*.ndjson"))
    newest.write_bytes(newest.read_bytes() + b'{"log":"demo/node-1/door-0","seq":60,')
    assert size_of(log) == N_ENTRIES


def test_a_log_without_entries_has_none(tmp_path: Path) -> None:
    """A slot that was made and never written."""
    opened(tmp_path / "door-0").close(None)
    put_lines(tmp_path / "door-0", [])
    assert size_of(tmp_path / "door-0") == 0
    assert list(tail(tmp_path / "door-0", 0)) == []


def test_from_every_place_the_same_entries_come_as_when_all_are_read(log: Path) -> None:
    """With their parts, in order, and nothing behind the end."""
    whole = list(records(log))
    for place in range(N_ENTRIES + 2):
        assert list(tail(log, place)) == whole[place:], place


def test_only_kinds_that_are_asked_for_come(log: Path) -> None:
    """Told by the bytes of the line."""
    found = list(tail(log, 10, kinds=("changed",)))
    assert [one.line.seq for one in found] == [
        one.line.seq for one in records(log) if one.line.seq >= 10 and isinstance(one.line.body, Changed)
    ]
    assert found


def test_a_text_that_looks_like_another_kind_is_not_taken_for_it(tmp_path: Path) -> None:
    """Quotes inside a text are escaped in the line."""
    log = opened(tmp_path / "door-0")
    enter(log, Changed(by='"body":{"kind":"release"', what="x", target="y"))
    enter(log, release("d1"))
    log.close(None)
    [found] = tail(tmp_path / "door-0", 0, kinds=("release",))
    assert isinstance(found.line.body, Release)


def test_a_deleted_part_is_told_from_none(log: Path) -> None:
    """The line names it; it is not there."""
    for path in (log / "parts").iterdir():
        path.write_bytes(b"")
    found = [one for one in tail(log, 3) if one.line.part is not None]
    assert found
    assert all(one.part is None for one in found)


def test_a_changed_part_or_line_is_damage(log: Path) -> None:
    """Neither is handed out."""
    first = min((log / "parts").iterdir())
    first.write_bytes(first.read_bytes().replace(b"192.0.2.7", b"192.0.2.8", 1))
    with pytest.raises(LogDamaged, match="part of entry"):
        list(tail(log, 0))
    newest = max(log.glob("0*.ndjson"))
    newest.write_bytes(newest.read_bytes() + b"nothing\n")
    with pytest.raises(LogDamaged, match="cannot be read"):
        size_of(log)


def test_a_long_line_before_the_place_does_not_hide_it(tmp_path: Path) -> None:
    """The steps backwards grow until one holds a beginning."""
    log = opened(tmp_path / "door-0")
    enter(log, Changed(by="x" * 2_000_000, what="x", target="y"), Part(ip="y" * 1_000_000))
    enter(log, Changed(by="z", what="x", target="y"), Part(ip="203.0.113.1"))
    log.close(None)
    [found] = tail(tmp_path / "door-0", 2)
    assert found.part == Part(ip="203.0.113.1")
