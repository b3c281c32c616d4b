# SPDX-License-Identifier: Apache-2.0
"""Attack: the process is killed while it writes to two disks, of which one or the other fails."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.domain.entry import Release
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records
from gateway.record.writing.opening import open_slot
from gateway.record.writing.pairing import Second
from gateway.record.writing.sinks import ALONE, Rule
from tests.fakes.log import NAME, FaultyDisk, key_of

ROOT = Path(__file__).parents[2]


def killed_writer(first: Path, second: Path, rule: Rule, n_acknowledged: int) -> list[str]:
    """Run a writer until so many acknowledgements came, kill it, and return all calls that it acknowledged."""
    command = [sys.executable, "-m", "tests.fakes.log_writer", str(first), str(second), rule]
    with subprocess.Popen(
        command, cwd=ROOT, env={"PYTHONPATH": f"{ROOT}/src:{ROOT}"}, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        seen = list(itertools.islice(writer.stdout, n_acknowledged))
        writer.send_signal(signal.SIGKILL)
        seen += [line for line in writer.stdout if line.endswith(b"\n")]
    return [line.decode().strip() for line in seen]


def calls(log: Path) -> set[str]:
    return {str(one.line.body.call) for one in records(log) if isinstance(one.line.body, Release)}


def whole(first: Path, second: Path) -> list[Path]:
    """Return the directories that count: the one that says that it is alone, or both."""
    alone = [each for each in (first, second) if (each / ALONE).exists()]
    return alone or [first, second]


def run(tmp_path: Path, rule: Rule, n_cycles: int) -> None:
    first, second = tmp_path / "one" / "door-0", tmp_path / "other" / "door-0"
    second.parent.mkdir()
    acknowledged: set[str] = set()
    n_alone = 0
    for cycle in range(n_cycles):
        acknowledged |= set(killed_writer(first, second, rule, 1 + (cycle * 37) % 150))
        counting = whole(first, second)
        assert len(counting) in (1, 2)
        n_alone += len(counting) == 1
        for each in counting:
            assert acknowledged <= calls(each)
    log, _ = open_slot(first, NAME, key_of(NAME), FaultyDisk(), second=Second(directory=second, rule=rule))
    log.close(None)
    for each in (first, second):
        assert verify_log(each).problems == ()
        assert acknowledged <= calls(each)
    assert calls(first) == calls(second)
    assert len(acknowledged) > n_cycles
    assert rule == "either" or n_alone == 0


@pytest.mark.parametrize("rule", ["both", "either"])
def test_what_was_acknowledged_is_in_every_sink_that_counts(tmp_path: Path, rule: Rule) -> None:
    """After each of ten kills; the next opening makes both equal."""
    run(tmp_path, rule, 10)


@pytest.mark.referee
@pytest.mark.parametrize("rule", ["both", "either"])
def test_what_was_acknowledged_is_in_every_sink_that_counts_over_many_kills(tmp_path: Path, rule: Rule) -> None:
    """A hundred and more."""
    run(tmp_path, rule, 110)
