# SPDX-License-Identifier: Apache-2.0
"""Whether the caller of an answer is still there, as the server tells it in the scope's extensions.

A server that tells it spares each call a task that waits in ``receive()`` for nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Any

PEER = "gateway.peer"
"""Where in a scope's extensions a server puts the ``Peer`` of the connection."""


class Peer:
    """Whether the other end of a connection is there; told by the server, as soon as it knows.

    Attributes:
        is_gone: Nothing that is sent arrives any more.
        on_gone: Called once, at that moment; of the answer that is under way.
    """

    __slots__ = ("is_gone", "on_gone")

    def __init__(self) -> None:
        """Begin with somebody there."""
        self.is_gone = False
        self.on_gone: Callable[[], None] | None = None

    def leave(self) -> None:
        """Say that the other end has gone."""
        self.is_gone = True
        if self.on_gone is not None:
            self.on_gone()
            self.on_gone = None


def peer_of(scope: Mapping[str, Any]) -> Peer | None:
    """Return what the server says of the other end, if it does."""
    told = (scope.get("extensions") or {}).get(PEER)
    return None if told is None else told["peer"]
