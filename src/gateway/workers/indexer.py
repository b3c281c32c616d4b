# SPDX-License-Identifier: Apache-2.0
"""Brings the index of the log up to its files twice a second; nothing waits for it, and nothing that it meets ends it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

EVERY_S = 0.5
AFTER_FAILURE_S = 5.0

_log = logging.getLogger("gateway.index")


class Indexed(Protocol):
    """What is kept up."""

    async def tick(self) -> tuple[str, ...]:
        """Bring it up and return what is wrong, in sentences."""

    async def mend(self, error: Exception) -> None:
        """Let the next time begin with one that can be used."""


async def keep_index(indexed: Indexed, stop: asyncio.Event, told: Callable[[], None] = lambda: None) -> None:
    """Tick until told to stop.

    Args:
        indexed: What is kept up.
        stop: Ends it.
        told: Called after each time.
    """
    said: tuple[str, ...] = ()
    while not stop.is_set():
        troubles, pause_s = await _tick(indexed)
        told()
        for one in troubles:
            if one not in said:
                _log.warning("the index of the log: %s", one)
        said = troubles
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            continue


async def _tick(indexed: Indexed) -> tuple[tuple[str, ...], float]:
    """Return what is wrong, and how long to wait before the next time."""
    try:
        return await indexed.tick(), EVERY_S
    except Exception as error:  # noqa: BLE001 - the index is derived; nothing else may end with it
        troubles = (f"it was not brought up: {type(error).__name__}", *await _mend(indexed, error))
        return troubles, AFTER_FAILURE_S


async def _mend(indexed: Indexed, met: Exception) -> tuple[str, ...]:
    try:
        await indexed.mend(met)
    except Exception as error:  # noqa: BLE001 - as above
        return (f"it cannot be mended: {type(error).__name__}",)
    return ()
