# SPDX-License-Identifier: Apache-2.0
"""Attack: an officer at the machine looks at the log, or looks somebody up, by a command that leaves no entry.

Whatever shows an entry, a count over them, or that somebody is known or is not, is in the log before it is shown: also
where nothing was found, where the index is passed by, and where the look fails in the end. What was typed to name a
person stays out of it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.record.writing.sequencer import Sequencer
from tests.fakes.command_line import CommandLine

WHO = "C-canary-hidden-5HQ2"
KIND = "crm.customer_id"
PERSON = ("--identity", KIND, "-")
ALL = (
    "log tail", "log tail -n 0", "log show cli:0", "log search", "log search kind:opened", "log search --facets",
    "log search reference:nothing", "log search person:4000000000", "log export --format csv", "log export --format ndjson",
    "log export --format ocsf kind:looked", "log prove cli:0", "log prove cli:0 --with-part", "log receipt --person 7",
    "log replay --rules {policies}", "incident scope --store crm", "incident scope --store crm --from-files",
    "incident scope --principal analyst-1 --format markdown", "rights accesses --person 7",
    "rights accesses --person 7 --from-files", "rights accesses --person 7 --for-officer --format csv", "grant review",
    "explain 00000000000000000000000000000000",
)  # fmt: skip


def looks(command: CommandLine) -> list[Any]:
    """Return the looks that are entered, in their order."""
    return [entry["body"] for entry in command.entries() if entry["body"]["kind"] == "looked"]


def given(command: CommandLine, line: str, *more: str, stdin: str = "") -> Any:
    """Give a command whatever it ends with, but for a fault of ours."""
    from typer.testing import CliRunner

    from gateway.cli.main import app

    words = [*line.format(policies=command.state / "policies").split(), *more, "--state", str(command.state)]
    found = CliRunner().invoke(app, words, input=stdin, env=command.environment, catch_exceptions=False)
    assert found.exit_code in (0, 1), (line, found.output)
    return found


@pytest.mark.parametrize("line", ALL)
def test_every_look_is_entered(command: CommandLine, line: str) -> None:
    """Once or more; what comes of it makes no difference."""
    before = len(looks(command))
    given(command, line)
    assert len(looks(command)) > before


@pytest.mark.parametrize("line", ALL)
def test_what_cannot_be_entered_is_not_shown(
    command: CommandLine, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The entry comes first: where it fails, stdout is empty and no file is left."""
    from gateway.domain.entry import Looked
    from gateway.domain.errors import LogUnavailable

    append = Sequencer.append

    async def full(self: Sequencer, entry: Any, part: Any = None) -> int:
        if isinstance(entry, Looked):
            raise LogUnavailable("the disk is full")
        return await append(self, entry, part)

    monkeypatch.setattr(Sequencer, "append", full)
    files = tmp_path / "files"
    files.mkdir()

    found = given(command, line)
    assert (found.exit_code, found.stdout) == (1, "")
    if line.startswith(("log export", "log prove", "incident", "rights", "grant", "log receipt")):
        assert given(command, line, "--out", str(files / "out")).exit_code == 1
        assert list(files.iterdir()) == []


@pytest.mark.parametrize("line", ["log search", "rights accesses", "log receipt", "choice show"])
def test_that_somebody_is_not_known_is_entered_as_well(command: CommandLine, line: str) -> None:
    """Whether a person is among the customers is an answer about that person; the name is not entered."""
    from typer.testing import CliRunner

    from gateway.cli.main import app

    before = len(looks(command))
    words = [*line.split(), *PERSON, "--state", str(command.state)]
    found = CliRunner().invoke(app, words, input=f"{WHO}\n", env=command.environment, catch_exceptions=False)

    assert len(looks(command)) == before + 1
    assert WHO not in found.output + json.dumps(command.entries())


def test_a_look_for_somebody_says_whom_in_its_part_alone(command: CommandLine) -> None:
    """By search, export, receipt and accesses; the core stays when parts go, and must name nobody."""
    command("choice", "set", *PERSON, "--purpose", "marketing", "--choice", "objected", stdin=f"{WHO}\n")
    number = command("choice", "show", *PERSON, "--json", stdin=f"{WHO}\n").document()["person"]
    before = len(looks(command))

    for line in (
        "log search person:{}",
        "log export person:{}",
        "log receipt --person {}",
        "rights accesses --person {}",
    ):
        given(command, line.replace("{}", str(number)))

    cores = looks(command)[before:]
    assert len(cores) == 4
    assert not [core for core in cores if str(number) in json.dumps(core)]
    met = command("log", "search", f"person:{number}", "kind:looked", "--json").documents()
    assert {one["entry"]["body"]["what"] for one in met} == {"choices", "log", "log-export", "receipt", "accesses"}


@pytest.mark.parametrize(("which", "entered"), [("f" * 32, " " + "f" * 32), ("cli:99999", " cli:99999"), (WHO, "")])
def test_a_look_for_an_entry_that_there_is_not_is_entered(command: CommandLine, which: str, entered: str) -> None:
    """That a call is not in the log is an answer, too; a word that names no call may be anything, and is not entered."""
    assert "no entry" in command("log", "show", which, code=2).err
    assert [(one["query"], one["rows"]) for one in looks(command)[-1:]] == [(f"entry{entered}", 0)]


def test_the_empty_word_is_no_entry(command: CommandLine) -> None:
    """It would show every entry that is of no call, entered as one."""
    found = command("log", "show", "", code=2)
    assert (found.out, looks(command)) == ("", [])


def test_an_address_that_is_looked_for_stays_out_of_the_core(command: CommandLine) -> None:
    """By every command that takes one."""
    for line in ("log search place:192.0.2.201", "log export place:192.0.2.201", "incident scope --place 192.0.2.201"):
        given(command, line)
    assert "192.0.2.201" not in json.dumps(command.entries())
