# SPDX-License-Identifier: Apache-2.0
"""Where the KEK may come from, and what is refused."""

import base64
import os
import pickle
import stat
from pathlib import Path

import pytest

from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.keys.providers import VARIABLE, FileKek, HeldKek

TEXT = base64.b64encode(bytes(range(32))).decode()


def test_a_wrapped_key_opens_under_its_label_alone() -> None:
    """A wrapped key that was moved to another label is of no use."""
    kek = HeldKek.from_text(TEXT, "test")
    wrapped = kek.wrap(b"k" * 32, "bearer#1")

    assert kek.unwrap(wrapped, "bearer#1") == b"k" * 32
    with pytest.raises(KeyUnavailable):
        kek.unwrap(wrapped, "bearer#2")


def test_a_new_file_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    """Mode 600, also under umask 0 and 777."""
    for umask in (0o000, 0o777):
        before = os.umask(umask)
        try:
            FileKek.create(tmp_path / f"kek-{umask}")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"kek-{umask}").stat().st_mode) == 0o600


def test_the_file_gives_the_same_kek_again(tmp_path: Path) -> None:
    """What one process wrapped another unwraps."""
    wrapped = FileKek.create(tmp_path / "kek").wrap(b"secret", "l")

    assert FileKek(tmp_path / "kek").unwrap(wrapped, "l") == b"secret"


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    """Its loss would be the loss of every key."""
    FileKek.create(tmp_path / "kek")
    before = (tmp_path / "kek").read_bytes()

    with pytest.raises(SettingsError, match="exists"):
        FileKek.create(tmp_path / "kek")

    assert (tmp_path / "kek").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """The message says what to do."""
    FileKek.create(tmp_path / "kek")
    (tmp_path / "kek").chmod(mode)

    with pytest.raises(SettingsError, match="chmod 600"):
        FileKek(tmp_path / "kek")


def test_a_file_of_mode_400_is_good(tmp_path: Path) -> None:
    """Mounted secrets are often read-only."""
    FileKek.create(tmp_path / "kek")
    (tmp_path / "kek").chmod(0o400)

    FileKek(tmp_path / "kek")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could change it."""
    FileKek.create(tmp_path / "kek")
    os.chown(tmp_path / "kek", 12345, 12345)

    with pytest.raises(SettingsError, match="another user"):
        FileKek(tmp_path / "kek")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(SettingsError, match="kek cannot be read"):
        FileKek(tmp_path / "kek")


@pytest.mark.parametrize("text", ["", "canary!", TEXT[:-4], TEXT + TEXT, "ü" * 44])
def test_anything_but_32_bytes_in_base64_is_refused_without_being_quoted(text: str) -> None:
    """The text may be most of a key."""
    with pytest.raises(SettingsError, match="32 bytes") as caught:
        HeldKek.from_text(text, VARIABLE)

    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_kek_is_neither_printed_nor_pickled() -> None:
    """It stays in this process."""
    kek = HeldKek(b"canary-canary-canary-canary-3210")

    assert "canary" not in repr(kek) + str(kek) + repr(kek._secret)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(kek)
