# SPDX-License-Identifier: Apache-2.0
"""Entries are proved to outsiders by commands: proofs, receipts, and a witness with a folder of its own."""

import json
import shutil
from pathlib import Path

import pytest

from tests.fakes.command_line import CommandLine
from tests.fakes.witness import AT_S, asked, witnessing

IDENTITY = ("--identity", "crm.customer_id", "C-000123")
CHOICE = ("--purpose", "marketing.communications.email", "--choice", "objected")


@pytest.fixture
def witness(tmp_path: Path, command: CommandLine) -> Path:
    """A witness that knows the log of commands, and has co-signed it."""
    from gateway.record.proof.proving import Prover
    from gateway.record.proof.witness_folder import WitnessFolder

    folder = tmp_path / "witness"
    command.bare("log", "witness", "init", "--dir", str(folder), "--name", "witness.example/1")
    command.bare("log", "witness", "add", "--dir", str(folder), str(command.state / "log" / "cli" / "log.pub"))
    key = (folder / "witness.pub").read_text().strip()
    settings = command.state / "gateway.yaml"
    settings.write_text(settings.read_text() + f"log: {{witnesses: [{{url: 'http://127.0.0.1:1', key: '{key}'}}]}}\n")
    command("choice", "set", *IDENTITY, *CHOICE)
    slot = command.state / "log" / "cli"
    answer = witnessing(WitnessFolder(folder)).add_checkpoint(asked(slot, 0))
    assert answer.status == 200
    Prover(slot).keep_witnessed((slot / "checkpoint").read_text() + answer.body)
    return folder


def place_of(command: CommandLine, what: str) -> int:
    return int(next(entry["seq"] for entry in command.entries() if entry["body"].get("what") == what))


def test_a_proof_is_checked_anywhere(command: CommandLine, witness: Path, tmp_path: Path) -> None:
    """With the log's key and the witness's from elsewhere, and no installation."""
    command("log", "prove", "cli:0", "--out", str(tmp_path / "one.tlog-proof"))
    (tmp_path / "log.pub").write_text((command.state / "log" / "cli" / "log.pub").read_text())
    shutil.rmtree(command.state)
    keys = ("--key", str(tmp_path / "log.pub"), "--witness", str(witness / "witness.pub"))

    told = command.bare("log", "prove", "--check", str(tmp_path / "one.tlog-proof"), *keys)
    document = command.bare("log", "prove", "--check", str(tmp_path / "one.tlog-proof"), *keys, "--json").document()

    assert told.out.startswith("right: entry 0 of ")
    assert "co-signed by witness.example/1 at " in told.out
    assert (document["is_right"], document["notes"], document["witnesses"][0]["at_s"]) == (True, [], AT_S)


def test_a_proof_that_was_changed_is_wrong(command: CommandLine, tmp_path: Path) -> None:
    """Exit 1 and a sentence; what is no proof at all as well."""
    proof = tmp_path / "one.tlog-proof"
    command("log", "prove", "cli:0", "--out", str(proof))
    proof.write_text(proof.read_text().replace("index 0", "index 1"))

    assert "not at place 1" in command.bare("log", "prove", "--check", str(proof), code=1).out
    proof.write_text("hello")
    assert "a proof begins with" in command.bare("log", "prove", "--check", str(proof), code=1).err


def test_making_a_proof_is_entered(command: CommandLine) -> None:
    """It shows what a look would show."""
    text = command("log", "prove", "cli:1").out

    assert text.startswith("c2sp.org/tlog-proof@v1\nextra ")
    looked = [entry["body"] for entry in command.entries() if entry["body"]["kind"] == "looked"]
    assert (looked[-1]["what"], looked[-1]["query"], looked[-1]["rows"]) == ("proof", "prove cli:1", 1)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("cli:99999",), 1, "no signed checkpoint covers entry 99999"),
        (("0" * 32,), 2, "there is no entry"),
        (("nothing:1",), 2, "there is no log nothing"),
        (("cli:0", "--key", "x"), 2, "are for --check"),
    ],
)
def test_what_cannot_be_proved_is_said(command: CommandLine, words: tuple[str, ...], code: int, sentence: str) -> None:
    """With what to do where there is something."""
    assert sentence in command("log", "prove", *words, code=code).err


def test_a_person_keeps_a_receipt_of_a_choice(command: CommandLine, witness: Path, tmp_path: Path) -> None:
    """Words in two languages, the proof to the byte, and nothing that names the person."""
    place = place_of(command, "choice-recorded")
    listed = command("log", "receipt", *IDENTITY, "--json").document()
    command("log", "receipt", f"cli:{place}", *IDENTITY, "--out", str(tmp_path / "receipt.md"))
    text = (tmp_path / "receipt.md").read_text()

    assert [(one["entry"], one["matter"]) for one in listed] == [(f"cli:{place}", "choice")]
    assert "your choice: objected for the purpose marketing.communications.email" in text
    assert "您的选择：对目的 marketing.communications.email 及其下级目的反对" in text
    assert "co-signed by witness.example/1" in text
    assert IDENTITY[2] not in text
    checked = command.bare("log", "prove", "--check", str(tmp_path / "receipt.md"), "--json").document()
    assert (checked["is_right"], checked["index"]) == (True, place)
    assert checked["entry"]["body"]["facts"]["state"] == "objected"
    assert list(checked["part"]) == ["met"]


def test_nobody_gets_what_is_not_about_them_alone(command: CommandLine, witness: Path) -> None:
    """Another person's choice, an entry about nobody, and somebody who is not known; no value is entered."""
    place = place_of(command, "choice-recorded")

    assert "not about this person alone" in command("log", "receipt", f"cli:{place}", "--person", "1", code=1).err
    assert "not about this person alone" in command("log", "receipt", "cli:0", *IDENTITY, code=1).err
    stranger = ("--identity", "crm.customer_id", "C-stranger")
    assert "no such person" in command("log", "receipt", *stranger, code=1).err
    command("log", "receipt", "C-typed-as-entry", *IDENTITY, code=2)
    command("log", "receipt", "cli:0", code=2)
    assert "C-typed-as-entry" not in json.dumps(command.entries())


def test_a_witness_tells_what_it_knows(command: CommandLine, witness: Path, tmp_path: Path) -> None:
    """Exit 1 once a log has contradicted itself."""
    known = command.bare("log", "witness", "status", "--dir", str(witness), "--json").document()

    assert [(one["log"].rpartition("/")[2], one["at_s"], one["n_evidence"]) for one in known["logs"]] == [
        ("cli", AT_S, 0)
    ]
    command("log", "verify", "--witness", known["key"])
    assert "has not co-signed" in command("log", "verify", "--witness", _stranger(command, tmp_path), code=1).out
    (witness / "evidence").mkdir()
    from hashlib import sha256

    (witness / "evidence" / f"{sha256(known['logs'][0]['log'].encode()).hexdigest()[:32]}-0").write_text("a note")
    assert "evidence against a log" in command.bare("log", "witness", "status", "--dir", str(witness), code=1).err


def _stranger(command: CommandLine, tmp_path: Path) -> str:
    return str(command.bare("log", "witness", "init", "--dir", str(tmp_path / "other"), "--json").document()["key"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("serve", "--dir", "nowhere"), "holds no witness"),
        (("serve", "--dir", "nowhere", "--listen", "x"), "say HOST:PORT"),
        (("status", "--dir", "nowhere"), "gateway log witness init"),
        (("add", "--dir", "nowhere", "x"), "holds no witness"),
    ],
)
def test_a_witness_that_there_is_not_is_said(command: CommandLine, words: tuple[str, ...], sentence: str) -> None:
    """Exit 2: ask in another way."""
    assert sentence in command.bare("log", "witness", *words, code=2).err


def test_a_key_that_is_no_logs_is_not_added(command: CommandLine, witness: Path) -> None:
    """The witness's own, by mistake."""
    wrong = str(witness / "witness.pub")
    assert "log.pub" in command.bare("log", "witness", "add", "--dir", str(witness), wrong, code=2).err
    absent = command.bare("log", "witness", "add", "--dir", str(witness), "worker.pub", code=2).err
    assert "worker.pub: there is no such file" in absent
