# SPDX-License-Identifier: Apache-2.0
"""What counting costs: an addition, an observed time, everything for one entry, and a scrape of a busy gateway.

python -m bench.signals
"""

import json
import time
from collections.abc import Callable

from gateway.app.clock import ticks_s
from gateway.app.current import CURRENT, Span
from gateway.app.signals.hearing import Hearing
from gateway.app.signals.metering import signals_of
from gateway.app.signals.metrics import APPEND_TIME, CALLS, OWN_TIME
from gateway.app.signals.page import Page
from gateway.domain.entry import Facts, Release
from gateway.domain.names import DecisionId

N = 200_000
CALL = DecisionId("0" * 32)
FACTS = Facts(purpose="analytics.reporting", operation="read", route="/crm/customers")
ENTRY = Release(call=CALL, n=0, rows=10, bytes=900, people=10, last=True, facts=FACTS)


def each_us(work: Callable[[], object], n: int = N) -> float:
    """Return microseconds of one, the best of three runs."""
    best = float("inf")
    for _ in range(3):
        began_s = time.perf_counter()
        for _ in range(n):
            work()
        best = min(best, time.perf_counter() - began_s)
    return best / n * 1e6


def main() -> None:
    """Measure and print one JSON line."""
    signals = signals_of(Page.new(), "door-0")
    meters, hearing = signals.meters, Hearing(signals.meters, lambda _facts, _blocks, _withheld: {})

    def call() -> None:
        CURRENT.set(Span(CALL, ticks_s()))
        began_s = ticks_s()
        hearing.appended(ENTRY, ticks_s() - began_s)

    found = {
        "add_us": each_us(lambda: meters.add(CALLS, 1, "crm", "read", "p", "permit", "")),
        "observe_us": each_us(lambda: meters.observe(APPEND_TIME, 0.001)),
        "call_us": each_us(call),
    }
    for number in range(1000):
        meters.add(CALLS, 1, "crm", "read", f"purpose.{number}", "permit", "")
        meters.observe(OWN_TIME, 0.001, f"operation-{number % 20}")
    found["scrape_of_1000_series_ms"] = each_us(signals.text, 20) / 1000
    print(json.dumps({name: round(value, 3) for name, value in found.items()}))


if __name__ == "__main__":
    main()
