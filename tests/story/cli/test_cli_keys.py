# SPDX-License-Identifier: Apache-2.0
"""Keys are listed, rotated, sealed anew under, retired and shredded by commands, and running doors follow."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.app.installation import open_installation
from gateway.app.slots import DOOR_SLOT
from gateway.cli.desk.desk import run_to_end
from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import DatasetName, FieldName, IdentityKind
from gateway.domain.turning import ColumnState, Turn
from gateway.flows import rewrapping
from gateway.settings.loading import load
from tests.fakes.command_line import CommandLine
from tests.story.test_migrating import at_rest

CUSTOMER = IdentityKind("crm.customer_id")


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody seal under a version that was retired a moment ago: no gateway runs beside these commands."""
    monkeypatch.setattr(rewrapping, "SETTLE_US", 0)


def states(command: CommandLine, label: str) -> list[str]:
    """Return the state of every version of a label."""
    found = command("key", "list", "--json").document()
    return [one["state"] for one in found if one["label"] == label]


def rows(command: CommandLine, label: str) -> dict[int, Any]:
    """Return how many rows are under which version of a label."""
    found = command("key", "status", "--all", "--json").document()["keys"]
    return {one["version"]: one["rows"] for one in found if one["label"] == label}


def test_a_key_is_rotated_retired_and_shredded_and_each_is_entered(command: CommandLine) -> None:
    """The versions say so, and the log says who did it."""
    command("key", "rotate", "totp")
    command("key", "rotate", "totp")
    command("key", "rewrap", "totp")
    command("key", "retire", "totp", "2")
    command("key", "shred", "totp", "1", "--yes")

    assert states(command, "totp") == ["shredded", "retired", "active"]
    done = ["key-rotated", "key-rotated", "key-rewrap-begun", "key-rewrapped", "key-retired", "key-shredded", "keys"]
    assert command.kinds()[-7:] == done
    rotated = [one["body"] for one in command.entries() if one["body"].get("what") == "key-rotated"]
    assert [one["facts"]["version"] for one in rotated] == [2, 3]


def test_no_byte_of_a_key_is_shown(command: CommandLine) -> None:
    """Label, version, state and time; nothing else."""
    [first, *_] = command("key", "list", "--json").document()

    assert first.keys() == {"label", "version", "state", "created_us"}


@pytest.mark.parametrize("label", ["people/lookup", "log/cli", "log/door-0"])
def test_keys_for_life_are_neither_rotated_nor_shredded(command: CommandLine, label: str) -> None:
    """Under another key every person would be a stranger, and every log a forgery."""
    for words in (("rotate", label), ("retire", label, "1"), ("shred", label, "1", "--yes")):
        assert "for the life of an installation" in command("key", *words, code=2).err

    command("log", "verify")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("rotate", "nothing"), "there is no key nothing"),
        (("retire", "totp", "1"), "is the active one"),
        (("retire", "totp", "7"), "has no version 7"),
        (("shred", "totp", "7", "--yes"), "has no version 7"),
        (("shred", "totp", "1"), "use --yes"),
        (("shred", "totp", "1", "--yes"), "2 rows need version 1 of totp, which is the active one"),
        (("rewrap", "nothing"), "there is no key nothing"),
        (("rewrap", "people/lookup"), "for the life of an installation"),
        (("rewrap", "credentials"), "for the life of an installation"),
    ],
)
def test_what_cannot_be_done_to_a_key_is_refused_and_not_entered(
    command: CommandLine, words: tuple[str, ...], sentence: str
) -> None:
    """A mistake of usage changes nothing."""
    assert sentence in command("key", *words, code=2).err
    assert not [what for what in command.kinds() if what.startswith("key-")]


def test_rows_are_sealed_anew_and_only_then_is_the_old_version_shredded(command: CommandLine) -> None:
    """Numbers say what is left; the authenticators of both accounts work afterwards."""
    command("key", "rotate", "totp")
    assert rows(command, "totp") == {1: 2, 2: 0}
    refused = command("key", "shred", "totp", "1", "--yes", code=2).err
    assert "2 rows still need version 1 of totp" in refused
    assert "gateway key rewrap totp" in refused

    done = command("key", "rewrap", "totp", "--json").document()
    assert done == {"label": "totp", "rows": 2, "unreadable": 0, "left": 0}
    assert command("key", "rewrap", "totp", "--json").document()["rows"] == 0
    assert rows(command, "totp") == {1: 0, 2: 2}
    command("key", "shred", "totp", "1", "--yes")
    command("user", "show", "analyst-1")


def test_what_is_needed_is_shredded_only_by_who_says_so_twice(command: CommandLine) -> None:
    """The rows are lost, which the entry says with their number, and the status afterwards."""
    command("key", "rotate", "totp")
    lost = command("key", "shred", "totp", "1", "--yes", "--although-needed")

    assert "2 rows can never be opened again" in lost.err
    assert "2 rows cannot be opened" in command("key", "status").out
    [entry] = [one["body"] for one in command.entries() if one["body"].get("what") == "key-shredded"]
    assert entry["facts"] == {"version": 1, "rows": 2}
    # What cannot be opened is left as it is, and nothing waits.
    assert command("key", "rewrap", "totp", "--json").document()["rows"] == 0


def test_an_older_copy_of_the_keyring_brings_no_shredded_key_back(command: CommandLine) -> None:
    """The database knows what was shredded; the next opening shreds it again."""
    command("key", "rotate", "totp")
    command("key", "rewrap", "totp")
    keyring = command.state / "keys" / "keyring.json"
    before = keyring.read_bytes()
    command("key", "shred", "totp", "1", "--yes")
    keyring.write_bytes(before)

    assert states(command, "totp") == ["shredded", "active"]


def test_an_older_copy_of_the_database_is_worked_with_after_a_shredding(command: CommandLine, tmp_path: Path) -> None:
    """The copy's keys of people can be opened no more: people keep their numbers, and are sealed again when seen."""

    async def numbers() -> tuple[list[int], list[list[str]]]:
        async with open_installation(load(state=command.state), "cli", with_rules=False) as rooms:
            found = await rooms.people.numbers(CUSTOMER, ["C-1", "C-2"])
            known = [await rooms.people.identities(one) for one in found]
        return list(map(int, found)), [[one.value for one in each] for each in known]

    before, _ = run_to_end(numbers())
    command("db", "backup", str(tmp_path / "copy.gwb"))
    command("key", "rotate", "people/wrap")
    command("key", "rewrap", "people/wrap")
    command("key", "shred", "people/wrap", "1", "--yes")
    command("db", "restore", str(tmp_path / "copy.gwb"), "--keys", str(tmp_path / "copy.keys.gwb"))

    assert run_to_end(numbers()) == (before, [["C-1"], ["C-2"]])
    assert rows(command, "people/wrap") == {1: 0, 2: 2}


def test_a_key_of_values_in_stores_is_not_shredded_by_mistake(command: CommandLine) -> None:
    """Where no rule says which columns are under it, nobody can tell here what is left."""

    async def make() -> None:
        async with open_installation(load(state=command.state), "cli", with_rules=False) as rooms:
            rooms.keyring.ensure("at-rest/phones")

    run_to_end(make())
    command("key", "rotate", "at-rest/phones")
    assert "gateway surrogate migrate" in command("key", "shred", "at-rest/phones", "1", "--yes", code=2).err
    assert "gateway surrogate migrate" in command("key", "rewrap", "at-rest/phones", code=2).err
    told = command("key", "shred", "at-rest/phones", "1", "--yes", "--although-needed").err
    assert "version 1 of at-rest/phones: no column is declared under it" in told
    assert states(command, "at-rest/phones") == ["shredded", "active"]


def known_of(command: CommandLine, **columns: ColumnState) -> None:
    """Let it be known of columns of customers what a walk would have found."""

    async def write() -> None:
        async with open_installation(load(state=command.state), "cli", with_rules=False) as rooms:
            states = {FieldName(name): state for name, state in columns.items()}
            await rooms.columns.write(DatasetName("crm.customers"), states)
            rooms.keyring.ensure("at-rest/phones")

    run_to_end(write())


def test_a_key_of_stores_is_shredded_once_no_column_needs_it(command: CommandLine) -> None:
    """The refusal names each column with what is known of it, and what makes it anew; then nothing has to be insisted."""
    at_rest(load(state=command.state), {"email": "mails", "phone": "phones"})
    known_of(command, city=ColumnState(Turn.BACK))
    shred = ("key", "shred", "at-rest/phones")
    assert "version 1 of at-rest/phones is the active one" in command(*shred, "1", "--yes", code=2).err
    command("key", "rotate", "at-rest/phones")

    refused = command(*shred, "1", "--yes", code=2).err
    for one in (
        "2 columns of stores may hold surrogates under version 1 of at-rest/phones: ",
        "crm.customers.phone (never walked to its end)",
        "crm.customers.city (once turned over, and not at rest",
        "`gateway surrogate migrate crm.customers` makes what is there anew",
        "--although-needed loses",
    ):
        assert one in refused
    for state, said in (
        (ColumnState(Turn.DONE, 1), "turned over under version 1"),
        (ColumnState(Turn.OVER, 2), "being"),
    ):
        known_of(command, phone=state, city=ColumnState())
        assert (
            f"1 column of stores may hold surrogates under version 1 of at-rest/phones: crm.customers.phone ({said}"
            in (command(*shred, "1", "--yes", code=2).err)
        )
    known_of(command, phone=ColumnState(Turn.DONE, 2))
    assert states(command, "at-rest/phones") == ["retired", "active"]
    command(*shred, "1", "--yes")
    assert states(command, "at-rest/phones") == ["shredded", "active"]


def test_people_and_values_of_the_vault_are_counted_by_their_versions(command: CommandLine) -> None:
    """What is under a person's own key is under nobody's version but the person's."""

    async def make(ids: list[str]) -> None:
        async with open_installation(load(state=command.state), "cli", with_rules=False) as rooms:
            await rooms.people.numbers(CUSTOMER, ids)

    run_to_end(make(["C-1", "C-2", "C-3"]))
    command("key", "rotate", "people/wrap")
    run_to_end(make(["C-4"]))
    assert rows(command, "people/wrap") == {1: 3, 2: 1}
    command("key", "rewrap", "people/wrap")
    assert rows(command, "people/wrap") == {1: 0, 2: 4}


def test_the_status_says_what_is_done_next(command: CommandLine) -> None:
    """And nothing of labels that nobody turned, unless asked."""
    command("key", "rotate", "totp")
    shown = command("key", "status").out

    assert "gateway key rewrap totp" in shown
    assert "people/lookup" not in shown
    assert "people/lookup" in command("key", "status", "--all").out


def test_a_running_door_forgets_a_key_that_was_shredded(command: CommandLine) -> None:
    """It had the key in its memory; after its next look at the feed it can open nothing with it."""

    async def door() -> None:
        async with open_installation(load(state=command.state), DOOR_SLOT) as rooms:
            sealed = rooms.keyring.seal("surrogate/x", b"value")
            await asyncio.to_thread(command, "key", "shred", "surrogate/x", "1", "--yes")
            assert rooms.keyring.open("surrogate/x", sealed) == b"value"
            await rooms.changes.follow()
            with pytest.raises(KeyUnavailable):
                rooms.keyring.open("surrogate/x", sealed)

    run_to_end(door())


def test_a_door_that_saw_a_change_while_sealing_follows_it_all_the_same(command: CommandLine) -> None:
    """Bearers are signed by the new version after the next look at the feed."""

    async def door() -> None:
        async with open_installation(load(state=command.state), DOOR_SLOT) as rooms:
            await asyncio.to_thread(command, "key", "rotate", "bearer")
            rooms.keyring.seal("cursor", b"x")
            await rooms.changes.follow()
            assert next(one["kid"] for one in rooms.bearers.jwks()["keys"]) == "bearer-2"

    run_to_end(door())
