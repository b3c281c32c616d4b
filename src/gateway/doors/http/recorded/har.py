# SPDX-License-Identifier: Apache-2.0
"""Calls in an HTTP archive, as browsers and proxies export it (HAR 1.2).

Of each entry only the request is looked at. The file is mapped, not read, and what is of no use is passed
over by the parser, so an archive with long answers takes little memory. An entry that cannot be read is told
by its number, counted from 1.

Source: HAR 1.2, http://www.softwareishard.com/blog/har-12-spec/
"""

import binascii
import mmap
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from gateway.doors.http.recorded.calls import MOST_RECORDED_BODY_BYTES, Recorded


class HarUnreadable(Exception):
    """The file is no HTTP archive."""


class _Named(msgspec.Struct, frozen=True):
    name: str
    value: str = ""


class _Posted(msgspec.Struct, frozen=True):
    text: str = ""
    encoding: str = ""
    params: tuple[_Named, ...] = ()


class _Request(msgspec.Struct, frozen=True):
    method: str
    url: str
    headers: tuple[_Named, ...] = ()
    posted: _Posted | None = msgspec.field(default=None, name="postData")


class _Entry(msgspec.Struct, frozen=True):
    request: _Request


class _Log(msgspec.Struct, frozen=True):
    entries: list[msgspec.Raw]


class _File(msgspec.Struct, frozen=True):
    log: _Log


_file = msgspec.json.Decoder(_File)
_entry = msgspec.json.Decoder(_Entry)


def recorded_in(path: Path) -> Iterator[tuple[int, Recorded | None]]:
    """Yield each entry's number and its call, ``None`` where it cannot be read.

    Raises:
        HarUnreadable: The file is no HTTP archive.
    """
    with path.open("rb") as file:
        try:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise HarUnreadable("it is empty") from None
        # Entries are views of the map, which goes when the last of them does.
        start = 3 if content[:3] == b"\xef\xbb\xbf" else 0
        try:
            entries = _file.decode(memoryview(content)[start:]).log.entries
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise HarUnreadable("it is no JSON with a log and its entries") from None
        for number, raw in enumerate(entries, 1):
            yield number, _recorded(bytes(raw))


def _recorded(raw: bytes) -> Recorded | None:
    try:
        asked = _entry.decode(raw).request
        headers = tuple(
            (one.name.lower().encode("latin-1"), one.value.encode("latin-1"))
            for one in asked.headers
            # HTTP/2 and 3 write the request line in names that begin with a colon.
            if not one.name.startswith(":")
        )
        body = _body(asked.posted)
    except (msgspec.DecodeError, ValueError):
        return None
    return Recorded(method=asked.method, target=_target(asked.url), headers=_framed(headers, body), body=body)


def _body(posted: _Posted | None) -> bytes:
    if posted is None:
        return b""
    if posted.encoding == "base64":
        try:
            return b64decode(posted.text, validate=True)
        except binascii.Error:
            raise ValueError("a body is no base64") from None
    text = posted.text or "&".join(f"{quote(one.name)}={quote(one.value)}" for one in posted.params)
    content = text.encode()
    if len(content) > MOST_RECORDED_BODY_BYTES:
        raise ValueError("a body is too long")
    return content


def _target(url: str) -> bytes:
    """Return path and query of a URL; a fragment never reaches a server."""
    rest = (url if url.startswith("/") else url.partition("://")[2]).partition("#")[0]
    place = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    target = rest[place:]
    return (target if target.startswith("/") else "/" + target).encode()


def _framed(headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers with the length that the body has: archives often leave it out, or tell another."""
    kept = tuple(pair for pair in headers if pair[0] not in (b"content-length", b"transfer-encoding"))
    return (*kept, (b"content-length", str(len(body)).encode())) if body else kept
