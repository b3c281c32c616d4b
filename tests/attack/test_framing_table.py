# SPDX-License-Identifier: Apache-2.0
"""Attack: a request whose end two servers see in different places, in every way that HTTP/1.1 was ever read.

Each case is sent over a connection, with a second request behind it. What the parser (llhttp, strict) or
the door finds wrong is answered by 400 and the connection is closed; the second request is answered by
nobody. Cases that are plain HTTP/1.1 stand beside them, so that the table cannot pass by refusing all.

Source of the cases: RFC 9112 sections 2.2, 3, 5 and 6 to 7; published request-smuggling techniques (CL.TE,
TE.CL, TE.TE, CL.0, 0.CL, chunk extensions, bare line feeds).
"""

import re

import pytest

from gateway.domain.decision import Reason
from tests.fakes.bound_calls import came_of
from tests.fakes.serving import RESET

BARE = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


GET, POST, HOST = b"GET /crm/customers HTTP/1.1\r\n", b"POST /crm/search HTTP/1.1\r\n", b"Host: a\r\n"
JSON = b"Content-Type: application/json\r\n"
SECOND = b"GET /smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def get(*lines: bytes, first: bytes = GET) -> bytes:
    return first + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def post(*lines: bytes, body: bytes = b"", first: bytes = POST) -> bytes:
    return first + HOST + JSON + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def chunked(body: bytes, *more: bytes, coding: bytes = b"Transfer-Encoding: chunked") -> bytes:
    return post(coding, *more, body=body)


L2, TE = b"Content-Length: 2", b"Transfer-Encoding: chunked"
PLAIN: dict[str, bytes] = {
    "a GET": get(),
    "a length": post(L2, body=b"{}"),
    "a length of 0 with GET": get(b"Content-Length: 0"),
    "chunks": chunked(b"2\r\n{}\r\n0\r\n\r\n"),
    "two chunks": chunked(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
    "a chunk size with zeros in front": chunked(b"0002\r\n{}\r\n0\r\n\r\n"),
    "a chunk extension": chunked(b"2;a=b\r\n{}\r\n0\r\n\r\n"),
    "a coding in capitals": chunked(b"2\r\n{}\r\n0\r\n\r\n", coding=b"transfer-encoding: CHUNKED"),
    "a trailer field, which is dropped": chunked(b"2\r\n{}\r\n0\r\nX-Identity: admin\r\n\r\n"),
    "white space around a value": get(b"X-A: \t b \t "),
    "an empty value": get(b"X-A:"),
    "an empty line before the request": b"\r\n" + get(),
    "two blanks before the version": get(first=b"GET /crm/customers  HTTP/1.1\r\n"),
}
BY_PARSER: dict[str, bytes] = {
    "length and coding": post(L2, TE, body=b"0\r\n\r\n"),
    "coding and length": post(TE, L2, body=b"0\r\n\r\n"),
    "length of the second request and coding": post(b"Content-Length: %d" % len(SECOND), TE, body=b"0\r\n\r\n"),
    "two lengths": post(L2, b"Content-Length: 0", body=b"{}"),
    "the same length twice": post(L2, L2, body=b"{}"),
    "two lengths in one line": post(b"Content-Length: 2, 2", body=b"{}"),
    "two lengths in one line that differ": post(b"Content-Length: 2,0", body=b"{}"),
    "length with a plus": post(b"Content-Length: +2", body=b"{}"),
    "length with a minus": post(b"Content-Length: -2", body=b"{}"),
    "length in hexadecimal": post(b"Content-Length: 0x2", body=b"{}"),
    "length with a fraction": post(b"Content-Length: 2.0", body=b"{}"),
    "length with an exponent": post(b"Content-Length: 2e0", body=b"{}"),
    "length with a blank inside": post(b"Content-Length: 2 2", body=b"{}"),
    "length in quotes": post(b'Content-Length: "2"', body=b"{}"),
    "length of a word": post(b"Content-Length: two", body=b"{}"),
    "length without a value": post(b"Content-Length:", body=b"{}"),
    "length beyond 64 bits": post(b"Content-Length: 18446744073709551618", body=b"{}"),
    "length with a vertical tab": post(b"Content-Length: \x0b2", body=b"{}"),
    "length with a folded value": post(b"Content-Length:\r\n 2", body=b"{}"),
    "length under a name with a blank": post(b"Content-Length : 2", body=b"{}"),
    "length under a name with a tab": post(b"Content-Length\t: 2", body=b"{}"),
    "coding under a name with a blank": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "coding behind a blank": post(b" Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "coding behind a tab": post(b"\tTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "coding behind a vertical tab": post(b"\x0bTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "coding folded": post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "coding with NUL": post(b"Transfer-Encoding: chunked\x00", body=b"0\r\n\r\n"),
    "coding with a line feed before it": post(b"X-A: b\nTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "coding with a carriage return before it": post(b"X-A: b\rTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunked that is not the last coding": chunked(b"0\r\n\r\n", coding=b"Transfer-Encoding: chunked, identity"),
    "chunked twice": chunked(b"0\r\n\r\n", coding=b"Transfer-Encoding: chunked, chunked"),
    "a coding of another name": chunked(b"0\r\n\r\n", coding=b"Transfer-Encoding: x"),
    "chunk size with a plus": chunked(b"+2\r\n{}\r\n0\r\n\r\n"),
    "chunk size with a minus": chunked(b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunk size with 0x": chunked(b"0x2\r\n{}\r\n0\r\n\r\n"),
    "chunk size with a blank in front": chunked(b" 2\r\n{}\r\n0\r\n\r\n"),
    "chunk size with a blank behind": chunked(b"2 \r\n{}\r\n0\r\n\r\n"),
    "chunk size that is empty": chunked(b"\r\n{}\r\n0\r\n\r\n"),
    "chunk size of no digits": chunked(b"z\r\n{}\r\n0\r\n\r\n"),
    "chunk size beyond 64 bits": chunked(b"10000000000000002\r\n{}\r\n0\r\n\r\n"),
    "chunk size with an underscore": chunked(b"0_2\r\n{}\r\n0\r\n\r\n"),
    "chunk size ended by a line feed": chunked(b"2\n{}\r\n0\r\n\r\n"),
    "chunk size ended by a carriage return": chunked(b"2\r{}\r\n0\r\n\r\n"),
    "chunk longer than its size": chunked(b"1\r\n{}\r\n0\r\n\r\n"),
    "chunk ended by a line feed": chunked(b"2\r\n{}\n0\r\n\r\n"),
    "chunk without an end": chunked(b"2\r\n{}0\r\n\r\n"),
    "last chunk ended by a line feed": chunked(b"2\r\n{}\r\n0\n\r\n"),
    "chunk extension with a line feed": chunked(b"2;a\nGET\r\n{}\r\n0\r\n\r\n"),
    "chunk extension with a carriage return": chunked(b"2;a\rb\r\n{}\r\n0\r\n\r\n"),
    "trailer without a colon": chunked(b"2\r\n{}\r\n0\r\nX\r\n\r\n"),
    "line feeds alone": get().replace(b"\r\n", b"\n"),
    "a line feed alone behind the first line": get(first=b"GET /crm/customers HTTP/1.1\n"),
    "a line feed alone behind a header": get(b"X-A: b\nX-B: c"),
    "a carriage return alone behind a header": get(b"X-A: b\rX-B: c"),
    "a carriage return in a value": get(b"X-A: b\rc"),
    "a head ended by a line feed": GET + HOST + b"\n",
    "NUL in a value": get(b"X-A: b\x00c"),
    "NUL in a name": get(b"X\x00A: b"),
    "a control in a value": get(b"X-A: b\x01c"),
    "a header folded": get(b"X-A: b", b" c"),
    "the first header folded": GET + b" Host: a\r\n\r\n",
    "a name with a blank behind": get(b"X-A : b"),
    "a name with a blank inside": get(b"X A: b"),
    "a name in brackets": get(b"(X): b"),
    "a name beyond ASCII": get(b"X-\xc3\xa4: b"),
    "no name": get(b": b"),
    "no colon": get(b"X-A"),
    "HTTP/0.9": b"GET /crm/customers\r\n",
    "HTTP/1.2": get(first=b"GET /crm/customers HTTP/1.2\r\n"),
    "HTTP/11": get(first=b"GET /crm/customers HTTP/11\r\n"),
    "HTTP/1.1 in small letters": get(first=b"GET /crm/customers http/1.1\r\n"),
    "HTTPS/1.1": get(first=b"GET /crm/customers HTTPS/1.1\r\n"),
    "a version with a blank": get(first=b"GET /crm/customers HTTP/1.1 \r\n"),
    "a tab before the target": get(first=b"GET\t/crm/customers HTTP/1.1\r\n"),
    "a blank in the target": get(first=b"GET /crm/custo mers HTTP/1.1\r\n"),
    "NUL in the target": get(first=b"GET /crm/customers\x00 HTTP/1.1\r\n"),
    "a line feed in the target": get(first=b"GET /crm/cus\ntomers HTTP/1.1\r\n"),
    "method in small letters": get(first=b"get /crm/customers HTTP/1.1\r\n"),
    "method that nobody knows": get(first=b"FETCH /crm/customers HTTP/1.1\r\n"),
    "no method": get(first=b"/crm/customers HTTP/1.1\r\n"),
    "a scheme alone": get(first=b"GET http:/crm/customers HTTP/1.1\r\n"),
    "no target": get(first=b"GET HTTP/1.1\r\n"),
    "a preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
}
BY_DOOR: dict[str, tuple[bytes, Reason]] = {
    "a body with GET": (get(b"Content-Length: 2") + b"{}", Reason.MALFORMED),
    "chunks with GET": (get(TE) + b"0\r\n\r\n", Reason.MALFORMED),
    "a body with DELETE": (get(L2, first=b"DELETE /crm/customers HTTP/1.1\r\n") + b"{}", Reason.MALFORMED),
    "HTTP/0.9 with a version": (get(first=b"GET /crm/customers HTTP/0.9\r\n"), Reason.MALFORMED),
    "HTTP/1.0": (get(first=b"GET /crm/customers HTTP/1.0\r\n"), Reason.MALFORMED),
    "HTTP/1.0 kept alive": (get(b"Connection: keep-alive", first=b"GET /crm/customers HTTP/1.0\r\n"), Reason.MALFORMED),
    "HTTP/2.0": (get(first=b"GET /crm/customers HTTP/2.0\r\n"), Reason.MALFORMED),
    "no host": (GET + b"\r\n", Reason.MALFORMED),
    "two hosts": (get(b"Host: b"), Reason.MALFORMED),
    "absolute form with a body": (
        post(L2, body=b"{}", first=b"POST http://a/crm/search HTTP/1.1\r\n"), Reason.PATH_NOT_CANONICAL,
    ),
    "an upgrade to HTTP/2": (get(b"Connection: Upgrade", b"Upgrade: h2c"), Reason.HEADER_NOT_SUPPORTED),
    "trailers announced": (chunked(b"0\r\n\r\n", b"Trailer: X"), Reason.HEADER_NOT_SUPPORTED),
    "another expectation": (post(L2, b"Expect: 102-processing", body=b"{}"), Reason.HEADER_NOT_SUPPORTED),
    "an encoded body": (post(L2, b"Content-Encoding: gzip", body=b"{}"), Reason.HEADER_NOT_SUPPORTED),
    "a body longer than is read": (post(b"Content-Length: 70000", body=SECOND * 3), Reason.BODY_TOO_LARGE),
}  # fmt: skip


OTHER_TARGETS: dict[str, bytes] = {
    "absolute form": b"GET http://a/crm/customers HTTP/1.1\r\n",
    "absolute form of another host": b"GET http://b:1/crm/customers HTTP/1.1\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\n",
    "a fragment": b"GET /crm/customers#/crm/search HTTP/1.1\r\n",
    "two slashes": b"GET //crm/customers HTTP/1.1\r\n",
}


async def followed(content: bytes, behind: bytes = SECOND + LAST) -> tuple[bytes, list[bytes]]:
    """Return what comes of bytes with others behind them, and the paths that the flow saw."""
    return await came_of(content + behind)


def statuses(came: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", came)


@pytest.mark.parametrize("name", PLAIN)
async def test_what_is_plain_is_answered_and_so_is_the_next(name: str) -> None:
    """The end of each is where RFC 9112 says."""
    came, paths = await followed(PLAIN[name], behind=LAST)
    assert statuses(came) == [b"200", b"404"], came
    assert paths[1:] == [b"/last"]
    assert b"x-identity" not in came.lower()


@pytest.mark.parametrize("name", BY_PARSER)
async def test_what_the_parser_refuses_gets_a_bare_400_and_ends_the_connection(name: str) -> None:
    """Also where the body turned out to be wrong when the call had reached the door; nothing comes behind it."""
    came, paths = await followed(BY_PARSER[name])
    assert came in (BARE, RESET), came
    assert set(paths) <= {b"/crm/search"}


@pytest.mark.parametrize("name", BY_DOOR)
async def test_what_the_door_refuses_ends_the_connection(name: str) -> None:
    """With a problem that is entered in the log; the second request is answered by nobody."""
    content, reason = BY_DOOR[name]
    came, paths = await followed(content)
    if came != RESET:
        assert len(statuses(came)) == 1, came
        assert f'"reason":"{reason}"'.encode() in came
        assert b"\r\nconnection: close\r\n" in came
    assert len(paths) == 1


@pytest.mark.parametrize("name", OTHER_TARGETS)
async def test_another_form_of_target_is_refused_by_itself(name: str) -> None:
    """Its end is not in doubt, so the next request is the next."""
    came, paths = await followed(get(first=OTHER_TARGETS[name]), behind=LAST)
    assert statuses(came) == [b"400", b"404"], came
    assert b'"reason":"path-not-canonical"' in came
    assert paths[1:] == [b"/last"]


async def test_a_tunnel_is_no_request_of_ours() -> None:
    """Authority form is refused by parser or door, and nothing behind it is read as a request."""
    came, paths = await followed(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
    assert came == RESET or statuses(came) == [b"400"], came
    assert b"/smuggled" not in paths


async def test_an_expectation_is_kept_only_where_the_body_is_wanted() -> None:
    """`100 Continue` goes out when the route is settled, and not before a refusal."""
    head = post(b"Expect: 100-continue", L2)
    wanted, _ = await followed(head, behind=b"{}" + LAST)
    assert statuses(wanted) == [b"100", b"200", b"404"]
    unwanted, paths = await followed(head.replace(b"/crm/search", b"/crm/nowhere"), behind=b"{}" + LAST)
    assert statuses(unwanted) == [b"404"]
    assert paths == [b"/crm/nowhere"]
