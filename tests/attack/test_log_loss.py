# SPDX-License-Identifier: Apache-2.0
"""Attack: a whole log disappears, or is made anew as if there had never been one."""

import shutil
from pathlib import Path

import pytest

from gateway.domain.errors import LogDamaged
from gateway.record.proof.verify import verify_logs
from gateway.record.writing.sequencer import Sequencer
from tests.fakes.log import NAME, Ticking, checkpoint_of, key_of, opened, verifier_key, written

CLI = "demo/node-1/cli"


@pytest.fixture
async def logs(tmp_path: Path) -> Path:
    """Two logs of which one has seen the other."""
    logs = tmp_path / "log"
    written(logs / "door-0", 8)
    async with Sequencer(logs / "cli", name=CLI, signer=key_of(CLI), clock=Ticking(), version="test") as cli:
        await cli.witness()
    assert verify_logs(logs).is_right
    return logs


async def test_a_lost_log_is_named_by_its_siblings(logs: Path) -> None:
    """Its directory is gone."""
    shutil.rmtree(logs / "door-0")

    assert verify_logs(logs).problems == (f"the log {NAME} is missing; cli saw it",)


async def test_a_lost_log_is_named_by_who_holds_its_checkpoint_or_key(logs: Path) -> None:
    """Though all logs are gone and nobody is left to name it."""
    kept = checkpoint_of(logs / "door-0")
    shutil.rmtree(logs / "door-0")
    shutil.rmtree(logs / "cli")

    assert f"the log {NAME} is missing" in verify_logs(logs, expect=kept).problems
    assert f"the log {NAME} is missing" in verify_logs(logs, keys=(verifier_key(),)).problems


async def test_a_log_emptied_but_for_its_directory_is_named(logs: Path) -> None:
    """A slot is a slot whatever is left in it."""
    for path in list((logs / "door-0").rglob("*")):
        if path.is_file():
            path.unlink()

    assert not verify_logs(logs).logs[1].is_right


async def test_a_lost_log_is_not_made_anew(logs: Path) -> None:
    """A start over a deleted directory is refused, and leaves nothing behind that looks like a log."""
    shutil.rmtree(logs / "door-0")

    for _ in range(2):
        with pytest.raises(LogDamaged, match="has 0 entries, cli saw 8"):
            opened(logs / "door-0")
    assert not (logs / "door-0" / "log.pub").exists()


@pytest.mark.parametrize(("n_entries", "sentence"), [(3, "shortened"), (20, "its history was changed")])
async def test_a_log_made_anew_with_the_same_key_is_named(logs: Path, n_entries: int, sentence: str) -> None:
    """By whoever made it elsewhere and put it there."""
    shutil.rmtree(logs / "door-0")
    written(logs.parent / "elsewhere" / "door-0", n_entries)
    shutil.move(logs.parent / "elsewhere" / "door-0", logs / "door-0")

    assert sentence in verify_logs(logs).logs[1].problems[0]
    with pytest.raises(LogDamaged, match="cli"):
        opened(logs / "door-0")


async def test_logs_that_changed_places_are_named(logs: Path) -> None:
    """Each lies in the other's directory."""
    (logs / "door-0").rename(logs / "x")
    (logs / "cli").rename(logs / "door-0")
    (logs / "x").rename(logs / "cli")

    assert not any(one.is_right for one in verify_logs(logs).logs)
