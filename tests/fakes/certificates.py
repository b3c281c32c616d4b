# SPDX-License-Identifier: Apache-2.0
"""Certificates of an authority of the test's own, and a server that answers over TLS."""

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.raw_store import json_reply

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
LATE = START + dt.timedelta(days=36_500)


class Issued(msgspec.Struct, frozen=True):
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes

    def file(self, path: Path) -> Path:
        """Write both into one file, as ``ssl`` takes them."""
        path.write_bytes(self.key + self.certificate)
        return path


class Authority:
    """Vouches for names."""

    def __init__(self, name: str) -> None:
        """Make a key and vouch for it."""
        self._name, self._key = name, ec.generate_private_key(ec.SECP256R1())
        self.pem = self._signed(name, self._key, end=LATE)

    def issue(self, name: str, *, end: dt.datetime = LATE) -> Issued:
        """Return a certificate for a host name or an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Issued(self._signed(name, key, end=end), private)

    def _signed(self, name: str, key: ec.EllipticCurvePrivateKey, *, end: dt.datetime) -> bytes:
        told: x509.GeneralName = x509.DNSName(name)
        if name.replace(".", "").isdigit():
            told = x509.IPAddress(ip_address(name))
        # Key identifiers and usage because Python 3.13 verifies strictly (RFC 5280).
        is_authority = key is self._key
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=is_authority,
            crl_sign=is_authority,
            encipher_only=False,
            decipher_only=False,
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self._name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(START)
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([told]), critical=False)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)


class TlsServer:
    """What a server over TLS has seen, one connection after the other.

    It is a thread with blocking sockets: a handshake that fails leaves nothing open behind it.

    Attributes:
        heads: The requests that reached it.
    """

    def __init__(self, context: ssl.SSLContext, body: bytes) -> None:
        """Begin with nothing seen."""
        self.heads: list[bytes] = []
        self._context, self._reply = context, json_reply(body).content
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.02)
        self.port = int(self._listening.getsockname()[1])

    def serve(self, stop: threading.Event) -> None:
        """Answer until told to stop."""
        with self._listening:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = self._listening.accept()
                    with connection, contextlib.suppress(OSError):
                        self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with self._context.wrap_socket(connection, server_side=True) as secured:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = secured.recv(65_536)
                if not piece:
                    return
                head += piece
            self.heads.append(head)
            secured.sendall(self._reply)


def server_context(pem: Path, *, asks_for: bytes | None = None) -> ssl.SSLContext:
    """Return the TLS of a server that shows a certificate, and demands one of that authority if it is given."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    if asks_for is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=asks_for.decode())
    return context


@asynccontextmanager
async def serving_tls(context: ssl.SSLContext, body: bytes = b'"over tls"') -> AsyncIterator[TlsServer]:
    """Answer every request on 127.0.0.1 with a JSON body."""
    server, stop = TlsServer(context, body), threading.Event()
    thread = threading.Thread(target=server.serve, args=(stop,))
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        await asyncio.to_thread(thread.join)
