# SPDX-License-Identifier: Apache-2.0
"""Which calls to a store the log knows, decision by decision, whatever came of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from gateway.domain.entry import Intent, Line, Observed, Passed, Refused, Release
from gateway.record.format.layout import LineFile, segment_path, slots
from gateway.record.reading.past_calls import line_of, segments_since

_KINDS = (b'{"kind":"release"', b'{"kind":"refusal"', b'{"kind":"intent"', b'{"kind":"observed"', b'{"kind":"passed"')


class StoreDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision on a call to a store.

    Attributes:
        store: Its name in gateway.yaml.
        asked: The store answered it, for something of the answer was released; otherwise it may have been asked.
    """

    call: str
    store: str
    at_us: int
    asked: bool


def store_decisions(
    logs: Path, since_us: int, until_us: int, tell: Callable[[int], None] = lambda _n: None
) -> Iterator[StoreDecision]:
    """Yield each decision on a call to a store in a period; one that was answered later comes a second time.

    Raises:
        LogDamaged: An entry cannot be read.
    """
    for slot in slots(logs):
        for number in segments_since(logs / slot, since_us):
            n_bytes = 0
            for raw in LineFile(segment_path(logs / slot, number)).lines():
                n_bytes += len(raw) + 1
                if n_bytes > 1 << 20:
                    tell(n_bytes)
                    n_bytes = 0
                if any(kind in raw for kind in _KINDS):
                    line = line_of(raw)
                    if since_us <= line.at_us < until_us and (found := _of(line)) is not None:
                        yield found
            tell(n_bytes)


def _of(line: Line) -> StoreDecision | None:
    """Return what an entry says of a call to a store; nothing for later blocks, which say no more."""
    body = line.body
    match body:
        case Observed():
            return StoreDecision(call=body.call, store=body.store, at_us=line.at_us, asked=False)
        case Passed(n=0):
            return StoreDecision(call=body.call, store="", at_us=line.at_us, asked=True)
        case Release(n=0) if body.facts is None:
            return StoreDecision(call=body.call, store="", at_us=line.at_us, asked=True)
        case Release() | Intent() | Refused() if body.facts is not None and body.facts.route:
            store = body.facts.route.split("/", 2)[1]
            return StoreDecision(call=body.call, store=store, at_us=line.at_us, asked=isinstance(body, Release))
        case _:
            return None
