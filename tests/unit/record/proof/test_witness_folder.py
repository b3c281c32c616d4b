# SPDX-License-Identifier: Apache-2.0
"""A witness's folder: a key that nobody else can read, logs by name and key, notes that are replaced as a whole."""

import errno
from pathlib import Path

import pytest

from gateway.domain.errors import SettingsError
from gateway.record.format.checkpoint import parse_verifier_key
from gateway.record.format.cosign import parse_witness_key
from gateway.record.proof.witness_folder import MOST_EVIDENCE, WitnessFolder
from tests.fakes.log import NAME, FaultyDisk, key_of, verifier_key
from tests.fakes.witness import WITNESS, made


def test_a_new_witness_has_a_key_that_is_closed_to_others(tmp_path: Path) -> None:
    """And tells its public half; opened again it is the same."""
    held = WitnessFolder.make(tmp_path / "w", WITNESS)

    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "w").stat().st_mode & 0o777 == 0o700
    assert parse_witness_key((tmp_path / "w" / "witness.pub").read_text().strip()) == held.key
    assert WitnessFolder(tmp_path / "w").key == held.key


def test_a_witness_is_never_made_over_another(tmp_path: Path) -> None:
    """Its key would be lost."""
    made(tmp_path / "w")
    with pytest.raises(SettingsError, match="holds a witness already"):
        made(tmp_path / "w")


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\nb"])
def test_a_name_that_no_key_can_have_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is made."""
    with pytest.raises(SettingsError):
        WitnessFolder.make(tmp_path / "w", name)
    assert not (tmp_path / "w").exists()


def test_a_folder_that_is_none_or_open_or_changed_is_refused(tmp_path: Path) -> None:
    """With what mends it; no message holds the key."""
    with pytest.raises(SettingsError, match="gateway log witness init"):
        WitnessFolder(tmp_path)
    made(tmp_path / "w")
    key = tmp_path / "w" / "witness.key"
    secret = key.read_text()
    key.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        WitnessFolder(tmp_path / "w")
    key.chmod(0o600)
    key.write_text(secret[:-6])
    with pytest.raises(SettingsError, match="does not hold the key") as wrong:
        WitnessFolder(tmp_path / "w")
    assert secret[:10] not in str(wrong.value)
    key.write_text(secret)
    (tmp_path / "w" / "witness.pub").write_text("other+00000000+AAAA\n")
    with pytest.raises(SettingsError, match="does not hold the key in"):
        WitnessFolder(tmp_path / "w")


def test_a_log_is_known_by_one_key(tmp_path: Path) -> None:
    """Another one under its name is refused."""
    held = made(tmp_path / "w", NAME)
    key = parse_verifier_key(verifier_key())

    assert held.key_of(NAME) == key
    assert not held.add(key)
    assert held.key_of("demo/node-1/other") is None
    with pytest.raises(SettingsError, match="known with another key"):
        held.add(parse_verifier_key(verifier_key(NAME, key_of("thief"))))


def test_a_note_is_kept_or_the_one_before_stays(tmp_path: Path) -> None:
    """Whatever the disk does."""
    made(tmp_path / "w", NAME)
    disk = FaultyDisk()
    held = WitnessFolder(tmp_path / "w", disk)
    held.keep(NAME, "first")
    for operation in ("open_fresh", "write", "sync", "rename"):
        disk.fail = {operation: errno.EIO}
        with pytest.raises(OSError, match="Input/output error"):
            held.keep(NAME, "second")
        disk.fail = {}
        assert held.newest(NAME) == "first"
    held.keep(NAME, "second")

    assert WitnessFolder(tmp_path / "w").newest(NAME) == "second"
    assert held.newest("demo/node-1/other") is None


def test_evidence_is_kept_once_each_and_bounded(tmp_path: Path) -> None:
    """Nobody may fill the disk with it."""
    held = made(tmp_path / "w", NAME)
    for n in (*range(MOST_EVIDENCE + 9), 1):
        held.accuse(NAME, f"note {n}")

    (known,) = held.known()
    assert known.n_evidence == MOST_EVIDENCE
    assert (known.key.name, known.note) == (NAME, None)


def test_one_process_serves_a_folder(tmp_path: Path) -> None:
    """A second one is told so."""
    held, other = made(tmp_path / "w"), WitnessFolder(tmp_path / "w")
    held.hold()
    with pytest.raises(SettingsError, match="another process serves"):
        other.hold()
