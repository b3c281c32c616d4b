# SPDX-License-Identifier: Apache-2.0
"""The figures are those of the design."""

import pytest

from gateway.record.writing.limits import Limits


def test_a_checkpoint_is_made_before_the_promised_second_is_over() -> None:
    """With time left for the disk."""
    assert Limits().publish_after_s < 1


@pytest.mark.parametrize(
    ("free_bytes", "disk_bytes", "is_enough"),
    [
        (1 << 30, 1 << 34, True),
        ((1 << 30) - 1, 1 << 31, False),
        (5 << 30, 100 << 30, True),
        ((5 << 30) - 1, 100 << 30, False),
        (0, 0, False),
    ],
)
def test_room_ends_at_one_gib_or_five_per_cent(free_bytes: int, disk_bytes: int, is_enough: bool) -> None:
    """Whichever comes first."""
    assert Limits().leave_room(free_bytes, disk_bytes) is is_enough
