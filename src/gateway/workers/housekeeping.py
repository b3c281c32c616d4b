# SPDX-License-Identifier: Apache-2.0
"""What is thrown away when nothing asks for it any more, looked at once a minute."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from gateway.domain.errors import GatewayError

EVERY_S = 60.0

_log = structlog.get_logger("gateway.housekeeping")


async def keep_house(chores: Sequence[Callable[[], Awaitable[object]]], stop: asyncio.Event) -> None:
    """Do each chore every minute until told to stop; one that fails is tried again the next time."""
    while not stop.is_set():
        for chore in chores:
            try:
                await chore()
            except GatewayError as error:
                _log.warning("a chore was not done", error=type(error).__name__)
        try:
            await asyncio.wait_for(stop.wait(), EVERY_S)
        except TimeoutError:
            continue
