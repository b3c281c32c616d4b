# SPDX-License-Identifier: Apache-2.0
"""Attack: headers that smuggle a request, a method, an identity or a purpose past the judgement."""

import itertools

import pytest

from gateway.domain.decision import Deny
from gateway.doors.http.out import Message
from gateway.doors.http.reading.headers import Stated, judged
from gateway.doors.http.wire import WireProtocol
from tests.fakes.serving import exchange, served

LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
"""Makes every exchange end by itself."""
CANARY = b"GET /canary HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = [b"chunked", b"Chunked", b" chunked", b"chunked ", b"chunked, identity", b"identity, chunked", b"x, chunked", b"chunked;x", b"\x0bchunked",
           b"chunked\x00", b"xchunked", b"chunked, chunked", b"gzip, chunked", b'"chunked"', b"chunked\r\nTransfer-Encoding: x"]  # fmt: skip
NAMES = [
    b"Transfer-Encoding",
    b"Transfer-Encoding ",
    b" Transfer-Encoding",
    b"Transfer_Encoding",
    b"Transfer-Encoding\t",
    b"X: y\nTransfer-Encoding",
]
LENGTHS = [
    b"0",
    b"5",
    b"%d" % len(CANARY),
    b"+5",
    b"0x5",
    b"5, 5",
    b"5,6",
    b" 5",
    b"5 ",
    b"05",
    b"-1",
    b"\r\n 5",
    b"5\r\nContent-Length: 0",
]


def smuggled() -> list[bytes]:
    """Return requests with every doubtful length and coding, each with a second request in its body."""
    calls = []
    for name, coding, length in itertools.product(NAMES, CHUNKED, LENGTHS):
        head = (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + b"\r\n" + name + b": " + coding + b"\r\n\r\n"
        )
        calls.append(head + b"0\r\n\r\n" + CANARY)
    return calls


async def test_a_request_with_two_lengths_is_never_followed_by_another() -> None:
    """Whatever the spelling, the request in the body is answered by nobody unless the door refused the first."""
    both: list[Message] = []

    async def app(scope: Message, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        both.append(scope)
        refused = isinstance(judged(scope["headers"], method=scope["method"], http_version="1.1"), Deny)
        headers = [(b"content-length", b"0"), *([(b"connection", b"close")] if refused else [])]
        await send({"type": "http.response.start", "status": 400 if refused else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    calls = smuggled()
    assert len(calls) > 1000
    async with served(app, WireProtocol) as port:
        for call in calls[::3]:
            both.clear()
            await exchange(port, call + LAST)
            _check(both)


def _check(scopes: list[Message]) -> None:
    """A canary may be seen only behind a first request that states one length and no coding."""
    paths = [scope["raw_path"] for scope in scopes]
    if b"/canary" in paths:
        first = scopes[0]["headers"]
        names = [name for name, _ in first]
        assert not (b"content-length" in names and b"transfer-encoding" in names)
        assert isinstance(judged(first, method="POST", http_version="1.1"), Stated)


OVERRIDES = ["x-http-method-override", "x-http-method", "x-method-override"]
METHODS = ["DELETE", "PUT", "PATCH", "TRACE", "CONNECT", "delete", "GET"]


@pytest.mark.parametrize(("name", "method"), list(itertools.product(OVERRIDES, METHODS)))
def test_a_method_override_is_refused(name: str, method: str) -> None:
    """Even one that repeats the method."""
    raw = [(b"host", b"a"), (name.encode(), method.encode())]
    assert isinstance(judged(raw, method="POST", http_version="1.1"), Deny)


OURS = [(b"authorization", b"Bearer a"), (b"data-purpose", b"marketing.mail"), (b"data-reference", b"r")]
HOP_BY_HOP = ["authorization", "Data-Purpose", "data-reference", "host", "cookie", "content-length", "x-forwarded-for", "accept", "te", "close",
              "keep-alive", "proxy-authorization", "transfer-encoding", "traceparent", "user-agent", "*", "", ","]  # fmt: skip


@pytest.mark.parametrize("named", HOP_BY_HOP)
def test_naming_a_header_in_connection_does_not_take_it_away(named: str) -> None:
    """Alone, in a list, in a second line, and under the proxies' old name."""
    plain = judged([(b"host", b"a"), *OURS], method="GET", http_version="1.1")
    for lines in (
        [(b"connection", named.encode())],
        [(b"connection", f"close, {named}".encode())],
        [(b"connection", b"keep-alive"), (b"connection", named.encode())],
        [(b"proxy-connection", named.encode()), (b"keep-alive", named.encode())],
    ):
        assert judged([(b"host", b"a"), *lines, *OURS], method="GET", http_version="1.1") == plain


SPOOFED = ["x-user", "x-user-id", "x-email", "x-role", "x-roles", "x-admin", "x-forwarded-user", "x-remote-user", "remote-user", "x-auth-user",
           "x-authenticated-user", "x-client-id", "x-original-user", "x-purpose", "purpose", "x-data-purpose", "data_purpose", "data-purposes",
           "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "forwarded", "x-real-ip", "true-client-ip",
           "cf-connecting-ip", "x-client-cert", "x-ssl-client-verify", "x-amzn-oidc-data", "x-goog-authenticated-user-email"]  # fmt: skip


@pytest.mark.parametrize("name", SPOOFED)
def test_an_identity_in_any_other_header_is_nobodys(name: str) -> None:
    """The call states what it states without it."""
    plain = judged([(b"host", b"a"), *OURS], method="GET", http_version="1.1")
    assert judged([(b"host", b"a"), (name.encode(), b"admin"), *OURS], method="GET", http_version="1.1") == plain
