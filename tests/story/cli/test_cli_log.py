# SPDX-License-Identifier: Apache-2.0
"""The log is read, searched, proven and verified by commands, and reading it is itself entered."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroaring import BitMap

from gateway.app.slots import DOOR_SLOT, open_log
from gateway.cli.desk.desk import run_to_end
from gateway.cli.log import search as log_search
from gateway.domain.entry import Answered, End, Entry, Facts, Numbered, Part, Refused, Release
from gateway.domain.names import DecisionId
from gateway.flows import log_reading
from gateway.settings.loading import load
from tests.fakes.command_line import CHEAP, CommandLine

CALL, OTHER = DecisionId("d_first"), DecisionId("d_other")
ADDRESS = "192.0.2.77"
FACTS = Facts(
    account="a_someone",
    client="newsletter-app",
    recipient="mail-service",
    purpose="marketing.communications.email",
    reference="spring-\x1b[31m",
    dataset="crm.customers",
    operation="read",
    method="GET",
    route="/crm/customers",
    fields={"reveal": ("email",)},
    filters=("country eq",),
    rules="0" * 64,
    assurance=1,
)
ENTRIES: tuple[tuple[Entry, Part | None], ...] = (
    (
        Release(call=CALL, n=0, rows=2, bytes=90, people=2, withheld={"choice": 7}, facts=FACTS),
        Part(ip=ADDRESS, people=BitMap([11, 4_000_000_000]).serialize()),
    ),
    (
        Refused(
            call=OTHER, reason="red-line", status=403, fields=("religion",), rule="sensitive-marketing", facts=FACTS
        ),
        Part(met=(13,)),
    ),
    (Release(call=CALL, n=1, rows=1, bytes=40, people=1, last=True), Part(people=BitMap([12]).serialize())),
    (End(call=CALL, how="hang-up", bytes=90), None),
)


async def _enter(command: CommandLine) -> None:
    async with open_log(load(state=command.state), DOOR_SLOT) as log:
        for entry, part in ENTRIES:
            await log.append(entry, part)


@pytest.fixture
def door(command: CommandLine) -> CommandLine:
    """An installation whose door released and refused."""
    run_to_end(_enter(command))
    return command


def test_entries_are_sentences(door: CommandLine) -> None:
    """Who, through which client, for which purpose, what of which dataset, rows, people, reason."""
    told = door("log", "tail", "--slot", "door-0").out

    assert (
        "door-0:1 d_first: released block 0: 2 rows, 2 people, 90 bytes of crm.customers to a_someone through "
        "newsletter-app for mail-service, purpose marketing.communications.email (spring-\\u001b[31m); withheld choice=7\n"
    ) in told
    assert "d_other: refused red-line (religion) by sensitive-marketing to a_someone" in told
    assert "d_first: ended hang-up after 90 bytes" in told
    assert "\x1b" not in told


def test_a_tail_as_json_is_a_document_a_line(door: CommandLine) -> None:
    """Each with the entry as it lies on disk and its part, people as numbers."""
    found = door("log", "tail", "--slot", "door-0", "--json").documents()

    assert [one["entry"]["seq"] for one in found] == list(range(6))
    assert found[1]["part"]["people"] == [11, 4_000_000_000]
    assert found[5]["part"] is None


def test_reading_is_entered_before_it_is_shown(door: CommandLine) -> None:
    """The entry says who looked, what was asked and how many entries were shown."""
    door("log", "search", "purpose:marketing", "since:1h")
    door("log", "tail", "-n", "3")
    door("log", "show", CALL)

    looked = [entry["body"] for entry in door.entries() if entry["body"]["kind"] == "looked"]
    assert [(one["what"], one["rows"]) for one in looked] == [("log", 4), ("log", 3), ("log", 3)]
    assert looked[0]["query"].startswith("purpose:marketing since_us:")
    assert looked[2]["query"] == "entry door-0:1"


@pytest.mark.parametrize(
    ("qualifiers", "places"),
    [
        (("purpose:marketing",), [4, 3, 2, 1]),
        (("purpose:marketing.communications.sms",), []),
        (("client:newsletter-app", "reason:red-line"), [2]),
        ((f"decision:{CALL}",), [4, 3, 1]),
        (("person:12",), [3]),
        (("person:13",), [2]),
        (("dataset:crm", "kind:end"), [4]),
        (("account:a_someone", "until:2020-01-01"), []),
    ],
)
def test_a_search_finds_what_answers_every_qualifier(
    door: CommandLine, qualifiers: tuple[str, ...], places: list[int]
) -> None:
    """Newest first, with all entries of the calls that the facts of the first are about."""
    found = door("log", "search", *qualifiers, "--slot", "door-0", "--json").documents()

    assert [one["entry"]["seq"] for one in found] == places


def test_an_entry_says_what_else_can_be_searched_from_it(door: CommandLine) -> None:
    """Its call, whoever acted, for what, and each person that it speaks of."""
    found = door("log", "search", f"decision:{CALL}", "kind:end", "--json").documents()
    shown = door("log", "show", CALL, "--json").document()

    for one in (found[0], shown[-1]):
        assert set(one["searches"]) >= {
            f"decision:{CALL}",
            "account:a_someone",
            "client:newsletter-app",
            "purpose:marketing.communications.email",
            "dataset:crm.customers",
        }
    assert {"person:11", "person:4000000000"} <= set(shown[0]["searches"])
    for word in shown[0]["searches"]:
        if not word.startswith("reference:"):
            assert door("log", "search", word, "--json").documents(), word


def test_entries_are_counted_by_facets(door: CommandLine) -> None:
    """In place of being shown; the look is entered as well."""
    counts = door("log", "search", "purpose:marketing", "--facets", "--json").document()
    told = door("log", "search", "purpose:marketing", "--facets").out

    assert counts["whole"]
    found = {(one["facet"], one["value"]): (one["entries"], one["rows"]) for one in counts["counts"]}
    assert found["dataset", "crm.customers"] == (4, 3)
    assert found["decision", "deny"] == (1, 0)
    assert "newsletter-app" in told
    looked = [entry["body"] for entry in door.entries() if entry["body"]["kind"] == "looked"]
    assert [one["query"] for one in looked] == ["purpose:marketing"] * 2


def test_where_the_index_is_far_behind_the_files_are_searched(
    door: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same answers and a word about it; also if only one log is asked for, and page by page."""
    told = [one["entry"] for one in door("log", "search", "purpose:marketing", "--json").documents()]
    monkeypatch.setattr(log_reading, "MOST_BEHIND", 0)
    monkeypatch.setattr(log_search, "BLOCK", 2)

    for words in ((), ("--slot", "door-0")):
        found = door("log", "search", "purpose:marketing", "--json", *words)
        assert "the files are searched" in found.err
        assert [one["entry"] for one in found.documents()] == told
    newest = door("log", "search", "purpose:marketing", "--limit", "3", "--json")
    assert [one["entry"] for one in newest.documents()] == told[:3]
    counts = door("log", "search", "purpose:marketing", "--facets", "--json")
    assert counts.document()["whole"]


def test_a_person_is_searched_by_an_identity(door: CommandLine) -> None:
    """The log learns the number, in the part; a person whom nobody knows gets none by being asked for."""
    shown = door("choice", "show", "--identity", "crm.customer_id", "-", "--json", stdin="C-1").document()
    assert shown["person"] is None
    door("log", "search", "--identity", "crm.customer_id", "-", stdin="C-1", code=2)
    door("log", "search", "--identity", "crm.nothing", "-", stdin="C-1", code=2)
    chosen = ("--purpose", "marketing.communications.email", "--choice", "given", "--json")
    number = door("choice", "set", "--identity", "crm.customer_id", "-", *chosen, stdin="C-1").document()["person"]

    found = door("log", "search", "--identity", "crm.customer_id", "-", "--json", stdin="C-1").documents()

    assert {"numbered", "changed"} >= {one["entry"]["body"]["kind"] for one in found} >= {"changed"}
    door("log", "search", "place:192.0.2.77")
    looked = [entry["body"]["query"] for entry in door.entries() if entry["body"].get("what") == "log"]
    assert looked[-2:] == ["person:*", "place:*"]
    assert "no entry answers that" in door("log", "search", "reason:nothing-like-it").err
    again = door("log", "search", f"person:{number}", "kind:looked", "--json").documents()
    assert [one["part"]["met"] for one in again][-1:] == [[number]]


def test_an_account_is_searched_by_its_name(door: CommandLine) -> None:
    """The log knows identifiers alone, so the name is looked up first and never entered."""
    [analyst] = [one for one in door("user", "list", "--json").document() if one["name"] == "analyst-1"]

    found = door("log", "search", "account:analyst-1", "--json")

    assert found.documents() == []
    looked = [entry["body"] for entry in door.entries() if entry["body"]["kind"] == "looked"]
    assert looked[-1]["query"] == f"account:{analyst['account']}"


@pytest.mark.parametrize(
    "word", ["analyst", "person:me", "since:yesterday", "purpose:", "client:two words", "account:a\x1b"]
)
def test_a_qualifier_that_is_none_is_refused_and_not_entered(door: CommandLine, word: str) -> None:
    """Whatever was mistyped there could be anything."""
    before = len(door.entries())

    door("log", "search", word, code=2)

    assert len(door.entries()) == before


def test_a_call_is_shown_from_first_to_last_with_proofs(door: CommandLine) -> None:
    """All its entries and none of others; each under the newest checkpoint."""
    shown = door("log", "show", CALL, "--json").document()
    told = door("log", "show", CALL).out

    assert [one["entry"]["seq"] for one in shown] == [1, 3, 4]
    assert all(one["size"] == 6 and len(one["proof"]) in (2, 3) for one in shown)
    assert ADDRESS in told
    assert "leaves: reveal" in told
    assert "under checkpoint 6" in told


def test_an_entry_is_shown_by_its_place(door: CommandLine) -> None:
    """Slot and sequence; the slot can be left out only where there is one log."""
    assert door("log", "show", "door-0:2", "--json").document()[0]["entry"]["body"]["call"] == OTHER
    assert "SLOT:2" in door("log", "show", "2", code=2).err
    assert "no entry" in door("log", "show", "door-0:99", code=2).err
    assert "no entry" in door("log", "show", "d_nothing", code=2).err


def test_a_copy_is_verified_far_from_every_key(door: CommandLine, tmp_path: Path) -> None:
    """A copy of the state, of its logs, or of one log: no settings, keys or database are needed."""
    for name, source in (("all", door.state), ("logs", door.state / "log"), ("one", door.state / "log" / "door-0")):
        shutil.copytree(source, tmp_path / name)
        told = door.bare("log", "verify", "--dir", str(tmp_path / name)).out
        assert ": ok: signed 6, tail 0; parts 3, deleted 0" in told


def test_a_shortened_log_is_found_by_a_checkpoint_that_was_kept(door: CommandLine, tmp_path: Path) -> None:
    """The log is put back to an earlier state that is right in itself; only who kept a checkpoint can tell."""
    earlier = tmp_path / "earlier"
    shutil.copytree(door.state / "log" / "door-0", earlier)
    run_to_end(_enter(door))
    kept = tmp_path / "kept"
    kept.write_text(door("log", "checkpoint", "--slot", "door-0").out)
    assert "ok" in door("log", "verify", "--expect", str(kept)).out

    shutil.rmtree(door.state / "log" / "door-0")
    shutil.copytree(earlier, door.state / "log" / "door-0")

    assert "ok" in door("log", "verify").out
    assert "door-0: the log has 6 entries" in door("log", "verify", "--expect", str(kept), code=1).out


def test_checkpoints_of_every_log_are_kept_in_one_file(door: CommandLine, tmp_path: Path) -> None:
    """As `gateway log checkpoint` prints them; a log that was lost is missed, the others are right."""
    door("user", "list")
    kept = tmp_path / "kept"
    kept.write_text(door("log", "checkpoint").out)
    assert kept.read_text().count("\n\n\u2014 ") == 2

    assert "ok" in door("log", "verify", "--expect", str(kept)).out

    lost = tmp_path / "lost"
    shutil.move(door.state / "log" / "door-0", lost)
    told = door("log", "verify", "--expect", str(kept), code=1).out
    assert "cli: ok" in told
    assert "/door-0 is missing" in told


def test_a_file_that_is_no_checkpoint_is_not_expected_of_a_log(door: CommandLine, tmp_path: Path) -> None:
    """What stands in it is not repeated: it may be a secret's file, given by mistake."""
    (tmp_path / "kept").write_text("seven lamps of architecture\n")
    answer = door("log", "verify", "--expect", str(tmp_path / "kept"), code=2)
    assert "is no signed checkpoint" in answer.err
    assert "seven lamps" not in answer.out + answer.err


@pytest.mark.parametrize("kept", ["", "\n\n", "{note}\nseven lamps of architecture\n"])
def test_what_is_no_checkpoint_beside_one_is_not_passed_over(door: CommandLine, tmp_path: Path, kept: str) -> None:
    """Nor is an empty file: whoever expects something is not told that all is well."""
    (tmp_path / "kept").write_text(kept.format(note=door("log", "checkpoint", "--slot", "door-0").out))
    answer = door("log", "verify", "--expect", str(tmp_path / "kept"), code=2)
    assert "is no signed checkpoint" in answer.err
    assert "seven lamps" not in answer.out + answer.err


def test_a_key_that_is_not_the_logs_is_found(door: CommandLine) -> None:
    """The verifier trusts the key it was given, not the one that lies beside the log."""
    key = (door.state / "log" / "door-0" / "log.pub").read_text().strip()
    other = (door.state / "log" / "cli" / "log.pub").read_text().strip().replace("/cli+", "/door-0+")
    folder = str(door.state / "log" / "door-0")

    door.bare("log", "verify", "--dir", folder, "--key", key)

    assert "key" in door.bare("log", "verify", "--dir", folder, "--key", other, code=1).out


def test_a_verdict_as_json_names_log_and_entry(door: CommandLine) -> None:
    """A program can tell which entry of which log is wrong."""
    segment = door.state / "log" / "door-0" / "000000.ndjson"
    segment.write_bytes(segment.read_bytes().replace(b'"rows":2', b'"rows":3'))

    verdict = door("log", "verify", "--json", code=1).document()

    [bad] = [log for log in verdict["logs"] if not log["is_right"]]
    assert (bad["slot"], bad["first_bad"]) == ("door-0", 1)
    assert verdict["is_right"] is False


def test_a_damaged_log_is_told_by_whatever_reads_it(door: CommandLine) -> None:
    """A sentence and exit 1, and the command line's own log is not opened for writing."""
    segment = door.state / "log" / "cli" / "000000.ndjson"
    segment.write_bytes(segment.read_bytes().replace(b"account-added", b"account-ended", 1))

    assert "changed" in door("user", "list", code=1).err


def test_what_comes_is_shown_while_it_comes(door: CommandLine) -> None:
    """``tail -f`` shows an entry that another command makes after it began, and ends on Ctrl-C in order."""
    words = [sys.executable, "-m", "gateway", "log", "tail", "-f", "-n", "0", "--state", str(door.state)]
    # A shell that runs something in the background has it ignore Ctrl-C, and children inherit that.
    heeding = ["env", "--default-signal=INT", *words]
    process = subprocess.Popen(heeding, stdout=subprocess.PIPE, text=True, env={**os.environ, **CHEAP})
    assert process.stdout is not None
    with process, Lines(process.stdout) as lines:
        try:
            # Its own reading is the first thing that it shows: from then on it follows.
            while "looked at log (tail --follow)" not in lines.get(timeout=60):
                pass
            door("user", "unlock", "analyst-1")
            while "account-unlocked" not in lines.get(timeout=60):
                pass
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            # Without this a failure above would leave the reader of its lines waiting for ever.
            process.kill()


class Lines:
    """Lines of a stream, handed over by a thread so that waiting for one has an end."""

    def __init__(self, stream: Iterator[str]) -> None:
        self._stream, self._lines = stream, queue.Queue[str]()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "queue.Queue[str]":
        self._thread.start()
        return self._lines

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _read(self) -> None:
        for line in self._stream:
            self._lines.put(line)


def test_a_search_for_nothing_leaves_out_what_the_gateway_enters_by_itself(command: CommandLine) -> None:
    """Unless all is asked for; from the index and from the files. What is asked for by its kind is shown."""

    async def upkeep() -> None:
        async with open_log(load(state=command.state), DOOR_SLOT) as log:
            for n in range(6):
                await log.append(Answered(since_us=n, counts={"livez": 1}))
                await log.append(Numbered(people=1, identity="crm.customer_id"))

    run_to_end(upkeep())

    for words in ((), ("--slot", DOOR_SLOT)):
        short = command("log", "search", "since:1h", "--limit", "2", *words, "--json")
        kinds = [one["entry"]["body"]["kind"] for one in short.documents()]
        assert kinds[-1] in {"closed", "opened", "changed", "looked"}
        assert len(kinds) == 2
        assert not {"answered", "numbered"} & set(kinds)
        assert "--all shows them" in short.err
        every = command("log", "search", "since:1h", "--limit", "0", "--all", *words, "--json")
        assert [one["entry"]["body"]["kind"] for one in every.documents()].count("answered") == 6
        assert "--all" not in every.err
    assert len(command("log", "search", "kind:answered", "--json").documents()) == 6
