# SPDX-License-Identifier: Apache-2.0
"""How the calls of a log began: what a budget counts of a block stands in the first entry of its call.

A call that was open at the mark began before it, however far: one look backwards finds the beginnings of
all such calls of a log together, and is taken only when one of them is asked for.
"""

from collections.abc import Mapping
from pathlib import Path

from gateway.domain.entry import End, Facts, Intent, Release
from gateway.flows.restore.reading import cannot
from gateway.record.reading.reader import Record
from gateway.record.reading.tail import tail

SPAN = 200_000
"""Entries of the first look back; each further one is twice as long."""

KINDS = ("intent", "release", "end")


class Beginnings:
    """The facts of calls that are open, entry by entry."""

    def __init__(self, logs: Path, prefix: str, places: Mapping[str, int], *, span: int = SPAN) -> None:
        """Begin at the marks.

        Args:
            logs: ``STATE/log``.
            prefix: First two words of the names of these logs.
            places: By slot where its mark is.
            span: Entries of the first look back.
        """
        self._logs, self._prefix, self._places, self._span = logs, prefix, places, span
        self._facts: dict[str, Facts] = {}
        self._looked: set[str] = set()

    def take(self, body: Intent | Release) -> None:
        """Keep what an entry says of how its call began."""
        if body.facts is not None:
            self._facts[body.call] = body.facts

    def end(self, call: str) -> None:
        """Forget a call that came to its end."""
        self._facts.pop(call, None)

    def of(self, record: Record, call: str) -> Facts:
        """Return the facts of the call that an entry belongs to.

        Raises:
            StateBehind: The log does not hold them.
        """
        slot = record.line.log.removeprefix(self._prefix)
        if call not in self._facts and slot not in self._looked:
            self._looked.add(slot)
            self._look_back(slot)
        try:
            return self._facts[call]
        except KeyError:
            raise cannot(record, "the log does not hold the beginning of its call") from None

    def _look_back(self, slot: str) -> None:
        sought, end, span = self._open_at_mark(slot), self._places[slot], self._span
        while sought and end > 0:
            begin = max(0, end - span)
            for record in tail(self._logs / slot, begin, kinds=("intent", "release")):
                if record.line.seq >= end:
                    break
                body = record.line.body
                if isinstance(body, Intent | Release) and body.call in sought and body.facts is not None:
                    sought.remove(body.call)
                    self._facts[body.call] = body.facts
            end, span = begin, span * 2

    def _open_at_mark(self, slot: str) -> set[str]:
        """Return the calls that go on behind the mark and began before it."""
        found: set[str] = set()
        begun: set[str] = set()
        for record in tail(self._logs / slot, self._places[slot], kinds=KINDS):
            body = record.line.body
            if isinstance(body, Intent | Release) and body.facts is not None:
                begun.add(body.call)
            elif isinstance(body, Release) and body.rows and body.call not in begun:
                found.add(body.call)
            if isinstance(body, End) or (isinstance(body, Release) and body.last):
                begun.discard(body.call)
        return found
