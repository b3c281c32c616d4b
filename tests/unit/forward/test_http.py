# SPDX-License-Identifier: Apache-2.0
"""Store calls over real sockets: what arrives, what is accepted, and what is never done twice."""

import asyncio
import contextlib

import pytest

from gateway.domain.errors import Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.domain.names import StoreName
from gateway.forward.http import HttpStores, StoreCall, path_below
from gateway.forward.roads import Secret, Store
from tests.fakes.raw_store import JSON_HEAD, RawStore, Reply, json_reply

CRM = StoreName("crm")


def store_at(url: str, **more: object) -> Store:
    return Store(**({"name": CRM, "base_url": url, "connect_s": 2.0, "read_s": 0.5} | more))  # type: ignore[arg-type]


def a_call(path: str = "/customers", **more: object) -> StoreCall:
    return StoreCall(**({"store": CRM, "method": "GET", "path": path} | more))  # type: ignore[arg-type]


async def body_of(stores: HttpStores, call: StoreCall | None = None) -> bytes:
    async with stores.call(call or a_call()) as answer:
        return b"".join([chunk async for chunk in answer.chunks()])


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
        await body_of(stores, a_call(headers=(("traceparent", "00-1-2-01"),)))
    assert len(crm.heads) == 1
    assert b"traceparent: 00-1-2-01\r\n" in crm.heads[0].lower()


async def test_a_body_is_sent_as_json() -> None:
    """A write carries exactly its bytes."""
    async with RawStore(lambda _: json_reply()) as crm, HttpStores([store_at(crm.url)]) as stores:
        await body_of(stores, a_call(method="POST", body=b'{"a":1}'))
    assert crm.bodies == [b'{"a":1}']
    assert b"content-type: application/json\r\n" in crm.heads[0].lower()


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


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status: int) -> None:
    """Neither the named place nor the store itself is asked again."""
    async with RawStore(lambda _: json_reply()) as elsewhere:
        reply = Reply(b"HTTP/1.1 %d X\r\nLocation: %b/\r\nContent-Length: 0\r\n\r\n" % (status, elsewhere.url.encode()))
        async with RawStore(lambda _: reply) as crm, HttpStores([store_at(crm.url)]) as stores:
            with pytest.raises(StoreMisbehaved):
                await body_of(stores)
    assert (len(crm.heads), elsewhere.n_connections) == (1, 0)


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


async def test_interim_answers_do_not_keep_a_call_waiting() -> None:
    """A flood of 1xx without an end runs into the time limit."""
    flood = Reply(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2_000, "hang")
    async with RawStore(lambda _: flood) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert caught.value.timed_out


@pytest.mark.parametrize("content", [b"", JSON_HEAD, JSON_HEAD + b"Content-Length: 9\r\n\r\n[1"])
async def test_a_silent_store_times_out(content: bytes) -> None:
    """Silence before the head, inside it, and inside the body."""
    async with RawStore(lambda _: Reply(content, "hang")) as crm, HttpStores([store_at(crm.url)]) as stores:
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert caught.value.timed_out


async def test_a_dripping_store_times_out_as_a_whole() -> None:
    """Pieces that come in time do not help a call past its total time."""
    async with (
        RawStore(lambda _: Reply(JSON_HEAD + b"Content-Length: 9\r\n\r\n[1", "hang")) as crm,
        HttpStores([store_at(crm.url, read_s=30.0, total_s=0.3)]) as stores,
    ):
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert caught.value.timed_out


async def test_a_store_that_is_not_there_is_unreachable() -> None:
    """A refused connection is not a time-out."""
    async with RawStore(lambda _: json_reply()) as crm:
        url = crm.url
    async with HttpStores([store_at(url)]) as stores:
        with pytest.raises(StoreUnreachable) as caught:
            await body_of(stores)
    assert not caught.value.timed_out


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_a_dropped_connection_is_never_answered_by_sending_again(then: str, method: str) -> None:
    """A kept-alive connection that drops without an answer costs the call, and the store sees it once."""
    script = {1: json_reply(), 2: Reply(b"", then), 3: json_reply()}
    async with RawStore(script.__getitem__) as crm, HttpStores([store_at(crm.url)]) as stores:
        await body_of(stores)
        with pytest.raises(StoreUnreachable):
            await body_of(stores, a_call(method=method))
        assert len(crm.heads) == 2
        await body_of(stores)
    assert [head.split(b" ", 1)[0].decode() for head in crm.heads] == ["GET", method, "GET"]


async def test_many_calls_over_dropping_connections_are_each_seen_at_most_once() -> None:
    """Whatever the moment at which connections drop, no request arrives twice."""
    script = lambda n: json_reply(then=("keep", "close", "reset")[n % 3])  # noqa: E731
    async with RawStore(script) as crm, HttpStores([store_at(crm.url)]) as stores:

        async def one(number: int) -> None:
            with contextlib.suppress(StoreUnreachable, StoreMisbehaved):
                await body_of(stores, a_call(f"/customers/{number}"))

        for start in range(0, 200, 20):
            await asyncio.gather(*(one(number) for number in range(start, start + 20)))
    paths = [head.split(b" ", 2)[1] for head in crm.heads]
    assert len(paths) == len(set(paths))


async def test_an_answer_that_nobody_asked_for_is_given_to_nobody() -> None:
    """A second answer on the connection does not become the answer of the next call."""
    poison = json_reply(b'"poison"').content
    script = lambda n: Reply(json_reply(b"%d" % n).content + poison)  # noqa: E731
    async with RawStore(script) as crm, HttpStores([store_at(crm.url)]) as stores:
        assert [await body_of(stores) for _ in range(5)] == [b"1", b"2", b"3", b"4", b"5"]


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxy variables in any spelling change nothing."""
    async with RawStore(lambda _: json_reply()) as crm, RawStore(lambda _: json_reply()) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with HttpStores([store_at(crm.url)]) as stores:
            await body_of(stores)
    assert (crm.n_connections, proxy.n_connections) == (1, 0)


async def test_cookies_of_the_store_are_not_kept() -> None:
    """What one answer sets is not in the next request."""
    reply = json_reply(more=b"Set-Cookie: a=b; Path=/\r\n")
    async with RawStore(lambda _: reply) as crm, HttpStores([store_at(crm.url)]) as stores:
        await body_of(stores)
        await body_of(stores)
    assert not any(b"cookie" in head.lower() for head in crm.heads)


async def test_too_many_calls_at_once_are_refused_here() -> None:
    """A full store makes the gateway busy; it does not queue without end."""
    script = {1: Reply(JSON_HEAD + b"Content-Length: 9\r\n\r\n[1", "hang"), 2: json_reply()}
    async with (
        RawStore(script.__getitem__) as crm,
        HttpStores([store_at(crm.url, connections=1, connect_s=0.1, read_s=5.0)]) as stores,
    ):
        async with stores.call(a_call()):
            with pytest.raises(Overloaded):
                await body_of(stores)
        assert await body_of(stores) == b"[]"


async def test_a_cancelled_call_gives_its_place_back() -> None:
    """Leaving in the middle of a body frees the connection."""
    script = {1: Reply(JSON_HEAD + b"Content-Length: 9\r\n\r\n[1", "hang"), 2: json_reply()}
    async with (
        RawStore(script.__getitem__) as crm,
        HttpStores([store_at(crm.url, connections=1, read_s=30.0)]) as stores,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await body_of(stores)
        assert await body_of(stores) == b"[]"


async def test_a_name_is_resolved_by_us_alone_and_pinned() -> None:
    """Many calls ask the resolver once, and the Host header still holds the name."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1",)

    async with (
        RawStore(lambda _: json_reply()) as crm,
        HttpStores([store_at(f"http://crm.test:{crm.port}")], resolve=resolve) as stores,
    ):
        for _ in range(3):
            await body_of(stores)
    assert asked == ["crm.test"]
    assert b"\r\nhost: crm.test:%d\r\n" % crm.port in crm.heads[0].lower()


async def test_after_a_failure_the_next_call_resolves_again_and_takes_the_next_address() -> None:
    """The failed call itself is not tried again."""
    rounds: list[str] = []

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        rounds.append(host)
        return ("127.0.0.2", "127.0.0.1")

    async with (
        RawStore(lambda _: json_reply()) as crm,
        HttpStores([store_at(f"http://crm.test:{crm.port}")], resolve=resolve) as stores,
    ):
        with pytest.raises(StoreUnreachable):
            await body_of(stores)
        assert crm.n_connections == 0
        assert await body_of(stores) == b"[]"
    assert len(rounds) == 2


async def test_a_name_that_moves_to_a_metadata_address_is_not_called() -> None:
    """DNS rebinding between two calls ends in a refusal before any connection."""
    answers = iter([("127.0.0.2",), ("169.254.169.254",)])

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        return next(answers)

    async with HttpStores([store_at("http://crm.test:9")], resolve=resolve) as stores:
        with pytest.raises(StoreUnreachable, match="without an answer"):
            await body_of(stores)
        with pytest.raises(StoreUnreachable, match="metadata"):
            await body_of(stores)


async def test_errors_hold_neither_the_url_nor_the_stores_words() -> None:
    """A person's value in a filter does not get into a message or its context."""
    replies = [Reply(b"", "close"), Reply(b"oops alice@example.org\r\n\r\n", "close"), Reply(CUT["chunk cut"], "close")]
    async with RawStore(lambda n: replies[n - 1]) as crm, HttpStores([store_at(crm.url)]) as stores:
        for _ in replies:
            with pytest.raises((StoreMisbehaved, StoreUnreachable)) as caught:
                await body_of(stores, a_call(query=(("email", "alice@example.org"),)))
            assert caught.value.__context__ is None
            assert "alice" not in repr(caught.value) + str(caught.value)
