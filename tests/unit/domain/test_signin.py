# SPDX-License-Identifier: Apache-2.0
"""The waits that follow from limits."""

from gateway.domain.signin import Lockout


def test_waits_double_from_half_a_minute_to_an_hour_and_stay_there() -> None:
    """The figures of the design, in microseconds."""
    assert [wait // 1_000_000 for wait in Lockout().waits_us()] == [30, 60, 120, 240, 480, 960, 1920, 3600]


def test_a_first_wait_longer_than_the_last_is_the_last() -> None:
    """No configuration makes a wait longer than its bound."""
    assert Lockout(first_s=100, most_s=50).waits_us() == (50_000_000,)


def test_guessing_codes_for_a_day_succeeds_less_than_once_in_ten_thousand() -> None:
    """Two codes of a million are right at a time."""
    assert Lockout().codes_a_day * 2 / 1_000_000 < 1e-4
