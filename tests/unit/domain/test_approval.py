# SPDX-License-Identifier: Apache-2.0
"""An approval lasts no longer than a working day."""

from gateway.domain.approval import LASTS_US, MOST_OPEN


def test_an_approval_lasts_eight_hours_at_most() -> None:
    """From when it was asked for."""
    assert LASTS_US == 8 * 3600 * 1_000_000
    assert 0 < MOST_OPEN <= 100
