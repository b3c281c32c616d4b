# SPDX-License-Identifier: Apache-2.0
"""How many connections one process holds, in all and from one address; who comes beyond that is told so.

A connection costs memory and a file handle before its first byte says whose it is, so it is counted by
the address of its other end. The operator's own proxies bring the connections of all callers: of them
only the number in all is bounded. What is turned away depends on nobody and is entered as a count.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from gateway.doors.http.reading.headers import Network

TURNED_AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\ncache-control: no-store\r\n"
    b"connection: close\r\n\r\n"
)
"""All that a connection too many gets; nothing of it is read."""


class Connections:
    """The connections that one process holds."""

    def __init__(
        self,
        most: int,
        most_an_address: int,
        proxies: Sequence[Network] = (),
        turned_away: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin with none.

        Args:
            most: In all.
            most_an_address: From one address that is no proxy of the operator's.
            proxies: Networks of the operator's own proxies.
            turned_away: Told of each connection too many.
        """
        self._most, self._most_an_address = most, most_an_address
        self._proxies, self._turned_away = tuple(proxies), turned_away
        self._n_held = 0
        self._by_address: Counter[str] = Counter()

    @property
    def n_open(self) -> int:
        """Return how many are held."""
        return self._n_held

    def take(self, address: str) -> bool:
        """Count a connection, unless it is one too many."""
        if self._n_held >= self._most or self._is_full(address):
            self._turned_away()
            return False
        self._n_held += 1
        self._by_address[address] += 1
        return True

    def give_back(self, address: str) -> None:
        """Forget a connection that was counted."""
        self._n_held -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _is_full(self, address: str) -> bool:
        if self._by_address[address] < self._most_an_address:
            # Reading a missing address of a Counter adds nothing to it.
            return False
        return not any(ip_address(address) in network for network in self._proxies)
