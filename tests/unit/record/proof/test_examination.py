# SPDX-License-Identifier: Apache-2.0
"""An examination keeps what it found; what it does with whole logs is in test_verify."""

from pathlib import Path

from gateway.record.format.checkpoint import Checkpoint, parse_verifier_key, signed
from gateway.record.format.merkle import leaf_hash
from gateway.record.proof.examination import Examination, Sighting
from tests.fakes.log import NAME, changed, key_of, lines, put_lines, verifier_key, written


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


def test_an_examination_is_held_against_what_others_saw(tmp_path: Path) -> None:
    """Right at any size that the log has passed; wrong when it is longer or differs."""
    written(tmp_path / "door-0", 6)
    one = examined(tmp_path / "door-0")
    assert one.chain is not None
    leaves = one.chain.leaves

    def seen(size: int, root: bytes) -> list[str]:
        again = examined(tmp_path / "door-0")
        note = signed(Checkpoint(origin=NAME, size=size, root=root), key_of(NAME))
        again.check_seen([Sighting(3, note)], "cli")
        again.check_contains(Checkpoint(origin=NAME, size=size, root=root), "it")
        return again.problems

    assert seen(4, leaves.root(0, 4)) == []
    assert [problem.split(":")[0] for problem in seen(9, leaves[0])] == [
        "the log has 6 entries, cli saw 9",
        "the log has 6 entries, it 9",
    ]
    assert [problem.split(":")[0] for problem in seen(4, leaves[0])] == [
        "the log differs from what cli saw over 4 entries",
        "the log differs from it over 4 entries",
    ]


def test_a_changed_entry_before_the_last_is_named_with_the_help_of_the_root(tmp_path: Path) -> None:
    """The chain alone cannot tell which of the two was changed."""
    slot = tmp_path / "door-0"
    written(slot, 6)
    whole = lines(slot)
    for place in (4, 5):
        field = {"at_us": 1} if place == 4 else {"prev": "1" * 64}
        put_lines(slot, [*whole[:place], changed(whole[place], **field), *whole[place + 1 :]])
        assert (examined(slot).first_bad, examined(slot).problems) == (place, [f"entry {place} was changed"])


def test_changed_forged_and_malformed_parts_are_faults(tmp_path: Path) -> None:
    """In the middle of the log and behind its end."""
    slot = tmp_path / "door-0"
    written(slot, 6)
    parts = slot / "parts" / "000000.ndjson"
    whole = parts.read_bytes()
    for bent in (whole.replace(b"192", b"193", 1), b"x\n" + whole, whole + b"x\n", whole + whole[-9:-1]):
        parts.write_bytes(bent)
        one = examined(slot)
        one.finish()
        assert one.problems, bent


def test_a_log_that_misses_its_opening_or_has_another_key_in_it_is_at_fault(tmp_path: Path) -> None:
    """The openings are part of what is signed."""
    written(tmp_path / "door-0", 3, key=key_of("other"))
    one = Examination(tmp_path / "door-0")
    one.key = parse_verifier_key(verifier_key())
    one.read()

    assert (one.problems, one.first_bad) == (["entry 0 opens the log with another key"], 0)
