# SPDX-License-Identifier: Apache-2.0
"""Checkpoints under the stamps of a real time authority: asked, checked, kept, and held against the log later."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app.evidence.stamping import stamp_logs
from gateway.domain.errors import SettingsError, WitnessSilent
from gateway.keys.stamps import StampInvalid
from gateway.record.proof.verify import verify_log, verify_logs
from tests.fakes.command_line import CommandLine
from tests.fakes.log import checkpoint_of, written
from tests.servers.time_authority import Authority, made, running

pytestmark = pytest.mark.extra
pytest.importorskip("rfc3161_client")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    with running(tmp_path_factory.mktemp("tsa") / "own") as found:
        yield found


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 10)
    return tmp_path / "log" / "door-0"


async def test_a_checkpoint_is_stamped_and_checked_by_others(slot: Path, authority: Authority) -> None:
    """By us, and by openssl from the files that are kept."""
    roots = authority.roots.read_bytes()
    (found,) = await stamp_logs([slot], authority.url, roots)

    assert (found.slot, found.size) == ("door-0", 10)
    note = Path(found.file).with_suffix(".checkpoint")
    assert note.read_text() == checkpoint_of(slot)
    _checked_by_openssl(note, Path(found.file), authority.roots)
    verdict = verify_log(slot, stamp_roots=roots)
    assert verdict.is_right
    assert verdict.notes == (f"10 entries were stamped at {found.at_us // 1_000_000} seconds since 1970",)
    assert verify_log(slot).notes == ("a time stamp over 10 entries is here; --tsa-ca FILE checks it",)


def _checked_by_openssl(note: Path, answer: Path, roots: Path) -> None:
    words = ["openssl", "ts", "-verify", "-data", str(note), "-in", str(answer), "-CAfile", str(roots)]
    subprocess.run(words, check=True, capture_output=True)


def _spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


async def test_a_stamp_of_nobody_trusted_is_refused(slot: Path, authority: Authority, tmp_path: Path) -> None:
    """And nothing is kept."""
    stranger = made(tmp_path / "stranger").read_bytes()

    with pytest.raises(StampInvalid):
        await stamp_logs([slot], authority.url, stranger)
    assert not (slot / "stamps").exists()


async def test_an_older_answer_is_refused(slot: Path, authority: Authority, tmp_path: Path) -> None:
    """It is to another question, though about the same checkpoint."""
    roots = authority.roots.read_bytes()
    await stamp_logs([slot], authority.url, roots)
    authority.instead = authority.answers[-1]
    try:
        with pytest.raises(StampInvalid, match="Nonce"):
            await stamp_logs([slot], authority.url, roots)
        authority.instead = b"hello"
        with pytest.raises(StampInvalid):
            await stamp_logs([slot], authority.url, roots)
    finally:
        authority.instead = None


async def test_an_authority_that_is_away_or_unusable_is_told(slot: Path) -> None:
    """In words."""
    with pytest.raises(WitnessSilent, match="the time authority does not answer"):
        await stamp_logs([slot], "http://127.0.0.1:1/tsr", b"")
    with pytest.raises(SettingsError, match="--tsa"):
        await stamp_logs([slot], "ftp://x", b"")


async def test_a_log_that_differs_from_its_stamp_is_found(slot: Path, authority: Authority, tmp_path: Path) -> None:
    """Written anew with its own key, and shortened; a changed stamp as well."""
    roots = authority.roots.read_bytes()
    (found,) = await stamp_logs([slot], authority.url, roots)
    fork = tmp_path / "fork" / "door-0"
    written(fork, 12)
    shutil.copytree(slot / "stamps", fork / "stamps")
    short = tmp_path / "short" / "door-0"
    written(short, 5)
    shutil.copytree(slot / "stamps", short / "stamps")

    assert "its history was changed" in verify_log(fork).problems[0]
    assert "the log has 5 entries, the stamped checkpoint 10" in verify_log(short).problems[0]
    _spoil(Path(found.file))
    assert "the newest time stamp does not fit the log" in verify_log(slot, stamp_roots=roots).problems[0]
    shutil.rmtree(slot / "stamps")
    assert verify_log(slot, stamp_roots=roots).problems == ("no time authority has stamped the log",)


def test_commands_stamp_and_verify(authority: Authority, tmp_path: Path) -> None:
    """All logs of an installation, or one."""
    command = CommandLine(tmp_path / "state", {})
    command.init()
    words = ("--tsa", authority.url, "--tsa-ca", str(authority.roots))
    (found,) = command("log", "stamp", *words, "--json").document()

    assert found["slot"] == "cli"
    assert "entries at " in command("log", "stamp", *words, "--slot", "cli").out
    assert "were stamped at" in command("log", "verify", "--tsa-ca", str(authority.roots)).out
    assert verify_logs(command.state / "log", stamp_roots=authority.roots.read_bytes()).is_right
    assert "does not answer" in command("log", "stamp", "--tsa", "http://127.0.0.1:1", *words[2:], code=1).err
