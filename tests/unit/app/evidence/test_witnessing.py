# SPDX-License-Identifier: Apache-2.0
"""What witnesses know is put beside a log before it is opened, and what came of asking them is told."""

import asyncio
from pathlib import Path

import pytest

from gateway.app.evidence.witnessing import LogsWatched, ask, key_of, watch_logs, witnessed
from gateway.app.making import make_installation
from gateway.app.signals.exposition import told
from gateway.app.signals.meters import Meters
from gateway.app.signals.page import Region
from gateway.app.slots import CLI_SLOT, open_log
from gateway.domain.errors import LogBehind, LogDamaged, SettingsError
from gateway.record.format.checkpoint import parse_verifier_key
from gateway.record.proof.witness_folder import WitnessFolder
from gateway.settings.loading import Settings
from gateway.settings.sections import WitnessSettings
from tests.fakes.log import verifier_key
from tests.fakes.wire import until
from tests.fakes.witness import NearWitness, made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_installation(tmp_path / "state", {"log": {"least_free_bytes": 0, "least_free_percent": 0}})


@pytest.fixture
def held(tmp_path: Path) -> WitnessFolder:
    return made(tmp_path / "witness")


async def grown(settings: Settings) -> None:
    """Let the log of commands live once more."""
    async with open_log(settings, CLI_SLOT):
        pass


async def cosigned(settings: Settings, held: WitnessFolder, meters: Meters | None = None) -> NearWitness:
    held.add(parse_verifier_key((slot_of(settings) / "log.pub").read_text().strip()))
    witness = NearWitness(held)
    await LogsWatched(settings, [witness], meters).turn()
    return witness


def slot_of(settings: Settings) -> Path:
    return settings.state / "log" / CLI_SLOT


async def test_what_a_witness_knows_is_put_beside_the_log(settings: Settings, held: WitnessFolder) -> None:
    """Where nothing is kept, also of a log that is gone; then it is not opened."""
    await grown(settings)
    witness = await cosigned(settings, held)
    for path in (slot_of(settings) / "witnessed", *slot_of(settings).glob("*.ndjson")):
        path.unlink()

    await ask(settings, CLI_SLOT, [witness])

    assert (slot_of(settings) / "witnessed").exists()
    with pytest.raises(LogBehind, match="has 0 entries, its witnesses co-signed"):
        await grown(settings)


async def test_an_older_word_is_not_put_over_a_newer_one(
    settings: Settings, held: WitnessFolder, tmp_path: Path
) -> None:
    """One witness that was put back itself."""
    await grown(settings)
    behind = await cosigned(settings, made(tmp_path / "behind", name="witness.example/2"))
    await grown(settings)
    await cosigned(settings, held)
    before = (slot_of(settings) / "witnessed").read_text()

    await ask(settings, CLI_SLOT, [behind])

    assert (slot_of(settings) / "witnessed").read_text() == before


async def test_silence_and_strangers_change_nothing(settings: Settings, held: WitnessFolder) -> None:
    """A witness that is away, one that knows nothing."""
    await grown(settings)
    witness = NearWitness(held)
    await ask(settings, CLI_SLOT, [witness])
    witness.is_silent = True
    await ask(settings, CLI_SLOT, [witness])

    assert not (slot_of(settings) / "witnessed").exists()
    await grown(settings)


async def test_what_came_of_it_is_a_metric(settings: Settings, held: WitnessFolder, tmp_path: Path) -> None:
    """When each log was co-signed, and whether a witness knows another history."""
    region = Region.alone()
    meters = Meters(region)
    await grown(settings)
    await cosigned(settings, held, meters)
    text = told({"worker": region})
    assert f'gateway_log_contradicted{{log="{CLI_SLOT}",slot="worker"}} 0.0\n' in text
    assert f'gateway_log_witnessed_timestamp_seconds{{log="{CLI_SLOT}",slot="worker"}} 1' in text

    checkpoint = slot_of(settings) / "checkpoint"
    before = checkpoint.read_bytes()
    await grown(settings)
    await cosigned(settings, held)
    checkpoint.write_bytes(before)
    (slot_of(settings) / "witnessed").unlink()
    await cosigned(settings, held, meters)

    assert f'gateway_log_contradicted{{log="{CLI_SLOT}",slot="worker"}} 1.0\n' in told({"worker": region})


async def test_trouble_with_one_log_keeps_no_other_from_it(settings: Settings, held: WitnessFolder) -> None:
    """Nor ends the worker."""
    await grown(settings)
    (settings.state / "log" / "door-0").mkdir()
    (settings.state / "log" / "door-0" / "log.pub").write_text("hello")
    await cosigned(settings, held)

    assert (slot_of(settings) / "witnessed").exists()


async def test_without_witnesses_hashes_are_kept_and_nobody_is_asked(settings: Settings) -> None:
    """A start waits for nothing, and an end of the work is not waited out."""
    await grown(settings)
    stop = asyncio.Event()
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(watch_logs(settings, stop))
        await until((slot_of(settings) / "hashes" / "place").exists)
        stop.set()
    async with witnessed(settings, CLI_SLOT):
        assert not (slot_of(settings) / "witnessed").exists()


async def test_a_note_that_was_changed_keeps_the_log_shut(settings: Settings, held: WitnessFolder) -> None:
    """Asking does not put it right in silence."""
    await grown(settings)
    witness = await cosigned(settings, held)
    (slot_of(settings) / "witnessed").write_text("hello")

    with pytest.raises(LogDamaged, match="it was changed"):
        await ask(settings, CLI_SLOT, [witness])


def test_a_key_that_is_no_witnesss_is_refused() -> None:
    """With the command that shows one."""
    with pytest.raises(SettingsError, match="gateway log witness init"):
        key_of(WitnessSettings(url="http://w.example", key=verifier_key()))
