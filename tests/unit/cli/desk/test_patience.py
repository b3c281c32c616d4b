# SPDX-License-Identifier: Apache-2.0
"""Work of which nobody knows how long it takes is ended, and everything is as before."""

import re
import signal
import threading

import pytest

from gateway.cli.desk.patience import PatienceEnded, patient

ENDLESS = re.compile(rb"(a+)+b").search


def test_a_pattern_that_would_go_on_for_ever_is_ended() -> None:
    """Two to the power of 60 ways to read a line of 60 bytes."""
    before = signal.getsignal(signal.SIGALRM)
    read = patient(ENDLESS, 0.05)

    with pytest.raises(PatienceEnded):
        read(b"a" * 60)

    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert read(b"aab") is not None


def test_in_another_thread_it_is_done_without_a_bound() -> None:
    """Signals come to the main thread alone, so none is asked for."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(patient(ENDLESS, 60)(b"aab")))
    thread.start()
    thread.join()
    assert len(found) == 1
