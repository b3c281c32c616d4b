# SPDX-License-Identifier: Apache-2.0
"""Seals what is under retired versions of keys anew, soon after a rotation; nothing waits for it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from gateway.domain.errors import GatewayError

EVERY_S = 1.0
AFTER_FAILURE_S = 5.0

_log = logging.getLogger("gateway.keys")


class Work(Protocol):
    """What is to be done."""

    async def tick(self, stop: Callable[[], bool]) -> bool:
        """Do what is due, unless told to stop; tell whether anything was looked at."""


async def keep_rewrapped(work: Work, stop: asyncio.Event) -> None:
    """Look every second until told to stop; a failure is told once and tried again."""
    said = ""
    while not stop.is_set():
        pause_s = EVERY_S
        try:
            await work.tick(stop.is_set)
            said = ""
        except GatewayError as error:
            trouble, pause_s = type(error).__name__, AFTER_FAILURE_S
            if trouble != said:
                _log.warning("rows are not sealed anew: %s", trouble)
            said = trouble
        try:
            await asyncio.wait_for(stop.wait(), pause_s)
        except TimeoutError:
            continue
