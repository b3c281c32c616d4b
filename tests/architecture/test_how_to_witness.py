# SPDX-License-Identifier: Apache-2.0
"""The page on keeping checkpoints outside does what it says, from its own blocks, beside a witness that runs."""

import re
import shlex
from pathlib import Path

import pytest

from gateway.flows.witnessing import Witnessing
from gateway.record.proof.proving import Prover
from gateway.record.proof.witness_folder import WitnessFolder
from gateway.settings.loading import load
from tests.fakes.command_line import CommandLine
from tests.fakes.witness import asked

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "keep-checkpoints-outside.md").read_text("utf-8")
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KEY = re.compile(r"witness\.example/1\+[0-9a-f]{8}\+\S+")


def commands() -> list[str]:
    """Return every command of the page, in order."""
    return [line for block in SHELL.findall(PAGE) for line in block.splitlines()]


def words_of(line: str, folder: Path, state: Path) -> tuple[list[str], str | None]:
    """Return the words behind ``gateway`` and the file that the answer goes to, with the page's places as ours."""
    words = shlex.split(line.replace("/srv/witness", str(folder)).replace("/var/lib/gateway", str(state)))
    kept = words[: words.index(">")] if ">" in words else words
    return kept[1:], words[-1] if ">" in words else None


def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command but the one that serves, which the stories start."""
    monkeypatch.chdir(tmp_path)
    state, folder = tmp_path / "state", tmp_path / "witness"
    command = CommandLine(state, {"GATEWAY_STATE": str(state)})
    command.init()
    shown = ("--purpose", "marketing", "--choice", "objected")
    command("choice", "set", "--identity", "crm.customer_id", "c-000123", *shown)
    for name in ("door-0", "worker", "cli"):
        (tmp_path / f"{name}.pub").write_text((state / "log" / "cli" / "log.pub").read_text())
    ran = []
    for line in commands():
        if "witness serve" in line:
            _cosign(state, folder)
            ran.append(line)
            continue
        words, out = words_of(line.replace("door-0:17", "cli:0").replace("--slot door-0", "--slot cli"), folder, state)
        words = [str(state / "log") if one == "COPY" else one for one in words]
        words = [place(command) if one == "cli:12" else one for one in words]
        answer = command.bare(*words)
        if out is not None:
            Path(out).write_text(answer.out)
        if "--out" in words and (folder / "witness.pub").exists():
            (tmp_path / "witness.pub").write_text((folder / "witness.pub").read_text())
        ran.append(line)
    assert len(ran) == len(commands()) >= 9
    assert "objected" in (tmp_path / "receipt.md").read_text()


def place(command: CommandLine) -> str:
    """Return where the choice was entered."""
    return next(f"cli:{one['seq']}" for one in command.entries() if one["body"].get("what") == "choice-recorded")


def _cosign(state: Path, folder: Path) -> None:
    """Do what the running witness and gateway would."""
    held, slot = WitnessFolder(folder), state / "log" / "cli"
    answer = Witnessing(held, lambda text: held.cosign(text, 1)).add_checkpoint(asked(slot, 0))
    assert answer.status == 200
    Prover(slot).keep_witnessed((slot / "checkpoint").read_text() + answer.body)


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    """They load, and the key in them is a witness's."""
    (block,) = YAML.findall(PAGE)
    (tmp_path / "gateway.yaml").write_text(block)
    (witness,) = load(state=tmp_path).log.witnesses

    assert witness.url == "http://127.0.0.1:8091"
    assert KEY.fullmatch(witness.key)
