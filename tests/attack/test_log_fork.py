# SPDX-License-Identifier: Apache-2.0
"""Attack: whoever holds the log's key shows different histories to different people."""

from pathlib import Path

import pytest

from gateway.domain.entry import Changed, LogSeen
from gateway.record.proof.verify import verify_log, verify_logs
from tests.fakes.log import NAME, START_US, checkpoint_of, enter, opened, release


def branch(slot: Path, *, shared: int, own: int, word: str) -> None:
    log = opened(slot, clock=lambda: START_US)
    for place in range(shared):
        enter(log, release(f"d{place}"))
    for place in range(own):
        enter(log, Changed(by="local:root", what=word, target=f"p{place}"))
    log.close(START_US)


@pytest.mark.parametrize("shared", [0, 1, 5])
@pytest.mark.parametrize("more", [0, 1, 7])
def test_two_branches_do_not_contain_each_other(tmp_path: Path, shared: int, more: int) -> None:
    """Both are signed; the checkpoint of one finds the other, whichever is longer."""
    one, other = tmp_path / "one" / "door-0", tmp_path / "other" / "door-0"
    branch(one, shared=shared, own=2, word="account-added")
    branch(other, shared=shared, own=2 + more, word="account-removed")

    assert verify_log(one).is_right
    assert verify_log(other).is_right
    assert not verify_log(one, expect=checkpoint_of(other)).is_right
    assert not verify_log(other, expect=checkpoint_of(one)).is_right


def test_a_sibling_that_saw_the_other_branch_names_the_fork(tmp_path: Path) -> None:
    """It entered what it was shown."""
    branch(tmp_path / "hidden" / "door-0", shared=3, own=2, word="account-added")
    logs = tmp_path / "log"
    branch(logs / "door-0", shared=3, own=5, word="account-removed")
    cli = opened(logs / "cli", "demo/node-1/cli")
    enter(cli, LogSeen(origin=NAME, checkpoint=checkpoint_of(tmp_path / "hidden" / "door-0")))
    cli.close(START_US)

    assert verify_logs(logs).logs[1].problems == (
        "the log differs from what cli saw over 7 entries: its history was changed",
    )
