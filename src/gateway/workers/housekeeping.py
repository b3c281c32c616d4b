# SPDX-License-Identifier: Apache-2.0
"""What is thrown away when nothing asks for it any more, looked at once a minute."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from gateway.domain.errors import GatewayError

EVERY_S = 60.0

_log = logging.getLogger("gateway.housekeeping")


async def keep_house(chores: Sequence[Callable[[], Awaitable[object]]], stop: asyncio.Event) -> None:
    """Do each chore every minute until told to stop; one that fails is tried again the next time."""
    while not stop.is_set():
        for chore in chores:
            try:
                await chore()
            except GatewayError as error:
                _log.warning("a chore was not done: %s", type(error).__name__)
        try:
            await asyncio.wait_for(stop.wait(), EVERY_S)
        except TimeoutError:
            continue
