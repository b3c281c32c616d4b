# SPDX-License-Identifier: Apache-2.0
"""A time authority of one's own: ``openssl ts`` behind a few lines of HTTP. It has a root and a certificate for stamps."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
from typing_extensions import override

CONFIG = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


class Authority(msgspec.Struct):
    """A running authority.

    Attributes:
        instead: What it answers in the place of a stamp, if a test says so.
        answers: Every answer it gave.
    """

    url: str
    roots: Path
    instead: bytes | None = None
    answers: list[bytes] = []


def made(folder: Path) -> Path:
    """Make root, certificate and configuration; return where the root is."""
    folder.mkdir()
    (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl(
        folder, "req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=own root", "-days", "2"
    )
    _openssl(folder, "req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=own time authority")
    _openssl(
        folder, "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
        "-out", "tsa.pem", "-days", "1", "-extfile", "openssl.cnf", "-extensions", "ext",
    )  # fmt: skip
    return folder / "root.pem"


@contextmanager
def running(folder: Path) -> Iterator[Authority]:
    """Make an authority in a new folder and serve it on loopback."""
    roots = made(folder)
    authority = Authority("", roots)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Answer one query."""
            query = self.rfile.read(int(self.headers["Content-Length"]))
            body = authority.instead if authority.instead is not None else _stamped(folder, query)
            authority.answers.append(body)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    authority.url = f"http://127.0.0.1:{server.server_address[1]}/tsr"
    try:
        yield authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _stamped(folder: Path, query: bytes) -> bytes:
    (folder / "query").write_bytes(query)
    _openssl(
        folder, "ts", "-reply", "-queryfile", "query", "-out", "reply", "-config", "openssl.cnf", "-section", "own"
    )
    return (folder / "reply").read_bytes()


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
