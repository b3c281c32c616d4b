# SPDX-License-Identifier: Apache-2.0
"""The database from the command line: copies are made while all goes on, and put back without undoing anything."""

from pathlib import Path

import pytest

from gateway.app.keyring import open_keyring
from gateway.app.restoring import StateLock
from gateway.domain.entry import Changed
from gateway.record.reading.reader import records
from gateway.settings.loading import load
from gateway.store.backup import Wanted, dump
from tests.fakes.command_line import CommandLine

KIND, WHO = "crm.customer_id", "C-4711-SECRET"


def choose(command: CommandLine, who: str, choice: str) -> int:
    """Record a choice and return the person's number."""
    told = command("choice", "set", "--identity", KIND, who, "--purpose", "marketing", "--choice", choice, "--json")
    return int(told.document()["person"])


def states(command: CommandLine, who: str) -> list[str]:
    """Return what a person chose."""
    shown = command("choice", "show", "--identity", KIND, who, "--json").document()
    return [one["state"] for one in shown["choices"]]


def backed_up(command: CommandLine, folder: Path, *words: str) -> list[Path]:
    """Make a backup in a folder and return its files."""
    folder.mkdir(exist_ok=True)
    return [Path(one["file"]) for one in command("db", "backup", str(folder), *words, "--json").document()["files"]]


def test_a_backup_is_put_back_and_what_came_later_is_replayed(command: CommandLine, tmp_path: Path) -> None:
    """The answer says what was put back, who was lost, and what has to be given anew; never a value of a person."""
    number = choose(command, WHO, "given")
    main, keys = backed_up(command, tmp_path / "backup")
    choose(command, WHO, "objected")
    new = choose(command, "C-NEW", "refused")
    command("user", "add", "late", "--role", "analyst", *command.enrolment("late"))
    command("user", "set-password", "analyst-1", "--password-file", str(command.state.parent / "password"))

    told = command("db", "restore", str(main), "--json").document()

    assert {path.stat().st_mode & 0o777 for path in (main, keys)} == {0o600}
    assert [one["base"] for one in told["restored"]] == ["main", "keys"]
    assert told["replayed"]["counts"]["choices"] == 2
    assert len(told["replayed"]["lost"]) == 1
    assert [one["what"] for one in told["replayed"]["without"]] == ["password"]
    assert states(command, WHO) == ["given", "objected"]
    assert [choose(command, WHO, "given"), choose(command, "C-NEW", "given")] == [number, new]
    entries = [record.line.body for record in records(command.state / "log" / "cli")]
    restored = [(one.what, one.target) for one in entries if isinstance(one, Changed) and one.what.startswith("data")]
    assert [one for one in restored if one[0] != "database-marked"] == [
        ("database-backed-up", "main"),
        ("database-backed-up", "keys"),
        ("database-restored", "main"),
        ("database-restored", "keys"),
    ]
    assert all(WHO not in answer.out + answer.err for answer in command.answers)
    command("log", "verify")


def test_people_are_told_in_sentences(command: CommandLine, tmp_path: Path) -> None:
    """What everybody has to do now."""
    command("db", "backup", str(tmp_path / "copy.gwb"))
    command("user", "enrol", "analyst-1", "--totp-secret-out", str(tmp_path / "again.totp"))
    command("lock", "analyst-1")
    said = command("db", "restore", str(tmp_path / "copy.gwb")).out
    assert "holds set: 3" in said
    assert "every session has ended: everybody signs in again" in said
    assert "has no authenticator, since it was changed after the copy: gateway user enrol a_" in said
    shown = command("user", "show", "analyst-1").out
    assert "analyst-1 (a_" in shown
    assert "the authenticator was changed after the backup that was restored at" in shown


def test_copies_can_be_made_apart(command: CommandLine, tmp_path: Path) -> None:
    """The keys of people count for some days and have their own file."""
    [main] = backed_up(command, tmp_path / "one", "--without-keys")
    [keys] = backed_up(command, tmp_path / "two", "--keys-only", "--keys-days", "1")
    assert (main.name.endswith(".keys.gwb"), keys.name.endswith(".keys.gwb")) == (False, True)
    assert "by --keys" in command("db", "restore", str(main), code=2).err
    command("db", "restore", str(main), "--keys", str(keys))
    command("db", "restore", str(main), "--without-keys")
    for words in (("--without-keys", "--keys-only"), ("--keys-days", "31")):
        command("db", "backup", str(tmp_path / "three.gwb"), *words, code=2)
    assert "contradict" in command("db", "restore", str(main), "--keys", str(keys), "--without-keys", code=2).err


def test_a_copy_of_keys_past_its_end_is_refused_and_deleted(command: CommandLine, tmp_path: Path) -> None:
    """What was shredded must not come back by an old copy."""
    from gateway.app.backups import Signer

    [main, _] = backed_up(command, tmp_path / "backup")
    old = tmp_path / "backup" / "gateway-20200101T000000Z.keys.gwb"
    wanted = Wanted(base="keys", installation="gateway", created_us=1, expires_us=2, places={})
    settings = load(state=command.state)
    dump(str(command.state), wanted, old, Signer(open_keyring(settings)), lambda _n: None)

    assert "past its end" in command("db", "restore", str(main), "--keys", str(old), code=2).err
    assert str(old) in command("db", "backup", str(tmp_path / "backup"), "--keys-only").out
    assert not old.exists()


def test_what_cannot_be_put_back_is_told_and_nothing_is_changed(command: CommandLine, tmp_path: Path) -> None:
    """Other files, files in each other's place, files of others, a changed one, and a gateway that runs."""
    choose(command, WHO, "given")
    [main, keys] = backed_up(command, tmp_path / "backup")
    other = CommandLine(tmp_path / "other", {})
    other.init()
    [theirs, _] = backed_up(other, tmp_path / "theirs")
    changed = tmp_path / "changed.gwb"
    whole = main.read_bytes()
    changed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    nothing = tmp_path / "nothing.gwb"
    nothing.write_text("nothing")
    before = (command.state / "gateway.db").read_bytes()

    assert "File exists" in command("db", "backup", str(main), code=1).err
    for file, why in ((nothing, "no backup"), (theirs, "not made by"), (changed, "not whole"), (keys, "base keys")):
        assert why in command("db", "restore", str(file), "--without-keys", code=2).err, file
    running = StateLock(command.state)
    running.share()
    assert "stop every process" in command("db", "restore", str(main), code=1).err
    running.close()

    assert (command.state / "gateway.db").read_bytes() == before
    assert states(command, WHO) == ["given"]


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_the_same_on_postgresql(fresh: CommandLine, tmp_path: Path) -> None:
    """One transaction in place of a new file."""
    fresh.init()
    choose(fresh, WHO, "given")
    [main, _] = backed_up(fresh, tmp_path / "backup")
    choose(fresh, WHO, "objected")
    choose(fresh, "C-NEW", "refused")
    told = fresh("db", "restore", str(main), "--json").document()
    assert told["replayed"]["counts"]["choices"] == 2
    assert states(fresh, WHO) == ["given", "objected"]
