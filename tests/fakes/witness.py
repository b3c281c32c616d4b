# SPDX-License-Identifier: Apache-2.0
"""Witnesses for tests: in this process behind the gateway's own Protocol, and as the program that a second machine runs."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from gateway.domain.errors import WitnessSilent
from gateway.flows.cosigning import request_text
from gateway.flows.witnessing import Answer, Witnessing
from gateway.record.format.checkpoint import VerifierKey, parse_verifier_key
from gateway.record.proof.proving import Prover
from gateway.record.proof.witness_folder import WitnessFolder
from tests.fakes.log import verifier_key
from tests.fakes.processes import installed_environment

WITNESS = "witness.example/1"
AT_S = 1_790_000_000


def made(folder: Path, *logs: str, name: str = WITNESS) -> WitnessFolder:
    """Make a witness that knows some test logs."""
    held = WitnessFolder.make(folder, name)
    for log in logs:
        held.add(parse_verifier_key(verifier_key(log)))
    return held


def witnessing(held: WitnessFolder) -> Witnessing:
    """Return the rule over a folder, with a clock that stands still."""
    return Witnessing(held, lambda text: held.cosign(text, AT_S))


def asked(slot: Path, old: int, size: int | None = None) -> bytes:
    """Return what a log asks a witness that is at an old size."""
    prover = Prover(slot)
    newest = prover.newest()
    return request_text(old, prover.consistency(old, size or newest.state.size), newest.note)


class NearWitness:
    """A witness in this process.

    Attributes:
        is_silent: Whoever asks gets no answer.
        requests: What it was asked.
    """

    def __init__(self, held: WitnessFolder) -> None:
        self.key: VerifierKey = held.key
        self._rule = witnessing(held)
        self.is_silent = False
        self.requests: list[bytes] = []
        self.instead: Answer | None = None

    async def add_checkpoint(self, request: bytes) -> Answer:
        """Answer as the rule does, or as a test says."""
        self._speak()
        self.requests.append(request)
        if self.instead is not None:
            return self.instead
        return await asyncio.to_thread(self._rule.add_checkpoint, request)

    async def newest(self, origin: str) -> Answer:
        """Answer as the rule does, or as a test says."""
        self._speak()
        return self.instead or self._rule.newest(origin)

    def _speak(self) -> None:
        if self.is_silent:
            raise WitnessSilent("it is silent")


class Running(msgspec.Struct):
    """A witness that runs as a program."""

    process: Any
    url: str
    key: str

    async def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def witness_served(folder: Path, port: int = 0) -> AsyncIterator[Running]:
    """Start ``gateway log witness serve`` and yield it once it listens; kill it at the end if it still runs."""
    with (folder / "remarks").open("a") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", "log", "witness", "serve",
            "--dir", str(folder), "--listen", f"127.0.0.1:{port}", "--json",
            stdout=asyncio.subprocess.PIPE, stderr=stderr, env=installed_environment(),
        )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        assert line, (folder / "remarks").read_text()
        told = msgspec.json.decode(line)
        yield Running(process, told["listening"], told["key"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
