# SPDX-License-Identifier: Apache-2.0
"""Attack: the process is killed while calls are in flight; every acknowledged entry must be there."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.domain.entry import Release
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records

pytestmark = pytest.mark.alone

ROOT = Path(__file__).parents[2]


def killed_writer(slot: Path, n_acknowledged: int) -> list[str]:
    """Run a writer until so many acknowledgements came, kill it, and return all calls that it acknowledged."""
    command = [sys.executable, "-m", "tests.fakes.log_writer", str(slot)]
    with subprocess.Popen(
        command, cwd=ROOT, env={"PYTHONPATH": f"{ROOT}/src:{ROOT}"}, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        seen = list(itertools.islice(writer.stdout, n_acknowledged))
        writer.send_signal(signal.SIGKILL)
        # Lines that were in the pipe when it died were acknowledged too; a torn one was not told whole.
        seen += [line for line in writer.stdout if line.endswith(b"\n")]
    return [line.decode().strip() for line in seen]


def check(slot: Path, acknowledged: set[str]) -> None:
    verdict = verify_log(slot)
    found = {str(one.line.body.call): one.part for one in records(slot) if isinstance(one.line.body, Release)}

    assert verdict.problems == ()
    assert verdict.n_parts_missing == 0
    assert acknowledged <= found.keys()
    assert None not in found.values()


def run(slot: Path, n_cycles: int) -> None:
    acknowledged: set[str] = set()
    for cycle in range(n_cycles):
        acknowledged |= set(killed_writer(slot, 1 + (cycle * 37) % 150))
        check(slot, acknowledged)
    assert len(acknowledged) > n_cycles


def test_no_acknowledged_entry_is_lost_over_twenty_kills(tmp_path: Path) -> None:
    """Each writer opens what the one before left; checkpoints and new segments are among the moments."""
    run(tmp_path / "door-0", 20)


@pytest.mark.referee
def test_no_acknowledged_entry_is_lost_over_many_kills(tmp_path: Path) -> None:
    """Two hundred and more."""
    run(tmp_path / "door-0", 220)
