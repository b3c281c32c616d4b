# SPDX-License-Identifier: Apache-2.0
"""An examination keeps what it found; what it does with whole logs is in test_verify."""

from pathlib import Path

from gateway.record.checkpoint import Checkpoint, parse_verifier_key
from gateway.record.examination import Examination, Sighting
from gateway.record.merkle import leaf_hash
from tests.fakes.log import NAME, verifier_key, written


def examined(slot: Path) -> Examination:
    one = Examination(slot)
    one.key = parse_verifier_key(verifier_key())
    one.read()
    one.check_checkpoint()
    return one


def test_the_first_bad_entry_is_kept_and_no_sentence_twice(tmp_path: Path) -> None:
    """Whatever the order in which they are found."""
    one = Examination(tmp_path)
    one.blame("late", 9)
    one.blame("early", 2)
    one.blame("early", 3)
    one.blame("nowhere")

    assert (one.first_bad, one.problems) == (2, ["late", "early", "nowhere"])


def test_nothing_is_read_before_the_key_is_known(tmp_path: Path) -> None:
    """An examination without a key finds nothing."""
    written(tmp_path / "door-0", 3)
    one = Examination(tmp_path / "door-0")
    one.read()
    one.check_checkpoint()
    one.check_seen([Sighting(0, "x")], "cli")
    one.check_contains(Checkpoint(origin=NAME, size=1, root=leaf_hash(b"")), "it")
    one.finish()

    assert (one.chain, one.problems) == (None, [])


def test_a_sighting_that_is_no_checkpoint_is_a_fault(tmp_path: Path) -> None:
    """Another log entered it, so it must be one."""
    written(tmp_path / "door-0", 3)
    one = examined(tmp_path / "door-0")
    one.check_seen([Sighting(4, "x")], "cli")

    assert [problem.split(":")[0] for problem in one.problems] == [
        "what cli saw of the log (entry 4 there) is no checkpoint",
        "what cli saw of the log (entry 4 there) does not fit it",
    ]


def test_parts_without_a_segment_are_a_fault(tmp_path: Path) -> None:
    """They belong to no entry."""
    written(tmp_path / "door-0", 5)
    parts = tmp_path / "door-0" / "parts"
    (parts / "000001.ndjson").touch()
    one = examined(tmp_path / "door-0")
    one.finish()
    assert one.problems == []

    (parts / "000001.ndjson").write_bytes((parts / "000000.ndjson").read_bytes())
    one = examined(tmp_path / "door-0")
    one.finish()
    assert one.problems == ["there are parts that belong to no entry"]
