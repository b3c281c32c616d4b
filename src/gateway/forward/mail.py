# SPDX-License-Identifier: Apache-2.0
"""Mail by SMTP: one message to one person, to the operator's own server, over TLS that is verified.

RULES

1. The server's name is resolved and judged as a store's is, and the connection goes to that address. TLS is 1.2 or
   newer and verified for the name. Without TLS nothing is sent but to the machine itself.
2. What a server said counts: a refusal before or after the text is *failed*, an acceptance *sent*. Where the
   connection breaks off while the text is under way, nobody knows: *unknown*, and nothing is tried again. Before
   that, on a connection that the server had let go while it was idle, one new connection is tried.
3. Nothing that a server says leaves this room: its words may hold the address.

Source: RFC 5321, RFC 3207 (STARTTLS), RFC 8314 (TLS from the first byte).
"""

import asyncio
import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from enum import StrEnum
from ipaddress import ip_address

import msgspec
from typing_extensions import override

from gateway.domain.errors import SettingsError, StoreUnreachable
from gateway.domain.names import StoreName
from gateway.domain.sending import Fate
from gateway.forward.addresses import BaseUrl, Network, Reach, Resolve, judged_addresses, reach, resolve
from gateway.forward.mail_text import Mail, is_address, wire_text

MAIL_URL = re.compile(r"smtp://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,45}\])(?::([0-9]{1,5}))?/?")


class Tls(StrEnum):
    """How a connection is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"
    """To the machine itself only."""


PORTS = {Tls.STARTTLS: 587, Tls.TLS: 465, Tls.NONE: 25}


class Login(msgspec.Struct, frozen=True):
    """By what a server knows the gateway; never shown."""

    user: str
    password: str

    @override
    def __repr__(self) -> str:
        return "Login(…)"


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """One server as the operator configures it.

    Attributes:
        url: ``smtp://host`` with or without a port.
        sender: Address that mails come from.
        connections: Most mails under way at once.
    """

    name: StoreName
    url: str
    tls: Tls = Tls.STARTTLS
    sender: str
    login: Login | None = None
    timeout_s: float = 15.0
    connections: int = 8
    allowed: tuple[Network, ...] = ()
    ca_pem: bytes | None = None


class MailRoad:
    """The way to one server; connections live as long as somebody sends."""

    def __init__(self, server: MailServer, clock: Callable[[], int], *, resolve: Resolve = resolve) -> None:
        """Judge what is configured.

        Raises:
            SettingsError: Something of it cannot be used; the message shows no secret.
        """
        self._server, self.clock, self._resolve = server, clock, resolve
        found = MAIL_URL.fullmatch(server.url)
        if found is None:
            raise SettingsError(f"stores.{server.name}.base_url: a mail server is smtp://host or smtp://host:port")
        port = int(found[2] or PORTS[server.tls])
        if not 0 < port < 65_536:
            raise SettingsError(f"stores.{server.name}.base_url has a port that is none")
        self._base = BaseUrl(scheme="http", host=found[1].strip("[]").lower(), port=port, path="")
        if not is_address(server.sender):
            raise SettingsError(f"stores.{server.name}.sender must be an address that mails come from")
        self._tls = _context(server)
        self._pinned: tuple[str, ...] = ()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Sending"]:
        """Yield what sends mails, with connections of its own.

        Raises:
            StoreUnreachable: The server's name has no address that it can be at.
        """
        server = self._server
        self._pinned = await judged_addresses(self._base, self._resolve, allowed=server.allowed, pinned=self._pinned)
        address = self._pinned[0]
        if server.tls is Tls.NONE and reach(ip_address(address)) is not Reach.LOOPBACK:
            raise StoreUnreachable("a mail server elsewhere is spoken to over TLS only", not_sent=True)
        sending = Sending(self, server, address)
        try:
            yield sending
        finally:
            await asyncio.shield(asyncio.to_thread(sending.close))

    def connection(self, address: str) -> smtplib.SMTP:
        """Return a connection that is ready for a mail; runs in a thread.

        Raises:
            smtplib.SMTPException / OSError: There is none.
        """
        server, host = self._server, self._base.host
        own = server.sender.partition("@")[2]
        kind = _PinnedTls if server.tls is Tls.TLS else _Pinned
        made: smtplib.SMTP = kind(address, host, self._base.port, own, server.timeout_s, self._tls)
        try:
            if server.tls is Tls.STARTTLS:
                made.starttls(context=self._tls)
            made.ehlo_or_helo_if_needed()
            if server.login is not None:
                made.login(server.login.user, server.login.password)
        except BaseException:
            made.close()
            raise
        return made


class Sending:
    """Mails of one call on their way; a class with an owner and a life."""

    def __init__(self, road: MailRoad, server: MailServer, address: str) -> None:
        """Begin without a connection."""
        self._road, self._server, self._address = road, server, address
        self._threads = ThreadPoolExecutor(server.connections, thread_name_prefix="mail")
        self._idle: list[smtplib.SMTP] = []

    async def send(self, mail: Mail) -> Fate:
        """Send one mail and return what became of it."""
        try:
            text = wire_text(mail, self._server.sender, self._road.clock())
        except (ValueError, UnicodeError):
            # Such an address or subject no server is told, however often.
            return Fate.REFUSED
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._delivered, mail.to, text)

    def close(self) -> None:
        """Take leave of the server."""
        self._threads.shutdown(wait=True)
        for connection in self._idle:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                connection.quit()

    def _delivered(self, to: str, text: bytes) -> Fate:
        for is_fresh in (False, True):
            connection = self._made() if is_fresh else self._taken()
            if connection is None:
                continue
            try:
                answers = [connection.mail(self._server.sender), connection.rcpt(to)]
                if not all(200 <= code < 300 for code, _ in answers):
                    connection.rset()
                    self._idle.append(connection)
                    return _refused(answers[1][0] if 200 <= answers[0][0] < 300 else 0)
            except (smtplib.SMTPException, OSError):
                # Nothing of the text was said, so it may be said on another connection.
                connection.close()
                continue
            return self._said(connection, text)
        return Fate.FAILED

    def _taken(self) -> smtplib.SMTP | None:
        """Return a connection that was used before, if one is idle."""
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        return None

    def _made(self) -> smtplib.SMTP | None:
        """Return a new connection, if the server gives one."""
        try:
            return self._road.connection(self._address)
        except (smtplib.SMTPException, OSError, ValueError):
            return None

    def _said(self, connection: smtplib.SMTP, text: bytes) -> Fate:
        """Say the text: from its first byte on nobody knows what a broken connection left behind."""
        try:
            code, _ = connection.data(text)
        except smtplib.SMTPDataError as error:
            # The server refused to hear it.
            connection.close()
            return _refused(error.smtp_code)
        except (smtplib.SMTPException, OSError):
            connection.close()
            return Fate.UNKNOWN
        self._idle.append(connection)
        return Fate.SENT if code == 250 else _refused(code)


def _refused(code: int) -> Fate:
    """Return what became of a mail that a server answered so: 5yz is for good, as RFC 5321 section 4.2.1 says."""
    return Fate.REFUSED if 500 <= code < 600 else Fate.FAILED


class _Pinned(smtplib.SMTP):
    """A connection to an address that was judged, in the name of its host."""

    def __init__(
        self, address: str, host: str, port: int, own: str, timeout_s: float, context: ssl.SSLContext | None
    ) -> None:
        self._address, self._pinned_tls = address, context
        super().__init__(host, port, local_hostname=own, timeout=timeout_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        del host
        return socket.create_connection((self._address, port), timeout)


class _PinnedTls(_Pinned):
    """The same, in TLS from its first byte."""

    @override
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        if self._pinned_tls is None:
            raise OSError("there is no TLS")
        return self._pinned_tls.wrap_socket(plain, server_hostname=host)


def _context(server: MailServer) -> ssl.SSLContext | None:
    if server.tls is Tls.NONE:
        return None
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if server.ca_pem is not None:
        try:
            context.load_verify_locations(cadata=server.ca_pem.decode("ascii"))
        except (ValueError, ssl.SSLError):
            raise SettingsError(f"stores.{server.name}.ca_file holds no certificates that TLS can use") from None
    return context
