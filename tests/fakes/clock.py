# SPDX-License-Identifier: Apache-2.0
"""A clock that stands still until a test moves it."""

from dataclasses import dataclass

EPOCH_US = 1_750_000_000_000_000
"""2025-06-15T15:06:40Z; any moment would do, this one is far from the turn of a year."""


@dataclass
class FakeClock:
    """Callable that returns UTC microseconds, as every room takes its time."""

    now_us: int = EPOCH_US

    def __call__(self) -> int:
        """Return the time."""
        return self.now_us

    def advance(self, *, s: float = 0, us: int = 0) -> int:
        """Move on by seconds, microseconds or both, and return the new time."""
        self.now_us += int(s * 1_000_000) + us
        return self.now_us
