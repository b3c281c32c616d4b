# SPDX-License-Identifier: Apache-2.0
"""Attack: a log is signed anew with another key, by somebody who does not hold the log's own."""

from pathlib import Path

import pytest

from gateway.domain.entry import LogSeen
from gateway.record.format.checkpoint import open_checkpoint, parse_verifier_key, signed
from gateway.record.proof.verify import verify_log, verify_logs
from tests.fakes.log import NAME, START_US, checkpoint_of, enter, key_of, opened, verifier_key, written

THIEF = key_of("thief")


@pytest.fixture
def signed_anew(tmp_path: Path) -> Path:
    """The entries as they were; checkpoint and log.pub of another key."""
    written(tmp_path / "door-0", 8)
    state = open_checkpoint(checkpoint_of(tmp_path / "door-0"), parse_verifier_key(verifier_key()))
    (tmp_path / "door-0" / "checkpoint").write_text(signed(state, THIEF))
    (tmp_path / "door-0" / "log.pub").write_text(verifier_key(key=THIEF) + "\n")
    return tmp_path


def written_anew(logs: Path) -> None:
    """Everything made by the thief, the opening included."""
    written(logs / "door-0", 8, key=THIEF)


def test_a_checkpoint_of_another_key_is_refused(tmp_path: Path) -> None:
    """As long as log.pub stands."""
    written(tmp_path / "door-0", 8)
    state = open_checkpoint(checkpoint_of(tmp_path / "door-0"), parse_verifier_key(verifier_key()))
    (tmp_path / "door-0" / "checkpoint").write_text(signed(state, THIEF))

    assert "not signed with the log's key" in verify_logs(tmp_path).logs[0].problems[0]


def test_a_swapped_public_key_is_named_by_the_openings(signed_anew: Path) -> None:
    """Every opening of the log names the key that it was opened with."""
    assert verify_logs(signed_anew).logs[0].problems == ("entry 0 opens the log with another key",)


def test_a_swapped_public_key_is_refused_by_who_trusts_the_old_one(tmp_path: Path) -> None:
    """Though everything else was written anew with the new key."""
    written_anew(tmp_path)
    assert verify_logs(tmp_path).is_right

    assert "log.pub does not hold the key to trust" in verify_logs(tmp_path, keys=(verifier_key(),)).logs[0].problems
    assert not verify_log(tmp_path / "door-0", key=verifier_key()).is_right


def test_a_log_written_anew_under_another_key_is_named_by_who_saw_the_old_one(tmp_path: Path) -> None:
    """A sibling's entry, or a checkpoint that somebody kept: neither was signed with the new key."""
    written(tmp_path / "old" / "door-0", 8)
    kept = checkpoint_of(tmp_path / "old" / "door-0")
    logs = tmp_path / "log"
    written_anew(logs)
    cli = opened(logs / "cli", "demo/node-1/cli")
    enter(cli, LogSeen(origin=NAME, checkpoint=kept))
    cli.close(START_US)

    assert "does not fit it" in verify_logs(logs).logs[1].problems[0]
    assert "does not fit the log" in verify_log(logs / "door-0", expect=kept).problems[0]
