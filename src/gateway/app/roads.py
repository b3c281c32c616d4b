# SPDX-License-Identifier: Apache-2.0
"""The roads to stores and mail servers, from the settings of an installation."""

from collections.abc import Callable, Sequence
from ipaddress import ip_network
from pathlib import Path

from gateway.app.keyring import open_keyring
from gateway.app.traces import Look, Traces
from gateway.domain.errors import SettingsError
from gateway.domain.names import StoreName
from gateway.doors.http.reading.headers import Network
from gateway.forward.http import HttpStores
from gateway.forward.mail import Login, MailRoad, MailServer, Tls
from gateway.forward.roads import ClientIdentity, Secret, Store
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings

_SECRET_FILES = frozenset({"client_key_file"})
"""Files of a store that must not be open to everyone; a private key never has to be."""

MOST_MAIL_CONNECTIONS = 8
"""To one mail server from one call: servers count connections, and each takes a thread here."""


def open_stores(settings: Settings) -> HttpStores:
    """Return the stores of an installation.

    Raises:
        SettingsError: A base address, a credential or a certificate cannot be used.
    """
    return HttpStores([store_of(name, one) for name, one in settings.stores.items() if one.kind == "http"])


def store_of(name: str, one: StoreSettings) -> Store:
    """Return one store as the road to it takes it.

    Raises:
        SettingsError: Its credential or a certificate cannot be used.
    """
    return Store(
        name=StoreName(name),
        base_url=one.base_url,
        credential=_credential(name, one),
        connect_s=one.connect_s,
        read_s=one.read_s,
        total_s=one.total_s,
        least_bytes_s=one.least_bytes_s,
        pace_s=one.pace_s,
        connections=one.connections,
        failures=one.failures,
        pause_s=one.pause_s,
        allowed=networks_of(f"stores.{name}.allowed_networks", one.allowed_networks),
        ca_pem=_file(name, "ca_file", one.ca_file),
        identity=_identity(name, one),
    )


def mail_roads(settings: Settings, clock: Callable[[], int]) -> dict[StoreName, MailRoad]:
    """Return the ways to the mail servers of an installation.

    Raises:
        SettingsError: Something of one of them cannot be used.
    """
    return {
        StoreName(name): MailRoad(_mail_server(name, one), clock)
        for name, one in settings.stores.items()
        if one.kind == "smtp"
    }


def _mail_server(name: str, one: StoreSettings) -> MailServer:
    return MailServer(
        name=StoreName(name),
        url=one.base_url,
        tls=Tls(one.tls),
        sender=one.sender,
        login=_login(name, one),
        timeout_s=one.read_s,
        connections=min(one.connections, MOST_MAIL_CONNECTIONS),
        allowed=networks_of(f"stores.{name}.allowed_networks", one.allowed_networks),
        ca_pem=_file(name, "ca_file", one.ca_file),
    )


def _login(name: str, one: StoreSettings) -> Login | None:
    credential = _credential(name, one)
    if credential is None:
        return None
    user, colon, password = credential.value.partition(":")
    if not (user and colon and password):
        raise SettingsError(f"stores.{name}.authorization_file: of a mail server it holds user:password")
    return Login(user, password)


def looks_of(settings: Settings) -> Look:
    """Return what the gateway's own looks at stores say of themselves, so that their logs can tell them from calls.

    Raises:
        SettingsError: The keys of the installation cannot be used.
    """
    return Traces(open_keyring(settings)).of_look


def _credential(name: str, one: StoreSettings) -> Secret | None:
    content = _file(name, "authorization_file", one.authorization_file)
    if content is None:
        return None
    value = content.strip().decode("ascii", "replace")
    if not (value.isascii() and value.isprintable() and value):
        raise SettingsError(f"stores.{name}.authorization_file: expected one line of printable ASCII")
    return Secret("authorization", value)


def _identity(name: str, one: StoreSettings) -> ClientIdentity | None:
    certificate = _file(name, "client_certificate_file", one.client_certificate_file)
    key = _file(name, "client_key_file", one.client_key_file)
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise SettingsError(f"stores.{name}: client_certificate_file and client_key_file go together")
    return ClientIdentity(certificate + b"\n" + key)


def _file(name: str, key: str, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        if key in _SECRET_FILES and path.stat().st_mode & 0o007:
            raise SettingsError(f"stores.{name}.{key}: {path} is open to everyone: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"stores.{name}.{key}: {error.strerror}") from None


def networks_of(key: str, texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks that a setting names.

    Raises:
        SettingsError: One of them is not a network.
    """
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise SettingsError(f"{key}: {error}") from None
