# SPDX-License-Identifier: Apache-2.0
"""The worker looks until it is told to stop, and no failure ends it."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from gateway.domain.errors import StateUnavailable
from gateway.workers import rewrapper
from gateway.workers.rewrapper import keep_rewrapped


class Looked:
    """Counts looks; some fail, and the last one stops the loop."""

    def __init__(self, stop: asyncio.Event, failing: set[int], n: int) -> None:
        self.n_looks, self._stop, self._failing, self._n = 0, stop, failing, n

    async def tick(self, stop: Callable[[], bool]) -> bool:
        """Look once."""
        await asyncio.sleep(0)
        assert not stop()
        self.n_looks += 1
        if self.n_looks >= self._n:
            self._stop.set()
        if self.n_looks in self._failing:
            raise StateUnavailable("canary")
        return True


async def test_it_looks_until_told_to_stop_and_tells_a_failure_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Two failures in a row are one remark, and one after a good look is another; none says more than its kind."""
    monkeypatch.setattr(rewrapper, "EVERY_S", 0.0)
    monkeypatch.setattr(rewrapper, "AFTER_FAILURE_S", 0.0)
    stop = asyncio.Event()
    work = Looked(stop, {2, 3, 5}, 6)
    with caplog.at_level(logging.WARNING):
        await keep_rewrapped(work, stop)

    assert work.n_looks == 6
    assert [one.message for one in caplog.records] == ["rows are not sealed anew: StateUnavailable"] * 2
