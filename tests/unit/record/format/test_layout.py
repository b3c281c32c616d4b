# SPDX-License-Identifier: Apache-2.0
"""Where things lie, and how lines are read from a file that grows."""

from pathlib import Path

import pytest

from gateway.record.format.layout import LineFile, is_log_name, segments, slot_of, slots


@pytest.mark.parametrize("name", ["demo/node-1/door-0", "a/b/c", "acme.example/n_1/cli"])
def test_a_log_is_named_by_installation_node_and_slot(name: str) -> None:
    """Three parts of plain characters."""
    assert is_log_name(name)
    assert slot_of(name) == name.split("/")[2]


@pytest.mark.parametrize(
    "name", ["", "a/b", "a/b/c/d", "a//c", "a/b/c+d", "a b/c/d", "a/b/c\n", "ä/b/c", 201 * "a" + "/b/c"]
)
def test_other_names_are_refused(name: str) -> None:
    """Spaces, plus signs and line feeds would break a note."""
    assert not is_log_name(name)


def test_only_numbered_files_are_segments(tmp_path: Path) -> None:
    """What a replacement left half done is none."""
    for name in ("000001.ndjson", "000000.ndjson", "000002.ndjson.new", "1.ndjson", "checkpoint"):
        (tmp_path / name).touch()

    assert segments(tmp_path) == [0, 1]


def test_slots_are_directories(tmp_path: Path) -> None:
    """Sorted; none where there is no directory of logs at all."""
    (tmp_path / "door-1").mkdir()
    (tmp_path / "cli").mkdir()
    (tmp_path / "file").touch()

    assert slots(tmp_path) == ["cli", "door-1"]
    assert slots(tmp_path / "absent") == []


def test_lines_go_on_where_the_last_reading_ended(tmp_path: Path) -> None:
    """A line counts once its line feed is there."""
    path = tmp_path / "f"
    path.write_bytes(b"one\ntw")
    file = LineFile(path)

    assert (list(file.lines()), file.rest, file.has_grown()) == ([b"one"], b"tw", False)
    path.write_bytes(b"one\ntwo\n\nx")
    assert file.has_grown()
    assert (list(file.lines()), file.rest, file.offset) == ([b"two", b""], b"x", 9)


def test_lines_longer_than_a_chunk_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of four bytes cut every line."""
    monkeypatch.setattr("gateway.record.format.layout.CHUNK_BYTES", 4)
    path = tmp_path / "f"
    path.write_bytes(b"a longer line\nb\n")

    assert list(LineFile(path).lines()) == [b"a longer line", b"b"]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    """It may come later."""
    file = LineFile(tmp_path / "absent")

    assert (list(file.lines()), file.has_grown()) == ([], False)
