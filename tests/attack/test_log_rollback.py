# SPDX-License-Identifier: Apache-2.0
"""Attack: the whole log directory is put back to an older copy, such as a restored snapshot."""

import shutil
from pathlib import Path

import pytest

from gateway.domain.entry import LogSeen
from gateway.domain.errors import LogDamaged
from gateway.record.proof.verify import verify_log, verify_logs
from tests.fakes.log import NAME, START_US, checkpoint_of, enter, opened, written


@pytest.fixture
def rolled_back(tmp_path: Path) -> tuple[Path, str]:
    """A log put back by ten entries, and the checkpoint that somebody outside has kept."""
    logs = tmp_path / "log"
    written(logs / "door-0", 10)
    shutil.copytree(logs / "door-0", tmp_path / "copy")
    written(logs / "door-0", 10)
    newest = checkpoint_of(logs / "door-0")
    cli = opened(logs / "cli", "demo/node-1/cli")
    enter(cli, LogSeen(origin=NAME, checkpoint=newest))
    cli.close(START_US)
    assert verify_logs(logs).is_right
    shutil.rmtree(logs / "door-0")
    shutil.copytree(tmp_path / "copy", logs / "door-0")
    return logs, newest


def test_a_newer_checkpoint_finds_the_rollback(rolled_back: tuple[Path, str]) -> None:
    """Alone it is whole; against what the caller kept it is short."""
    logs, newest = rolled_back

    assert verify_log(logs / "door-0").is_right
    assert not verify_log(logs / "door-0", expect=newest).is_right


def test_a_sibling_names_the_rollback(rolled_back: tuple[Path, str]) -> None:
    """Though nobody outside kept anything."""
    logs, _ = rolled_back
    cli, door = verify_logs(logs).logs

    assert cli.is_right
    assert door.problems == ("the log has 10 entries, cli saw 20: it was shortened or rolled back",)


def test_a_rolled_back_log_is_not_gone_on_with(rolled_back: tuple[Path, str]) -> None:
    """What its sibling saw stands against it when it is opened."""
    logs, _ = rolled_back

    with pytest.raises(LogDamaged, match="has 10 entries, cli saw 20: it was lost or put back"):
        opened(logs / "door-0")


def test_a_rolled_back_log_that_went_on_elsewhere_is_found_as_well(rolled_back: tuple[Path, str]) -> None:
    """Longer than before, but with another history."""
    logs, newest = rolled_back
    shutil.rmtree(logs / "door-0")
    written(logs.parent / "copy", 30)
    shutil.copytree(logs.parent / "copy", logs / "door-0")

    assert "its history was changed" in verify_logs(logs).logs[1].problems[0]
    assert "its history was changed" in verify_log(logs / "door-0", expect=newest).problems[0]
