# SPDX-License-Identifier: Apache-2.0
"""What the door shows to whoever watches over the gateway, and who that is: nobody else learns that it is there.

RULES

1. Metrics and the reasons of health are for callers in the watchers' networks, who show the watchers' token if
   there is one. Everybody else gets what an unknown path gets, and health in one word.
2. A call that came through a proxy is not from the proxy's network: one that says that it was passed on counts
   only if the proxy is the operator's own, and then by the address that it names.
"""

import hmac
from collections.abc import Callable, Sequence
from ipaddress import ip_address

import msgspec

from gateway.doors.http.out import Message as Scope
from gateway.doors.http.reading.headers import Network, client_address

_PASSED_ON = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"})
_BEARER = b"bearer "


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a door can do its work, in words of a closed list.

    Attributes:
        reasons: Why it cannot: ``log-unavailable``, ``disk``, ``database``, ``change-feed``, ``clock``.
        degraded: What is wrong though it answers calls: ``rules``, ``log-sink``, ``store:<name>``.
    """

    reasons: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Tell whether calls can be answered."""
        return not self.reasons


class Watching(msgspec.Struct, frozen=True, kw_only=True):
    """What watchers see, and how they are known.

    Attributes:
        token: What a watcher shows as its bearer; ``None`` where the network is enough.
        metrics: Returns the metrics as text.
        content_type: Of that text.
    """

    networks: Sequence[Network]
    proxies: Sequence[Network]
    token: bytes | None
    metrics: Callable[[], str]
    content_type: str
    health: Callable[[], Health]

    def is_for(self, scope: Scope) -> bool:
        """Tell whether a call is a watcher's, by where it comes from and what it shows."""
        return self._is_near(scope) and self._has_token(scope)

    def _is_near(self, scope: Scope) -> bool:
        peer = (scope.get("client") or ("", 0))[0]
        passed_on = any(name.lower() in _PASSED_ON for name, _ in scope["headers"])
        if passed_on and not _is_in(peer, self.proxies):
            return False
        address = client_address(peer, scope["headers"], self.proxies)
        # A proxy that says in another header for whom it asks, or for nobody, is not itself who asks.
        return _is_in(address, self.networks) and not (passed_on and _is_in(address, self.proxies))

    def _has_token(self, scope: Scope) -> bool:
        if self.token is None:
            return True
        shown = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        if len(shown) != 1 or shown[0][: len(_BEARER)].lower() != _BEARER:
            return False
        return hmac.compare_digest(shown[0][len(_BEARER) :].strip(), self.token)


def health_told(health: Health) -> dict[str, object]:
    """Return health as members of JSON."""
    status = "ready" if health.is_ready else "not ready"
    return {"status": status, "reasons": health.reasons, "degraded": health.degraded}


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        one = ip_address(address)
    except ValueError:
        return False
    return any(one in network for network in networks)
