# SPDX-License-Identifier: Apache-2.0
"""A seal says of a segment what its log states, reads back as it was, and is strict."""

from pathlib import Path

import pytest

from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey, open_checkpoint
from gateway.record.format.layout import segments
from gateway.record.format.seal import Begin, begin_of_log, digest_of, open_seal, read_seal, runs, seals
from tests.fakes.log import NAME, key_of, written

KEY = VerifierKey(NAME, key_of(NAME).public_key)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log of several segments."""
    directory = tmp_path_factory.mktemp("log") / "door-0"
    written(directory, 40, most_bytes=2_000)
    return directory


def note(log: Path, number: int) -> str:
    return (log / "seals" / f"{number:06}").read_text()


def test_every_segment_but_the_newest_has_a_seal_that_begins_where_the_one_before_ends(log: Path) -> None:
    """From the first entry on; each is a checkpoint too."""
    assert seals(log) == segments(log)[:-1]
    begin = Begin()
    for number in seals(log):
        seal = read_seal(log, number, KEY)
        assert seal.begin == begin
        assert (seal.n_bytes, seal.digest) == digest_of(log / f"{number:06}.ndjson")
        assert seal.n_entries == len((log / f"{number:06}.ndjson").read_bytes().splitlines())
        assert open_checkpoint(note(log, number), KEY).size == seal.size
        assert (log / f"{number:06}.ndjson").stat().st_mode & 0o777 == 0o400
        begin = seal.next()


def test_a_seal_reads_back_as_it_was(log: Path) -> None:
    """Signed anew it is the same note."""
    assert open_seal(note(log, 1), KEY).note(key_of(NAME)) == note(log, 1)


@pytest.mark.parametrize("line", range(12))
def test_a_changed_line_of_a_seal_is_refused(log: Path, line: int) -> None:
    """By its signature, whatever it says."""
    lines = note(log, 1).split("\n")
    lines[line] = lines[line][:-2] + ("x" if lines[line][-2:] != "xx" else "y") + lines[line][-1:]
    with pytest.raises(CheckpointInvalid):
        open_seal("\n".join(lines), KEY)


def test_a_seal_of_another_segment_or_none_is_refused(log: Path, tmp_path: Path) -> None:
    """Although it is signed."""
    (tmp_path / "seals").mkdir()
    (tmp_path / "seals" / "000001").write_text(note(log, 0))
    (tmp_path / "seals" / "000002").write_text((log / "checkpoint").read_text())
    for number, why in ((1, "another segment"), (2, "which segment"), (3, "missing")):
        with pytest.raises(CheckpointInvalid, match=why):
            read_seal(tmp_path, number, KEY)


def test_signed_hashes_that_do_not_agree_are_refused(log: Path) -> None:
    """Even under the log's own key."""
    import msgspec

    seal = open_seal(note(log, 1), KEY)
    other = msgspec.structs.replace(seal, peaks=seal.peaks[::-1] if len(seal.peaks) > 1 else (b"x" * 32,))
    with pytest.raises(CheckpointInvalid, match="agree"):
        open_seal(other.note(key_of(NAME)), KEY)


def test_a_log_begins_at_its_first_entry_or_behind_what_was_moved(log: Path, tmp_path: Path) -> None:
    """Which takes the seal of the last segment that is away."""
    import shutil

    assert begin_of_log(log, KEY) == Begin()
    copy = tmp_path / "door-0"
    shutil.copytree(log, copy)
    for number in (0, 1):
        (copy / f"{number:06}.ndjson").unlink()
    assert begin_of_log(copy, KEY) == read_seal(log, 1, KEY).next()
    (copy / "seals" / "000001").unlink()
    with pytest.raises(CheckpointInvalid, match="missing"):
        begin_of_log(copy, KEY)


def test_numbers_are_spelled_as_runs() -> None:
    """One alone is no run."""
    assert list(runs([0, 1, 2, 5, 7, 8])) == ["0-2", "5", "7-8"]
    assert list(runs([])) == []
