# SPDX-License-Identifier: Apache-2.0
"""Attack: somebody on the same machine waits where an officer writes evidence to, to read it or to have it overwrite.

Exports, proofs, receipts, scopes, lists and answers to people are files that only their owner may read. They never go
through a link that stands in their place, and take the place of no device.
"""

import os
import stat
from pathlib import Path

import pytest

from gateway.app.private_file import private_file
from tests.fakes.command_line import CommandLine

WRITERS = (
    ("log", "export", "--format", "ndjson"), ("log", "prove", "cli:0", "--with-part"), ("incident", "scope", "--store", "crm"),
    ("rights", "accesses", "--person", "7"), ("grant", "review"),
)  # fmt: skip


@pytest.mark.parametrize("words", WRITERS)
def test_what_is_written_is_for_its_owner_alone_and_goes_through_no_link(
    command: CommandLine, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """Whatever the mask says, and whatever the link leads to; half a file is never there."""
    victim = tmp_path / "victim"
    victim.write_text("what was there", encoding="utf-8")
    loose, dangling = tmp_path / "loose" / "out", tmp_path / "dangling"
    loose.parent.mkdir()
    dangling.symlink_to(tmp_path / "elsewhere")
    before = os.umask(0)
    try:
        for out in (loose, dangling):
            command(*words, "--out", str(out))
            assert stat.S_IMODE(out.lstat().st_mode) == 0o600
            assert not out.is_symlink()
        led = tmp_path / "led"
        led.symlink_to(victim)
        # Some write to new files only; others take the place of the link.
        command.bare("log", "export", "--out", str(led), "--state", str(command.state))
    finally:
        os.umask(before)

    assert victim.read_text(encoding="utf-8") == "what was there"
    assert not (tmp_path / "elsewhere").exists()
    assert not list(tmp_path.rglob("*.new"))


@pytest.mark.parametrize("words", [WRITERS[0], WRITERS[1]])
def test_no_device_is_replaced_by_a_file(command: CommandLine, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Whoever writes to /dev/null as root would take it from everybody."""
    pipe, led = tmp_path / "pipe", tmp_path / "led"
    os.mkfifo(pipe)
    led.symlink_to("/dev/null")

    for out in (pipe, led, tmp_path):
        assert "only a file can be replaced" in command(*words, "--out", str(out), code=1).err

    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert led.is_symlink()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_name_that_somebody_has_taken_before_is_not_written_to(tmp_path: Path) -> None:
    """The file that is written to before it takes its place is made anew, or nothing is written."""
    out, stolen = tmp_path / "out", tmp_path / "stolen"
    (tmp_path / f".out.{os.getpid()}.new").symlink_to(stolen)

    with pytest.raises(FileExistsError):
        _write(out)

    assert not stolen.exists()
    assert not out.exists()


def _write(out: Path) -> None:
    with private_file(out) as file:
        file.write(b"evidence")
