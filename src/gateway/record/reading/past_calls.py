# SPDX-License-Identifier: Apache-2.0
"""Reading calls of the past out of the files of a log: the entries of each gathered into one value.

RULES

1. A slot is read from its first segment that can hold the period to its end, once, with as much in memory as
   there are calls that began and have not ended.
2. A call without facts is none that was decided: it is counted by why, and not given out.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.domain.decision import Reason
from gateway.domain.entry import (
    End,
    Entry,
    Facts,
    Intent,
    Line,
    Observed,
    Passed,
    RefusalsCounted,
    Refused,
    Release,
)
from gateway.domain.errors import LogDamaged
from gateway.domain.log_query import DENY, PERMIT, STEP_UP
from gateway.domain.past_call import PastCall
from gateway.record.format.layout import LineFile, segment_path, segments

BEFORE_IDENTIFICATION = "before-identification"
NOT_ENFORCED = "not-enforced"
OWN_WORK = "own-work"
"""Why calls are passed over; the last are those that no caller made and no rule permitted: migrations and the like."""

OWN = "gateway:"
"""Before the names of the gateway's own principals, which no account can have."""

_decoder = msgspec.json.Decoder(Line)
_BEGINNING = (b'{"kind":"release"', b'{"kind":"refus', b'{"kind":"intent"', b'{"kind":"end"', b'{"kind":"observed"',
              b'{"kind":"passed"')  # fmt: skip


class PastCalls:
    """The calls of one slot that began in a period.

    Attributes:
        passed_over: How many calls were not given out, by why.
        n_bytes: Bytes of lines read so far, for a bar.
    """

    def __init__(self, directory: Path, since_us: int, until_us: int) -> None:
        """Begin with nothing read; ``until_us`` is exclusive."""
        self._directory, self._since_us, self._until_us = directory, since_us, until_us
        self._open: dict[str, PastCall] = {}
        self._passed_on: set[str] = set()
        """Calls under way to stores that are not enforced, and the gateway's own."""
        self.passed_over: Counter[str] = Counter()
        self.n_bytes = 0

    def __iter__(self) -> Iterator[PastCall]:
        """Yield each call once it has ended, and at last those that have not.

        Raises:
            LogDamaged: An entry cannot be read.
        """
        for number in segments_since(self._directory, self._since_us):
            for raw in LineFile(segment_path(self._directory, number)).lines():
                self.n_bytes += len(raw) + 1
                if any(kind in raw for kind in _BEGINNING):
                    yield from self._taken(line_of(raw))
        yield from self._open.values()

    def _taken(self, line: Line) -> Iterator[PastCall]:
        body = line.body
        if isinstance(body, Release | Intent | Refused) and body.facts is not None:
            if not self._since_us <= line.at_us < self._until_us:
                return
            if body.facts.account.startswith(OWN):
                self.passed_over[OWN_WORK] += 1
                self._passed_on.add(body.call)
                return
            self._open[body.call] = _begun(line, body, body.facts)
        call = getattr(body, "call", "")
        if isinstance(body, Observed):
            self._passed_on.add(call)
        known = self._open.get(call)
        if known is None:
            self._pass_over(line.at_us, body)
            if _is_last(body):
                self._passed_on.discard(call)
            return
        known = self._open[call] = _further(known, body)
        if _is_last(body):
            del self._open[call]
            yield known

    def _pass_over(self, at_us: int, body: Entry) -> None:
        if not self._since_us <= at_us < self._until_us:
            return
        if isinstance(body, RefusalsCounted):
            self.passed_over[BEFORE_IDENTIFICATION] += sum(body.reasons.values())
        elif isinstance(body, Observed):
            self.passed_over[NOT_ENFORCED] += 1
        elif isinstance(body, Refused) and body.facts is None and body.call not in self._passed_on:
            # One that follows an intent is known by its first entry; others were nobody's yet.
            self.passed_over[BEFORE_IDENTIFICATION] += 1


def call_in(lines: Iterator[Line]) -> PastCall | None:
    """Return the call that some entries are of, in their order; ``None`` where none of them holds facts."""
    found: PastCall | None = None
    for line in lines:
        body = line.body
        if found is None and isinstance(body, Release | Intent | Refused) and body.facts is not None:
            found = _begun(line, body, body.facts)
        if found is not None:
            found = _further(found, body)
    return found


def line_of(raw: bytes) -> Line:
    """Return a line as a value.

    Raises:
        LogDamaged: It cannot be read.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LogDamaged("an entry cannot be read; run `gateway log verify`") from error


def segments_since(directory: Path, since_us: int) -> list[int]:
    """Return the segments of a slot that can hold entries from a time on, in order.

    Raises:
        LogDamaged: The first entry of one cannot be read.
    """
    numbers = segments(directory)
    first = 0
    for place in range(len(numbers) - 1, -1, -1):
        begins = next(LineFile(segment_path(directory, numbers[place])).lines(), None)
        if begins is not None and line_of(begins).at_us <= since_us:
            first = place
            break
    return numbers[first:]


def n_bytes_since(directory: Path, since_us: int) -> int:
    """Return how many bytes of lines such a reading goes through."""
    return sum(segment_path(directory, number).stat().st_size for number in segments_since(directory, since_us))


def _begun(line: Line, body: Release | Intent | Refused, facts: Facts) -> PastCall:
    decision = PERMIT
    if isinstance(body, Refused):
        decision = STEP_UP if body.reason == Reason.STEP_UP_REQUIRED else DENY
    return PastCall(
        call=body.call,
        slot=line.log.rpartition("/")[2],
        seq=line.seq,
        at_us=line.at_us,
        facts=facts,
        decision=decision,
        written=tuple(name for names in body.written.values() for name in names) if isinstance(body, Intent) else (),
        is_write=isinstance(body, Intent),
    )


def _further(known: PastCall, body: Entry) -> PastCall:
    match body:
        case Release():
            return msgspec.structs.replace(known, rows=known.rows + body.rows)
        case Refused():
            return msgspec.structs.replace(known, reason=body.reason, about=body.fields, rule=body.rule)
        case End():
            return msgspec.structs.replace(known, ended=body.how, reason=body.reason or known.reason)
        case _:
            return known


def _is_last(body: Entry) -> bool:
    return isinstance(body, Refused | End) or (isinstance(body, Release | Passed) and body.last)
