# SPDX-License-Identifier: Apache-2.0
"""The key-encryption key is changed by a command, where it is a file of ours and where the environment has it."""

import asyncio
import base64
import os
from pathlib import Path

import pytest

from gateway.app.installation import open_installation
from gateway.app.slots import DOOR_SLOT
from gateway.cli.desk.desk import run_to_end
from gateway.domain.errors import KeyUnavailable, SettingsError
from gateway.keys.providers import FileKek, HeldKek
from gateway.settings.loading import load
from tests.fakes.command_line import CommandLine


def kek_file(path: Path) -> str:
    """Make a new KEK in a file and return it as text."""
    FileKek.create(path)
    return path.read_text().strip()


def test_every_key_is_wrapped_anew_and_the_old_kek_is_gone(command: CommandLine, tmp_path: Path) -> None:
    """One command; the log says it, the old file's bytes are nowhere, and everything works under the new one."""
    before = (command.state / "keys" / "kek").read_text().strip()
    told = command("key", "change-kek").out

    assert "wrapped under the new key-encryption key alone" in told
    assert "destroy" in told
    assert command.kinds()[-2:] == ["kek-change-begun", "kek-changed"]
    everything = b"".join(path.read_bytes() for path in (command.state / "keys").iterdir())
    assert before.encode() not in everything
    assert base64.b64decode(before) not in everything
    command("log", "verify")
    command("user", "add", "another", "--role", "analyst", *command.enrolment("another"))
    assert command("key", "status", "--json").document()["kek_change"] is False


def test_the_new_one_may_be_given_and_the_old_one_kept(command: CommandLine, tmp_path: Path) -> None:
    """Given again it changes nothing."""
    before = (command.state / "keys" / "kek").read_text()
    text = kek_file(tmp_path / "new")
    command("key", "change-kek", "--new-kek-file", str(tmp_path / "new"), "--keep-old", str(tmp_path / "old"))

    assert (command.state / "keys" / "kek").read_text().strip() == text
    assert (tmp_path / "old").read_text() == before
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o600
    again = command("key", "change-kek", "--new-kek-file", str(tmp_path / "new"), "--json").document()
    assert again["came"] == "same"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.chmod(0o644), "chmod 600"),
        (lambda path: path.write_text("short"), "32 bytes"),
        (lambda path: path.unlink(), "cannot be read"),
    ],
)
def test_a_new_kek_that_cannot_be_used_is_refused_and_nothing_is_entered(
    command: CommandLine, tmp_path: Path, spoil: object, sentence: str
) -> None:
    """Open to others, too short, not there."""
    kek_file(tmp_path / "new")
    spoil(tmp_path / "new")  # type: ignore[operator]

    assert sentence in command("key", "change-kek", "--new-kek-file", str(tmp_path / "new"), code=2).err
    assert not [what for what in command.kinds() if what.startswith("kek")]


def test_a_kek_of_the_environment_is_changed_in_two_steps(command: CommandLine, tmp_path: Path) -> None:
    """Between them either one opens everything; after them the old one opens nothing, and says so."""
    old, new = (command.state / "keys" / "kek").read_text().strip(), kek_file(tmp_path / "new")
    (command.state / "keys" / "kek").unlink()
    command.environment["GATEWAY_KEK"] = old
    assert "--new-kek-file" in command("key", "change-kek", code=2).err

    told = command("key", "change-kek", "--new-kek-file", str(tmp_path / "new")).out
    assert "GATEWAY_KEK_FILE" in told
    assert "1." in told
    for kek in (old, new):
        command.environment["GATEWAY_KEK"] = kek
        command("user", "list")
    command.environment["GATEWAY_KEK"] = old
    assert command("key", "change-kek", "--json").document()["came"] == "configure"
    command.environment["GATEWAY_KEK"] = new
    assert "--back" in command("key", "change-kek", "--back", code=2).err
    assert command("key", "change-kek", "--json").document()["came"] == "changed"
    command("log", "verify")

    command.environment["GATEWAY_KEK"] = old
    assert "not the one that the keyring is wrapped under" in command("user", "list", code=1).err


def test_a_change_is_given_up_while_the_old_kek_is_in_force(command: CommandLine, tmp_path: Path) -> None:
    """Afterwards the new one opens nothing."""
    old, new = (command.state / "keys" / "kek").read_text().strip(), kek_file(tmp_path / "new")
    (command.state / "keys" / "kek").unlink()
    command.environment["GATEWAY_KEK"] = old
    assert "no change" in command("key", "change-kek", "--back", code=2).err
    command("key", "change-kek", "--new-kek-file", str(tmp_path / "new"))
    command("key", "change-kek", "--back")

    command("log", "verify")
    assert command.kinds()[-1] == "kek-change-undone"
    command.environment["GATEWAY_KEK"] = new
    command("user", "list", code=1)


def test_a_running_door_follows_a_change_of_the_file(command: CommandLine) -> None:
    """It opens what it had not opened before, and makes keys that others open."""

    async def door() -> None:
        async with open_installation(load(state=command.state), DOOR_SLOT) as rooms:
            await asyncio.to_thread(command, "key", "change-kek")
            await rooms.changes.follow()
            assert rooms.keyring.version("totp", 1).secret
            rooms.keyring.ensure("surrogate/made-by-the-door")
            await asyncio.to_thread(command, "key", "change-kek")
            # Before its next look at the feed, too.
            rooms.keyring.ensure("surrogate/made-before-it-looked")

    run_to_end(door())
    command("key", "list")
    assert "the key-encryption key opens" in command("doctor").out


def test_a_door_with_an_old_kek_of_the_environment_refuses_and_spoils_nothing(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has in memory goes on; a key that it would have to unwrap or make is refused in words."""
    old = (command.state / "keys" / "kek").read_text().strip()
    kek_file(tmp_path / "new")
    (command.state / "keys" / "kek").unlink()
    command.environment["GATEWAY_KEK"] = old
    monkeypatch.setenv("GATEWAY_KEK", old)
    settings = load(state=command.state)
    monkeypatch.delenv("GATEWAY_KEK")

    async def door() -> None:
        async with open_installation(settings, DOOR_SLOT) as rooms:
            sealed = rooms.keyring.seal("cursor", b"held")
            await asyncio.to_thread(command, "key", "change-kek", "--new-kek-file", str(tmp_path / "new"))
            rooms.keyring.reload()
            rooms.keyring.ensure("surrogate/while-both-open")
            command.environment["GATEWAY_KEK"] = (tmp_path / "new").read_text().strip()
            await asyncio.to_thread(command, "key", "change-kek")
            rooms.keyring.reload()
            assert rooms.keyring.open("cursor", sealed) == b"held"
            for label, refused in (
                ("surrogate/fresh", rooms.keyring.ensure),
                ("cursor", rooms.keyring.rotate),
                ("totp", rooms.keyring.current),
            ):
                with pytest.raises(KeyUnavailable, match="not the one that the keyring is wrapped under"):
                    refused(label)

    run_to_end(door())
    found = {one["label"] for one in command("key", "list", "--json").document()}
    assert "surrogate/while-both-open" in found
    assert "surrogate/fresh" not in found


@pytest.mark.parametrize(("mode", "is_good"), [(0o600, True), (0o440, True), (0o644, False), (0o620, False)])
def test_a_file_that_the_environment_names_is_closed_to_others(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, is_good: bool
) -> None:
    """A group may read it, since systemd lets one in by an ACL that looks so; nobody else may, and nobody may write."""
    text = (command.state / "keys" / "kek").read_text()
    (tmp_path / "secret").write_text(text)
    (tmp_path / "secret").chmod(mode)
    monkeypatch.setenv("GATEWAY_KEK_FILE", str(tmp_path / "secret"))
    if is_good:
        assert load(state=command.state).kek is not None
        return
    with pytest.raises(SettingsError, match="chmod 600"):
        load(state=command.state)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_the_environment_names_is_no_strangers(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner could change it."""
    HeldKek(bytes(32)).save(tmp_path / "secret")
    os.chown(tmp_path / "secret", 12345, 12345)
    monkeypatch.setenv("GATEWAY_KEK_FILE", str(tmp_path / "secret"))
    with pytest.raises(SettingsError, match="another user"):
        load(state=command.state)
