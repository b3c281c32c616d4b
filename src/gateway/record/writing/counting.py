# SPDX-License-Identifier: Apache-2.0
"""What the log keeps as counts: answers of the gateway's own, and refusals in a flood.

Nothing is exempt from the log. Health checks and public keys depend on no store and no person, so
their entries are counts once a minute. Refusals before identification are entered one by one up to a
rate a place and in all; beyond it one entry a second and reason counts them, so a flood of unknown callers can
neither fill the disk nor hide among entries.

A count is a promise of an entry, so nothing is counted while the log takes none: after an append that
failed, refusals beyond the rate fail too, until one succeeds. The bodyless 503 that callers get meanwhile
is counted as ``unavailable`` and entered as soon as the log is back.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.domain.entry import UNAVAILABLE, Answered, Entry, Part, RefusalsCounted, Refused, SignIn
from gateway.domain.errors import LogUnavailable

SINGLY_A_PLACE = 20
SINGLY_IN_ALL = 200
"""Refusals a second that are entered one by one (DESIGN 4)."""

EVERY_S = 1.0
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US


class Appender(Protocol):
    """The log, as counting needs it."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class Counting:
    """Counts of one process; ``run`` enters them in time, ``flush`` at the end."""

    def __init__(self, log: Appender, clock: Callable[[], int]) -> None:
        """Begin with nothing counted."""
        self._log, self._clock = log, clock
        self._answers: Counter[str] = Counter()
        self._answers_since_us = clock()
        self._refusals: Counter[str] = Counter()
        self._refusals_since_us = 0
        self._second = 0
        self._singly: defaultdict[str, int] = defaultdict(int)
        self._singly_in_all = 0
        self._is_failing = False
        self._flushing = asyncio.Lock()

    def answered(self, what: str) -> None:
        """Count an answer that depends on no store and no person."""
        self._answers[what] += 1

    async def refused(self, entry: Refused, part: Part) -> None:
        """Enter a refusal of somebody unknown, by itself or as one of a count.

        Raises:
            LogUnavailable: It could not be entered.
        """
        await self._thinly(entry, part, entry.reason)

    def thinned(self) -> "Thinned":
        """Return the log for sign-ins, whose failures of nobody known are entered at the same rate."""
        return Thinned(self._log, self._thinly)

    async def _thinly(self, entry: Refused | SignIn, part: Part, reason: str) -> None:
        if self._is_single(part.ip):
            await self._append(entry, part)
            return
        if self._is_failing:
            raise LogUnavailable("the log takes no entries, so none is promised")
        if not self._refusals:
            self._refusals_since_us = self._clock()
        self._refusals[reason] += 1

    async def run(self, stop: asyncio.Event) -> None:
        """Enter refusals every second and answers every minute until told to stop."""
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), EVERY_S)
            except TimeoutError:
                is_due = self._clock() - self._answers_since_us >= MINUTE_US
                await self.flush(answers=is_due or UNAVAILABLE in self._answers)
        await self.flush(answers=True)

    async def flush(self, *, answers: bool) -> None:
        """Enter what was counted; what cannot be entered now is kept for the next time."""
        # One at a time: the last one, at the end of a process, may meet that of the second.
        async with self._flushing:
            with contextlib.suppress(LogUnavailable):
                await self._flush(answers=answers)

    async def _flush(self, *, answers: bool) -> None:
        since_us = self._refusals_since_us
        # One entry a reason, so that each is found by its own.
        for reason in sorted(self._refusals):
            counted = Counter({reason: self._refusals.pop(reason)})
            await self._enter(RefusalsCounted(since_us=since_us, reasons=dict(counted)), counted)
        if answers and self._answers:
            since_us, self._answers_since_us = self._answers_since_us, self._clock()
            told, self._answers = self._answers, Counter()
            await self._enter(Answered(since_us=since_us, counts=dict(told)), told, answers=True)

    async def _append(self, entry: Entry, part: Part | None = None) -> None:
        try:
            await self._log.append(entry, part)
        except LogUnavailable:
            self._is_failing = True
            raise
        self._is_failing = False

    async def _enter(self, entry: Entry, counts: "Counter[str]", *, answers: bool = False) -> None:
        try:
            await self._append(entry)
        except LogUnavailable:
            self._keep(entry, counts, answers=answers)
            raise

    def _keep(self, entry: Entry, counts: "Counter[str]", *, answers: bool) -> None:
        """Take back what could not be entered, with the time since when it was counted."""
        if isinstance(entry, RefusalsCounted):
            self._refusals_since_us = entry.since_us
        if isinstance(entry, Answered):
            self._answers_since_us = entry.since_us
        (self._answers if answers else self._refusals).update(counts)

    def _is_single(self, place: str) -> bool:
        second = self._clock() // SECOND_US
        if second != self._second:
            self._second, self._singly_in_all = second, 0
            self._singly.clear()
        if self._singly_in_all >= SINGLY_IN_ALL or self._singly[place] >= SINGLY_A_PLACE:
            return False
        self._singly[place] += 1
        self._singly_in_all += 1
        return True


class Thinned:
    """The log as the flow of sign-ins sees it: what it enters of nobody known may become one of a count."""

    def __init__(self, log: Appender, thinly: Callable[[SignIn, Part, str], Awaitable[None]]) -> None:
        """Keep both."""
        self._log, self._thinly = log, thinly

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable or counted; -1 for what was counted or may have been.

        Raises:
            LogUnavailable: It could not be entered.
        """
        if isinstance(entry, SignIn) and not entry.ok and not entry.account:
            await self._thinly(entry, part or Part(), f"sign-in-{entry.step}")
            return -1
        return await self._log.append(entry, part)
