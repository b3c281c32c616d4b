# SPDX-License-Identifier: Apache-2.0
"""Small private files: replaced in one step, and what they were is overwritten."""

import os
import stat
from pathlib import Path

from gateway.keys.files import overwrite, put_in_place, sync_directory, write_private


def test_a_file_is_closed_to_others_whatever_it_was_and_whatever_the_umask(tmp_path: Path) -> None:
    """Also one that was left behind open."""
    path = tmp_path / "f"
    path.write_bytes(b"longer than what comes")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        write_private(path, b"content")
    finally:
        os.umask(before)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"content", 0o600)


def test_what_is_replaced_is_overwritten(tmp_path: Path) -> None:
    """A hard link keeps the old file in view: it holds zeros; also one that nobody might write."""
    old, fresh, link = tmp_path / "f", tmp_path / "f.new", tmp_path / "link"
    for name, content in ((old, b"secret"), (fresh, b"fresh")):
        write_private(name, content)
    link.hardlink_to(old)
    old.chmod(0o400)
    put_in_place(fresh, old)

    assert (old.read_bytes(), link.read_bytes()) == (b"fresh", bytes(6))
    assert not fresh.exists()


def test_a_first_file_takes_its_place(tmp_path: Path) -> None:
    """There is nothing to overwrite."""
    write_private(tmp_path / "f.new", b"x")
    put_in_place(tmp_path / "f.new", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"x"


def test_a_file_is_removed_with_its_bytes(tmp_path: Path) -> None:
    """As above."""
    write_private(tmp_path / "f", b"secret")
    (tmp_path / "link").hardlink_to(tmp_path / "f")
    overwrite(tmp_path / "f")
    assert not (tmp_path / "f").exists()
    assert (tmp_path / "link").read_bytes() == bytes(6)
    sync_directory(tmp_path)
