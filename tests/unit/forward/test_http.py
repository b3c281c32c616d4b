# SPDX-License-Identifier: Apache-2.0
"""Store calls over real sockets: what arrives, and which answers are accepted."""

import pytest

from gateway.domain.errors import StoreMisbehaved, StoreUnreachable
from gateway.forward.calls import path_below
from gateway.forward.http import HttpStores
from gateway.forward.roads import Secret
from tests.fakes.raw_store import JSON_HEAD, RawStore, Reply, json_reply
from tests.fakes.store_calls import a_call, body_of, store_at


async def test_what_arrives_is_what_was_decided_byte_for_byte() -> None:
    """Method, path, query, credential and the fixed headers arrive; nothing else does."""
    async with RawStore(lambda _: json_reply()) as crm:
        store = store_at(crm.url + "/crm/", credential=Secret("x-store-key", "k1"))
        async with HttpStores([store]) as stores:
            query = (("city", "München"), ("x", "'"), ("q", "a&b=c+d %/?#"))
            assert await body_of(stores, a_call("/customers/a%20b", query=query)) == b"[]"
    lines = crm.heads[0].removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert lines[0] == b"GET /crm/customers/a%20b?city=M%C3%BCnchen&x=%27&q=a%26b%3Dc%2Bd%20%25%2F%3F%23 HTTP/1.1"
    assert {line.lower() for line in lines[1:]} == {
        b"accept: application/json",
        b"accept-encoding: identity",
        b"user-agent: compliance-gateway",
        b"x-store-key: k1",
        b"host: 127.0.0.1:%d" % crm.port,
    }


async def test_every_canonical_segment_arrives_unchanged() -> None:
    """Characters that a segment may hold, literal or encoded, are not rewritten on the way."""
    literal = "/!$&'()*+,=:@-._~aZ9"
    encoded = path_below(["%", "a b", "张伟", "!$&'()*+,=:@", "...", "a/b", '{|}^`"<>'])
    async with RawStore(lambda _: json_reply()) as crm, HttpStores([store_at(crm.url)]) as stores:
        for path in (literal, encoded):
            await body_of(stores, a_call(path))
    assert [head.split(b" ", 2)[1].decode() for head in crm.heads] == [literal, encoded]


async def test_a_slash_behind_a_path_is_sent_where_the_call_says_so() -> None:
    """And only then: the path itself has none."""
    async with RawStore(lambda _: json_reply()) as crm, HttpStores([store_at(crm.url)]) as stores:
        for slash in (True, False):
            await body_of(stores, a_call("/a/b", slash=slash, query=(("n", "1"),)))
    assert [head.split(b" ", 2)[1] for head in crm.heads] == [b"/a/b/?n=1", b"/a/b?n=1"]


@pytest.mark.parametrize(
    "path",
    ["", "customers", "//customers", "/a//b", "/a/", "/./a", "/a/..", "/%2e%2e/a", "/%2E%2E/a", "/a/.%2E", "/a%2fb", "/a b", "/a?b", "/a#b",
     "/a;b", "/a\\b", "/ü", "/a\r\nX: y", "http://other/a"],
)  # fmt: skip
async def test_a_path_that_is_not_canonical_is_never_sent(path: str) -> None:
    """A mistake of ours ends here: nothing reaches the store."""
    async with RawStore(lambda _: json_reply()) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(ValueError, match=r"canonical|differently"):
            await body_of(stores, a_call(path))
    assert crm.heads == []


async def test_a_header_that_is_not_the_gateways_is_never_sent() -> None:
    """Only named headers of our own may be added to a call."""
    async with RawStore(lambda _: json_reply()) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(ValueError, match="not the gateway's"):
            await body_of(stores, a_call(headers=(("Authorization", "Bearer x"),)))
        for value in ("a\r\nX: y", "ü", "a\x00", "x" * 1025):
            with pytest.raises(ValueError, match="no header can have"):
                await body_of(stores, a_call(headers=(("if-match", value),)))
        with pytest.raises(ValueError, match="no route declares"):
            await body_of(stores, a_call(method="POST", body=b"", content_type="text/plain"))
        await body_of(stores, a_call(headers=(("traceparent", "00-1-2-01"),)))
    assert len(crm.heads) == 1
    assert b"traceparent: 00-1-2-01\r\n" in crm.heads[0].lower()


async def test_a_write_carries_exactly_its_bytes_type_and_conditions() -> None:
    """And nothing that was not declared."""
    headers = (("if-match", '"v1"'), ("if-none-match", "*"), ("idempotency-key", "k-1"), ("prefer", "return=minimal"))
    patch = a_call(
        method="PATCH", body=b'{"a":null}', content_type="application/merge-patch+json", headers=headers, writes=True
    )
    async with RawStore(lambda _: json_reply()) as crm, HttpStores([store_at(crm.url)]) as stores:
        await body_of(stores, a_call(method="POST", body=b'{"a":1}', writes=True))
        await body_of(stores, patch)
    assert crm.bodies == [b'{"a":1}', b'{"a":null}']
    assert b"content-type: application/json\r\n" in crm.heads[0].lower()
    assert b"if-match" not in crm.heads[0].lower()
    lines = crm.heads[1].lower().split(b"\r\n")
    assert {b"%b: %b" % (name.encode(), value.encode()) for name, value in headers} < set(lines)
    assert b"content-type: application/merge-patch+json" in lines


WRITTEN = [(200, b"[]"), (201, b"[]"), (204, b""), *((status, b"") for status in (400, 404, 409, 412, 413, 415, 422))]


@pytest.mark.parametrize(("status", "body"), WRITTEN)
async def test_a_write_is_told_what_the_store_said_in_a_number(status: int, body: bytes) -> None:
    """The body is looked at only where the write was done; a refusal is a number and nothing else."""
    head = b'HTTP/1.1 %d X\r\nContent-Type: application/json\r\nETag: "v2"\r\n' % status
    reply = Reply(head + (b"\r\n" if status == 204 else b"Content-Length: 2\r\n\r\n[]"))
    call = a_call(method="POST", body=b"{}", writes=True)
    async with (
        RawStore(lambda _: reply) as crm,
        HttpStores([store_at(crm.url)]) as stores,
        stores.call(call) as answer,
    ):
        assert (answer.status, answer.absent, answer.etag) == (status, status == 404, '"v2"')
        assert b"".join([chunk async for chunk in answer.chunks()]) == body


@pytest.mark.parametrize("status", [202, 203, 206, 301, 303, 304, 307, 308, 401, 403, 405, 428, 429, 500, 502, 503])
async def test_any_other_status_of_a_write_is_misbehaviour(status: int) -> None:
    """Nobody knows then whether it was done."""
    reply = Reply(b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status, "close")
    call = a_call(method="POST", body=b"{}", writes=True)
    async with RawStore(lambda _: reply) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreMisbehaved):
            await body_of(stores, call)
    assert len(crm.heads) == 1


@pytest.mark.parametrize(("kind", "accepted"), [
    ("array", b"application/json"), ("record", b"application/json"), ("csv", b"text/csv"),
    ("ndjson", b"application/jsonl, application/ndjson, application/x-ndjson"),
])  # fmt: skip
async def test_the_declared_type_is_asked_for(kind: str, accepted: bytes) -> None:
    """And no other."""
    media_type = accepted.split(b", ")[-1]
    reply = Reply(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: 2\r\n\r\n[]" % media_type)
    async with RawStore(lambda _: reply) as crm, HttpStores([store_at(crm.url)]) as stores:
        assert await body_of(stores, a_call(kind=kind)) == b"[]"
    assert b"\r\naccept: %b\r\n" % accepted in crm.heads[0].lower()


async def test_a_header_that_is_not_text_is_misbehaviour_and_no_error_of_ours() -> None:
    """The library cannot read it."""
    reply = json_reply(more=b"X: \xfc\xff\r\n")
    async with RawStore(lambda _: reply) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreMisbehaved) as caught:
            await body_of(stores)
    assert caught.value.__context__ is None


async def test_a_call_shows_neither_its_query_nor_its_body() -> None:
    """Where it is printed by mistake."""
    call = a_call("/customers/alice", query=(("email", "alice@example.org"),), body=b'{"name":"alice"}')
    assert "alice" not in repr(call) + str(call)


async def test_an_absent_record_has_no_body() -> None:
    """The store's words of a 404 are not read."""
    reply = Reply(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nlost")
    async with (
        RawStore(lambda _: reply) as crm,
        HttpStores([store_at(crm.url)]) as stores,
        stores.call(a_call()) as answer,
    ):
        assert (answer.status, answer.absent, answer.content_type) == (404, True, None)
        assert [chunk async for chunk in answer.chunks()] == []


async def test_a_long_body_arrives_whole() -> None:
    """Pieces joined are the body, whatever its framing."""
    rows = b"[" + b",".join(b'{"id":%d}' % n for n in range(50_000)) + b"]"
    chunked = JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(rows), rows)
    replies = {1: json_reply(rows), 2: Reply(chunked)}
    async with RawStore(replies.__getitem__) as crm, HttpStores([store_at(crm.url)]) as stores:
        assert await body_of(stores) == rows
        assert await body_of(stores) == rows
        # The first was read to its length and no further, and its connection served the second.
        assert crm.n_connections == 1


@pytest.mark.parametrize("status", [201, 202, 204, 206, 300, 304, 400, 401, 403, 409, 429, 500, 503, 999])
async def test_a_status_other_than_200_and_404_is_misbehaviour(status: int) -> None:
    """Unsolicited 206 and 304, and every error, end the call before a body is read."""
    reply = Reply(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n" % status, "close")
    async with RawStore(lambda _: reply) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreMisbehaved, match=str(status)):
            await body_of(stores)


async def test_a_switch_of_protocols_is_misbehaviour() -> None:
    """No 101 is ever accepted."""
    reply = Reply(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
    async with RawStore(lambda _: reply) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreMisbehaved):
            await body_of(stores)


CUT = {
    "length longer than the body": JSON_HEAD + b"Content-Length: 100\r\n\r\n[1,",
    "chunk cut": JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n[1",
    "no last chunk": JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
    "last chunk cut": JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n",
    "chunk size no number": JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n0_2\r\n[]\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("name", CUT)
async def test_a_body_that_breaks_off_raises(name: str, then: str) -> None:
    """A cut never looks like an end."""
    async with RawStore(lambda _: Reply(CUT[name], then)) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises((StoreMisbehaved, StoreUnreachable)):
            await body_of(stores)
    assert len(crm.heads) == 1


async def test_every_cut_of_an_answer_is_an_error() -> None:
    """The answer cut at any byte gives an error; only the whole one gives a body."""
    whole = json_reply(b'[{"id":1}]').content
    async with RawStore(lambda n: Reply(whole[:n], "close")) as crm, HttpStores([store_at(crm.url)]) as stores:
        for _ in range(1, len(whole)):
            with pytest.raises((StoreMisbehaved, StoreUnreachable)):
                await body_of(stores)
        assert await body_of(stores) == b'[{"id":1}]'
    assert len(crm.heads) == len(whole)


MALFORMED = {
    "garbage": b"\x00\x01\x02hello\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "two lengths": JSON_HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]]",
    "one length twice": JSON_HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]",
    "length and chunked": JSON_HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
    "open end": JSON_HEAD + b"\r\n[]",
    "HTTP/1.0, open end": b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n[]",
    "gzip": JSON_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]",
    "gzip, then identity": JSON_HEAD + b"Content-Encoding: gzip, identity\r\nContent-Length: 2\r\n\r\n[]",
    "gzip transfer": JSON_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
    "one giant header": JSON_HEAD + b"X-A: " + b"a" * 40_000 + b"\r\nContent-Length: 2\r\n\r\n[]",
    "endless header": JSON_HEAD + b"X-A: " + b"a" * 2_000_000,
    "10,000 headers": JSON_HEAD + b"X: y\r\n" * 10_000 + b"Content-Length: 2\r\n\r\n[]",
    "html": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n[]",
    "no type": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "folded header": JSON_HEAD + b"X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n[]",
    "space before colon": JSON_HEAD + b"Content-Length : 2\r\n\r\n[]",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_an_answer_with_a_doubtful_head_is_misbehaviour(name: str) -> None:
    """Not one byte of such a body is handed on."""
    async with RawStore(lambda _: Reply(MALFORMED[name], "close")) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreMisbehaved):
            await body_of(stores)
    assert len(crm.heads) == 1


async def test_an_answer_that_nobody_asked_for_is_given_to_nobody() -> None:
    """A second answer on the connection does not become the answer of the next call."""
    poison = json_reply(b'"poison"').content
    script = lambda n: Reply(json_reply(b"%d" % n).content + poison)  # noqa: E731
    async with RawStore(script) as crm, HttpStores([store_at(crm.url)]) as stores:
        assert [await body_of(stores) for _ in range(5)] == [b"1", b"2", b"3", b"4", b"5"]


async def test_cookies_of_the_store_are_not_kept() -> None:
    """What one answer sets is not in the next request."""
    reply = json_reply(more=b"Set-Cookie: a=b; Path=/\r\n")
    async with RawStore(lambda _: reply) as crm, HttpStores([store_at(crm.url)]) as stores:
        await body_of(stores)
        await body_of(stores)
    assert not any(b"cookie" in head.lower() for head in crm.heads)


async def test_errors_hold_neither_the_url_nor_the_stores_words() -> None:
    """A person's value in a filter does not get into a message or its context."""
    replies = [Reply(b"", "close"), Reply(b"oops alice@example.org\r\n\r\n", "close"), Reply(CUT["chunk cut"], "close")]
    async with RawStore(lambda n: replies[n - 1]) as crm, HttpStores([store_at(crm.url)]) as stores:
        for _ in replies:
            with pytest.raises((StoreMisbehaved, StoreUnreachable)) as caught:
                await body_of(stores, a_call(query=(("email", "alice@example.org"),)))
            assert caught.value.__context__ is None
            assert "alice" not in repr(caught.value) + str(caught.value)
