# SPDX-License-Identifier: Apache-2.0
"""Attack: the log is starved of disk, so that calls could go on unlogged."""

import asyncio
import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.errors import LogUnavailable
from gateway.record.format.files import Files
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records
from gateway.record.writing.sequencer import Sequencer
from tests.fakes.log import NAME, FaultyDisk, Ticking, key_of, part, release
from tests.referee.shortage import small_disk


def sequencer(slot: Path, files: Files | None = None) -> Sequencer:
    return Sequencer(slot, name=NAME, signer=key_of(NAME), clock=Ticking(), version="test", files=files)


async def appended(log: Sequencer, calls: range) -> list[str]:
    """Append releases side by side and return the calls whose entries were acknowledged."""
    results = await asyncio.gather(*(log.append(release(f"d{n}"), part(n)) for n in calls), return_exceptions=True)
    assert all(isinstance(one, (int, LogUnavailable)) for one in results)
    return [f"d{n}" for n, one in zip(calls, results, strict=True) if isinstance(one, int)]


def calls_in(slot: Path) -> list[str]:
    return [str(one.line.body.call) for one in records(slot) if one.part is not None and hasattr(one.line.body, "call")]


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


@pytest.fixture(scope="module")
def tiny_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of 1 MiB, mounted in a namespace of its own by whoever runs this."""
    with small_disk(tmp_path_factory.mktemp("tiny") / "disk", mib=1) as disk:
        if disk is None:
            pytest.skip("this system lets nobody mount; tests/referee/test_disk_full.py has another way")
        yield disk.folder


@pytest.mark.mounts
async def test_a_disk_that_is_really_full_refuses_and_recovers(tiny_disk: Path) -> None:
    """What was acknowledged is there, what was refused is not, and the log verifies before and after."""
    slot, ballast = tiny_disk / "log" / "door-0", tiny_disk / "ballast"
    async with sequencer(slot) as log:
        acknowledged = await appended(log, range(50))
        assert len(acknowledged) == 50
        fill(ballast)
        while len(more := await appended(log, range(len(acknowledged), len(acknowledged) + 5))) == 5:
            acknowledged += more
        acknowledged += more
        assert await appended(log, range(1_000, 1_010)) == []
        assert verify_log(slot).problems == ()

        ballast.unlink()
        acknowledged += await appended(log, range(2_000, 2_020))
        assert acknowledged[-1] == "d2019"

    assert verify_log(slot).problems == ()
    assert sorted(calls_in(slot)) == sorted(acknowledged)


@pytest.mark.parametrize("operation", ["open", "open_fresh", "write", "sync", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
async def test_no_fault_of_the_disk_loses_or_invents_an_entry(tmp_path: Path, operation: str, number: int) -> None:
    """Rounds of faults between rounds of peace; the log holds what was acknowledged, and nothing else."""
    disk, slot, acknowledged = FaultyDisk(), tmp_path / "door-0", []
    async with sequencer(slot, disk) as log:
        for turn in range(6):
            disk.fail = {operation: number} if turn % 2 else {}
            acknowledged += await appended(log, range(100 * turn, 100 * turn + 100))
        disk.fail = {}

    assert verify_log(slot).problems == ()
    assert sorted(calls_in(slot)) == sorted(acknowledged)


@pytest.mark.parametrize("budget_bytes", range(0, 4_000, 37))
async def test_a_disk_that_fills_after_any_byte_leaves_a_whole_log(tmp_path: Path, budget_bytes: int) -> None:
    """Inside a part, inside a line, inside a checkpoint."""
    disk, slot = FaultyDisk(), tmp_path / "door-0"
    async with sequencer(slot, disk) as log:
        disk.budget_bytes = budget_bytes
        acknowledged = [call for n in range(6) for call in await appended(log, range(n, n + 1))]
        disk.budget_bytes = None
        acknowledged += await appended(log, range(100, 101))

    assert "d100" in acknowledged
    assert verify_log(slot).problems == ()
    assert calls_in(slot) == acknowledged
