# SPDX-License-Identifier: Apache-2.0
"""Counts what happened from the entries of the log, once they are durable: metrics and log cannot differ.

Labels are taken from the facts of a decision, which hold declared names alone (``domain.entry.Facts``). What is
said of withheld rows is what the answer itself told its caller (docs/adr/0015), so that whoever reads metrics
learns nobody's choice from them.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import msgspec

from gateway.app.clock import ticks_s
from gateway.app.current import CURRENT, Span
from gateway.app.signals import metrics
from gateway.app.signals.meters import Meters
from gateway.domain.decision import Reason
from gateway.domain.entry import (
    Answered,
    End,
    Entry,
    Facts,
    Intent,
    Observed,
    RefusalsCounted,
    Refused,
    Release,
    SignIn,
)

SIGN_IN = "sign-in-"
"""Before the step, the reason under which refused sign-ins of nobody known are counted in a flood."""

_REASONS = frozenset(Reason)

Told = Callable[[Facts, Sequence[Release], Mapping[str, int]], Mapping[str, int]]
"""The counts of withheld rows that an answer tells, by cause: of its facts, its blocks and its exact counts."""


class Hearing:
    """Hears every entry that a process makes durable."""

    def __init__(self, meters: Meters, told: Told) -> None:
        """Count into ``meters``; ``told`` gives what an answer tells of withheld rows."""
        self._meters, self._told = meters, told

    def appended(self, entry: Entry, waited_s: float) -> None:
        """Count an entry that is durable and was waited for so long."""
        meters = self._meters
        meters.observe(metrics.APPEND_TIME, waited_s)
        meters.add(metrics.ENTRIES, 1, _tag(type(entry)))
        match entry:
            case Release():
                self._released(entry)
            case Refused():
                self._refused(entry)
            case Intent():
                if (span := CURRENT.get()) is not None:
                    span.facts = entry.facts
            case End():
                meters.add(metrics.CUT, 1, entry.how, entry.reason or "")
            case Observed():
                meters.add(metrics.PASSED_ON, 1, entry.store, entry.would, entry.reason or "")
            case RefusalsCounted():
                for reason, n in entry.reasons.items():
                    self._counted(reason, n)
            case SignIn():
                meters.add(metrics.SIGN_INS, 1, entry.step, "right" if entry.ok else "wrong", entry.reason or "")
            case Answered():
                for what, n in entry.counts.items():
                    meters.add(metrics.OWN_ANSWERS, n, what)
            case _:
                pass

    def failed(self) -> None:
        """Count an entry that the log did not take."""
        self._meters.add(metrics.LOG_FAILURES, 1)

    def _released(self, entry: Release) -> None:
        span = CURRENT.get()
        facts = entry.facts or (span.facts if span else None)
        if facts is None:
            return
        meters, store, operation = self._meters, _store(facts), facts.operation
        if entry.n == 0:
            meters.add(metrics.CALLS, 1, store, operation, facts.purpose, "permit", "")
        meters.add(metrics.ROWS, entry.rows, store, operation)
        meters.add(metrics.BYTES, entry.bytes, store, operation)
        if span is not None:
            self._time(span, operation)
            self._withheld(span, facts, entry)

    def _withheld(self, span: Span, facts: Facts, entry: Release) -> None:
        span.facts, span.rows = facts, span.rows + entry.rows
        for cause, n in entry.withheld.items():
            span.withheld[cause] = span.withheld.get(cause, 0) + n
        if entry.last and span.withheld:
            whole = msgspec.structs.replace(entry, rows=span.rows)
            for cause, n in self._told(facts, [whole], span.withheld).items():
                self._meters.add(metrics.WITHHELD, n, cause)

    def _refused(self, entry: Refused) -> None:
        span = CURRENT.get()
        facts = entry.facts or (span.facts if span else None)
        if facts is None:
            self._meters.add(metrics.CALLS, 1, "", "", "", "deny", entry.reason)
        else:
            self._meters.add(metrics.CALLS, 1, _store(facts), facts.operation, facts.purpose, "deny", entry.reason)
        if span is not None:
            self._time(span, facts.operation if facts else "")

    def _counted(self, reason: str, n: int) -> None:
        # Reasons of the closed list begin so too; a step is what is none of them.
        if reason not in _REASONS and reason.startswith(SIGN_IN):
            self._meters.add(metrics.SIGN_INS, n, reason.removeprefix(SIGN_IN), "wrong", "unknown")
        else:
            self._meters.add(metrics.CALLS, n, "", "", "", "deny", reason)

    def _time(self, span: Span, operation: str) -> None:
        if not span.is_timed:
            span.is_timed = True
            self._meters.observe(metrics.OWN_TIME, span.own_s(ticks_s()), operation)


@cache
def _tag(kind: type[Entry]) -> str:
    return str(kind.__struct_config__.tag)


def _store(facts: Facts) -> str:
    """Return the store of a call: the first word of its route's template."""
    return facts.route[1:].partition("/")[0]
