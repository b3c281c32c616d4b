# SPDX-License-Identifier: Apache-2.0
"""Where a store is: its base URL, and the addresses that its name may stand for.

RULES

1. A base URL is ``http`` or ``https`` with a host, without credentials, query or fragment.
2. The name is resolved by us, and connections go to the address that was judged: between the
   judgement and the connection nobody is asked again (DNS rebinding).
3. One refused address refuses the name. Link-local, metadata, multicast, unspecified and reserved
   addresses are refused unless the operator allows their network.
4. A name that is resolved again after a failure must stay in the reach it had: a store on the
   internet does not move to an address inside.

Source: RFC 6890 and its registries; the metadata addresses are the cloud providers' own.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import msgspec

from gateway.domain.errors import SettingsError, StoreUnreachable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[tuple[str, ...]]]
"""Returns every address of a host name, as text, in the order in which to try them."""

# Reachable addresses that are no place for a store: each answers for the machine it is asked from.
METADATA: tuple[Network, ...] = (
    ip_network("100.100.100.200/32"),
    ip_network("168.63.129.16/32"),
    ip_network("192.0.0.192/32"),
    ip_network("fd00:ec2::254/128"),
    ip_network("fd20:ce::254/128"),
)
_NAT64 = ip_network("64:ff9b::/96")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]*[A-Za-z0-9_~-])*")


class Reach(StrEnum):
    """From where an address can be reached."""

    LOOPBACK = "loopback"
    PRIVATE = "private"
    PUBLIC = "public"


class BaseUrl(msgspec.Struct, frozen=True, kw_only=True):
    """A store's base URL in parts.

    Attributes:
        host: Name in lower case, or the address if the URL holds one (IPv6 without brackets).
        path: Put in front of every path below it; empty or ``/a/b`` without a slash at the end.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port as a URL writes them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{host}" if self.port == usual else f"{self.scheme}://{host}:{self.port}"


def base_url(text: str) -> BaseUrl:
    """Return the parts of a base URL.

    Raises:
        SettingsError: It is not the URL of a store; the message does not repeat it, because it may
            hold credentials.
    """
    problem = "a store's base URL"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise SettingsError(f"{problem} has a host or port that cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise SettingsError(f"{problem} must start with http:// or https://")
    if "@" in parts.netloc:
        raise SettingsError(f"{problem} holds credentials; give them as the store's header instead")
    if any(mark in text for mark in "?#\\%"):
        raise SettingsError(f"{problem} must not hold '?', '#', '%' or a backslash")
    host = _host(parts.hostname or "")
    path = parts.path.rstrip("/")
    if host is None or port == 0:
        raise SettingsError(f"{problem} needs a host name or address, and a port from 1 to 65535 if it names one")
    if not _PATH.fullmatch(path):
        raise SettingsError(f"{problem} has a path with empty, dotted or unusual segments")
    return BaseUrl(scheme=parts.scheme, host=host, port=port or {"http": 80, "https": 443}[parts.scheme], path=path)


def _host(text: str) -> str | None:
    """Return the host in its one spelling; ``None`` if it is neither a name nor a whole address."""
    address = _address(text)
    if address is not None:
        return str(address)
    # The last label of a name is never a number: 0x7f.1 and 2130706433 are addresses to some parsers.
    if len(text) > 253 or not _HOST.fullmatch(text) or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", text.rpartition(".")[2]):
        return None
    return text


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id else address


def why_not(address: Address, allowed: tuple[Network, ...] = ()) -> str | None:
    """Return why a store cannot be at the address; ``None`` if it can.

    Args:
        address: As resolved; an IPv4 address inside an IPv6 one is judged as itself.
        allowed: Networks that the operator wants in spite of rule 3.
    """
    inner = embedded(address)
    if any(inner in network or address in network for network in allowed):
        return None
    if inner.is_link_local or any(inner in network for network in METADATA):
        return "is link-local or serves a machine's own metadata"
    if inner.is_multicast or inner.is_unspecified:
        return "is multicast or unspecified"
    # ::1 lies in a block that is reserved as a whole; 255.255.255.255 counts as reserved too.
    if inner.is_reserved and not inner.is_loopback:
        return "is reserved"
    return None


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address only wraps, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def reach(address: Address) -> Reach:
    """Return from where the address can be reached."""
    inner = embedded(address)
    if inner.is_loopback:
        return Reach.LOOPBACK
    return Reach.PUBLIC if inner.is_global else Reach.PRIVATE


async def judged_addresses(
    url: BaseUrl, resolve: Resolve, *, allowed: tuple[Network, ...] = (), pinned: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return the addresses of the base URL, after every one was found fit for a store.

    Args:
        url: The store's base URL.
        resolve: Asked once; not asked if the URL holds an address.
        allowed: Networks that the operator wants in spite of rule 3.
        pinned: Addresses of the time before; the new ones must keep to their reach.

    Raises:
        StoreUnreachable: The name has no address, or one that a store cannot be at.
    """
    texts = (url.host,) if _address(url.host) else await resolve(url.host, url.port)
    addresses = [address for text in texts if (address := _address(text))]
    if not texts or len(addresses) != len(texts):
        raise _nowhere("has no address that can be read")
    before = {reach(ip_address(text)) for text in pinned}
    for address in addresses:
        reason = why_not(address, allowed)
        if reason:
            raise _nowhere(f"stands for an address that {reason}")
        if before and str(address) not in pinned and reach(address) not in before:
            raise _nowhere("moved between the inside and the internet; restart to accept it")
    return tuple(dict.fromkeys(str(address) for address in addresses))


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """Return every address of the host from the system's resolver.

    Raises:
        StoreUnreachable: The name does not resolve now.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise _nowhere("does not resolve") from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _nowhere(why: str) -> StoreUnreachable:
    return StoreUnreachable(f"the store's name {why}", not_sent=True)
