# SPDX-License-Identifier: Apache-2.0
"""Keys are listed, rotated, retired and shredded by commands, and running doors follow."""

import asyncio

import pytest

from gateway.app.installation import DOOR_SLOT, open_installation
from gateway.cli.desk import run_to_end
from gateway.domain.errors import KeyUnavailable
from gateway.settings import load
from tests.fakes.command_line import CommandLine


def states(command: CommandLine, label: str) -> list[str]:
    """Return the state of every version of a label."""
    found = command("key", "list", "--json").document()
    return [one["state"] for one in found if one["label"] == label]


def test_a_key_is_rotated_retired_and_shredded_and_each_is_entered(command: CommandLine) -> None:
    """The versions say so, and the log says who did it."""
    command("key", "rotate", "totp")
    command("key", "rotate", "totp")
    command("key", "retire", "totp", "2")
    command("key", "shred", "totp", "1", "--yes")

    assert states(command, "totp") == ["shredded", "retired", "active"]
    assert command.kinds()[-5:] == ["key-rotated", "key-rotated", "key-retired", "key-shredded", "keys"]


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
    ],
)
def test_what_cannot_be_done_to_a_key_is_refused_and_not_entered(
    command: CommandLine, words: tuple[str, ...], sentence: str
) -> None:
    """A mistake of usage changes nothing."""
    assert sentence in command("key", *words, code=2).err
    assert not [what for what in command.kinds() if what.startswith("key-")]


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
