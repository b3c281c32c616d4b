# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 as the referee reads it: messages out of the bytes of one direction of one connection.

It shares no code with the gateway or its server. It is strict: what a careful client would not accept
raises ``Malformed``, and a body without ``Content-Length`` or chunks is never taken for whole.

Source: RFC 9112 sections 2, 6 and 7.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from typing_extensions import override

BODYLESS = (204, 304)


class Malformed(Exception):
    """Bytes that are no HTTP/1.1 message; never holds them."""


@dataclass
class Message:
    """A request or an answer, as far as it came.

    Attributes:
        start: First line.
        headers: By lower-case name; several of one name are joined by commas.
        raw_head: First line and headers as they were, with the empty line.
        is_whole: It came to the end that its framing announced.
    """

    start: str
    headers: dict[str, str]
    raw_head: bytes
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False

    @property
    def status(self) -> int:
        """Status of an answer."""
        return int(self.start.split(" ", 2)[1])

    @property
    def method(self) -> str:
        """Method of a request."""
        return self.start.split(" ", 1)[0]

    @property
    def target(self) -> str:
        """Target of a request."""
        return self.start.split(" ")[1]


class Requests:
    """The requests of a connection, in order."""

    def __init__(self) -> None:
        """Begin before the first byte."""
        self._raw = bytearray()
        self._message: Message | None = None
        self._body = _Body()

    def feed(self, content: bytes) -> Iterator[Message]:
        """Take bytes and yield every message that is whole by now."""
        self._raw += content
        while self._step():
            if self._message is not None and self._message.is_whole:
                yield self._message
                self._message = None

    def cut_off(self) -> Message | None:
        """Return the message that the end of the bytes cut off, if its head came."""
        return self._message

    @property
    def has_rest(self) -> bool:
        """Tell whether bytes came that are no whole head."""
        return bool(self._raw)

    def _step(self) -> bool:
        if self._message is not None:
            return not self._message.is_whole and self._body.take(self._raw, self._message)
        end = self._raw.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._raw[: end + 4])
        del self._raw[: end + 4]
        self._begin(_parsed(head))
        return True

    def _begin(self, message: Message) -> None:
        self._message = message
        self._body = _Body.of(message, is_answer=False)
        self._body.take(self._raw, message)


class Answers(Requests):
    """The answers of a connection; ``asked`` has the methods that they answer, in order."""

    def __init__(self, asked: list[str]) -> None:
        """Begin before the first byte; methods may be added to the list later."""
        super().__init__()
        self._asked, self._n_answered = asked, 0

    @override
    def _begin(self, message: Message) -> None:
        if not message.start.startswith("HTTP/1.1 "):
            raise Malformed("an answer does not begin with HTTP/1.1")
        is_interim = 100 <= message.status < 200
        method = self._asked[self._n_answered] if self._n_answered < len(self._asked) else "GET"
        self._n_answered += 0 if is_interim else 1
        self._message = message
        bodyless = is_interim or message.status in BODYLESS or method == "HEAD"
        self._body = _Body() if bodyless else _Body.of(message, is_answer=True)
        self._body.take(self._raw, message)


class _Body:
    """What is still to come of a body: so many bytes, or chunks, or nobody knows."""

    def __init__(self, left: int | None = 0, *, is_chunked: bool = False) -> None:
        self._left = left
        self._chunk = "size" if is_chunked else ""

    @classmethod
    def of(cls, message: Message, *, is_answer: bool) -> "_Body":
        """Return the body that a head announces."""
        coding, length = message.headers.get("transfer-encoding"), message.headers.get("content-length")
        if coding is not None:
            if coding != "chunked" or length is not None:
                raise Malformed("a message has two framings or one that is not known")
            return cls(is_chunked=True)
        if length is None:
            return cls(None if is_answer else 0)
        if not (length.isascii() and length.isdigit()):
            raise Malformed("a Content-Length is no number")
        return cls(int(length))

    def take(self, raw: bytearray, message: Message) -> bool:
        """Move what belongs to the body, and tell whether the message is whole."""
        if self._chunk:
            while not message.is_whole and self._chunk_step(raw, message):
                pass
        elif self._left is None:
            self._move(len(raw), raw, message)
        else:
            self._left -= self._move(self._left, raw, message)
            message.is_whole = self._left == 0
        return message.is_whole

    def _move(self, most: int, raw: bytearray, message: Message) -> int:
        n_bytes = min(most, len(raw))
        message.body += raw[:n_bytes]
        del raw[:n_bytes]
        return n_bytes

    def _chunk_step(self, raw: bytearray, message: Message) -> bool:
        """Take the next piece of a chunked body (RFC 9112 section 7.1); tell whether there was one."""
        if self._chunk == "content":
            assert self._left is not None
            n_bytes = self._move(self._left, raw, message)
            self._left -= n_bytes
            self._chunk = "content" if self._left else "end"
            return n_bytes > 0
        line, found, _ = bytes(raw[:1024]).partition(b"\r\n")
        if not found:
            return False
        del raw[: len(line) + 2]
        if self._chunk == "size":
            self._left = _size(line)
            self._chunk = "content" if self._left else "last"
        elif line:
            raise Malformed("a chunk is longer than it says, or there are fields behind the last one")
        else:
            message.is_whole = self._chunk == "last"
            self._chunk = "size"
        return True


def _size(line: bytes) -> int:
    try:
        return int(line, 16)
    except ValueError:
        raise Malformed("a chunk has no size") from None


def _parsed(head: bytes) -> Message:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise Malformed("a header has no name")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if first.count(" ") < 2:
        raise Malformed("a first line has fewer than three words")
    return Message(first, headers, head)
