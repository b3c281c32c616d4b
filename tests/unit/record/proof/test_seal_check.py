# SPDX-License-Identifier: Apache-2.0
"""Seals under verification: of segments that are here, of those that were moved, and of one by itself."""

import shutil
from pathlib import Path

import pytest

from gateway.domain.entry import Changed
from gateway.record.format.checkpoint import CheckpointInvalid, VerifierKey
from gateway.record.format.layout import segments
from gateway.record.proof.parts_scan import ARCHIVED
from gateway.record.proof.seal_check import verify_segment
from gateway.record.proof.verify import verify_log, verify_logs
from gateway.record.writing.opening import open_slot
from tests.fakes.log import (
    NAME,
    START_US,
    FaultyDisk,
    checkpoint_of,
    enter,
    key_of,
    opened,
    release,
    verifier_key,
    written,
)

KEY = VerifierKey(NAME, key_of(NAME).public_key)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed log of several segments."""
    directory = tmp_path_factory.mktemp("log") / "door-0"
    written(directory, 40, most_bytes=2_000)
    return directory


@pytest.fixture
def log(template: Path, tmp_path: Path) -> Path:
    """A copy that can be written to."""
    copy = tmp_path / "door-0"
    shutil.copytree(template, copy)
    for path in copy.glob("*.ndjson"):
        path.chmod(0o600)
    return copy


def move_away(log: Path, n: int, to: Path | None = None) -> None:
    for number in range(n):
        for path in (log / f"{number:06}.ndjson", log / "parts" / f"{number:06}.ndjson"):
            if to is not None and path.parent == log:
                shutil.copy(path, to)
            path.unlink(missing_ok=True)


def test_a_log_whose_first_segments_were_moved_verifies_from_the_seal_on(log: Path) -> None:
    """And says so; a checkpoint of what is not here cannot be compared, a newer one can."""
    kept = checkpoint_of(log)
    old = (log / "seals" / "000000").read_text()
    move_away(log, 3)
    verdict = verify_log(log, key=verifier_key(), expect=kept)
    assert (verdict.problems, verdict.n_signed) == ((), 40)
    assert "segments 0-2 are not here; their seals hold" in verdict.notes
    assert "not here" in verify_log(log, expect=old).problems[0]


def test_without_the_seal_moved_segments_are_missing(log: Path) -> None:
    """Nothing speaks for what came before."""
    move_away(log, 2)
    (log / "seals" / "000001").unlink()
    assert "not here" in verify_log(log).problems[0]
    assert not verify_log(log).is_right


def test_a_log_whose_first_segments_were_moved_is_gone_on_with(log: Path) -> None:
    """With its waypoint or without."""
    move_away(log, 2)
    again = opened(log, most_bytes=2_000)
    enter(again, release("again"))
    again.close(START_US)
    verdict = verify_log(log)
    assert (verdict.problems, verdict.n_signed) == ((), 43)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_seal_that_is_wrong_is_told_also_of_what_was_moved(log: Path, number: int) -> None:
    """One byte of it."""
    path = log / "seals" / f"{number:06}"
    content = bytearray(path.read_bytes())
    content[content.index(b"sha256") + 10] ^= 1
    path.write_bytes(content)
    assert not verify_log(log).is_right
    move_away(log, 3)
    assert not verify_log(log).is_right


def test_a_seal_that_is_lost_harms_nobody(log: Path) -> None:
    """Its lines are under the checkpoint."""
    (log / "seals" / "000001").unlink()
    assert verify_log(log).problems == ()


def test_a_log_cut_behind_a_seal_is_found_by_it(log: Path) -> None:
    """Although an older checkpoint of its own was put back."""
    for number in segments(log):
        if number > 1:
            (log / f"{number:06}.ndjson").unlink()
            (log / "parts" / f"{number:06}.ndjson").unlink()
    shutil.copy(log / "seals" / "000001", log / "checkpoint")
    assert any("shortened" in one for one in verify_log(log).problems)


def test_one_segment_verifies_by_itself(log: Path, tmp_path: Path) -> None:
    """With its seal and the key, far from its log; a changed byte, a lost line and another key are found."""
    away = tmp_path / "away"
    away.mkdir()
    note = (log / "seals" / "000001").read_text()
    move_away(log, 2, away)
    lines = away / "000001.ndjson"
    verdict = verify_segment(lines, note, KEY)
    assert verdict.is_right
    assert (verdict.segment, verdict.origin) == (1, NAME)

    whole = lines.read_bytes()
    changed = whole.replace(b'"rows":3', b'"rows":4', 1)
    for content, why in (
        (changed, "bytes differ"),
        (whole[: whole.rindex(b"\n", 0, -1) + 1], "ends at entry"),
        (b"x\n", "read"),
    ):
        lines.write_bytes(content)
        assert any(why in one for one in verify_segment(lines, note, KEY).problems)
    with pytest.raises(CheckpointInvalid):
        verify_segment(lines, note, VerifierKey(NAME, key_of("other").public_key))


def test_an_opening_seals_what_has_no_seal(log: Path) -> None:
    """As a log of an older version; what it makes is what was there."""
    before = {path.name: path.read_bytes() for path in (log / "seals").iterdir()}
    shutil.rmtree(log / "seals")
    (log / "waypoint").unlink(missing_ok=True)
    again, _ = open_slot(log, NAME, key_of(NAME), FaultyDisk())
    again.close(None)
    assert {path.name: path.read_bytes() for path in (log / "seals").iterdir()} == before


def test_the_logs_beside_it_do_not_mind(log: Path) -> None:
    """All of them are verified together; that segments were moved has to be entered somewhere."""
    again = opened(log, most_bytes=2_000)
    enter(again, Changed(by="local:root", what=ARCHIVED, target="door-0", facts={"segment": 0}))
    again.close(START_US)
    move_away(log, 1)
    assert verify_logs(log.parent).is_right
