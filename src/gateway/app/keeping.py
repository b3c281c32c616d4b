# SPDX-License-Identifier: Apache-2.0
"""What keeps a database known to be as new as its log while a process runs.

RULES

1. A process moves the mark of its own log on once a minute, up to where the log was a minute before:
   what was entered then is committed by now.
2. It counts the beat up when it told anything that a restored database would not know, and enters it.
3. Both also happen at an orderly end, never after an error, when something may be entered and not made.
4. People get no number that the log does not hold.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from typing_extensions import override

from gateway.app.clock import ticks_s
from gateway.domain.entry import (
    Answered,
    Changed,
    End,
    Entry,
    LogSeen,
    Looked,
    Numbered,
    Part,
    RefusalsCounted,
    Refused,
    RulesRefused,
)
from gateway.domain.errors import GatewayError, LogUnavailable
from gateway.domain.names import IdentityKind, PersonNumber
from gateway.record.writing.sequencer import Sequencer
from gateway.store.marks import Marks
from gateway.store.people_ports import Announcer

MARKED = "database-marked"
EVERY_S = 60.0
_QUIET = (LogSeen, Looked, Answered, RefusalsCounted, Refused, RulesRefused, End)


class Heard(Protocol):
    """Hears of every entry of a process."""

    def appended(self, entry: Entry, waited_s: float) -> None:
        """Hear of an entry that is durable and was waited for so long."""

    def failed(self) -> None:
        """Hear of an entry that the log did not take."""


class ToldLog(Sequencer):
    """A log that counts what it was told that a restored database would not know.

    Attributes:
        n_told: Entries of that sort in this process.
        heard: What hears of every entry, if anything does.
    """

    n_told = 0
    heard: Heard | None = None

    @property
    def name(self) -> str:
        """Return the name of the log, which is the origin of its checkpoints."""
        return self._name

    @property
    def size(self) -> int:
        """Return the number of entries that are durable."""
        return self._log.size

    @property
    def n_unsigned(self) -> int:
        """Return the number of entries that no checkpoint covers yet."""
        return self._log.n_unsigned

    @override
    async def append(self, entry: Entry, part: Part | None = None) -> int:
        began_s = ticks_s()
        try:
            place = await super().append(entry, part)
        except LogUnavailable:
            if self.heard is not None:
                self.heard.failed()
            raise
        if self.heard is not None:
            self.heard.appended(entry, ticks_s() - began_s)
        self.n_told += not isinstance(entry, _QUIET) and not (isinstance(entry, Changed) and entry.what == MARKED)
        return place


def announcer(log: Sequencer) -> Announcer:
    """Return what enters numbers of people before anybody uses them."""

    async def announce(kind: IdentityKind, numbers: Sequence[tuple[bytes, PersonNumber]]) -> None:
        held = b"".join(lookup + number.to_bytes(4, "big") for lookup, number in numbers)
        await log.append(Numbered(people=len(numbers), identity=kind), Part(numbered=held))

    return announce


class Keeper:
    """Moves the mark of a process's own log, and counts the beat up."""

    def __init__(self, marks: Marks, log: ToldLog, name: str) -> None:
        """Begin where the log is now."""
        self._marks, self._log, self._name = marks, log, name
        self._before, self._n_told = log.size, log.n_told

    async def tick(self) -> None:
        """Move the mark to where the log was at the last tick; to be called once a minute.

        Raises:
            StateUnavailable / LogUnavailable: It cannot be done now; nothing is lost by that.
        """
        size = self._log.size
        await self._marks.advance(self._name, self._before)
        self._before = size
        await self._beat()

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until told to stop."""
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), EVERY_S)
            except TimeoutError:
                with contextlib.suppress(GatewayError):
                    await self.tick()

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Note at an orderly end that everything told is in the database; after an error it may not be."""
        if kind is None and self._log.n_told:
            with contextlib.suppress(GatewayError):
                await self._beat()
                await self._marks.advance(self._name, self._log.size)

    async def _beat(self) -> None:
        if self._log.n_told != self._n_told:
            n_told, beat = self._log.n_told, await self._marks.count_up()
            await self._log.append(Changed(by="gateway", what=MARKED, target="main", facts={"beat": beat}))
            self._n_told = n_told


async def mark_now(marks: Marks, log: Sequencer) -> int:
    """Count the beat up and enter it, so that every copy made before now is known to be older."""
    beat = await marks.count_up()
    await log.append(Changed(by="gateway", what=MARKED, target="main", facts={"beat": beat}))
    return beat
