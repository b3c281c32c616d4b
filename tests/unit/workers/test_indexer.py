# SPDX-License-Identifier: Apache-2.0
"""The worker's loop over the index: nothing that it meets ends it, and each trouble is said once."""

import asyncio

import pytest

from gateway.domain.errors import StateUnavailable
from gateway.workers import indexer
from gateway.workers.indexer import keep_index


class Scripted:
    """An index that fares as a test says, then ends the loop."""

    def __init__(self, script: list[tuple[str, ...] | Exception], stop: asyncio.Event) -> None:
        self._script, self._stop = script, stop
        self.mended: list[Exception] = []

    async def tick(self) -> tuple[str, ...]:
        """Fare as the next line says."""
        now = self._script.pop(0)
        if not self._script:
            self._stop.set()
        if isinstance(now, Exception):
            raise now
        return now

    async def mend(self, error: Exception) -> None:
        """Remember; one that cannot be mended says so."""
        self.mended.append(error)
        if error.args == ("a value of somebody",):
            raise RuntimeError("mending failed")


async def test_nothing_ends_it_and_each_trouble_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By the kind of error alone: its words could quote a row."""
    monkeypatch.setattr(indexer, "EVERY_S", 0.0)
    monkeypatch.setattr(indexer, "AFTER_FAILURE_S", 0.0)
    stop = asyncio.Event()
    broken = ZeroDivisionError("a value of somebody")
    away = StateUnavailable("away")
    indexed = Scripted([(), away, away, broken, ("door-0 is damaged",), ("door-0 is damaged",), ()], stop)
    n_told = 0

    def told() -> None:
        nonlocal n_told
        n_told += 1

    await keep_index(indexed, stop, told)

    assert indexed.mended == [away, away, broken]
    assert n_told == 7
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "the index of the log: it was not brought up: StateUnavailable",
        "the index of the log: it was not brought up: ZeroDivisionError",
        "the index of the log: it cannot be mended: RuntimeError",
        "the index of the log: door-0 is damaged",
    ]
