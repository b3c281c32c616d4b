# SPDX-License-Identifier: Apache-2.0
"""What a long run tells while it runs, and the one table at its end.

The table is shown by the session in ``tests/referee/conftest.py``; rows are added by the tests.
"""

import sys
import time
from collections.abc import Callable

EVERY_S = 10.0
ROWS: list[tuple[str, str]] = []
"""Title and outcome of each run of this session, in order; the process owns it."""


def summary(title: str, outcome: str) -> None:
    """Add a row to the table."""
    ROWS.append((title, outcome))


def progress(title: str, whole: int) -> Callable[[int], None]:
    """Return what tells, every few seconds, how much of a run is done."""
    began_s = time.monotonic()
    told_s = began_s

    def tell(done: int) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if now_s - told_s >= EVERY_S:
            told_s = now_s
            rate = done / (now_s - began_s)
            left_s = max(whole - done, 0) / rate if rate else 0.0
            sys.__stderr__.write(f"  {title}: {done} of {whole}, {rate:.0f}/s, {left_s:.0f} s left\n")  # type: ignore[union-attr]
            sys.__stderr__.flush()  # type: ignore[union-attr]

    return tell
