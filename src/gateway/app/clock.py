# SPDX-License-Identifier: Apache-2.0
"""The one place where time comes in: UTC microseconds, handed down as a function."""

import time


def now_us() -> int:
    """Return the time in UTC microseconds since 1970."""
    return time.time_ns() // 1000


def ticks_s() -> float:
    """Return seconds of a clock that never goes back, for lengths of time alone."""
    return time.perf_counter()
