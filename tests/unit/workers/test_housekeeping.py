# SPDX-License-Identifier: Apache-2.0
"""Housekeeping: chores are done until told to stop, and one that fails ends nothing."""

import asyncio

import pytest

from gateway.domain.errors import StateUnavailable
from gateway.workers import housekeeping
from gateway.workers.housekeeping import keep_house


async def test_a_chore_that_fails_is_tried_again_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are asked for three times."""
    monkeypatch.setattr(housekeeping, "EVERY_S", 0.001)
    done: list[str] = []
    stop = asyncio.Event()

    async def failing() -> None:
        done.append("failing")
        raise StateUnavailable("the database is away")

    async def working() -> None:
        done.append("working")
        if done.count("working") == 3:
            stop.set()

    await keep_house([failing, working], stop)

    assert done == ["failing", "working"] * 3
