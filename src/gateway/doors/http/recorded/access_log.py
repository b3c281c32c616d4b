# SPDX-License-Identifier: Apache-2.0
r"""Calls in an access log of nginx or Apache, in the common or the combined format.

A line is read for the address, the request line and the user agent; everything else in it is passed over, and
what stands behind the combined format too. ``\xHH``, ``\"`` and ``\\`` are what both servers write for bytes
that a log cannot hold. A line is at most ``MOST_LINE_BYTES`` long; one that cannot be read is told by its number.

Source: nginx ngx_http_log_module, Apache mod_log_config.
"""

import gzip
import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from typing_extensions import override

from gateway.doors.http.recorded.calls import Recorded

MOST_LINE_BYTES = 65_536
GZIP = b"\x1f\x8b"

_LINE = re.compile(
    rb"(?P<address>[0-9A-Za-z.:_%-]{1,253}) [^\[\r\n]{1,512}\[[^\]\r\n]{1,64}\] "
    rb'"(?P<request>(?:[^"\\]|\\.)*)" [0-9]{3} (?:[0-9]{1,20}|-)'
    rb'(?: "(?:[^"\\]|\\.)*" "(?P<agent>(?:[^"\\]|\\.)*)")?(?:[ \t].*)?'
)
_REQUEST = re.compile(rb"([A-Z][A-Z-]{0,31}) (\S+) HTTP/[0-9](?:\.[0-9])?")
_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
_ESCAPED = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)")
_PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"v": b"\v"}


class Lines(Protocol):
    """What lines are read from."""

    def readline(self, size: int, /) -> bytes:
        """Return the next line, or so much of it."""


def opened(file: BinaryIO) -> Lines:
    """Return a log to read from, unpacked if it is packed by gzip; it need not be a file on disk."""
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(_Raw(file))
    is_packed = buffered.peek(2)[:2] == GZIP
    return io.BufferedReader(gzip.GzipFile(fileobj=buffered, mode="rb")) if is_packed else buffered


class _Raw(io.RawIOBase):
    """A file that is only read from, as what a buffer is put around."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def recorded_in(lines: Lines) -> Iterator[tuple[int, Recorded | None]]:
    """Yield each line's number, counted from 1, and its call, ``None`` where it cannot be read; empty ones are none."""
    number = 0
    while line := lines.readline(MOST_LINE_BYTES):
        number += 1
        is_whole = line.endswith(b"\n") or len(line) < MOST_LINE_BYTES
        if not is_whole:
            pass_over(lines)
        line = line.strip(b"\r\n")
        if line:
            yield number, recorded(line) if is_whole else None


def pass_over(lines: Lines) -> None:
    """Read on to the end of a line that is too long."""
    while (rest := lines.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass


def recorded(line: bytes) -> Recorded | None:
    """Return the call of a line without its line feed; ``None`` if it cannot be read."""
    found = _LINE.fullmatch(line)
    request = _REQUEST.fullmatch(_text(found["request"])) if found else None
    if found is None or request is None:
        return None
    agent = _text(found["agent"] or b"")
    return Recorded(
        method=request[1].decode("ascii"),
        target=_ABSOLUTE.sub(b"", request[2], count=1) or b"/",
        headers=((b"user-agent", agent),) if agent not in (b"", b"-") else (),
        address=found["address"].decode("ascii"),
    )


def _text(escaped: bytes) -> bytes:
    return _ESCAPED.sub(_byte, escaped) if b"\\" in escaped else escaped


def _byte(found: re.Match[bytes]) -> bytes:
    mark = found[1]
    return bytes.fromhex(mark[1:].decode("ascii")) if len(mark) == 3 else _PLAIN.get(mark, mark)
