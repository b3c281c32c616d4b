# SPDX-License-Identifier: Apache-2.0
"""The traces that stores get, under a key of the installation; and whether one that a store wrote down is ours."""

import secrets
from collections.abc import Callable, Collection

from gateway.domain import trace
from gateway.domain.errors import KeyUnavailable
from gateway.domain.names import DecisionId, StoreName
from gateway.domain.trace import Trace
from gateway.keys.keyring import Keyring
from gateway.settings.loading import Settings

LABEL = "trace"
"""Of the key; a version that is retired still tells what it made, and one that is shredded tells nothing."""

Headers = tuple[tuple[str, str], ...]
Look = Callable[[], Headers]
"""Returns the headers of a look of the gateway's own, new ones each time."""


def untold() -> Headers:
    """Return no header: for looks that no installation makes."""
    return ()


class Traces:
    """Makes the header of each call, and knows it again."""

    def __init__(self, keyring: Keyring, without: Collection[StoreName] = ()) -> None:
        """Make the key if there is none.

        Args:
            keyring: Of the installation.
            without: Stores that get no trace.
        """
        self._without = frozenset(without)
        self._key: bytes = keyring.ensure(LABEL).secret
        self._keys = [key for entry in keyring.versions(LABEL) if (key := _version(keyring, entry.version))]

    def of_call(self, store: StoreName, decision_id: DecisionId, n: int = 0) -> Headers:
        """Return the header of a call to a store; nothing for one that wants none."""
        if store in self._without:
            return ()
        return ((trace.HEADER, trace.of_call(self._key, decision_id, n)),)

    def of_look(self) -> Headers:
        """Return the header of a look of the gateway's own; a new one each time."""
        return ((trace.HEADER, trace.of_look(self._key, secrets.token_bytes(trace.HALF_BYTES))),)

    def is_call(self, found: Trace) -> bool:
        """Tell whether the gateway made it for a call."""
        return trace.is_call(self._keys, found)

    def is_look(self, found: Trace) -> bool:
        """Tell whether the gateway made it for a look of its own."""
        return trace.is_look(self._keys, found)


def untraced(settings: Settings) -> frozenset[StoreName]:
    """Return the stores that gateway.yaml gives no trace."""
    return frozenset(StoreName(name) for name, one in settings.stores.items() if not one.traceparent)


def _version(keyring: Keyring, version: int) -> bytes | None:
    try:
        return keyring.version(LABEL, version).secret
    except KeyUnavailable:
        return None
