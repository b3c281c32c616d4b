# SPDX-License-Identifier: Apache-2.0
"""The log is exported by a command: to a file or stdout, whole or not at all, entered before, and gone on with later."""

import csv
import gzip
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.app.slots import DOOR_SLOT, open_log
from gateway.cli.desk.desk import run_to_end
from gateway.domain.entry import Entry, Part
from gateway.settings.loading import load
from tests.fakes import ocsf
from tests.fakes.command_line import CommandLine
from tests.fakes.entries import EVERY

CALLS = tuple(pair for pair in EVERY[1:-1] if getattr(pair[0], "call", None))


async def _enter(command: CommandLine, entries: tuple[tuple[Entry, Part | None], ...]) -> None:
    async with open_log(load(state=command.state), DOOR_SLOT) as log:
        for entry, part in entries:
            await log.append(entry, part)


@pytest.fixture
def door(command: CommandLine) -> CommandLine:
    """An installation whose door released, refused and signed people in."""
    run_to_end(_enter(command, CALLS))
    return command


def exported(command: CommandLine, path: Path, *words: str) -> Any:
    """Export to a file and return what the command told of it."""
    return command("log", "export", *words, "--out", str(path), "--json").document()


def events(path: Path) -> list[Any]:
    """Return a file as one document a line."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_every_entry_of_the_installation_is_an_allowed_event(door: CommandLine, tmp_path: Path) -> None:
    """Those of its door and those of its commands, whatever they were."""
    told = exported(door, tmp_path / "events")
    found = events(tmp_path / "events")

    assert told["entries"] == len(found)
    assert [ocsf.wrong_with(one) for one in found] == [[] for _ in found]
    assert {one["metadata"]["uid"].partition(":")[0] for one in found} == {"cli", "door-0"}
    assert told["troubles"] == {}


def test_the_export_is_entered_before_it_is_written_with_its_number(door: CommandLine, tmp_path: Path) -> None:
    """The entry about an export is in no export of the same moment, and in the next one."""
    told = exported(door, tmp_path / "one", "--format", "csv", "purpose:marketing", "--after", "cli:0")
    looked = [entry["body"] for entry in door.entries() if entry["body"]["kind"] == "looked"]

    assert looked[-1]["what"] == "log-export"
    assert looked[-1]["rows"] == told["entries"] > 0
    assert looked[-1]["query"] == "format:csv purpose:marketing after:cli:0"


def test_a_file_is_for_its_owner_alone_and_replaces_another(door: CommandLine, tmp_path: Path) -> None:
    """Nothing else is left in its folder."""
    path = tmp_path / "out" / "events"
    path.parent.mkdir()
    path.write_text("old")
    path.chmod(0o644)
    exported(door, path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert events(path)
    assert [one.name for one in path.parent.iterdir()] == ["events"]


def test_the_next_export_goes_on_where_this_one_ended(door: CommandLine, tmp_path: Path) -> None:
    """Once each, also of entries that came in between, and of the entry about the first export."""
    first = exported(door, tmp_path / "1")
    run_to_end(_enter(door, CALLS[:3]))
    words = [word for slot, seq in first["after"].items() for word in ("--after", f"{slot}:{seq}")]
    exported(door, tmp_path / "2", *words)
    one, two = ({each["metadata"]["uid"] for each in events(tmp_path / name)} for name in ("1", "2"))

    assert not one & two
    assert {"opened", "closed", "release"} < {each["metadata"]["event_code"] for each in events(tmp_path / "2")}
    assert "log-export" in {each["api"]["operation"] for each in events(tmp_path / "2") if "api" in each}


def test_gzip_holds_the_same_bytes_each_time(door: CommandLine, tmp_path: Path) -> None:
    """No time and no name in it; and what it holds is the export."""
    words = ("--format", "ndjson", "--gzip", "kind:release")
    for name in ("1", "2"):
        exported(door, tmp_path / name, *words)
    plain = exported(door, tmp_path / "3", *words[:2], "kind:release")

    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert gzip.decompress((tmp_path / "1").read_bytes()) == (tmp_path / "3").read_bytes()
    assert plain["entries"] == 3


def test_without_a_file_it_goes_to_stdout_and_the_rest_to_stderr(door: CommandLine) -> None:
    """So it can be piped."""
    answer = door("log", "export", "--format", "csv", "client:newsletter-app")
    rows = list(csv.DictReader(io.StringIO(answer.out, newline="")))

    assert rows
    assert {row["client"] for row in rows} == {"newsletter-app"}
    assert "entries exported as csv" in answer.err
    assert "--after door-0:" in answer.err


def test_an_account_is_asked_for_by_its_name_and_told_by_its_identifier(door: CommandLine, tmp_path: Path) -> None:
    """The log knows identifiers alone."""
    told = exported(door, tmp_path / "events", "account:analyst-1")
    looked = [entry["body"] for entry in door.entries() if entry["body"]["kind"] == "looked"]

    assert told["entries"] == 0
    assert "analyst-1" not in looked[-1]["query"]
    assert (tmp_path / "events").read_bytes() == b""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--after", "door-0"), "SLOT:SEQ"),
        (("--after", "door-0:1", "--after", "door-0:2"), "stands twice"),
        (("--after", "door-9:1"), "there is no log door-9; there are"),
        (("--after", "door-0:100000"), "has no entry 100000"),
        (("--json",), "--out FILE"),
        (("nothing:x",), "a search is made of"),
        (("--format", "xml"), "xml"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_not_entered(
    door: CommandLine, words: tuple[str, ...], says: str
) -> None:
    """With a sentence that says what can."""
    before = len(door.entries())
    answer = door("log", "export", *words, code=2)

    assert says in answer.err
    assert answer.out == ""
    assert len(door.entries()) == before


def test_a_file_that_cannot_be_written_is_told(door: CommandLine, tmp_path: Path) -> None:
    """By its name."""
    answer = door("log", "export", "--out", str(tmp_path / "nowhere" / "events"), code=1)

    assert "nowhere" in answer.err


def test_both_databases_export_the_same(fresh: CommandLine, tmp_path: Path) -> None:
    """The index is derived; what goes out is the log."""
    fresh.init()
    run_to_end(_enter(fresh, CALLS))
    told = exported(fresh, tmp_path / "events", "--format", "ndjson", "--after", "cli:0")
    door = [one for one in events(tmp_path / "events") if one["slot"] == "door-0"]

    assert told["entries"] == len(events(tmp_path / "events"))
    assert [one["seq"] for one in door] == list(range(len(CALLS) + 2))


def test_a_log_that_cannot_be_read_to_its_end_is_told_and_the_export_counts_as_failed(
    door: CommandLine, tmp_path: Path
) -> None:
    """What could be read goes out; nobody takes it for the whole."""
    file = door.state / "log" / "door-0" / "000000.ndjson"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:5], b"{}\n", *lines[6:]]))
    answer = door("log", "export", "--out", str(tmp_path / "events"), "--json", code=1)
    told = answer.document()

    assert list(told["troubles"]) == ["door-0"]
    assert "not whole" in answer.err
    assert len(events(tmp_path / "events")) == told["entries"]
    assert "door-0" not in told["after"]
