# SPDX-License-Identifier: Apache-2.0
"""Attack: a caller of a store, who writes a part of the store's log, wants the look for calls past the gateway to fail.

Whoever went past the gateway gains if the comparison ends early, never ends, or takes the line for one of the
gateway's. A line may be unread; the lines around it are judged all the same.
"""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from gateway.cli.log import reconcile as log_reconcile
from tests.fakes.command_line import CommandLine

LINE = '10.0.0.7 - - [22/Nov/2026:08:00:00 +0000] "GET /crm/customers HTTP/1.1" 200 52 "-" "{}" "{}"\n'
PAST = LINE.format("curl/8", "-")
STORE = ("--store", "crm", "--json")


@pytest.fixture
def command(template: Path, tmp_path: Path) -> CommandLine:
    """An installation with one store, which has served nobody."""
    state = Path(shutil.copytree(template, tmp_path / "state"))
    return CommandLine(state, {"GATEWAY_STORES__CRM__BASE_URL": "http://127.0.0.1:9/crm"})


def put(tmp_path: Path, content: bytes) -> str:
    """Write a store's log and return its path."""
    path = tmp_path / "access.log"
    path.write_bytes(content)
    return str(path)


HOSTILE = [
    b"{" * 60_000, b'{"a":' * 12_000, b'{"a":' + b"[" * 60_000, b'{"traceparent":[' + b"[" * 50_000 + b"]" * 50_000 + b"]}",
    b'{"time":1e999,"path":"\\ud800"}', b'{"ts":' + b"9" * 5_000 + b"}", b"\xff\xfe" * 100, b"\x00" * 1_000, b'"' * 60_000,
    b"\\" * 60_000, b"x" * 300_000,
]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "combined", "auto"])
def test_no_line_ends_the_comparison(command: CommandLine, tmp_path: Path, form: str) -> None:
    """What cannot be read is counted; the call past the gateway behind it is found."""
    good = (
        PAST.encode() if form != "json" else json.dumps({"method": "GET", "path": "/crm", "ts": 1_795_330_800}).encode()
    )
    first = [good.strip()] if form == "auto" else []
    log = put(tmp_path, b"\n".join([*first, *HOSTILE, good.strip()]) + b"\n")

    found = command("log", "reconcile", "--store-log", log, *STORE, "--format", form, code=1).document()

    assert found["lines"] == len(HOSTILE) + len(first) + 1
    assert found["without_decision"]["no-trace"] >= 1
    assert found["examples"][-1]["line"] == found["lines"]


def test_a_line_that_holds_a_pattern_up_is_named(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pattern that reads a line in many ways is ended, with what to do about it."""
    monkeypatch.setattr(log_reconcile, "PATIENCE_S", 0.05)
    log = put(tmp_path, PAST.encode() + b"a" * 80 + b"\n" + PAST.encode())
    pattern = r"(?:(a+)+!|.*)(?P<traceparent>00-\S+)"

    stopped = command("log", "reconcile", "--store-log", log, *STORE, "--pattern", pattern, code=1)

    assert "takes longer than" in stopped.err
    assert "behind line 1" in stopped.err
    assert stopped.out == ""


@pytest.mark.parametrize("harm", ["cut", "flipped", "trailing", "length"])
def test_a_packed_log_that_was_damaged_is_told(command: CommandLine, tmp_path: Path, harm: str) -> None:
    """In a sentence, and never as if it had been read to its end."""
    packed = bytearray(gzip.compress(PAST.encode() * 5_000))
    if harm == "cut":
        del packed[len(packed) // 2 :]
    elif harm == "flipped":
        packed[12:40] = b"\xff" * 28
    elif harm == "trailing":
        packed += b"what is this"
    else:
        packed[-4:] = b"\xff" * 4
    log = put(tmp_path, bytes(packed))

    assert "breaks off or is damaged" in command("log", "reconcile", "--store-log", log, *STORE, code=1).err


def test_a_packed_log_of_one_endless_line_takes_little_memory(command: CommandLine, tmp_path: Path) -> None:
    """A hundred thousand times as much as is stored; it is passed over as one line."""
    import tracemalloc

    log = put(tmp_path, gzip.compress(b"x" * 50_000_000) + gzip.compress(b"\n" + PAST.encode()))
    command("log", "reconcile", "--store-log", log, *STORE, "--format", "combined", code=1)
    tracemalloc.start()

    found = command("log", "reconcile", "--store-log", log, *STORE, "--format", "combined", code=1).document()

    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found["lines"], found["unread"], found["without_decision"]) == (2, 1, {"no-trace": 1})
    assert peak_bytes < 20_000_000


def test_no_path_address_or_value_of_a_line_is_told_or_entered(command: CommandLine, tmp_path: Path) -> None:
    """Nor where a line names a decision in the form of the gateway's, which nobody can make."""
    forged = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    line = (
        LINE.format("C-canary-UA", forged)
        .replace("/crm/customers", "/crm/C-canary-path")
        .replace("10.0.0.7", "192.0.2.99")
    )
    log = put(tmp_path, line.encode())

    told = command("log", "reconcile", "--store-log", log, *STORE, code=1)
    plain = command("log", "reconcile", "--store-log", log, "--store", "crm", code=1)

    assert told.document()["without_decision"] == {"not-ours": 1}
    for text in (told.out, told.err, plain.out, plain.err, json.dumps(command.entries())):
        assert "C-canary" not in text
        assert "192.0.2.99" not in text
