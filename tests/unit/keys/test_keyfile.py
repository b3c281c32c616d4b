# SPDX-License-Identifier: Apache-2.0
"""The file of the keyring: read as it was written, refused where it is something else, never quoted."""

import stat
from pathlib import Path

import pytest

from gateway.domain.errors import SettingsError
from gateway.keys.keyfile import BRIDGED, KeyEntry, KeyFile, KeyState, read, write

ENTRY = KeyEntry(label="totp", version=1, state=KeyState.ACTIVE, created_us=7, wrapped=b"w" * 70)
BRIDGE = (b"one" * 30, b"two" * 30)


@pytest.mark.parametrize("file", [KeyFile(keys=(ENTRY,)), KeyFile(format=BRIDGED, keys=(ENTRY,), bridge=BRIDGE)])
def test_what_was_written_is_read_again(tmp_path: Path, file: KeyFile) -> None:
    """In both formats, closed to others, and over what was there."""
    for _ in range(2):
        write(tmp_path / "keyring.json", file)
    assert read(tmp_path / "keyring.json") == file
    assert stat.S_IMODE((tmp_path / "keyring.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keyring.json"]


def test_a_file_without_a_bridge_is_as_it_always_was(tmp_path: Path) -> None:
    """A version that knows no bridge reads it."""
    write(tmp_path / "keyring.json", KeyFile(keys=(ENTRY,)))
    assert "bridge" not in (tmp_path / "keyring.json").read_text()


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 2}',
        '{"format": 1, "bridge": ["AAAA", "AAAA"]}',
        '{"format": 2, "bridge": ["AAAA"]}',
        '{"format": 3}',
        '{"keys": [{"label": "canary"}]}',
        "canary",
        "",
    ],
)
def test_something_else_is_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    """The message says where and what is wrong, never what stands there."""
    (tmp_path / "keyring.json").write_text(text)
    with pytest.raises(SettingsError, match="keyring") as caught:
        read(tmp_path / "keyring.json")
    assert "canary" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A disk that turned bits."""
    (tmp_path / "keyring.json").write_bytes(b'{"keys": [{"label": "\xff\xfe"}]}')
    with pytest.raises(SettingsError, match="keyring"):
        read(tmp_path / "keyring.json")
