# SPDX-License-Identifier: Apache-2.0
"""Files grow, are cut, or are replaced as a whole."""

import errno
from pathlib import Path

import pytest

from gateway.record.format.files import DiskFiles, cut_file, replace_file, write_whole
from tests.fakes.log import FaultyDisk


class Dribbling(DiskFiles):
    """Takes three bytes at a time."""

    def write(self, descriptor: int, content: bytes | memoryview) -> int:  # type: ignore[explicit-override]
        """Write three bytes."""
        return super().write(descriptor, content[:3])


def test_short_writes_are_continued(tmp_path: Path) -> None:
    """Everything arrives, in order."""
    files = Dribbling()
    descriptor = files.open_to_append(tmp_path / "f")

    write_whole(files, descriptor, b"0123456789")
    files.close(descriptor)

    assert (tmp_path / "f").read_bytes() == b"0123456789"


def test_a_replaced_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    """If the disk fails on the way, the old content stands."""
    disk, path = FaultyDisk(), tmp_path / "f"
    replace_file(disk, path, b"old")

    for operation in ("open_fresh", "write", "sync", "rename"):
        disk.fail = {operation: errno.EIO}
        with pytest.raises(OSError, match="error"):
            replace_file(disk, path, b"new")
        assert path.read_bytes() == b"old"

    disk.fail = {}
    replace_file(disk, path, b"new")
    assert path.read_bytes() == b"new"


def test_a_cut_file_has_the_length(tmp_path: Path) -> None:
    """What lay beyond is gone."""
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")

    cut_file(DiskFiles(), path, 4)

    assert path.read_bytes() == b"0123"


def test_new_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Mode 600."""
    files = DiskFiles()
    files.close(files.open_to_append(tmp_path / "a"))
    files.close(files.open_fresh(tmp_path / "b"))

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o600, 0o600]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A segment that is a link elsewhere is refused."""
    (tmp_path / "link").symlink_to(tmp_path / "target")

    with pytest.raises(OSError, match="symbolic"):
        DiskFiles().open_to_append(tmp_path / "link")


def test_free_space_is_told_with_the_size_of_the_disk(tmp_path: Path) -> None:
    """Both in bytes."""
    free, whole = DiskFiles().free_bytes(tmp_path)

    assert 0 <= free <= whole
