# SPDX-License-Identifier: Apache-2.0
"""The least pace of a body: what counts, and over which time."""

import pytest

from gateway.domain.errors import StoreUnreachable
from gateway.forward.pace import Pace


def test_a_store_below_its_pace_over_a_window_is_given_up() -> None:
    """Not before the window is over, however slowly it began."""
    pace = Pace(least_bytes_s=1024, window_s=30)
    for _ in range(29):
        pace.count(1.0, 1)
    with pytest.raises(StoreUnreachable) as caught:
        pace.count(1.0, 1)
    assert (caught.value.timed_out, caught.value.not_sent) == (True, False)


def test_each_window_is_judged_by_itself() -> None:
    """What came fast at first does not pay for dripping later."""
    pace = Pace(least_bytes_s=1024, window_s=30)
    pace.count(30.0, 1 << 30)
    with pytest.raises(StoreUnreachable):
        pace.count(30.0, 30 * 1024 - 1)


def test_a_store_at_its_pace_goes_on_for_ever() -> None:
    """Exactly as many bytes as are asked."""
    pace = Pace(least_bytes_s=1024, window_s=30)
    for _ in range(1000):
        pace.count(1.0, 1024)


def test_time_that_the_store_was_not_waited_for_does_not_count() -> None:
    """Pieces that were there at once take no time, however small."""
    pace = Pace(least_bytes_s=1024, window_s=0.1)
    for _ in range(1000):
        pace.count(0.0, 1)


def test_no_bytes_ask_nothing() -> None:
    """Zero switches the pace off."""
    pace = Pace(least_bytes_s=0, window_s=1)
    for _ in range(10):
        pace.count(10.0, 0)
