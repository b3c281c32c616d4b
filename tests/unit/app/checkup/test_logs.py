# SPDX-License-Identifier: Apache-2.0
"""How long the disk lasts, and which log has no new checkpoint though its process runs."""

import os
from pathlib import Path

import msgspec
import pytest

from gateway.app.checkup.findings import Grade, Patient
from gateway.app.checkup.logs import DAY_S, disk, index, log
from gateway.app.clock import now_us
from gateway.app.index.building import rebuild
from gateway.app.installation import open_installation
from gateway.app.making import make_installation
from gateway.app.slots import DOOR_SLOT
from gateway.settings.loading import Settings
from gateway.store.engine import INDEX_FILE


class Room(msgspec.Struct, frozen=True):
    """A disk, as the system tells of it."""

    f_blocks: int
    f_bavail: int
    f_frsize: int


def settings_of(tmp_path: Path) -> Settings:
    return make_installation(tmp_path / "state", {"log": {"least_free_bytes": 0, "least_free_percent": 0}})


def patient_of(settings: Settings, *, ahead_s: float = 0) -> Patient:
    return Patient(settings=settings, now_us=now_us() + round(ahead_s * 1_000_000))


async def test_a_log_that_grows_fast_is_told_in_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a log of ten days whose newest segment alone was written to in the last week."""
    settings = settings_of(tmp_path)
    async with open_installation(settings, DOOR_SLOT):
        pass
    folder, now_s = settings.state / "log" / DOOR_SLOT, now_us() / 1e6
    os.utime(folder / "log.pub", (now_s - 10 * DAY_S,) * 2)
    segment = folder / "000000.ndjson"
    n_bytes = segment.stat().st_size + sum(path.stat().st_size for path in folder.glob("parts/*"))
    monkeypatch.setattr(os, "statvfs", lambda _folder: Room(f_blocks=10 * n_bytes, f_bavail=n_bytes, f_frsize=1))
    (found,) = await disk(patient_of(settings))
    assert found.grade is Grade.WARNING
    assert found.sentence.endswith("that is in 7 days")
    os.utime(segment, (now_s - 8 * DAY_S,) * 2)
    (found,) = await disk(patient_of(settings))
    assert found.grade is Grade.OK


async def test_a_new_log_says_nothing_of_days(tmp_path: Path) -> None:
    """An hour is too short to tell."""
    settings = settings_of(tmp_path)
    async with open_installation(settings, DOOR_SLOT):
        pass
    (found,) = await disk(patient_of(settings))
    assert "a day" not in found.sentence


async def test_a_running_process_without_a_new_checkpoint_is_told(tmp_path: Path) -> None:
    """One that ended in order has nothing to sign."""
    settings = settings_of(tmp_path)
    async with open_installation(settings, DOOR_SLOT):
        found = [one for one in await log(patient_of(settings, ahead_s=700)) if one.check == "checkpoint"]
        assert [one.grade for one in found] == [Grade.WARNING]
        assert found[0].sentence == "door-0 runs, and its newest checkpoint is 12 minutes old"
        assert [one for one in await log(patient_of(settings)) if one.check == "checkpoint"] == []
    assert [one for one in await log(patient_of(settings, ahead_s=700)) if one.check == "checkpoint"] == []


async def test_the_index_is_told_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    """None at first, which is no fault and stays so; then how far it is; then that the files are others."""
    settings = settings_of(tmp_path)
    async with open_installation(settings, DOOR_SLOT):
        pass
    (none,) = await index(patient_of(settings))
    assert (none.grade, (settings.state / INDEX_FILE).exists()) == (Grade.NOTE, False)
    await rebuild(settings, lambda _n: None)
    (right,) = await index(patient_of(settings))
    assert right.grade is Grade.OK
    segment = settings.state / "log" / DOOR_SLOT / "000000.ndjson"
    segment.write_bytes(segment.read_bytes().rpartition(b"\n{")[0] + b"\n")
    wrong, *_others = await index(patient_of(settings))
    assert wrong.grade is Grade.WARNING
    assert "rebuild" in str(wrong.fix)
