# SPDX-License-Identifier: Apache-2.0
"""A store's own log laid beside the gateway's: who read past the gateway, and what neither knows of the other.

RULES

1. A line belongs to a decision if its trace was made by this installation, the log knows the decision, it is of this
   store and of that time, and no other line has the same trace. Everything else went past the gateway. A look of the
   gateway's own is one once: a second line with its trace was copied.
2. A trace of the installation whose decision the log does not know may be a call that is under way; after a quarter
   of an hour it is a call that the log should know and does not.
3. A decision after which something of the store's answer was released has a line in the store's log of that time.
4. Memory does not grow with either log, but for the kinds of examples: both are dealt into piles by trace.
5. No path, address or value of a line is told: its number, time and method are.
6. Lines from before the time that is asked for are not judged, but a trace that stands in one was used up there.
7. A path is left out only if it leads where its beginning says: whoever calls a store writes it.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from gateway.domain.names import StoreName
from gateway.domain.store_line import StoreLine
from gateway.domain.trace import Trace, parsed
from gateway.flows.reconcile.report import (
    NO_TRACE,
    NOT_IN_LOG,
    NOT_OURS,
    OTHER_STORE,
    OTHER_TIME,
    REPEATED,
    Example,
    Report,
)

LONGEST_US = 15 * 60 * 1_000_000
"""Between what a store and the gateway write of one call; a call takes ten minutes at most, as stores are set up."""

EDGE_US = 1_000_000
"""Servers write whole seconds."""

MOST_EXAMPLES = 20
NEVER_US = 2**62
_OURS = struct.Struct(">16sqBB")
_THEIRS = struct.Struct(">16s8sqQ8sBB")
OURS_BYTES, THEIRS_BYTES = _OURS.size, _THEIRS.size
_UNKNOWN_US = -1
_WINDING = ("..", "%", "\\", ";")
"""By which a path can lead elsewhere than its beginning says, as some server reads it."""
_ELSEWHERE, _HERE, _UNSAID = 0, 1, 2
"""Of which store a record says that a decision is; the least of them counts."""


class Traces(Protocol):
    """Knows the traces of the installation."""

    def is_call(self, found: Trace) -> bool:
        """Tell whether the gateway made it for a call."""

    def is_look(self, found: Trace) -> bool:
        """Tell whether the gateway made it for a look of its own."""


class Piles(Protocol):
    """Meets the records of two sides by their first 16 bytes, in little memory."""

    def add(self, side: int, record: bytes) -> None:
        """Take in a record of a side."""

    def met(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield the records of both sides so that equal keys come together."""


class Decision(Protocol):
    """A decision on a call to a store, as the log knows it."""

    @property
    def call(self) -> str:
        """Return its identifier."""

    @property
    def store(self) -> str:
        """Return the store; empty where an earlier record says it."""

    @property
    def at_us(self) -> int:
        """Return when it was entered."""

    @property
    def asked(self) -> bool:
        """Tell whether the store surely was asked."""


class Reconciling:
    """One comparison: first every line of the store's log, then every decision of ours, then the report."""

    def __init__(
        self,
        store: StoreName,
        traces: Traces,
        piles: Piles,
        *,
        now_us: int,
        since_us: int | None = None,
        until_us: int | None = None,
        leave_out: tuple[str, ...] = (),
    ) -> None:
        """Begin with nothing read.

        Args:
            store: Whose log it is.
            traces: Of the installation.
            piles: Empty, for records of ``OURS_BYTES`` and ``THEIRS_BYTES``.
            now_us: When it is done.
            since_us / until_us: Lines of this time alone; the second is exclusive.
            leave_out: Beginnings of paths that others are meant to call, such as a health check's.
        """
        self._store, self._traces, self._piles, self._now_us = store, traces, piles, now_us
        self._since_us, self._until_us, self._leave_out = since_us, until_us, leave_out
        self._first_us: int | None = None
        self._last_us: int | None = None
        self._n: Counter[str] = Counter()
        self._without: Counter[str] = Counter()
        self._examples: list[Example] = []
        self._unlined: list[str] = []

    def line(self, line: StoreLine | None) -> None:
        """Take in a line of the store's log; ``None`` for one that cannot be read."""
        if line is None:
            self._n["lines"] += 1
            self._n["unread"] += 1
            return
        if not self._is_wanted(line.at_us):
            if self._is_before(line.at_us):
                self._deal(line, is_before=True)
            return
        self._n["lines"] += 1
        if line.at_us is not None:
            self._first_us = line.at_us if self._first_us is None else min(self._first_us, line.at_us)
            self._last_us = line.at_us if self._last_us is None else max(self._last_us, line.at_us)
        if self._leave_out and line.path.startswith(self._leave_out) and not any(one in line.path for one in _WINDING):
            self._n["left-out"] += 1
            return
        why = self._deal(line, is_before=False)
        if why is not None:
            self._past(why, line.number, line.at_us, line.method)

    def _deal(self, line: StoreLine, *, is_before: bool) -> str | None:
        """Put a line with a trace of ours on its pile; otherwise return why it is none."""
        trace = parsed(line.traceparent)
        if trace is None:
            return NO_TRACE
        is_look = not self._traces.is_call(trace)
        if is_look and not self._traces.is_look(trace):
            return NOT_OURS
        at_us = _UNKNOWN_US if line.at_us is None else line.at_us
        method = line.method.encode("ascii", "replace")[:8]
        ids = bytes.fromhex(trace.trace_id), bytes.fromhex(trace.parent_id)
        self._piles.add(1, _THEIRS.pack(*ids, at_us, line.number, method, is_look, is_before))
        return None

    def period(self) -> tuple[int, int]:
        """Return between which times decisions have to be taken in: those of the lines, and as long as a call takes."""
        first = self._first_us if self._first_us is not None else self._since_us or 0
        last = self._last_us if self._last_us is not None else self._until_us or NEVER_US
        return max(0, first - LONGEST_US), min(NEVER_US, last + LONGEST_US)

    def decision(self, one: Decision) -> None:
        """Take in a decision of ours."""
        here = {"": _UNSAID, self._store: _HERE}.get(one.store, _ELSEWHERE)
        try:
            call = bytes.fromhex(one.call)
        except ValueError:
            return
        if len(call) == 16:
            self._piles.add(0, _OURS.pack(call, one.at_us, here, one.asked))

    def report(self) -> Report:
        """Lay both beside each other."""
        n_decisions = n_unlined = 0
        for ours, theirs in self._piles.met():
            known = _known(ours)
            lined = self._meet(known, theirs)
            for call, (at_us, here, asked) in known.items():
                if here == _ELSEWHERE:
                    continue
                # A store writes its line when it is done, which may be a moment after the entry: of the first line too.
                n_decisions += self._is_inside(at_us) or lined.get(call, False)
                if asked and call not in lined and self._is_inside(at_us):
                    n_unlined += 1
                    self._unlined += [call.hex()] if len(self._unlined) < MOST_EXAMPLES else []
        return Report(
            store=self._store,
            since_us=self._first_us,
            until_us=self._last_us,
            lines=self._n["lines"],
            with_decision=self._n["with-decision"],
            looks=self._n["looks"],
            left_out=self._n["left-out"],
            unread=self._n["unread"],
            without_decision=dict(self._without.most_common()),
            under_way=self._n["under-way"],
            decisions=n_decisions,
            without_line=n_unlined,
            examples=tuple(sorted(self._examples, key=lambda one: one.line)),
            examples_without_line=tuple(self._unlined),
        )

    def _meet(self, known: dict[bytes, tuple[int, int, bool]], theirs: list[bytes]) -> dict[bytes, bool]:
        """Judge the lines of a pile; return the calls that have one, and whether it is of the time asked for."""
        lines = [_THEIRS.unpack(record) for record in theirs]
        # Used up by lines that are not judged themselves.
        seen = {call + parent for call, parent, *_, is_before in lines if is_before}
        lined = dict[bytes, bool]()
        for call, *_, is_before in lines:
            lined[call] = lined.get(call, False) or not is_before
        for call, parent, at_us, number, method, is_look, is_before in lines:
            if is_before:
                continue
            when_us = None if at_us == _UNKNOWN_US else at_us
            why = None if is_look else self._why_not(known.get(call), when_us)
            if why is None and call + parent in seen:
                why = REPEATED
            seen.add(call + parent)
            if why is None:
                self._n["looks" if is_look else "with-decision"] += 1
            elif why == NOT_IN_LOG and when_us is not None and when_us > self._now_us - LONGEST_US:
                self._n["under-way"] += 1
            else:
                self._past(why, number, when_us, method.rstrip(b"\x00").decode("ascii"), call.hex())
        return lined

    @staticmethod
    def _why_not(ours: tuple[int, int, bool] | None, at_us: int | None) -> str | None:
        if ours is None:
            return NOT_IN_LOG
        decided_us, here, _ = ours
        if here == _ELSEWHERE:
            return OTHER_STORE
        return OTHER_TIME if at_us is not None and abs(at_us - decided_us) > LONGEST_US else None

    def _past(self, why: str, number: int, at_us: int | None, method: str, call: str = "") -> None:
        self._without[why] += 1
        if sum(one.why == why for one in self._examples) < MOST_EXAMPLES:
            self._examples.append(Example(why=why, line=number, at_us=at_us, method=method, decision=call))

    def _is_wanted(self, at_us: int | None) -> bool:
        if at_us is None:
            return True
        return (self._since_us is None or self._since_us <= at_us) and (
            self._until_us is None or at_us < self._until_us
        )

    def _is_before(self, at_us: int | None) -> bool:
        return at_us is not None and self._since_us is not None and at_us < self._since_us

    def _is_inside(self, at_us: int) -> bool:
        """Tell whether the store's log reaches so far that a line would be in it."""
        first = self._first_us if self._first_us is not None else self._since_us or 0
        last = self._last_us if self._last_us is not None else self._until_us or NEVER_US
        return first <= at_us <= last + EDGE_US


def _known(ours: list[bytes]) -> dict[bytes, tuple[int, int, bool]]:
    """Return by call when it was entered first, of which store it is, and whether that was surely asked."""
    known: dict[bytes, tuple[int, int, bool]] = {}
    for record in ours:
        call, at_us, here, asked = _OURS.unpack(record)
        before = known.get(call)
        if before is None:
            known[call] = (at_us, here, bool(asked))
        else:
            known[call] = (min(at_us, before[0]), min(here, before[1]), before[2] or bool(asked))
    return known
