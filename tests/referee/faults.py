# SPDX-License-Identifier: Apache-2.0
"""The catalogue of what a hostile store does: each fault is a name, a sentence, and bytes with pauses.

A fault is applied to a good answer of a route. It says what may come of it at the caller: ``refused``
(a clean problem, or a stream that is visibly broken), ``same`` (harmless: the answer of a good store)
or ``other`` (some rows or values may be missing, but nothing that should not be there).

The module knows nothing of the gateway.
"""

import gzip
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator

import msgspec

Step = bytes | float
"""Bytes to send, or seconds to be silent."""

CANARY = b"cnry-hostile-store-7f3a91"
JSON, LINES = ("array", "object", "record"), ("ndjson", "csv")
EVERY = JSON + LINES


class Good(msgspec.Struct, frozen=True):
    """A good answer: the kind of its route, its media type and its body."""

    kind: str
    media_type: bytes
    body: bytes

    def typed(self, *more: bytes, status: bytes = b"200 OK", version: bytes = b"HTTP/1.1") -> bytes:
        """Return a status line, the type and further header lines, without the end of the head."""
        return _lines(version + b" " + status, b"Content-Type: " + self.media_type, *more)

    def sized(self, *more: bytes, body: bytes | None = None, status: bytes = b"200 OK") -> bytes:
        """Return the whole answer with a length."""
        content = self.body if body is None else body
        return self.typed(*more, b"Content-Length: %d" % len(content), status=status) + b"\r\n" + content

    def chunked(self, *pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
        """Return the whole answer in chunks."""
        content = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces or (self.body,))
        return self.typed(b"Transfer-Encoding: chunked") + b"\r\n" + content + end

    def announced(self, extra: int = 1000) -> bytes:
        """Return a head that announces more than the body has, and the body."""
        return self.typed(b"Content-Length: %d" % (len(self.body) + extra)) + b"\r\n" + self.body

    @property
    def half(self) -> bytes:
        """The first half of the body."""
        return self.body[: len(self.body) // 2]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a store does.

    Attributes:
        then: What becomes of the connection: ``close``, ``reset``, ``keep`` or ``hang``.
        told: What may come of it: ``refused``, ``same``, ``other``.
        kinds: Of routes that it is for.
    """

    name: str
    about: str
    steps: Callable[[Good], Iterable[Step]]
    then: str = "close"
    told: str = "refused"
    kinds: tuple[str, ...] = EVERY


def _lines(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)


def _said(status: bytes, *more: bytes) -> Callable[[Good], Iterable[Step]]:
    """Return an answer of another status whose body would be a good one."""
    return lambda good: [good.sized(*more, status=status)]


def _head(*more: bytes) -> Callable[[Good], Iterable[Step]]:
    """Return the good answer with further header lines."""
    return lambda good: [good.sized(*more)]


def _framed(*lines: bytes, body: bytes | None = None) -> Callable[[Good], Iterable[Step]]:
    """Return the body under header lines that frame it oddly; ``LEN`` stands for its length."""

    def steps(good: Good) -> Iterable[Step]:
        length = b"%d" % len(good.body)
        head = good.typed(*(line.replace(b"LEN", length) for line in lines))
        return [head + b"\r\n" + (good.body if body is None else body)]

    return steps


def _labelled(label: bytes, encode: Callable[[bytes], bytes]) -> Callable[[Good], Iterable[Step]]:
    return lambda good: [good.sized(b"Content-Encoding: " + label, body=encode(good.body))]


def _typed(media_type: bytes) -> Callable[[Good], Iterable[Step]]:
    return lambda good: [msgspec.structs.replace(good, media_type=media_type).sized()]


def _as(change: Callable[[bytes], bytes]) -> Callable[[Good], Iterable[Step]]:
    """Return a well-framed answer whose body is changed."""
    return lambda good: [good.sized(body=change(good.body))]


def _forever(start: Callable[[Good], bytes], piece: bytes, pause_s: float) -> Callable[[Good], Iterable[Step]]:
    """Return a beginning and then a piece again and again, in chunks of their own where the start says so."""

    def steps(good: Good) -> Iterator[Step]:
        yield start(good)
        for _ in itertools.repeat(None, 1_000_000):
            yield piece
            yield pause_s

    return steps


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def _open_chunks(good: Good) -> bytes:
    return good.typed(b"Transfer-Encoding: chunked") + b"\r\n"


def _row(body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change the first row of a JSON body, which ends at its first closing brace."""
    start, end = body.index(b'{"id"'), body.index(b"}") + 1
    return body[:start] + change(body[start:end]) + body[end:]


def _first(find: bytes, put: bytes) -> Callable[[Good], Iterable[Step]]:
    return _as(lambda body: _row(body, lambda row: row.replace(find, put, 1)))


_PLAIN = b"HTTP/1.1 200 OK\r\n"
_LENGTHS = b"Content-Length: LEN"

LABELS = (
    Fault(name="html", about="200 with a page", steps=lambda g: [Good("", b"text/html", b"<p>" + CANARY).sized()]),
    Fault(name="no-type", about="no content type", steps=lambda g: [_PLAIN + g.sized().split(b"\r\n", 2)[2]]),
    Fault(name="two-types", about="two content types", steps=_head(b"Content-Type: text/html")),
    Fault(name="vendor-json", about="JSON by another name", steps=_typed(b"application/vnd.api+json")),
    Fault(name="text-plain", about="plain text", steps=_typed(b"text/plain; charset=utf-8")),
    Fault(name="charset-latin", about="labelled latin-1", steps=lambda g: _typed(g.media_type + b"; charset=latin-1")(g)),
    Fault(name="charset-utf16", about="labelled UTF-16", steps=lambda g: _typed(g.media_type + b"; charset=utf-16")(g)),
    Fault(name="odd-parameter", about="a parameter of the type that nobody knows", steps=lambda g: _typed(g.media_type + b"; header=absent")(g)),
    Fault(name="another-kind", about="rows of another format", steps=lambda g: _typed(b"application/json" if g.kind in LINES else b"text/csv")(g)),
    Fault(name="body-utf16", about="UTF-16 without a word", steps=_as(lambda body: body.decode().encode("utf-16"))),
    Fault(name="body-latin", about="latin-1 without a word", steps=_as(lambda body: body.replace(b"success", "süccess".encode("latin-1"))), kinds=JSON),
    Fault(name="bom", about="a byte order mark", steps=_as(lambda body: b"\xef\xbb\xbf" + body), told="other"),
)  # fmt: skip

ENCODED = (
    Fault(name="gzip", about="compressed, and says so", steps=_labelled(b"gzip", gzip.compress)),
    Fault(name="gzip-unsaid", about="compressed, and does not say so", steps=_as(gzip.compress)),
    Fault(name="deflate", about="compressed with deflate", steps=_labelled(b"deflate", zlib.compress)),
    Fault(name="brotli-label", about="plain, labelled brotli", steps=_labelled(b"br", bytes)),
    Fault(name="zstd-label", about="plain, labelled zstd", steps=_labelled(b"zstd", bytes)),
    Fault(name="gzip-label", about="plain, labelled gzip", steps=_labelled(b"gzip", bytes)),
    Fault(name="stacked", about="compressed twice", steps=_labelled(b"gzip, gzip", lambda body: gzip.compress(gzip.compress(body)))),
    Fault(name="unknown-label", about="an encoding that nobody knows", steps=_labelled(b"x-own", bytes)),
    Fault(name="gzip-coding", about="compressed in transfer", steps=_framed(b"Transfer-Encoding: gzip, chunked", body=b"3\r\n\x1f\x8b\x08\r\n0\r\n\r\n")),
    Fault(name="identity-label", about="says that it is not encoded", steps=_labelled(b"identity", bytes), told="same"),
)  # fmt: skip

ENDS = (
    Fault(name="nothing", about="closed without a word", steps=lambda g: []),
    Fault(name="nothing-reset", about="reset without a word", steps=lambda g: [], then="reset"),
    Fault(name="nothing-hang", about="silent from the start", steps=lambda g: [], then="hang"),
    Fault(name="head-cut", about="closed in the head", steps=lambda g: [g.sized()[:40]]),
    Fault(name="head-reset", about="reset in the head", steps=lambda g: [g.sized()[:40]], then="reset"),
    Fault(name="head-hang", about="silent in the head", steps=lambda g: [g.sized()[:40]], then="hang"),
    Fault(name="body-cut", about="closed in the body", steps=lambda g: [g.sized()[:-9]]),
    Fault(name="body-reset", about="reset in the body", steps=lambda g: [g.sized()[:-9]], then="reset"),
    Fault(name="body-hang", about="silent in the body", steps=lambda g: [g.sized()[:-9]], then="hang"),
    Fault(name="length-long", about="a length longer than the body", steps=lambda g: [g.announced()]),
    Fault(name="length-long-hang", about="waits behind a body that is whole", steps=lambda g: [g.announced()], then="hang"),
    Fault(name="length-short", about="a length shorter than the body", steps=_framed(b"Content-Length: 9"), then="keep", told="other"),
    Fault(name="chunk-cut", about="closed in a chunk", steps=lambda g: [g.chunked()[: -len(g.half)]]),
    Fault(name="no-last-chunk", about="closed before the last chunk", steps=lambda g: [g.chunked(end=b"")]),
    Fault(name="no-last-chunk-reset", about="reset before the last chunk", steps=lambda g: [g.chunked(end=b"")], then="reset"),
    Fault(name="last-chunk-cut", about="closed in the last chunk", steps=lambda g: [g.chunked(end=b"0\r\n")]),
    Fault(name="chunk-size-word", about="a chunk size that is no number", steps=lambda g: [g.chunked(end=b"0_0\r\n\r\n")]),
    Fault(name="chunk-size-huge", about="a chunk size beyond reckoning", steps=lambda g: [g.chunked(end=b"f" * 17 + b"\r\n")]),
    Fault(name="chunk-size-signed", about="a chunk size with a sign", steps=lambda g: [g.chunked(end=b"+0\r\n\r\n")]),
    Fault(name="drip-head", about="a head that comes letter by letter", steps=_forever(lambda g: _PLAIN, b"X: 1\r\n", 0.02)),
    Fault(name="drip-body", about="a body that comes letter by letter", steps=_forever(lambda g: g.announced(10**6), b" ", 0.02)),
    Fault(name="endless-space", about="white space without an end", steps=_forever(_open_chunks, _chunk(b" " * 4096), 0.004)),
    Fault(name="endless-string", about="one value without an end", steps=_forever(lambda g: _open_chunks(g) + _chunk(b'[{"id":"' + CANARY), _chunk(b"x" * 4096), 0.004), kinds=("array",)),
    Fault(name="endless-interim", about="interim answers without an end", steps=_forever(lambda g: b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.004)),
    Fault(name="endless-extension", about="a chunk extension without an end", steps=_forever(lambda g: _open_chunks(g) + b"5;", b"x" * 4096, 0.004)),
    Fault(name="endless-trailer", about="a trailer without an end", steps=_forever(lambda g: g.chunked(end=b"0\r\n"), b"X: " + CANARY * 40 + b"\r\n", 0.004)),
)  # fmt: skip

STATUSES = (
    Fault(name="switching", about="101 that nobody asked for", steps=lambda g: [b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" + g.sized()]),
    Fault(name="created", about="201 to a read", steps=_said(b"201 Created")),
    Fault(name="no-content", about="204 to a read", steps=lambda g: [b"HTTP/1.1 204 No Content\r\n\r\n"]),
    Fault(name="partial", about="206 that nobody asked for", steps=_said(b"206 Partial Content", b"Content-Range: bytes 0-9/99")),
    Fault(name="not-modified", about="304 that nobody asked for", steps=lambda g: [b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n']),
    Fault(name="moved", about="302 to elsewhere", steps=_said(b"302 Found", b"Location: http://127.0.0.1:1/" + CANARY)),
    Fault(name="moved-for-good", about="308 to itself", steps=_said(b"308 Permanent Redirect", b"Location: /crm/contacts")),
    Fault(name="bad-request", about="400 that repeats what was asked", steps=_said(b"400 Bad Request")),
    Fault(name="unauthorised", about="401 with a challenge", steps=_said(b"401 Unauthorized", b"WWW-Authenticate: Basic realm=" + CANARY)),
    Fault(name="forbidden", about="403", steps=_said(b"403 Forbidden")),
    Fault(name="too-many", about="429 with a time", steps=_said(b"429 Too Many Requests", b"Retry-After: 99999")),
    Fault(name="broken", about="500 with a stack trace", steps=_said(b"500 Oops " + CANARY)),
    Fault(name="unavailable", about="503", steps=_said(b"503 Service Unavailable")),
    Fault(name="status-999", about="a status that nobody knows", steps=_said(b"999 Huh")),
    Fault(name="status-short", about="a status of two digits", steps=_said(b"20 OK")),
    Fault(name="absent", about="404 with rows all the same", steps=_said(b"404 Not Found")),
)  # fmt: skip

HEADS = (
    Fault(name="garbage", about="garbage before the status line", steps=lambda g: [CANARY + b"\x00\x01\r\n" + g.sized()]),
    Fault(name="http-0.9", about="rows without a head", steps=lambda g: [g.body]),
    Fault(name="http-1.0-chunked", about="chunks in HTTP/1.0", steps=lambda g: [g.chunked().replace(b"HTTP/1.1", b"HTTP/1.0", 1)]),
    Fault(name="http-2", about="the beginning of HTTP/2", steps=lambda g: [b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18)]),
    Fault(name="http-3.0", about="a version that nobody knows", steps=lambda g: [g.sized().replace(b"HTTP/1.1", b"HTTP/3.0", 1)]),
    Fault(name="giant-header", about="a header of 64 KiB", steps=_head(b"X: " + CANARY * 2800)),
    Fault(name="monster-header", about="a header of 1 MiB", steps=_head(b"X: " + b"x" * (1 << 20))),
    Fault(name="many-headers", about="150 headers", steps=_head(*([b"X: 1"] * 150))),
    Fault(name="header-latin", about="a header that is not ASCII", steps=_head(b"X: \xfc\xff")),
    Fault(name="header-nul", about="a header with a NUL", steps=_head(b"X: a\x00b")),
    Fault(name="header-folded", about="a header over two lines", steps=_head(b"X: a\r\n b")),
    Fault(name="header-space", about="a space before the colon", steps=_framed(b"Content-Length : LEN")),
    Fault(name="header-nameless", about="a header without a name", steps=_head(b": x")),
    Fault(name="length-twice", about="the length twice", steps=_framed(_LENGTHS, _LENGTHS)),
    Fault(name="length-two", about="two lengths", steps=_framed(_LENGTHS, b"Content-Length: 3")),
    Fault(name="length-list", about="a list of lengths", steps=_framed(b"Content-Length: LEN, LEN")),
    Fault(name="length-signed", about="a length with a sign", steps=_framed(b"Content-Length: +LEN")),
    Fault(name="length-negative", about="a negative length", steps=_framed(b"Content-Length: -1")),
    Fault(name="length-huge", about="a length beyond reckoning", steps=_framed(b"Content-Length: 99999999999999999999")),
    Fault(name="length-and-chunks", about="a length and chunks", steps=_framed(_LENGTHS, b"Transfer-Encoding: chunked")),
    Fault(name="chunks-and-length", about="chunks and a length", steps=lambda g: [g.chunked().replace(b"Transfer", b"Content-Length: 5\r\nTransfer", 1)]),
    Fault(name="chunked-twice", about="chunked, chunked", steps=lambda g: [g.chunked().replace(b" chunked", b" chunked, chunked", 1)]),
    Fault(name="coding-unknown", about="a transfer coding that nobody knows", steps=_framed(b"Transfer-Encoding: x-own")),
    Fault(name="no-framing", about="a body that ends with the connection", steps=_framed()),
    Fault(name="no-framing-reset", about="the same, reset", steps=_framed(), then="reset"),
    Fault(name="http-1.0", about="HTTP/1.0 with a length", steps=lambda g: [g.sized().replace(b"HTTP/1.1", b"HTTP/1.0", 1)], told="same"),
    Fault(name="blank-lines", about="blank lines before the status line", steps=lambda g: [b"\r\n\r\n" + g.sized()], told="same"),
    Fault(name="no-reason", about="a status line without a reason", steps=lambda g: [g.sized(status=b"200")], told="same"),
    Fault(name="line-feeds", about="a head with bare line feeds", steps=lambda g: [g.sized().split(b"\r\n\r\n")[0].replace(b"\r\n", b"\n") + b"\n\n" + g.body], told="same"),
    Fault(name="interim", about="100 and 103 before the answer", steps=lambda g: [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + g.sized()], told="same"),
    Fault(name="trailers", about="trailers behind the body", steps=lambda g: [g.chunked(end=b"0\r\nX: " + CANARY + b"\r\n\r\n")], told="same"),
    Fault(name="extensions", about="chunk extensions", steps=lambda g: [g.chunked(end=b"0;x=" + CANARY + b"\r\n\r\n")], told="same"),
    Fault(name="single-bytes", about="every byte in a chunk of its own", steps=lambda g: [g.chunked(*(g.body[n : n + 1] for n in range(len(g.body))))], told="same"),
    Fault(name="odd-headers", about="cookies, places and policies", steps=_head(b"Set-Cookie: a=" + CANARY, b"Location: http://127.0.0.1:1/", b"Refresh: 0;url=/", b"Content-Range: bytes 0-1/2", b'ETag: "' + CANARY + b'"', b'Alt-Svc: h2=":1"'), told="same"),
    Fault(name="two-answers", about="a second answer that nobody asked for", steps=lambda g: [g.sized() + g.sized(body=b'[{"id":"' + CANARY + b'"}]')], then="keep", told="same"),
)  # fmt: skip

BODIES = (
    Fault(name="empty", about="no body at all", steps=_as(lambda body: b""), kinds=(*JSON, "csv")),
    Fault(name="not-json", about="no JSON", steps=_as(lambda body: b"[" + CANARY + b"]"), kinds=JSON),
    Fault(name="json-cut", about="half of the JSON, well framed", steps=lambda g: [g.sized(body=g.half)], kinds=JSON),
    Fault(name="json-twice", about="the JSON twice", steps=_as(lambda body: body + body), kinds=JSON),
    Fault(name="json-and-text", about="text behind the JSON", steps=_as(lambda body: body + CANARY), kinds=JSON),
    Fault(name="json-null", about="null", steps=_as(lambda body: b"null"), kinds=JSON),
    Fault(name="json-string", about="a string", steps=_as(lambda body: b'"' + CANARY + b'"'), kinds=JSON),
    Fault(name="other-shape", about="another shape than declared", steps=_as(lambda body: body[1:-1] if body[:1] == b"[" else b"[" + body + b"]"), kinds=JSON),
    Fault(name="comments", about="JSON with a comment", steps=_as(lambda body: b"/* " + CANARY + b" */" + body), kinds=JSON),
    Fault(name="single-quotes", about="JSON with the wrong quotes", steps=_as(lambda body: body.replace(b'"', b"'")), kinds=JSON),
    Fault(name="nan", about="a number that is none", steps=_first(b'"duration_s":0', b'"duration_s":NaN'), kinds=JSON),
    Fault(name="number-huge", about="a number beyond reckoning", steps=_first(b'"duration_s":0', b'"duration_s":1' + b"0" * 5000), kinds=JSON),
    Fault(name="nested", about="an object where a text should be", steps=_first(b'"success"', b'{"v":"' + CANARY + b'"}'), kinds=JSON),
    Fault(name="listed", about="a list where a text should be", steps=_first(b'"success"', b'["' + CANARY + b'"]'), kinds=JSON),
    Fault(name="deep", about="brackets a thousand deep", steps=_first(b'"success"', b"[" * 1000 + b"]" * 1000), kinds=JSON),
    Fault(name="lone-surrogate", about="half of a pair", steps=_first(b'"success"', b'"\\ud800"'), kinds=JSON),
    Fault(name="control", about="a control character in a string", steps=_first(b'"success"', b'"a\x01b"'), kinds=JSON),
    Fault(name="row-null", about="a row that is null", steps=_as(lambda body: _row(body, lambda _: b"null")), kinds=JSON),
    Fault(name="row-text", about="a row that is a text", steps=_as(lambda body: _row(body, lambda _: b'"' + CANARY + b'"')), kinds=JSON),
    Fault(name="row-empty", about="a row without members", steps=_as(lambda body: _row(body, lambda _: b"{}")), told="other", kinds=JSON),
    Fault(name="row-giant", about="a row of 2 MiB", steps=_first(b'"success"', b'"' + b"x" * (2 << 20) + b'"'), kinds=JSON),
    Fault(name="odd-keys", about="names with something added", steps=_first(b'"note"', b'"outcome ":"' + CANARY + b'","note"'), told="other", kinds=JSON),
    Fault(name="keys-twice", about="every name of a row twice", steps=_as(lambda body: _row(body, lambda row: row[:-1] + b"," + row[1:])), told="other", kinds=JSON),
    Fault(name="keys-many", about="ten thousand names in a row", steps=_first(b'"note"', b"".join(b'"k%d":"%b",' % (n, CANARY) for n in range(10_000)) + b'"note"'), told="other", kinds=JSON),
    Fault(name="keys-escaped", about="names written with escapes", steps=_first(b'"outcome"', b'"\\u006fut\\u0063ome"'), told="other", kinds=JSON),
    Fault(name="line-no-json", about="a line that is no JSON", steps=_as(lambda body: CANARY + b"\n" + body), kinds=("ndjson",)),
    Fault(name="line-cut", about="the last line cut", steps=lambda g: [g.sized(body=g.body[:-20])], kinds=("ndjson",)),
    Fault(name="line-array", about="a line that is an array", steps=_as(lambda body: b'["' + CANARY + b'"]\n' + body), kinds=("ndjson",)),
    Fault(name="columns-more", about="a row with a column too many", steps=_as(lambda body: body.replace(b"\r\n", b"," + CANARY + b"\r\n", 2).replace(b"," + CANARY, b"", 1)), kinds=("csv",)),
    Fault(name="quote-open", about="a quote that is never closed", steps=_as(lambda body: body + b'"' + CANARY), kinds=("csv",)),
    Fault(name="header-row-missing", about="no header row", told="other", steps=_as(lambda body: body.split(b"\r\n", 1)[1]), kinds=("csv",)),
    Fault(name="header-row-twice", about="a column twice in the header row", steps=_as(lambda body: body.replace(b"note", b"outcome", 1)), kinds=("csv",)),
)  # fmt: skip

FAULTS: tuple[Fault, ...] = LABELS + ENCODED + ENDS + STATUSES + HEADS + BODIES
