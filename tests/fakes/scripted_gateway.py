# SPDX-License-Identifier: Apache-2.0
"""A peer that answers each request with the next of some bytes, and keeps what it was asked; on a real socket."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

import msgspec

Answers = list[bytes]


class Asked(msgspec.Struct, frozen=True):
    """One request as it arrived."""

    line: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedGateway:
    """Answers in order; a connection is closed behind each answer, so that every request has its own."""

    def __init__(self, answers: Answers) -> None:
        """Listen on a free port of this machine."""
        self._answers = list(answers)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.asked: list[Asked] = []
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def serve(self) -> None:
        """Answer until the socket is closed or nothing is left to say."""
        for answer in self._answers:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reading:
                self.asked.append(_request(reading))
                connection.sendall(answer)

    def close(self) -> None:
        """Let whoever waits for a connection wait no more."""
        self._listening.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Give the socket back."""
        self._listening.close()


def _request(reading: IO[bytes]) -> Asked:
    lines = []
    while (line := reading.readline()) not in (b"\r\n", b""):
        lines.append(line.decode().rstrip("\r\n"))
    headers = dict(one.lower().split(": ", 1) for one in lines[1:])
    return Asked(lines[0], headers, reading.read(int(headers.get("content-length", "0"))))


@contextmanager
def scripted(*answers: bytes) -> Iterator[ScriptedGateway]:
    """Serve some answers while the block runs."""
    gateway = ScriptedGateway(list(answers))
    thread = threading.Thread(target=gateway.serve)
    thread.start()
    try:
        yield gateway
    finally:
        if thread.is_alive():
            gateway.close()
        thread.join()
        gateway.end()


def answer(
    body: bytes, status: str = "200 OK", media: str = "application/json", *, missing: int = 0, **headers: str
) -> bytes:
    """Return an answer; with ``missing`` it announces more bytes than it sends."""
    told = {
        "content-type": media,
        "content-length": str(len(body) + missing),
        "connection": "close",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def problem(reason: str, status: str, retry: str = "never", *, retry_after: str = "", approval: str = "") -> bytes:
    """Return a refusal as the gateway tells one."""
    told = {
        **({"approval": approval} if approval else {}),
        "type": f"/-/problems/{reason}", "title": "No", "status": int(status[:3]), "reason": reason,
        "decision_id": "d" * 32, "fields": ["phone"], "remediation": "Ask.", "retry": retry, "who": "owner",
    }  # fmt: skip
    return answer(json.dumps(told).encode(), status, "application/problem+json", retry_after=retry_after)


def lines(*rows: object, cut: str = "", missing: int = 0, **headers: str) -> bytes:
    """Return an answer of lines; ``cut`` is the reason of a control record at its end."""
    told = [*rows, *([{"$gateway": {"end": "cut", "rows": len(rows), "reason": cut}}] if cut else [])]
    body = b"".join(json.dumps(row).encode() + b"\n" for row in told)
    return answer(body, media="application/x-ndjson", missing=missing, decision_id="d" * 32, **headers)


def tokens(access: str, *, lives_s: int = 300, refresh: str | None = None) -> bytes:
    """Return the answer to a sign-in."""
    told = {"access_token": access, "expires_in": lives_s, "token_type": "Bearer"}
    return answer(json.dumps({**told, **({"refresh_token": refresh} if refresh else {})}).encode())
