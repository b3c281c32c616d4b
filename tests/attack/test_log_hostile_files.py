# SPDX-License-Identifier: Apache-2.0
"""Attack: a copy of a log is handed to somebody for verification, and is made to hang, fill up or mislead the verifier."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.record.format import layout
from gateway.record.format.bundle import Extra, Proof
from gateway.record.format.checkpoint import parse_verifier_key
from gateway.record.format.layout import unfit
from gateway.record.proof.checking import check_proof
from gateway.record.proof.seal_check import verify_segment
from gateway.record.proof.verify import verify_log, verify_logs
from tests.fakes.log import checkpoint_of, verifier_key, written

DEEP = 200_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A log that is taken away again: all that tests leave behind is searched, and these files have gigabytes."""
    written(tmp_path / "log" / "door-0", 40, most_bytes=2_000)
    yield tmp_path / "log" / "door-0"
    shutil.rmtree(tmp_path / "log")


def instead(path: Path) -> Path:
    path.unlink()
    return path


def link_to_zeros(log: Path) -> None:
    """A file without an end."""
    instead(log / "000000.ndjson").symlink_to("/dev/zero")


def link_elsewhere(log: Path) -> None:
    """What is not in the copy is read as if it were."""
    target = log.parent.parent / "elsewhere"
    (log / "000001.ndjson").rename(target)
    (log / "000001.ndjson").symlink_to(target)


def pipe_as_parts(log: Path) -> None:
    """Nobody ever writes to it."""
    os.mkfifo(instead(log / "parts" / "000000.ndjson"))


def pipe_as_checkpoint(log: Path) -> None:
    """As before."""
    os.mkfifo(instead(log / "checkpoint"))


def pipe_as_seal(log: Path) -> None:
    """As before."""
    os.mkfifo(instead(log / "seals" / "000000"))


def pipe_as_witnessed(log: Path) -> None:
    """As before."""
    os.mkfifo(log / "witnessed")


def linked_parts(log: Path) -> None:
    """A folder."""
    (log / "parts").rename(log.parent.parent / "parts")
    (log / "parts").symlink_to(log.parent.parent / "parts")


def long_key(log: Path) -> None:
    """A note of any length."""
    with (log / "log.pub").open("r+b") as file:
        file.truncate(1 << 33)


def long_seal(log: Path) -> None:
    """As before."""
    with (log / "seals" / "000001").open("r+b") as file:
        file.truncate(1 << 33)


def long_line(log: Path) -> None:
    """Nothing but zeros, and no line feed."""
    (log / "000002.ndjson").chmod(0o600)
    with (log / "000002.ndjson").open("r+b") as file:
        file.truncate(1 << 33)


def long_part(log: Path) -> None:
    """As before."""
    with (log / "parts" / "000000.ndjson").open("r+b") as file:
        file.truncate(1 << 33)


def deep_line(log: Path) -> None:
    """As deep as no reader goes down."""
    path = log / "000000.ndjson"
    path.chmod(0o600)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"body":{', b'"body":{"x":' + b"[" * DEEP + b"]" * DEEP + b",", 1))


TRICKS: list[Callable[[Path], None]] = [
    link_to_zeros, link_elsewhere, pipe_as_parts, pipe_as_checkpoint, pipe_as_seal, pipe_as_witnessed, linked_parts,
    long_key, long_seal, long_line, long_part, deep_line,
]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_no_file_leads_the_verifier_astray(
    log: Path, monkeypatch: pytest.MonkeyPatch, trick: Callable[[Path], None]
) -> None:
    """Each is named as what is wrong; no file is read without an end, and none that lies elsewhere."""
    monkeypatch.setattr(layout, "MOST_LINE_BYTES", 1 << 22)
    trick(log)

    assert verify_log(log).problems != ()
    assert not verify_logs(log.parent).is_right


def test_a_log_that_a_process_left_behind_is_fit(log: Path) -> None:
    """Files that were on their way to be others, locks and marks are none of the verifier's business."""
    with (log / "parts" / "000000.ndjson.new").open("wb") as file:
        file.truncate(1 << 24)
    (log / "checkpoint.new").write_bytes(b"")
    assert unfit(log) == []
    assert verify_log(log).problems == ()


def test_a_segment_alone_does_not_lead_astray_either(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that does not end, and one that goes down without an end."""
    monkeypatch.setattr(layout, "MOST_LINE_BYTES", 1 << 22)
    key, note = parse_verifier_key(verifier_key()), (log / "seals" / "000000").read_text()
    deep_line(log)
    assert "entry 0 cannot be read" in verify_segment(log / "000000.ndjson", note, key).problems
    with (log / "000000.ndjson").open("wb") as file:
        file.truncate(1 << 24)
    assert any("longer than any entry" in one for one in verify_segment(log / "000000.ndjson", note, key).problems)


def test_a_proof_whose_entry_goes_down_without_an_end_is_wrong(log: Path) -> None:
    """And says so."""
    line = '{"log":"x","seq":0,"at_us":1,"x":' + "[" * DEEP + "]" * DEEP + "}"
    proof = Proof(index=0, hashes=(), note=checkpoint_of(log), extra=Extra(line=line, log=verifier_key()))
    assert "the line is no entry of a log" in check_proof(proof).problems
