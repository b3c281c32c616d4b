# SPDX-License-Identifier: Apache-2.0
"""A bound on a pattern of the user's own that meets texts of strangers: one line could hold it up for ever.

The engine of regular expressions lets signals through and nothing else, and only the main thread gets any: that is
where commands run. In another thread there is no bound.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")


class PatienceEnded(Exception):
    """It took too long."""


def patient(work: Callable[[Given], Found], patience_s: float) -> Callable[[Given], Found]:
    """Return the same work, which raises ``PatienceEnded`` where it takes longer than so many seconds."""

    def ended(_signal: int, _frame: FrameType | None) -> None:
        raise PatienceEnded

    def done(given: Given) -> Found:
        if threading.current_thread() is not threading.main_thread():
            return work(given)
        before = signal.signal(signal.SIGALRM, ended)
        signal.setitimer(signal.ITIMER_REAL, patience_s)
        try:
            return work(given)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)

    return done
