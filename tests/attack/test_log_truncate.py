# SPDX-License-Identifier: Apache-2.0
"""Attack: the newest entries are cut off."""

from pathlib import Path

import pytest

from gateway.domain.errors import LogDamaged
from gateway.record.proof.verify import verify_logs
from tests.fakes.log import checkpoint_of, lines, opened, put_lines, written


@pytest.mark.parametrize("kept", range(8))
def test_a_log_cut_short_is_found(tmp_path: Path, kept: int) -> None:
    """Its own checkpoint says how long it was; and it is not opened for writing any more."""
    written(tmp_path / "door-0", 8)
    put_lines(tmp_path / "door-0", lines(tmp_path / "door-0")[:kept])

    (verdict,) = verify_logs(tmp_path).logs

    assert f"has {kept} entries, its checkpoint 8" in verdict.problems[0]
    with pytest.raises(LogDamaged):
        opened(tmp_path / "door-0")


def test_a_log_cut_inside_a_line_is_found(tmp_path: Path) -> None:
    """A signed entry cannot be a torn one."""
    written(tmp_path / "door-0", 8)
    put_lines(tmp_path / "door-0", [b"".join(lines(tmp_path / "door-0"))[:-1]])

    assert not verify_logs(tmp_path).is_right


def test_a_log_cut_short_with_its_checkpoint_put_back_is_found_by_who_holds_a_newer_one(tmp_path: Path) -> None:
    """In itself it is whole; the expected checkpoint says that it is not."""
    slot = tmp_path / "door-0"
    written(slot, 8)
    old, before = checkpoint_of(slot), lines(slot)
    written(slot, 8)
    newer = checkpoint_of(slot)
    put_lines(slot, before)
    (slot / "checkpoint").write_text(old)
    parts = slot / "parts" / "000000.ndjson"
    parts.write_bytes(b"".join(parts.read_bytes().splitlines(keepends=True)[:4]))
    assert verify_logs(tmp_path).is_right

    (verdict,) = verify_logs(tmp_path, expect=newer).logs

    assert "has 8 entries, the expected checkpoint 16" in verdict.problems[0]
