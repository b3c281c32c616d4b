# SPDX-License-Identifier: Apache-2.0
"""The least pace of a store's body: a store that drips is given up, one that waits for us is not.

Only time in which the gateway waited for the store counts, so a caller that reads slowly, which keeps
the gateway from reading, costs the store nothing.
"""

from gateway.domain.errors import StoreUnreachable


class Pace:
    """The pace of one answer, judged anew after each window of waiting."""

    def __init__(self, *, least_bytes_s: int, window_s: float) -> None:
        """Begin a window.

        Args:
            least_bytes_s: Bytes a second that a store must send while it is waited for; 0 asks nothing.
            window_s: Seconds of waiting after which the pace is judged.
        """
        self._least_bytes_s, self._window_s = least_bytes_s, window_s
        self._waited_s = 0.0
        self._n_bytes = 0

    def count(self, waited_s: float, n_bytes: int) -> None:
        """Count one piece of the body.

        Raises:
            StoreUnreachable: The store was too slow over a whole window.
        """
        self._waited_s += waited_s
        self._n_bytes += n_bytes
        if self._waited_s < self._window_s:
            return
        if self._n_bytes < self._least_bytes_s * self._waited_s:
            raise StoreUnreachable("the store sent too slowly", timed_out=True)
        self._waited_s, self._n_bytes = 0.0, 0
