# SPDX-License-Identifier: Apache-2.0
"""Instants are UTC and spelt in one way."""

import pytest

from gateway.decide.loader.grammar.times import instant_us


@pytest.mark.parametrize(
    ("text", "at_us"),
    [
        ("1970-01-01", 0),
        ("1970-01-02", 86_400_000_000),
        ("2026-06-01T12:00:00Z", 1_780_315_200_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000),
    ],
)
def test_a_day_is_its_first_instant(text: str, at_us: int) -> None:
    """Microseconds since 1970, UTC."""
    assert instant_us(text) == at_us


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-1-1",
        "2026-02-30",
        "2026-01-01T12:00:00",
        "2026-01-01T12:00:00+02:00",
        "2026-01-01T25:00:00Z",
        "20260101",
        "2026-01-01\n",
        "２026-01-01",
    ],
)
def test_anything_else_is_no_instant(text: str) -> None:
    """Local times and other spellings would mean different moments to different readers."""
    assert instant_us(text) is None
