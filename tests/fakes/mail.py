# SPDX-License-Identifier: Apache-2.0
"""Those who carry messages, on loopback: a mail API over HTTP that keeps every byte, and a mail server by SMTP."""

import asyncio
import email.policy
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

OK = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok"

Answer = Callable[[dict[str, Any]], bytes | None]
"""Returns the bytes of the answer to a message; nothing closes the connection without one."""


class MailApi:
    """A mail API.

    Attributes:
        taken: The messages that came whole, in order.
        raw: Every byte that came.
        answer: What it says; nobody is told more than its status.
        gate: While it is clear, messages are taken and their answers wait.
    """

    def __init__(self) -> None:
        """Begin with nothing taken."""
        self.taken: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self.raw = bytearray()
        self.answer: Answer = lambda _message: OK
        self.gate = asyncio.Event()
        self.gate.set()
        self.came = asyncio.Event()
        self.port = 0
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def reached(self) -> list[str]:
        """Return the addresses of all messages, in order."""
        return [one["to"] for one in self.taken]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the calls of one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.partition(b":")[2])
                    for line in head.lower().split(b"\r\n")
                    if line[:15] == b"content-length:"
                )
                body = await reader.readexactly(length)
                self.raw += head + body
                message = json.loads(body)
                self.taken.append(message)
                self.heads.append(head.decode("latin-1"))
                self.came.set()
                await self.gate.wait()
                said = self.answer(message)
                if said is None:
                    return
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
            del self._open[task]

    async def close(self) -> None:
        """End every connection."""
        self.gate.set()
        tasks = list(self._open)
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def mail_api() -> AsyncIterator[MailApi]:
    """Serve a mail API until the block ends."""
    api = MailApi()
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    api.port = server.sockets[0].getsockname()[1]
    try:
        yield api
    finally:
        server.close()
        await api.close()


class MailBox:
    """What a mail server took; a handler of aiosmtpd.

    Attributes:
        refused: Addresses for which it says 550.
        says: What it says to every address, if anything.
        raw: Every mail as it came.
    """

    def __init__(self) -> None:
        """Begin with nothing taken."""
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.raw: list[bytes] = []
        self.refused: set[str] = set()
        self.says = ""
        self.spoken: list[SMTP] = []
        self.port = 0

    def let_go(self) -> None:
        """Close every connection."""
        for one in self.spoken:
            if one.transport is not None:
                one.transport.close()

    @property
    def reached(self) -> list[str]:
        """Return the envelope's recipients of all mails."""
        return [one for to, _ in self.taken for one in to]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Take an address, or refuse it in words that hold it."""
        del server, session, rcpt_options
        if self.says:
            return self.says
        if address in self.refused:
            return f"550 {address} is not known here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Take a mail."""
        del server, session
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        message = BytesParser(policy=email.policy.default).parsebytes(raw)
        assert isinstance(message, EmailMessage)
        self.raw.append(raw)
        self.taken.append((list(envelope.rcpt_tos), message))
        return "250 taken"


@asynccontextmanager
async def mail_box(
    handler: MailBox | None = None, *, first_byte: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailBox]:
    """Serve a mail server until the block ends; options are aiosmtpd's.

    Args:
        handler: What takes the mails.
        first_byte: Speaks TLS from the first byte by this.
        options: Of aiosmtpd, as ``tls_context`` for STARTTLS.
    """
    box = handler or MailBox()
    loop = asyncio.get_running_loop()

    def spoken() -> SMTP:
        made = SMTP(box, loop=loop, hostname="box.example", **options)
        box.spoken.append(made)
        return made

    server = await loop.create_server(spoken, "127.0.0.1", 0, ssl=first_byte)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
