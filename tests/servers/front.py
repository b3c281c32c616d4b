# SPDX-License-Identifier: Apache-2.0
"""The nginx of ``deploy/nginx`` as it is shipped, before a gateway of a test.

The files are taken as they are; only ports, folders and the certificate are put in, and each of these must be found
in them, so a test runs nothing that is not shipped. Callers trust the test's own authority and name the server.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from typing_extensions import override

from tests.fakes.certificates import Authority, Issued
from tests.servers.nginx import Nginx, free_port, nginx_running

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = "gateway.example.com"
MODULE = "ngx_http_modsecurity_module"
PACKAGES = "libnginx-mod-http-modsecurity modsecurity-crs"
CERTIFICATE, KEY = "tls/fullchain.pem", "tls/privkey.pem"


class Told(msgspec.Struct, frozen=True):
    """An answer as it came through nginx."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return msgspec.json.decode(self.body)


class Front:
    """A running front.

    Attributes:
        nginx: The process behind it.
        port / clear_port: Where it listens for TLS, and without.
        tls: What a caller that trusts the test's authority uses.
    """

    def __init__(self, nginx: Nginx, port: int, clear_port: int, authority: Authority) -> None:
        """Keep what was started."""
        self.nginx, self.port, self.clear_port = nginx, port, clear_port
        self.authority = authority
        self.tls = ssl.create_default_context(cadata=authority.pem.decode())

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        source: str = "127.0.0.1",
    ) -> Told:
        """Send one call over TLS, from an address of this machine."""
        with self.caller(source) as caller:
            return caller.ask(method, target, headers, body)

    @contextmanager
    def caller(self, source: str = "127.0.0.1") -> Iterator["Caller"]:
        """Yield a caller that keeps its connection as long as the answers let it."""
        caller = Caller(self.port, self.tls, source)
        try:
            yield caller
        finally:
            caller.close()

    def connected(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """Return a connection for bytes of the test's own."""
        return _secured(self.port, self.tls, source)

    def exchange(self, content: bytes) -> bytes:
        """Send bytes and return all that comes until the other end closes."""
        with self.connected() as connection:
            connection.sendall(content)
            heard = bytearray()
            while piece := _received(connection):
                heard += piece
        return bytes(heard)

    def alerts(self) -> list[Any]:
        """Return the lines of the firewall's alerts so far."""
        return _lines(self.nginx.folder / "logs" / "alerts.json")

    def calls(self) -> list[Any]:
        """Return the lines of the access log so far."""
        return _lines(self.nginx.folder / "logs" / "access.json")

    def show(self, issued: Issued) -> None:
        """Put another certificate in the place of the one that is shown."""
        for name, content in ((CERTIFICATE, issued.certificate), (KEY, issued.key)):
            path = self.nginx.folder / name
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.chmod(0o644)
            fresh.rename(path)


@contextmanager
def front_before(gateway_port: int, keep: Path) -> Iterator[Front]:
    """Run the shipped nginx before a gateway until the block ends."""
    authority, port, clear_port = Authority("Test authority"), free_port(), free_port()
    issued = authority.issue(NAME)
    conf, files = shipped(port, clear_port, gateway_port)
    tls: dict[str, str | bytes] = {CERTIFICATE: issued.certificate, KEY: issued.key}
    with nginx_running(keep, conf, ports=[port, clear_port], modules=[MODULE], files=files | tls) as nginx:
        yield Front(nginx, port, clear_port, authority)


def shipped(port: int, clear_port: int, gateway_port: int) -> tuple[str, dict[str, str | bytes]]:
    """Return what is shipped with the places of a test put in: the configuration, and the files it reads."""
    places = {
        "listen [::]:443 ssl default_server;": "",
        "listen [::]:443 ssl;": "",
        "listen [::]:80;": "",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80": f"listen 127.0.0.1:{clear_port}",
        "/etc/ssl/gateway/": "{folder}/tls/",
        "/var/log/gateway-nginx/": "{folder}/logs/",
        "/run/gateway-bodies": "{folder}/bodies",
        "/etc/nginx/gateway/": "{folder}/gateway/",
    }
    conf = _put((DEPLOY / "nginx/conf.d/gateway.conf").read_text("utf-8"), places)
    upstream = _put(
        (DEPLOY / "nginx/conf.d/upstream.conf").read_text("utf-8"), {"127.0.0.1:8080": f"127.0.0.1:{gateway_port}"}
    )
    inside = {name: place for name, place in places.items() if name.startswith(("/etc/nginx", "/var/log"))}
    files: dict[str, str | bytes] = {}
    for path in sorted((DEPLOY / "nginx/gateway").iterdir()):
        content = path.read_text("utf-8")
        for name, place in inside.items():
            content = content.replace(name, place)
        files[f"gateway/{path.name}"] = content
    return upstream + conf, files


def _put(content: str, places: Mapping[str, str]) -> str:
    for name, place in places.items():
        assert name in content, f"{name} is not in the file that is shipped"
        content = content.replace(name, place)
    return content


def _lines(path: Path) -> list[Any]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def _secured(port: int, tls: ssl.SSLContext, source: str) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return tls.wrap_socket(plain, server_hostname=NAME)
    except BaseException:
        plain.close()
        raise


def _received(connection: ssl.SSLSocket) -> bytes:
    try:
        return connection.recv(1 << 16)
    except (ConnectionError, ssl.SSLEOFError):
        return b""


class Caller(http.client.HTTPConnection):
    """``http.client`` on a connection of ours."""

    def __init__(self, port: int, tls: ssl.SSLContext, source: str) -> None:
        """Begin without a connection."""
        super().__init__("127.0.0.1", port)
        self._tls, self._from = tls, source

    @override
    def connect(self) -> None:
        self.sock = _secured(self.port, self._tls, self._from)

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Told:
        """Send one call and return its answer."""
        self.request(method, target, body, {"Host": NAME, **headers})
        answer = self.getresponse()
        return Told(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
