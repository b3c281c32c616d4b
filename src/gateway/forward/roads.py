# SPDX-License-Identifier: Apache-2.0
"""The road to one store: a client whose connections can only go to a judged and pinned address.

A call that fails to reach the store makes the road stale: the next try resolves the name again, may
take the next address, and gets a new client. A client that was replaced is closed when the last call
on it ends. TLS is 1.2 or newer and verifies the certificate for the name of the base URL, whatever
address the connection goes to.
"""

import asyncio
import ssl
from datetime import timedelta
from types import TracebackType

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from typing_extensions import override

from gateway.domain.errors import SettingsError, StoreUnreachable
from gateway.domain.names import StoreName
from gateway.forward.addresses import BaseUrl, Network, Resolve, base_url, judged_addresses
from gateway.forward.breaker import Breaker


class Secret(msgspec.Struct, frozen=True):
    """Header by which a store knows the gateway; never shown."""

    name: str
    value: str

    @override
    def __repr__(self) -> str:
        return f"Secret({self.name}, …)"


class ClientIdentity(msgspec.Struct, frozen=True):
    """Certificate chain and private key by which a store knows the gateway in TLS; never shown."""

    pem: bytes

    @override
    def __repr__(self) -> str:
        return "ClientIdentity(…)"


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """One store as the operator configures it.

    Attributes:
        connect_s / read_s / total_s: Longest time to connect, until the head and between two pieces
            of the body, and for the whole call.
        least_bytes_s / pace_s: Slowest pace of a body while it is waited for, and over how many seconds
            of waiting it is judged; 0 bytes ask nothing.
        connections: Most calls at once; a call waits ``connect_s`` for its turn.
        failures / pause_s: Failures to reach the store in a row after which it is left alone, and for
            how long (see ``breaker``).
        allowed: Networks in which the store may be although rule 3 of ``addresses`` refuses them.
        ca_pem: Certificates to trust beside the system's.
        identity: Shown to a store that asks for it.
    """

    name: StoreName
    base_url: str
    credential: Secret | None = None
    connect_s: float = 5.0
    read_s: float = 15.0
    total_s: float = 600.0
    least_bytes_s: int = 1024
    pace_s: float = 30.0
    connections: int = 100
    failures: int = 10
    pause_s: float = 5.0
    allowed: tuple[Network, ...] = ()
    ca_pem: bytes | None = None
    identity: ClientIdentity | None = None


# Many servers close a connection that is idle for 5 seconds. A request that meets such a close may or
# may not have been read, so it fails; letting go first keeps that from happening in calm times.
_IDLE_S = 4


class _Line:
    """One client and the number of calls on it."""

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self.address = address
        self.n_calls = 0
        self.replaced = False


class Road:
    """One store's client in force; it and the pinned addresses are changed under the lock alone."""

    def __init__(self, store: Store, resolve: Resolve) -> None:
        """Judge the base URL and the certificates.

        Raises:
            SettingsError: One of them is unusable.
        """
        self.store = store
        self.base = base_url(store.base_url)
        _check_tls(self.base, store)
        self.breaker = Breaker(failures=store.failures, pause_s=store.pause_s)
        self.pinned: tuple[str, ...] = ()
        self._resolve = resolve
        self._line: _Line | None = None
        self._stale = True
        self._n_failures = 0
        self._lock = asyncio.Lock()

    def client(self) -> "Lent":
        """Return the client for one call, to be entered."""
        return Lent(self)

    async def lend(self) -> _Line:
        """Return the line in force, with a call more on it.

        Raises:
            StoreUnreachable: The name has no address that a store can be at.
        """
        line = self._line
        if line is None or self._stale:
            line = await self._line_in_force()
        line.n_calls += 1
        return line

    async def give_back(self, line: _Line, error: BaseException | None) -> None:
        """Take a call off a line, and note whether it could not be reached."""
        # Calls that fail together are one failure of the address: the turn goes on by one.
        if isinstance(error, StoreUnreachable) and line is self._line and not self._stale:
            self._stale = True
            self._n_failures += 1
        line.n_calls -= 1
        if line.replaced:
            await _close_if_unused(line)

    @property
    def n_calls(self) -> int:
        """Return how many calls are under way on the client in force."""
        return 0 if self._line is None else self._line.n_calls

    async def close(self) -> None:
        """Close the client; calls under way on it fail."""
        if self._line:
            await self._line.client.close()

    async def _line_in_force(self) -> _Line:
        if self._line is not None and not self._stale:
            return self._line
        async with self._lock:
            if self._line is None or self._stale:
                self._line = await self._renewed(self._line)
                self._stale = False
            return self._line

    async def _renewed(self, line: _Line | None) -> _Line:
        """Return the line to the address whose turn it is: the same one if that did not change."""
        self.pinned = await judged_addresses(self.base, self._resolve, allowed=self.store.allowed, pinned=self.pinned)
        address = self.pinned[self._n_failures % len(self.pinned)]
        if line and line.address == address:
            return line
        if line:
            line.replaced = True
            await _close_if_unused(line)
        return _Line(self._built(address), address)

    def _built(self, address: str) -> Client:
        store = self.store
        builder = (
            ClientBuilder()
            .no_proxy()
            .http1_only()
            .follow_redirects(False)
            .referer(False)
            .default_cookie_store(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .error_for_status(False)
            .user_agent("compliance-gateway")
            .resolve(self.base.host, address, self.base.port)
            .connect_timeout(timedelta(seconds=store.connect_s))
            .read_timeout(timedelta(seconds=store.read_s))
            .timeout(timedelta(seconds=store.total_s))
            .max_connections(store.connections)
            .pool_timeout(timedelta(seconds=store.connect_s))
            .pool_idle_timeout(timedelta(seconds=_IDLE_S))
        )
        return _with_tls(builder, store).build()


class Lent:
    """The client of a road for one call; a class, because a generator in its place costs twice."""

    __slots__ = ("_line", "_road")

    def __init__(self, road: Road) -> None:
        """Begin outside."""
        self._road = road
        self._line: _Line | None = None

    async def __aenter__(self) -> Client:
        """Return the client.

        Raises:
            StoreUnreachable: The name has no address that a store can be at.
        """
        self._line = await self._road.lend()
        return self._line.client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the client back."""
        if self._line is not None:
            await self._road.give_back(self._line, error)


def _with_tls(builder: ClientBuilder, store: Store) -> ClientBuilder:
    builder = builder.min_tls_version("TLSv1.2")
    if store.ca_pem:
        builder = builder.add_root_certificate_pem(store.ca_pem)
    return builder.identity_pem(store.identity.pem) if store.identity else builder


def _check_tls(base: BaseUrl, store: Store) -> None:
    """Refuse certificates that would be left unused or fail at the first call; no message shows them."""
    if base.scheme == "http" and (store.ca_pem or store.identity):
        raise SettingsError(f"stores.{store.name}: certificates are of no use with http://; make it https://")
    try:
        if store.ca_pem is not None:
            # The client takes a file without any certificate in silence, and then trusts nobody new.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=store.ca_pem.decode("ascii"))
        if store.ca_pem or store.identity:
            _with_tls(ClientBuilder(), store).build()
    except (ValueError, ssl.SSLError, PyreqwestError):
        raise SettingsError(f"stores.{store.name}: its certificates or its key are no PEM that TLS can use") from None


async def _close_if_unused(line: _Line) -> None:
    if line.replaced and line.n_calls == 0:
        await line.client.close()
