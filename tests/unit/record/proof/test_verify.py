# SPDX-License-Identifier: Apache-2.0
"""The verifier tells what is proven; each way of changing a log has its own file in tests/attack."""

from pathlib import Path

import pytest

from gateway.record.format.checkpoint import parse_verifier_key
from gateway.record.format.files import DiskFiles, replace_file
from gateway.record.format.layout import parts_path
from gateway.record.proof import verify
from gateway.record.proof.examination import Examination
from gateway.record.proof.verify import LogVerdict, verify_log, verify_logs
from gateway.record.writing.opening import open_slot
from tests.fakes.log import (
    NAME,
    START_US,
    checkpoint_of,
    enter,
    key_of,
    lines,
    opened,
    part,
    put_lines,
    release,
    verifier_key,
    written,
)


def open_log(slot: Path, n_signed: int, n_tail: int) -> None:
    """Leave a log as a killed process leaves it."""
    log = opened(slot)
    for place in range(n_signed - 1):
        enter(log, release(f"d{place}"), part(place))
    log.sign()
    for place in range(n_tail):
        enter(log, release(f"t{place}"), part(place))
    log.close(None)


def test_a_verdict_says_what_is_signed_and_what_is_not(tmp_path: Path) -> None:
    """In one line for people."""
    open_log(tmp_path / "door-0", 5, 3)

    verdict = verify_log(tmp_path / "door-0")

    assert verdict.is_right
    assert verdict.sentence() == "door-0: ok: signed 5, tail 3; parts 7, deleted 0"


def test_deleted_parts_are_counted_and_no_fault(tmp_path: Path) -> None:
    """Some of them, or the whole file."""
    written(tmp_path / "door-0", 8)
    parts = parts_path(tmp_path / "door-0", 0)
    kept = parts.read_bytes().splitlines(keepends=True)
    parts.write_bytes(kept[0] + kept[-1])
    assert verify_log(tmp_path / "door-0").sentence() == "door-0: ok: signed 8, tail 0; parts 2, deleted 2"

    parts.unlink()
    assert verify_log(tmp_path / "door-0").sentence() == "door-0: ok: signed 8, tail 0; parts 0, deleted 4"


def test_a_torn_last_line_of_an_open_log_is_reported(tmp_path: Path) -> None:
    """It is no fault, and no entry."""
    open_log(tmp_path / "door-0", 5, 2)
    put_lines(tmp_path / "door-0", [b"".join(lines(tmp_path / "door-0"))[:-20]])

    verdict = verify_log(tmp_path / "door-0")

    assert (verdict.problems, verdict.n_signed, verdict.n_tail) == ((), 5, 1)
    assert "torn" in verdict.notes[0]
    assert "1 parts are ahead" in verdict.notes[1]


def test_a_tail_longer_than_the_rule_allows_is_a_fault(tmp_path: Path) -> None:
    """The checkpoint was put back, though every entry is there."""
    open_log(tmp_path / "door-0", 5, 0)
    old = checkpoint_of(tmp_path / "door-0")
    written(tmp_path / "door-0", 300)
    (tmp_path / "door-0" / "checkpoint").write_text(old)

    assert "not the newest" in verify_log(tmp_path / "door-0").problems[0]


def test_an_expected_checkpoint_that_the_log_contains_is_no_fault(tmp_path: Path) -> None:
    """Whether it is older or the newest."""
    written(tmp_path / "door-0", 5)
    old = checkpoint_of(tmp_path / "door-0")
    written(tmp_path / "door-0", 5)

    assert verify_log(tmp_path / "door-0", expect=old).is_right
    assert verify_logs(tmp_path, expect=checkpoint_of(tmp_path / "door-0")).is_right


def test_the_last_entries_that_nobody_signed_may_be_ahead_of_an_expected_checkpoint(tmp_path: Path) -> None:
    """Entries of a tail count as contained."""
    open_log(tmp_path / "door-0", 5, 3)
    stale = checkpoint_of(tmp_path / "door-0")
    log = opened(tmp_path / "door-0")
    log.close(START_US)
    newest = checkpoint_of(tmp_path / "door-0")
    (tmp_path / "door-0" / "checkpoint").write_text(stale)

    assert verify_log(tmp_path / "door-0", expect=newest).n_tail == 5


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda slot: (slot / "log.pub").unlink(), "log.pub is missing"),
        (lambda slot: (slot / "log.pub").write_bytes(b"\xff"), "log.pub is missing"),
        (lambda slot: (slot / "checkpoint").unlink(), "the checkpoint is missing"),
        (lambda slot: (slot / "checkpoint").write_bytes(b"\xff"), "the checkpoint is missing"),
        (lambda slot: (slot / "checkpoint").write_text("x"), "note"),
        (lambda slot: (slot / "000000.ndjson").unlink(), "has 0 entries"),
    ],
)
def test_a_missing_or_broken_file_is_a_fault(tmp_path: Path, damage: object, sentence: str) -> None:
    """Key, checkpoint, segment."""
    written(tmp_path / "door-0", 5)
    assert callable(damage)
    damage(tmp_path / "door-0")

    assert sentence in verify_log(tmp_path / "door-0").problems[0]
    assert not verify_logs(tmp_path).is_right


def test_a_log_that_does_not_begin_with_its_opening_is_at_fault(tmp_path: Path) -> None:
    """A chain of right hashes over other first entries is none of ours."""
    slot = tmp_path / "door-0"
    log, _ = open_slot(slot, NAME, key_of(NAME), DiskFiles())
    enter(log, release("d1"))
    log.close(START_US)

    assert verify_log(slot).problems == ("the log does not begin with its opening",)


def test_a_directory_without_logs_is_a_fault(tmp_path: Path) -> None:
    """Nothing is not all right."""
    assert verify_logs(tmp_path).problems == ("there is no log here",)
    assert not verify_logs(tmp_path / "absent").is_right


def test_a_key_that_is_none_is_a_fault(tmp_path: Path) -> None:
    """A typing mistake must not pass as trust."""
    written(tmp_path / "door-0", 5)

    assert "a key to trust" in verify_logs(tmp_path, keys=("x",)).problems[0]
    assert "a key to trust" in verify_log(tmp_path / "door-0", key="x").problems[0]


def test_the_key_that_the_caller_trusts_is_the_logs(tmp_path: Path) -> None:
    """With a line feed behind it, as files have."""
    written(tmp_path / "door-0", 5)

    assert verify_log(tmp_path / "door-0", key=verifier_key() + "\n").is_right


def test_a_log_in_another_slots_directory_is_a_fault(tmp_path: Path) -> None:
    """Directories that changed places."""
    written(tmp_path / "door-1", 5)

    assert "directory of another name" in verify_logs(tmp_path).logs[0].problems[0]


def test_a_log_that_grows_while_it_is_read_is_right(tmp_path: Path) -> None:
    """Its checkpoint covers more than was read at first, so reading goes on."""
    slot = tmp_path / "door-0"
    written(slot, 5)
    first = (slot / "000000.ndjson").read_bytes()
    written(slot, 5)
    whole = (slot / "000000.ndjson").read_bytes()

    one = Examination(slot)
    one.key = parse_verifier_key(verifier_key())
    (slot / "000000.ndjson").write_bytes(first)
    one.read()
    (slot / "000000.ndjson").write_bytes(whole)
    one.check_checkpoint()

    assert (one.problems, one.checkpoint and one.checkpoint.size) == ([], 10)


@pytest.mark.parametrize("is_replaced", [True, False], ids=["put anew meanwhile", "left as it is"])
def test_what_is_wrong_while_an_opening_writes_anew_is_read_again(tmp_path: Path, is_replaced: bool) -> None:
    """A door that starts after a crash takes parts away that are ahead; who reads both files at once sees neither."""
    written(tmp_path / "door-0", 5)
    parts = tmp_path / "door-0" / "parts" / "000000.ndjson"
    whole = parts.read_bytes()
    parts.write_bytes(whole[:-3] + b"x" + whole[-2:])
    n_readings = 0

    def reading() -> LogVerdict:
        nonlocal n_readings
        n_readings += 1
        verdict = verify._verify_log(tmp_path / "door-0", None, (), verify.NOBODY)
        if is_replaced and n_readings == 1:
            replace_file(DiskFiles(), parts, whole)
        return verdict

    verdict = verify._of_whole_files(reading, tmp_path / "door-0", "")
    assert (n_readings, verdict.is_right) == ((2, True) if is_replaced else (1, False))


@pytest.mark.parametrize("expect", ["", "\n\n"])
def test_an_expectation_that_holds_nothing_is_not_met(tmp_path: Path, expect: str) -> None:
    """Whoever gives one is not told that all is well, because there was nothing to look for."""
    written(tmp_path / "door-0", 4)
    assert not verify_log(tmp_path / "door-0", expect=expect).is_right
    assert not verify_logs(tmp_path, expect=expect).is_right
