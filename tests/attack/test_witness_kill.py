# SPDX-License-Identifier: Apache-2.0
"""Attack: a witness is killed while logs ask it for signatures; it must never fall behind what it has told."""

import asyncio
import random
from pathlib import Path

import pytest

from gateway.domain.errors import WitnessSilent
from gateway.flows.cosigning import Cosigning, Outcome
from gateway.forward.witness import HttpWitness, WitnessAnswer
from gateway.record.format.checkpoint import VerifierKey, parse_note
from gateway.record.format.cosign import cosigned, parse_witness_key
from gateway.record.proof.proving import Prover
from gateway.record.proof.witness_folder import WitnessFolder
from tests.fakes.log import written
from tests.fakes.witness import Running, asked, made, witness_served

NAMES = tuple(f"demo/node-1/door-{n}" for n in range(3))


class Told:
    """A witness over HTTP; remembers the longest checkpoint that it was told a signature of, by log."""

    def __init__(self, key: VerifierKey, road: HttpWitness, longest: dict[str, int]) -> None:
        self.key, self._road, self._longest = key, road, longest

    async def add_checkpoint(self, request: bytes) -> WitnessAnswer:
        """Ask, and remember what was signed."""
        answer = await self._road.add_checkpoint(request)
        if answer.status == 200:
            note = request.decode().partition("\n\n")[2]
            origin, size, *_ = note.split("\n")
            assert cosigned(parse_note(note + answer.body), (self.key,))
            self._longest[origin] = max(int(size), self._longest.get(origin, 0))
        return answer

    async def newest(self, origin: str) -> WitnessAnswer:
        """Ask for the newest."""
        return await self._road.newest(origin)


async def one_life(folder: Path, logs: Path, chance: random.Random, longest: dict[str, int]) -> None:
    """Run a witness, let three logs grow and ask it, and kill it at some moment."""
    async with witness_served(folder) as running, HttpWitness("w", running.url) as road:
        witness = Told(parse_witness_key(running.key), road, longest)
        async with asyncio.TaskGroup() as group:
            group.create_task(_killed(running, chance.uniform(0.02, 0.4)))
            for name in NAMES:
                group.create_task(_asking(logs / name.rpartition("/")[2], name, witness))


async def _killed(running: Running, after_s: float) -> None:
    # The moment is the matter of the test: it falls where it falls.
    await asyncio.sleep(after_s)
    await running.kill()


async def _asking(slot: Path, name: str, witness: Told) -> None:
    cosigning = Cosigning([witness])
    while True:
        await asyncio.to_thread(written, slot, 2, name)
        (told,) = await cosigning.submit(Prover(slot))
        assert told.outcome in (Outcome.COSIGNED, Outcome.SILENT), told
        if told.outcome is Outcome.SILENT:
            return


async def run(tmp_path: Path, n_lives: int) -> None:
    folder, logs, chance, longest = tmp_path / "witness", tmp_path / "log", random.Random(11), dict[str, int]()
    made(folder, *NAMES)
    for name in NAMES:
        written(logs / name.rpartition("/")[2], 2, name)
    for _ in range(n_lives):
        await one_life(folder, logs, chance, longest)
        held = {one.key.name: one.note for one in WitnessFolder(folder).known()}
        for origin, size in longest.items():
            note = held[origin]
            assert note is not None
            assert int(note.split("\n")[1]) >= size
    assert len(longest) == len(NAMES)
    await _refuses_another_history(folder, tmp_path)


async def _refuses_another_history(folder: Path, tmp_path: Path) -> None:
    """What it told before it was killed still binds it."""
    fork = tmp_path / "fork" / "door-0"
    written(fork, 2, NAMES[0])
    async with witness_served(folder) as running, HttpWitness("w", running.url) as road:
        assert (await road.add_checkpoint(asked(fork, 0))).status == 409
        witness = Told(parse_witness_key(running.key), road, {})
        (told,) = await Cosigning([witness]).submit(Prover(fork))
        assert told.outcome is Outcome.CONTRADICTED
        await running.kill()
        with pytest.raises(WitnessSilent):
            await road.newest(NAMES[0])


async def test_a_killed_witness_never_falls_behind_what_it_told(tmp_path: Path) -> None:
    """Six lives, three logs at once."""
    await run(tmp_path, 6)


@pytest.mark.referee
async def test_a_witness_killed_a_hundred_times_never_falls_behind(tmp_path: Path) -> None:
    """A hundred lives."""
    await run(tmp_path, 100)
