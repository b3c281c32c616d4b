# SPDX-License-Identifier: Apache-2.0
"""What a check-up says of witnesses: none, silent, not knowing, contradicting, well."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.app.checkup.findings import Finding, Grade, Patient
from gateway.app.checkup.witnesses import witnesses
from gateway.app.clock import now_us
from gateway.app.evidence.witnessing import LogsWatched, open_witnesses
from gateway.app.installation import open_installation
from gateway.app.making import make_installation
from gateway.app.slots import DOOR_SLOT
from gateway.doors.witness.app import witness_door
from gateway.record.format.checkpoint import parse_verifier_key
from gateway.record.proof.witness_folder import WitnessFolder
from gateway.settings.loading import Settings
from tests.fakes.serving import served
from tests.fakes.witness import made, witnessing


@pytest.fixture
async def held(tmp_path: Path) -> WitnessFolder:
    return made(tmp_path / "witness")


@pytest.fixture
async def settings(tmp_path: Path, held: WitnessFolder) -> AsyncIterator[Settings]:
    async with served(witness_door(witnessing(held)), HttpToolsProtocol) as port:
        witness = {"url": f"http://127.0.0.1:{port}", "key": held.key.text()}
        log = {"least_free_bytes": 0, "least_free_percent": 0, "witnesses": [witness]}
        made_settings = make_installation(tmp_path / "state", {"log": log})
        async with open_installation(made_settings, DOOR_SLOT):
            pass
        yield made_settings


async def found_of(settings: Settings) -> list[Finding]:
    return list(await witnesses(Patient(settings=settings, now_us=now_us())))


async def cosigned_by(settings: Settings, held: WitnessFolder) -> None:
    for path in settings.state.glob("log/*/log.pub"):
        held.add(parse_verifier_key(path.read_text().strip()))
    async with open_witnesses(settings) as found:
        await LogsWatched(settings, found).turn()


async def test_an_installation_without_a_witness_is_told_what_that_means(tmp_path: Path) -> None:
    """A note: it is a choice."""
    (found,) = await found_of(make_installation(tmp_path / "alone", {}))

    assert found.grade is Grade.NOTE


async def test_a_witness_that_does_not_know_a_log_is_told(settings: Settings) -> None:
    """With the file that it needs."""
    found = await found_of(settings)

    assert {one.grade for one in found} == {Grade.WARNING}
    assert any((one.fix or "").startswith(f"give it {settings.state}/log/door-0/log.pub") for one in found)


async def test_a_witness_that_co_signed_everything_is_well(settings: Settings, held: WitnessFolder) -> None:
    """In one sentence."""
    await cosigned_by(settings, held)
    (found,) = await found_of(settings)

    assert (found.grade, found.sentence) == (Grade.OK, "witness.example/1 has co-signed 4 entries")


async def test_a_witness_that_knows_more_is_a_problem(settings: Settings, held: WitnessFolder) -> None:
    """The log is shorter than what was co-signed."""
    checkpoint = settings.state / "log" / "door-0" / "checkpoint"
    before = checkpoint.read_bytes()
    async with open_installation(settings, DOOR_SLOT):
        pass
    await cosigned_by(settings, held)
    checkpoint.write_bytes(before)

    found = await found_of(settings)

    assert [one.grade for one in found] == [Grade.PROBLEM]
    assert "which has " in found[0].sentence


async def test_a_silent_witness_is_a_warning(settings: Settings, held: WitnessFolder) -> None:
    """Nothing waits for it."""
    witness = settings.log.witnesses[0].model_copy(update={"url": "http://127.0.0.1:1"})
    away = settings.model_copy(update={"log": settings.log.model_copy(update={"witnesses": (witness,)})})
    (found,) = await found_of(away)

    assert (found.grade, found.sentence) == (Grade.WARNING, "witness.example/1 does not answer")
