# SPDX-License-Identifier: Apache-2.0
"""Kill -9 of whoever builds the index, at any moment: what is built in the end is what follows from the files.

Nothing mends an index between kills, so whatever one of them left wrong is still there at the end.
"""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.made_log import made_log
from gateway.app.index.building import check
from gateway.domain.log_index import SPAN
from gateway.store.engine import open_index
from gateway.store.log.index import LogIndex
from tests.referee.numbers import INDEX_KILLS
from tests.referee.report import progress, summary

ROOT = Path(__file__).parents[2]
MOST_BATCHES = 9
"""Batches that are entered before a kill at the most; the whole log is some forty."""
LONGEST_BATCH_S = 0.06


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two logs, of which one is longer than a span."""
    folder = tmp_path_factory.mktemp("made") / "log"
    made_log(folder, SPAN + 3_000, slots=("door-0", "worker"), segment_bytes=2 << 20)
    return folder


def filled_and_killed(place: str, logs: Path, chance: random.Random) -> bool:
    """Let a process fill the index and kill it at some moment; tell whether it had come to the end before.

    Every other one fills it as a building anew does, in which logs are read by further processes; they end with it.
    """
    anew = ["anew"] if chance.random() < 0.5 else []
    command = [sys.executable, "-m", "tests.fakes.index_filler", place, str(logs), *anew]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as filler:
        assert filler.stdout is not None
        told = [filler.stdout.readline() for _ in range(chance.randint(0, 2 if anew else MOST_BATCHES))]
        # Anywhere in the work on the next batch: reading, entering, committing.
        time.sleep(chance.random() * LONGEST_BATCH_S)
        filler.kill()
        told += filler.stdout.readlines()
    assert b"trouble\n" not in told
    return b"done\n" in told


async def what_differs(place: str, logs: Path) -> tuple[int, tuple[str, ...]]:
    """Return how many entries an index holds, and how it differs from the files as far as it goes."""
    index = LogIndex(await open_index(place))
    try:
        compared = await check(index, logs)
        return compared.n_entries, compared.differences
    finally:
        await index.close()


async def kills(place: str, logs: Path, n_kills: int) -> int:
    """Kill so many fillers; return how often an index was built to its end."""
    chance, n_built = random.Random(n_kills), 0
    tell = progress("kills of who builds the index", n_kills)
    for n_done in range(n_kills):
        tell(n_done)
        if filled_and_killed(place, logs, chance):
            n_built += 1
            await assert_whole(place, logs)
            index = LogIndex(await open_index(place))
            await index.clear()
            await index.close()
    while not filled_and_killed(place, logs, chance):
        pass
    await assert_whole(place, logs)
    return n_built + 1


async def assert_whole(place: str, logs: Path) -> None:
    """Hold an index that was built against the files."""
    n_entries, differences = await what_differs(place, logs)
    assert differences == ()
    assert n_entries == SPAN + 3_000


async def test_an_index_whose_builder_is_killed_again_and_again_is_right_in_the_end(place: str, logs: Path) -> None:
    """On both engines."""
    n_kills = INDEX_KILLS.of(referee=False) // 2
    await kills(place, logs, n_kills)


@pytest.mark.referee
async def test_an_index_whose_builder_is_killed_hundreds_of_times_is_right(place: str, logs: Path) -> None:
    """On both engines."""
    n_kills = INDEX_KILLS.of(referee=True) // 2
    n_built = await kills(place, logs, n_kills)
    summary(
        f"kill -9 of who builds the index, {n_kills} times",
        f"{n_built} indexes built to their end, all equal to the files",
    )
