# SPDX-License-Identifier: Apache-2.0
"""How much of bodies is held in memory, by all calls of a process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.domain.errors import Overloaded

MOST_HELD_BYTES = 256 << 20


class HeldBytes:
    """How much of bodies is held at the moment, by all calls of the process."""

    def __init__(self, most: int = MOST_HELD_BYTES) -> None:
        """Begin with nothing."""
        self._most, self._n_bytes = most, 0

    @contextmanager
    def holding(self) -> Iterator[Callable[[int], None]]:
        """Yield what a call tells how much it holds; it is let go at the end.

        Raises:
            Overloaded: From what is yielded: all calls together would hold too much.
        """
        held = 0

        def tell(n_bytes: int) -> None:
            nonlocal held
            if self._n_bytes - held + n_bytes > self._most:
                raise Overloaded("the bodies of too many calls are held")
            self._n_bytes += n_bytes - held
            held = n_bytes

        try:
            yield tell
        finally:
            self._n_bytes -= held
