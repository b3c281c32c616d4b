# SPDX-License-Identifier: Apache-2.0
"""Choices are set, shown and imported, and nobody who chose can be found in what is left behind."""

import gzip
from pathlib import Path

import pytest

from tests.fakes.command_line import CommandLine

KIND = "crm.customer_id"
EMAIL = "marketing.communications.email"
HEADER = "identity_kind,identity,purpose,state,at"
WHO = "C-canary-7Q2XW9"


def set_one(command: CommandLine, *words: str, code: int = 0, purpose: str = EMAIL) -> str:
    """Record a choice of one person, named on stdin; return what was told of it."""
    given = ("choice", "set", "--identity", KIND, "-", "--purpose", purpose, "--choice", "given", *words)
    answer = command(*given, stdin=f"{WHO}\n", code=code)
    return answer.out + answer.err


def shown(command: CommandLine, who: str = WHO) -> list[dict[str, object]]:
    """Return the choices of a person."""
    found = command("choice", "show", "--identity", KIND, "-", "--json", stdin=f"{who}\n").document()["choices"]
    assert isinstance(found, list)
    return found


def csv_file(tmp_path: Path, *lines: str) -> Path:
    """Write a file of choices."""
    path = tmp_path / "choices.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return path


def test_what_was_set_is_shown_in_its_order(command: CommandLine) -> None:
    """Oldest first, whenever they were recorded."""
    set_one(command)
    set_one(command, "--at", "2025-03-01")

    assert [one["purpose"] for one in shown(command)] == [EMAIL, EMAIL]
    assert shown(command)[0]["at_us"] == 1_740_787_200_000_000


def test_nobody_who_chose_is_in_any_output_log_or_file(command: CommandLine) -> None:
    """The log has the person's number; the value is in no answer, and in the database it is sealed."""
    set_one(command)
    shown(command)
    set_one(command, "--at", "tomorrow", code=2)
    set_one(command, purpose="marketing.no", code=2)
    command("choice", "show", "--identity", "crm.phone", "-", stdin=f"{WHO}\n", code=2)

    assert all(WHO not in answer.out + answer.err for answer in command.answers)
    for path in command.state.rglob("*"):
        assert path.is_dir() or WHO.encode() not in path.read_bytes(), path


def test_a_choice_is_entered_with_the_persons_number_and_can_be_searched_by_it(command: CommandLine) -> None:
    """What was chosen is in the core, the person in the part as well."""
    set_one(command)
    number = command("choice", "show", "--identity", KIND, WHO, "--json").document()["person"]

    found = command("log", "search", f"person:{number}", "--json").documents()

    assert [one["entry"]["body"]["what"] for one in found] == ["choices", "choice-recorded"]
    assert found[1]["entry"]["body"]["facts"].keys() == {"purpose", "state", "at_us", "source"}


def test_a_choice_withholds_from_what_was_decided_after_it(command: CommandLine) -> None:
    """A running door would see the topic change: the sets of this process say what the record means."""
    set_one(command)

    explained = command("explain", "newsletter-app", "crm.customers", "--purpose", EMAIL).out

    assert f"rows of people who did not consent to {EMAIL} are withheld" in explained


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--at", "2999-01-01"), "--at lies in the future"),
        (("--at", "2025-01-01T10:00:00"), "--at must be a day"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(command: CommandLine, words: tuple[str, ...], sentence: str) -> None:
    """A choice from the future would decide for ever; one without a zone is a different moment elsewhere."""
    assert sentence in set_one(command, *words, code=2)


def test_a_file_is_imported_once_however_often_it_is_given(command: CommandLine, tmp_path: Path) -> None:
    """The second time everything is recorded before; a file with one line more adds that line."""
    lines = [f"{KIND},P{n},{EMAIL},given,2025-01-01T00:00:0{n}Z" for n in range(5)]
    first = command("choice", "import", str(csv_file(tmp_path, *lines, lines[0])), "--json").document()
    again = command("choice", "import", str(csv_file(tmp_path, *lines)), "--json").document()
    more = csv_file(tmp_path, *lines, f"{KIND},P1,{EMAIL},withdrawn,2025-02-01")

    third = command("choice", "import", str(more), "--json").document()

    assert (first["rows"], first["new"]) == (6, 5)
    assert (again["rows"], again["new"]) == (5, 0)
    assert (third["rows"], third["new"]) == (6, 1)
    assert [one["state"] for one in shown(command, "P1")] == ["given", "withdrawn"]


def test_a_compressed_file_is_imported_the_same(command: CommandLine, tmp_path: Path) -> None:
    """Behind .gz, with a byte order mark as spreadsheets write it."""
    path = tmp_path / "choices.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\r\n{KIND},P1,marketing,objected,2025-01-01\r\n".encode("utf-8-sig")))

    assert command("choice", "import", str(path), "--json").document()["new"] == 1
    assert shown(command, "P1")[0]["state"] == "objected"


def test_of_a_file_with_bad_lines_nothing_is_imported(command: CommandLine, tmp_path: Path) -> None:
    """Every bad line is told by number, without a word of what it holds."""
    path = csv_file(
        tmp_path,
        f"{KIND},P1,{EMAIL},given,2025-01-01",
        f"{KIND},P2,{EMAIL},gvien-{WHO},2025-01-01",
        f"{WHO},P2,{EMAIL},given,2025-01-01",
        f"{KIND},P2,{WHO},given,2025-01-01",
        f"{KIND},P2,{EMAIL},given,{WHO}",
        f"{KIND},,{EMAIL},given,2025-01-01",
        f"{KIND},{WHO}",
    )

    refused = command("choice", "import", str(path), code=1)

    told = [line.removeprefix(f"{path}:") for line in refused.err.splitlines()]
    assert [line.partition(":")[0] for line in told[:-1]] == ["3", "4", "5", "6", "7", "8"]
    assert "6 bad lines, so nothing was imported" in told[-1]
    assert WHO not in refused.err
    assert shown(command, "P1") == []


def test_with_skip_bad_the_good_lines_are_imported(command: CommandLine, tmp_path: Path) -> None:
    """The bad ones are still told."""
    path = csv_file(tmp_path, f"{KIND},P1,{EMAIL},given,2025-01-01", f"{KIND},P2,{EMAIL},maybe,2025-01-01")

    answer = command("choice", "import", str(path), "--skip-bad", "--json")

    assert answer.document()["new"] == 1
    assert f"{path}:3: state must be one of" in answer.err


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.csv", b"identity,purpose\n", "the first line must be identity_kind,"),
        ("x.csv", b"", "the first line must be identity_kind,"),
        ("x.csv", f"{HEADER}\n".encode() + b"\xff\n", "is not UTF-8"),
        ("x.csv.gz", b"no gzip", "is not a whole gzip file"),
        ("x.csv.gz", gzip.compress(f"{HEADER}\n{KIND},P1".encode(), mtime=0)[:-9], "is not a whole gzip file"),
    ],
)
def test_what_is_no_such_file_is_told_in_a_sentence(
    command: CommandLine, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    """A wrong file is a mistake of usage, never a traceback."""
    (tmp_path / name).write_bytes(content)

    assert sentence in command("choice", "import", str(tmp_path / name), code=2).err


def test_an_import_is_entered_with_the_digest_of_the_file_and_its_people(command: CommandLine, tmp_path: Path) -> None:
    """The core says how many and from which file; whom, the part says."""
    path = csv_file(tmp_path, *(f"{KIND},P{n},{EMAIL},given,2025-01-01" for n in range(3)))
    digest = command("choice", "import", str(path), "--json").document()["digest"]

    found = command("log", "search", "kind:changed", "--limit", "3", "--json").documents()

    _marked, ended, imported = (one["entry"]["body"] for one in found)
    assert ended["facts"] == {"rows": 3, "new": 3, "bad": 0}
    assert imported["target"] == f"sha256:{digest}"
    assert len(found[2]["part"]["people"]) == 3
