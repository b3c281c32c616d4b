# SPDX-License-Identifier: Apache-2.0
"""Moments on the command line mean the same wherever they are read."""

import pytest

from gateway.cli.desk.desk import Stop
from gateway.cli.desk.moments import asked_us, compact, day, moment_us, since_us, written

NOON_US = 1_800_014_400_000_000  # 2027-01-15T12:00:00Z


@pytest.mark.parametrize(
    ("text", "at_us"),
    [
        ("2027-01-15T12:00:00Z", NOON_US),
        ("2027-01-15T14:00:00+02:00", NOON_US),
        ("2027-01-15T12:00:00.25Z", NOON_US + 250_000),
        ("2027-01-15", NOON_US - 12 * 3600 * 1_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000),
    ],
)
def test_a_moment_with_a_zone_is_understood(text: str, at_us: int) -> None:
    """Any zone, and a day means its beginning in UTC."""
    assert moment_us(text) == at_us


@pytest.mark.parametrize("text", ["2027-01-15T12:00:00", "12:00", "2027-13-01", "", "tomorrow", "2027-01-15x"])
def test_anything_else_is_no_moment(text: str) -> None:
    """Above all not one without a zone: it would be another moment on another machine."""
    assert moment_us(text) is None
    with pytest.raises(Stop, match="--at must be a day such as"):
        asked_us(text, "--at")


@pytest.mark.parametrize(("text", "ago_s"), [("90m", 5_400), ("24h", 86_400), ("7d", 604_800), ("5s", 5)])
def test_a_span_counts_back_from_now(text: str, ago_s: int) -> None:
    """Seconds, minutes, hours and days."""
    assert since_us(text, "since:", NOON_US) == NOON_US - ago_s * 1_000_000


@pytest.mark.parametrize("text", ["7w", "-7d", "d", "٧d", "9999999d"])
def test_what_is_neither_span_nor_moment_stops(text: str) -> None:
    """The sentence says what would be."""
    with pytest.raises(Stop, match="90m, 24h or 7d"):
        since_us(text, "since:", NOON_US)


def test_moments_are_written_in_utc() -> None:
    """To the millisecond, with Z."""
    assert written(NOON_US + 1_500) == "2027-01-15 12:00:00.001Z"
    assert day(NOON_US) == "2027-01-15"
    assert compact(NOON_US + 1_500) == "20270115T120000.001Z"
