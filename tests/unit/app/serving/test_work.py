# SPDX-License-Identifier: Apache-2.0
"""The worker closes logs that nobody will open again, and no other."""

import shutil
from pathlib import Path

import pytest

from gateway.app.making import make_installation
from gateway.app.serving.work import close_forgotten
from gateway.app.slots import door_slot, open_log
from gateway.domain.entry import Closed, End, Intent, Opened
from gateway.domain.names import DecisionId
from gateway.record.proof.verify import verify_logs
from gateway.record.reading.reader import records
from gateway.settings.loading import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a new installation."""
    return make_installation(tmp_path / "state", {"log": {"least_free_bytes": 0, "least_free_percent": 0}})


async def killed(settings: Settings, slot: str) -> None:
    """Leave a log as a door does that is killed during a call."""
    logs = settings.state / "log"
    async with open_log(settings, slot) as log:
        await log.append(Intent(call=DecisionId("d-1"), records=1))
        shutil.copytree(logs / slot, logs.parent / "copy")
    shutil.rmtree(logs / slot)
    (logs.parent / "copy").rename(logs / slot)


async def test_the_log_of_a_door_that_is_not_started_again_is_closed(settings: Settings) -> None:
    """With the end of the call that the crash cut off; logs of doors that run, or that hold it, are left alone."""
    for number in (0, 3):
        await killed(settings, door_slot(number))
    async with open_log(settings, door_slot(4)):
        for _ in range(2):
            await close_forgotten(settings, n_doors=2)

    def bodies(slot: str) -> list[object]:
        return [record.line.body for record in records(settings.state / "log" / slot)]

    assert [type(body) for body in bodies("door-3")] == [Opened, Intent, Opened, End, Closed]
    assert [type(body) for body in bodies("door-0")] == [Opened, Intent]
    assert [type(body) for body in bodies("door-4")] == [Opened, Closed]
    assert verify_logs(settings.state / "log").is_right
