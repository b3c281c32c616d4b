# SPDX-License-Identifier: Apache-2.0
"""A file that is there as a whole or not at all, for its owner alone."""

from pathlib import Path

import pytest

from gateway.app.private_file import private_file


def test_a_file_is_for_its_owner_alone_and_takes_the_place_of_another(tmp_path: Path) -> None:
    """Whoever could read the old one cannot read the new one."""
    path = tmp_path / "export"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with private_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"

    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["export"]


def test_after_an_error_what_stood_there_stays_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """Half an export is none."""
    path = tmp_path / "export"
    path.write_bytes(b"old")

    with pytest.raises(OSError, match="full"):
        _half(path)

    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["export"]


def _half(path: Path) -> None:
    with private_file(path) as file:
        file.write(b"half")
        raise OSError("full")
