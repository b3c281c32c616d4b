# SPDX-License-Identifier: Apache-2.0
"""The sample store's own access log: the combined format of nginx with the trace of each call behind it."""

from pathlib import Path
from time import gmtime, strftime

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AccessLog:
    """Writes a line for each call once it is answered; wraps the store's application."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        """Open the file for what comes."""
        self._app = app
        self._file = path.open("a", encoding="ascii", buffering=1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call (ASGI)."""
        if scope["type"] != "http":
            try:
                await self._app(scope, receive, send)
            finally:
                # The one other kind that a server here sends is its own life.
                self._file.close()
            return
        status, n_bytes = 0, 0

        async def told(message: Message) -> None:
            nonlocal status, n_bytes
            status = message.get("status", status)
            n_bytes += len(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                # Before the last byte: whoever has the answer finds the line.
                self._file.write(_line(scope, status, n_bytes))
            await send(message)

        await self._app(scope, receive, told)


def _line(scope: Scope, status: int, n_bytes: int) -> str:
    headers = dict(scope["headers"])
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    at = strftime("%d/%b/%Y:%H:%M:%S +0000", gmtime())
    request = f"{scope['method']} {_escaped(target)} HTTP/1.1"
    agent, trace = (_escaped(headers.get(name, b"-")) for name in (b"user-agent", b"traceparent"))
    return f'{scope["client"][0]} - - [{at}] "{request}" {status} {n_bytes} "-" "{agent}" "{trace}"\n'


def _escaped(raw: bytes) -> str:
    r"""Return bytes as nginx writes them: what a log cannot hold, quotes and backslashes as ``\xHH``."""
    return "".join(chr(one) if 0x20 <= one < 0x7F and one not in b'"\\' else f"\\x{one:02X}" for one in raw)
