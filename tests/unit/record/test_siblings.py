# SPDX-License-Identifier: Apache-2.0
"""One log sees the newest checkpoints of the others, and passes over what is none."""

from pathlib import Path

from gateway.record.siblings import newest_checkpoints
from tests.fakes.log import NAME, checkpoint_of, written


def test_every_other_log_is_seen(tmp_path: Path) -> None:
    """With its whole note, not itself."""
    other = "demo/node-1/cli"
    written(tmp_path / "door-0", 3)
    written(tmp_path / "cli", 4, other)

    assert newest_checkpoints(tmp_path, NAME) == [(other, checkpoint_of(tmp_path / "cli"))]


def test_what_is_no_checkpoint_is_passed_over(tmp_path: Path) -> None:
    """No file, no text, no note."""
    for name, content in (("a", None), ("b", b"\xff"), ("c", b"note")):
        (tmp_path / name).mkdir()
        if content is not None:
            (tmp_path / name / "checkpoint").write_bytes(content)

    assert newest_checkpoints(tmp_path, NAME) == []
