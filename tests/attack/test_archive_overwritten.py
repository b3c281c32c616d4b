# SPDX-License-Identifier: Apache-2.0
"""Attack: segments are moved to a folder that holds others of the same name, or a crash comes while they are."""

from pathlib import Path

import pytest

from gateway.app.evidence.archiving import _copied, _removed
from gateway.domain.errors import NotDeleted
from gateway.record.format.files import DiskFiles
from gateway.record.proof.verify import verify_log
from tests.fakes.log import key_of, written


@pytest.fixture
def log(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 40, most_bytes=2_000)
    return tmp_path / "log" / "door-0"


@pytest.mark.parametrize("is_same_key", [True, False])
def test_what_was_moved_there_before_is_not_written_over(log: Path, tmp_path: Path, is_same_key: bool) -> None:
    """Another installation's, or those of another history of the same log: each may be the only copy."""
    other = tmp_path / "other" / "door-0"
    written(other, 50, key=None if is_same_key else key_of("other"), most_bytes=2_100)
    shelf = tmp_path / "shelf" / "door-0"
    _copied(other, 0, shelf)
    before = {path: path.read_bytes() for path in shelf.rglob("*") if path.is_file()}

    with pytest.raises(NotDeleted, match="holds other segments already"):
        _copied(log, 0, shelf)
    assert {path: path.read_bytes() for path in shelf.rglob("*") if path.is_file()} == before
    _copied(other, 0, shelf)
    _copied(other, 1, shelf)


@pytest.mark.parametrize("n_removed", [0, 1, 2])
def test_a_crash_while_a_segment_goes_leaves_a_log_that_verifies(
    log: Path, monkeypatch: pytest.MonkeyPatch, n_removed: int
) -> None:
    """After each file that is removed."""
    left = n_removed
    remove = DiskFiles.remove

    def until(self: DiskFiles, path: Path) -> None:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        remove(self, path)

    monkeypatch.setattr(DiskFiles, "remove", until)
    try:
        _removed(log, 0)
    except KeyboardInterrupt:
        assert n_removed < 2
    assert verify_log(log).problems == ()
