# SPDX-License-Identifier: Apache-2.0
"""The index of the log is looked at, built anew and held against the files by commands."""

import sqlite3
from pathlib import Path

from gateway.store.engine import INDEX_FILE
from tests.fakes.command_line import CommandLine


def test_it_is_built_from_the_files_and_is_what_follows_from_them(fresh: CommandLine) -> None:
    """On either engine; whatever was entered since shows as a lag, and is no difference."""
    fresh.init()
    before = fresh("log", "index", "status", "--json").document()
    built = fresh("log", "index", "rebuild", "--json").document()
    after = fresh("log", "index", "status", "--json").document()
    fresh("user", "list")
    later = fresh("log", "index", "status", "--json").document()

    assert before["logs"] == [
        {"slot": "cli", "indexed": 0, "entries": built["entries"], "behind_s": before["behind_s"], "trouble": ""}
    ]
    assert before["behind"] == built["entries"] > 0
    assert built["troubles"] == {}
    assert (after["behind"], after["behind_s"], after["is_right"]) == (0, 0.0, True)
    assert later["behind"] > 0
    assert fresh("log", "index", "check", "--json").document() == {
        "is_same": True,
        "entries": built["entries"],
        "n_differences": 0,
        "differences": [],
    }


def test_people_read_figures(command: CommandLine) -> None:
    """A table of logs, a rate, and a sentence."""
    command("log", "index", "rebuild")
    assert "a second" in command.answers[-1].out
    assert "cli" in command("log", "index", "status").out
    assert "the index is what follows from the files" in command("log", "index", "check").out


def test_what_was_changed_in_the_index_is_named(command: CommandLine) -> None:
    """Exit 1, the entry and what differs of it, and never a value; built anew it is right again."""
    command("log", "index", "rebuild")
    with sqlite3.connect(command.state / INDEX_FILE) as database:
        database.execute("UPDATE log_entry SET account = 0 WHERE seq = 2")
    found = command("log", "index", "check", code=1).out

    assert "entry cli:2 differs in account" in found
    assert "gateway log index rebuild" in found
    command("log", "index", "rebuild")
    command("log", "index", "check")


def test_files_that_were_changed_are_told_by_its_state(command: CommandLine) -> None:
    """A log that was replaced is not the one that was indexed; the next building reads the one that is there."""
    command("log", "index", "rebuild")
    segment: Path = command.state / "log" / "cli" / "000000.ndjson"
    segment.write_bytes(segment.read_bytes().rpartition(b"\n{")[0] + b"\n")
    told = command("log", "index", "status", code=1).out

    assert "not those of which" in told
    command("log", "index", "check", code=1)
    command("log", "index", "rebuild")
    command("log", "index", "check")


def test_an_index_that_is_no_database_is_made_anew(command: CommandLine) -> None:
    """It is derived: whatever is in its place may go."""
    (command.state / INDEX_FILE).write_bytes(b"this is no database" * 1_000)
    command("log", "index", "status", code=2)
    command("log", "index", "rebuild")
    command("log", "index", "check")
