# SPDX-License-Identifier: Apache-2.0
"""A breaker for each store and process: a store that cannot be reached is left alone for a while.

RULES

1. Closed: every call goes. So many failures to reach the store in a row open the breaker; an answer of
   any kind, also one that is refused later, starts the count anew.
2. Open: no call goes until the pause is over; each is told at once, with the time to wait.
3. Half-open: one call goes and all others are told to wait. If it reaches the store, the breaker is
   closed; if not, it is open for another pause. A probe that was given up by its caller proves nothing.

Times are those of the event loop, in seconds. What one process found out is not told to others: each
learns by itself within its own few calls.
"""

import asyncio
import math
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType

import msgspec

from gateway.domain.errors import StoreMisbehaved, StoreUnreachable


class BreakerState(StrEnum):
    """Whether calls go to a store."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class StoreHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What this process knows of a store from its own calls.

    Attributes:
        for_s: How long the state has lasted; ``None`` where it never changed.
        n_failures: Failures to reach the store since it was last reached.
    """

    state: BreakerState
    for_s: float | None
    n_failures: int


def loop_time() -> float:
    """Return the time of the running event loop in seconds."""
    return asyncio.get_running_loop().time()


class Breaker:
    """The breaker of one store; belongs to one event loop, so nothing changes between two awaits."""

    def __init__(self, *, failures: int, pause_s: float, clock: Callable[[], float] = loop_time) -> None:
        """Begin closed.

        Args:
            failures: In a row, at which it opens; at least 1.
            pause_s: How long an open breaker keeps calls back.
            clock: Seconds, never going back.
        """
        self._most, self._pause_s, self._clock = failures, pause_s, clock
        self._state = BreakerState.CLOSED
        self._since: float | None = None
        self._n_failures = 0

    def health(self) -> StoreHealth:
        """Return what is known of the store."""
        lasted = None if self._since is None else self._clock() - self._since
        return StoreHealth(state=self._state, for_s=lasted, n_failures=self._n_failures)

    def trying(self) -> "Trying":
        """Return what holds one call's way to the head of its answer; what happens inside is counted."""
        return Trying(self)

    def begin(self) -> tuple[bool, float | None]:
        """Let a call go; tell whether it is the probe, and since when the state lasts that it met.

        Raises:
            StoreUnreachable: The store is left alone now; nothing was sent.
        """
        opened = self._since
        return self._admitted(), opened

    def end(self, error: BaseException | None, *, is_probe: bool, opened: float | None) -> None:
        """Count how a call ended that was let go."""
        if error is None or isinstance(error, StoreMisbehaved):
            self._reached()
        elif isinstance(error, StoreUnreachable):
            self._n_failures += 1
            if is_probe or (self._state is BreakerState.CLOSED and self._n_failures >= self._most):
                self._turn(BreakerState.OPEN, self._clock())
        elif is_probe and self._state is BreakerState.HALF_OPEN:
            # The pause is over all the same: the next call is the probe.
            self._turn(BreakerState.OPEN, opened)

    def _reached(self) -> None:
        self._n_failures = 0
        if self._state is not BreakerState.CLOSED:
            self._turn(BreakerState.CLOSED, self._clock())

    def _admitted(self) -> bool:
        """Tell whether the call is the probe."""
        if self._state is BreakerState.CLOSED:
            return False
        left_s = (self._since or 0.0) + self._pause_s - self._clock() if self._state is BreakerState.OPEN else 1.0
        if left_s > 0:
            raise StoreUnreachable(
                "the store could not be reached and is left alone for now",
                not_sent=True,
                retry_after_s=math.ceil(left_s),
            )
        self._turn(BreakerState.HALF_OPEN, self._clock())
        return True

    def _turn(self, state: BreakerState, since: float | None) -> None:
        self._state, self._since = state, since


class Trying:
    """One call on its way to the head of its answer; a class, because a generator in its place costs twice."""

    __slots__ = ("_breaker", "_is_probe", "_opened")

    def __init__(self, breaker: Breaker) -> None:
        """Begin outside."""
        self._breaker = breaker
        self._is_probe = False
        self._opened: float | None = None

    def __enter__(self) -> None:
        """Go, if calls go now.

        Raises:
            StoreUnreachable: The store is left alone now; nothing was sent.
        """
        self._is_probe, self._opened = self._breaker.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Count what happened."""
        self._breaker.end(error, is_probe=self._is_probe, opened=self._opened)
