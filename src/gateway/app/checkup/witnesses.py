# SPDX-License-Identifier: Apache-2.0
"""The log's witnesses: whether they answer, know the logs, and have co-signed what lies here."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from gateway.app.checkup.findings import Finding, Patient, note, ok, problem, warning
from gateway.app.evidence.witnessing import START_S, KeyedWitness, open_witnesses
from gateway.domain.errors import WitnessSilent
from gateway.domain.wording import counted
from gateway.flows.cosigning import newest_of
from gateway.record.format.checkpoint import Checkpoint, open_checkpoint
from gateway.record.format.layout import PUBLIC_KEY, slots
from gateway.record.proof.proving import Prover

PAGE = "docs/how-to/keep-checkpoints-outside.md"


async def witnesses(patient: Patient) -> Iterable[Finding]:
    """Ask each witness what it knows of each log, and hold that against what lies here."""
    settings = patient.settings
    if not settings.log.witnesses:
        told = (
            "no witness co-signs the log: whoever holds this machine could write another one, or put an older one back"
        )
        return [note("witness", told, f"let a second machine be one: {PAGE}")]
    folder = settings.state / "log"
    logs = [folder / slot for slot in slots(folder) if (folder / slot / PUBLIC_KEY).exists()]
    async with open_witnesses(settings) as found:
        told_of = await asyncio.gather(*(_of_one(one, logs) for one in found))
    return [finding for one in told_of for finding in one]


async def _of_one(witness: KeyedWitness, logs: Iterable[Path]) -> list[Finding]:
    name, found, n_entries = witness.key.name, list[Finding](), 0
    for directory in logs:
        prover = Prover(directory)
        key = await asyncio.to_thread(prover.key)
        try:
            async with asyncio.timeout(START_S):
                held = await newest_of(witness, key.name, key)
        except (WitnessSilent, TimeoutError):
            fix = f"start it there: gateway log witness serve; or look at log.witnesses of gateway.yaml: {PAGE}"
            return [warning("witness", f"{name} does not answer", fix)]
        if held is None:
            fix = f"give it {directory / PUBLIC_KEY} and run there: gateway log witness add"
            found.append(warning("witness", f"{name} has co-signed nothing of {directory.name}", fix))
            continue
        state = open_checkpoint(held, key)
        found += await asyncio.to_thread(_compared, name, prover, state)
        n_entries += state.size
    return found or [ok("witness", f"{name} has co-signed {counted(n_entries, 'entry')}")]


def _compared(name: str, prover: Prover, state: Checkpoint) -> list[Finding]:
    n_entries = prover.newest().state.size
    fix = f"stop the gateway and keep STATE/log as it is: {PAGE}"
    if n_entries < state.size:
        return [
            problem(
                "witness",
                f"{name} co-signed {counted(state.size, 'entry')} of {state.origin}, which has {n_entries}",
                fix,
            )
        ]
    if prover.root(state.size) != state.root:
        return [problem("witness", f"{name} co-signed another history of {state.origin} than the one here", fix)]
    return []
