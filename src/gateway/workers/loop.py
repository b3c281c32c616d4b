# SPDX-License-Identifier: Apache-2.0
"""The change feed: what other processes changed is in force here within a fraction of a second.

A process whose last good poll is too old must not decide by what it remembers; ``is_current`` says
so, and the access flow refuses while it is not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from gateway.domain.errors import GatewayError

EVERY_S = 0.2
STALE_US = 2_000_000
"""Age of the last good poll above which a door answers 503 (DESIGN 6)."""

_log = logging.getLogger("gateway.feed")


class Feed(Protocol):
    """Says which topics changed since it was last asked."""

    async def poll(self) -> Iterable[str]:
        """Return the topics that changed."""

    def again(self, topics: Iterable[Any]) -> None:
        """Tell these topics once more at the next poll, because they could not be followed."""

    async def hint(self) -> None:
        """Return when a poll is worth while before its time; it may never return."""


class ChangeLoop:
    """Polls a feed and brings what changed up to date.

    Attributes:
        is_failing: The last poll, or what it told to follow, failed.
    """

    def __init__(
        self, feed: Feed, followers: Mapping[str, Callable[[], Awaitable[object]]], clock: Callable[[], int]
    ) -> None:
        """Keep the followers by topic."""
        self._feed, self._followers, self._clock = feed, followers, clock
        self._good_us: int | None = None
        self._one_at_a_time = asyncio.Lock()
        self.is_failing = False

    @property
    def good_us(self) -> int | None:
        """Return when the last good poll was asked; ``None`` before the first."""
        return self._good_us

    def is_current(self) -> bool:
        """Tell whether what this process remembers is new enough to decide by.

        After the clock was set back the age of the last poll is not known, so it does not count.
        """
        return self._good_us is not None and 0 <= self._clock() - self._good_us <= STALE_US

    async def follow(self) -> None:
        """Poll once and follow what changed; a failure leaves the poll not good.

        Whoever asks while others follow waits for these: what they were told is not told again.
        """
        async with self._one_at_a_time:
            await self._followed()

    async def _followed(self) -> None:
        asked_us = self._clock()
        changed = tuple(await self._feed.poll())
        for place, topic in enumerate(changed):
            follower = self._followers.get(topic)
            try:
                if follower is not None:
                    await follower()
            except GatewayError:
                self._feed.again(changed[place:])
                raise
        self._good_us = asked_us

    async def run(self, stop: asyncio.Event) -> None:
        """Follow five times a second, and at every hint, until told to stop."""
        async with asyncio.TaskGroup() as group:
            stopped, hint = group.create_task(stop.wait()), group.create_task(self._feed.hint())
            try:
                while not stop.is_set():
                    try:
                        await self.follow()
                        self.is_failing = False
                    except GatewayError as error:
                        self.is_failing = True
                        _log.warning("changes not followed: %s", type(error).__name__)
                    await asyncio.wait((stopped, hint), timeout=EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                    if hint.done():
                        hint = group.create_task(self._feed.hint())
            finally:
                stopped.cancel()
                hint.cancel()
