# SPDX-License-Identifier: Apache-2.0
"""Attack: an identified caller writes HTTP by hand, against the whole gateway over a connection."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from gateway.domain.entry import Refused, Release
from gateway.doors.http.wire import WireProtocol
from tests.attack.test_path_tricks import SINGLE, TRICKS
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.serving import exchange
from tests.fakes.wire import Heard, called, request
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store that counts who gets through to it."""
    async with GatedStore() as store:
        store.answers(in_pieces(contacts(3)))
        yield store


@pytest.fixture
def store_port(gated: GatedStore) -> int:
    """Its port."""
    return gated.port


async def stated(world: World, **more: str) -> dict[str, str]:
    """Return the headers of an analyst, and others with underscores in their names."""
    identity = {"Authorization": "Bearer " + await world.bearer("analyst"), "Data-Purpose": ANALYST}
    return identity | {name.replace("_", "-"): value for name, value in more.items()}


async def by_hand(world: World, first: bytes, *lines: bytes, body: bytes = b"", end: bytes = b"\r\n") -> bytes:
    """Send a request line and header lines as they are, with an analyst's identity; return all that comes."""
    identity = [f"{name}: {value}".encode() for name, value in (await stated(world)).items()]
    head = [first, b"Host: gateway.example", b"Connection: close", *identity, *lines]
    return await exchange(world.port, end.join(head) + end + end + body)


GET = b"GET /crm/contacts HTTP/1.1"
SECOND = b"GET /crm/contacts HTTP/1.1\r\nHost: a\r\n\r\n"
REFUSED_LINES: dict[str, tuple[bytes, tuple[bytes, ...], bytes]] = {
    "length and coding": (
        b"POST /crm/contacts HTTP/1.1",
        (b"Content-Length: 4", b"Transfer-Encoding: chunked"),
        b"0\r\n\r\n" + SECOND,
    ),
    "coding and length": (
        b"POST /crm/contacts HTTP/1.1",
        (b"Transfer-Encoding: chunked", b"Content-Length: 4"),
        b"0\r\n\r\n" + SECOND,
    ),
    "two lengths": (
        b"POST /crm/contacts HTTP/1.1",
        (b"Content-Length: 0", b"Content-Length: 40"),
        SECOND,
    ),
    "two hosts": (GET, (b"Host: evil.example",), b""),
    "no host name": (b"GET /crm/contacts HTTP/1.1", (b"Host: a/b?c",), b""),
    "body with GET": (GET, (b"Content-Length: 2",), b"{}"),
    "chunked GET": (GET, (b"Transfer-Encoding: chunked",), b"0\r\n\r\n"),
    "absolute form": (b"GET http://gateway.example/crm/contacts HTTP/1.1", (), b""),
    "absolute form of another": (b"GET http://127.0.0.1:1/crm/contacts HTTP/1.1", (), b""),
    "fragment": (b"GET /crm/contacts#x HTTP/1.1", (), b""),
    "HTTP/1.0": (b"GET /crm/contacts HTTP/1.0", (), b""),
    "HTTP/0.9": (b"GET /crm/contacts", (), b""),
    "HTTP/2.0": (b"GET /crm/contacts HTTP/2.0", (), b""),
    "lower-case method": (b"get /crm/contacts HTTP/1.1", (), b""),
    "folded header": (GET, (b"X-A: b", b" c"), b""),
    "space before colon": (GET, (b"X-A : b",), b""),
    "no name": (GET, (b": b",), b""),
    "NUL": (GET, (b"X-A: b\x00c",), b""),
    "two purposes": (GET, (b"Data-Purpose: marketing",), b""),
    "two identities": (GET, (b"Authorization: Bearer x",), b""),
    "giant header": (GET, (b"X-A: " + b"a" * 20_000,), b""),
    "many headers": (GET, tuple(b"X-%d: y" % place for place in range(200)), b""),
    "range": (GET, (b"Range: bytes=0-5",), b""),
    "condition": (GET, (b'If-None-Match: "x"',), b""),
    "condition of time": (GET, (b"If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT",), b""),
    "override": (GET, (b"X-HTTP-Method-Override: DELETE",), b""),
    "another override": (GET, (b"X-Method-Override: GET",), b""),
    "another path": (GET, (b"X-Original-URL: /-/livez",), b""),
    "upgrade": (GET, (b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"), b""),
    "websocket": (GET, (b"Upgrade: websocket", b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Version: 13"), b""),
    "expectation": (GET, (b"Expect: 200-ok",), b""),
    "trailers": (GET, (b"Trailer: X",), b""),
    "only XML": (GET, (b"Accept: text/xml",), b""),
    "plus in query": (b"GET /crm/contacts?channel=a+b HTTP/1.1", (), b""),
    "semicolon in query": (b"GET /crm/contacts?channel=a;limit=1 HTTP/1.1", (), b""),
}


@pytest.mark.parametrize("name", REFUSED_LINES)
async def test_a_call_that_can_be_read_in_two_ways_is_refused(world: World, gated: GatedStore, name: str) -> None:
    """Nothing reaches the store, a second call in the body of the first is no call, and no row leaves."""
    first, lines, body = REFUSED_LINES[name]
    came = await by_hand(world, first, *lines, body=body)

    assert gated.n_calls == 0
    assert b"HTTP/1.1 200" not in came
    assert came == b"(reset)" or came.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")), came[:80]
    assert not any(isinstance(entry, Release) for entry, _ in world.entries())


async def test_line_feeds_alone_are_no_line_ends(world: World, gated: GatedStore) -> None:
    """Another server on the way could see another request."""
    came = await by_hand(world, GET, end=b"\n")
    assert came.startswith(b"HTTP/1.1 400")
    assert gated.n_calls == 0


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "PURGE"])
async def test_a_method_that_no_route_declares_is_refused(world: World, gated: GatedStore, method: str) -> None:
    """405 with the methods there are; TRACE echoes nothing, OPTIONS opens nothing, HEAD has no body."""
    headers = await stated(world, Origin="https://evil.example", X_Echo="echo-of-a-header")
    heard = await called(world.port, request("/crm/contacts", headers, method=method))

    assert heard.status == 405
    assert heard.headers["allow"] == "GET"
    assert b"echo-of-a-header" not in heard.body
    assert not any(name.startswith("access-control-") for name in heard.headers)
    assert gated.n_calls == 0
    [(entry, _)] = world.entries_of(heard.headers["decision-id"])
    assert isinstance(entry, Refused)
    assert entry.bytes == len(heard.body)


async def test_a_tunnel_is_not_opened(world: World, gated: GatedStore) -> None:
    """CONNECT is answered by a refusal without a body, or by the end of the connection."""
    came = await by_hand(world, b"CONNECT 127.0.0.1:%d HTTP/1.1" % gated.port)
    assert came.startswith(b"HTTP/1.1 4")
    assert gated.n_calls == 0


async def test_a_made_up_origin_is_not_in_the_log(world: World) -> None:
    """The address is the peer's while no proxy is configured, whatever any header says."""
    spoofed = dict.fromkeys(["X_Forwarded_For", "X_Real_IP", "True_Client_IP", "CF_Connecting_IP"], "203.0.113.9")
    headers = await stated(world, Forwarded="for=203.0.113.9", **spoofed)
    permitted = await called(world.port, request("/crm/contacts", headers))
    refused = await called(world.port, request("/nowhere", headers))

    assert [permitted.status, refused.status] == [200, 404]
    for heard in (permitted, refused):
        [(_, part)] = world.entries_of(heard.headers["decision-id"])
        assert part is not None
        assert part.ip == "127.0.0.1"


@pytest.mark.parametrize("named", ["authorization", "data-purpose", "host", "authorization, data-purpose, x"])
async def test_connection_takes_no_header_away(world: World, named: str) -> None:
    """A proxy may drop what Connection names; the gateway reads it all the same."""
    heard = await called(world.port, request("/crm/contacts", await stated(world, Connection=named)))
    assert heard.status == 200


async def test_nothing_of_the_caller_reaches_the_store(world: World) -> None:
    """Method, path, query and headers are rebuilt; the caller's own are in none of them."""
    seen: list[bytes] = []

    async def store(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")
        await writer.drain()
        writer.close()

    gated_port = int(world.rooms.settings.stores["crm"].base_url.split(":")[2].split("/")[0])
    assert gated_port == world.store_port
    server = await asyncio.start_server(store, "127.0.0.1", 0)
    async with server:
        heard = await through(world, server.sockets[0].getsockname()[1])
    assert heard.status == 200
    [head] = seen
    first, *lines = head.decode().rstrip().split("\r\n")
    names = {line.split(":")[0].lower() for line in lines}
    assert first == "GET /crm/contacts?channel=e%20mail&limit=27 HTTP/1.1"
    assert names == {"accept", "accept-encoding", "user-agent", "host", "traceparent"}
    assert heard.headers["decision-id"] in head.decode()
    for mark in ("evil", "cookie", "Bearer", ANALYST, "eyJ"):
        assert mark not in head.decode()


async def through(world: World, port: int) -> Heard:
    """Ask by way of another door of the same installation, whose store is elsewhere."""
    from gateway.app.doors import http_door
    from gateway.app.roads import open_stores
    from tests.fakes.serving import served

    stores = {
        name: one.model_copy(update={"base_url": f"http://127.0.0.1:{port}/{name}"})
        for name, one in world.rooms.settings.stores.items()
    }
    async with (
        open_stores(world.rooms.settings.model_copy(update={"stores": stores})) as elsewhere,
        served(http_door(world.rooms, elsewhere), WireProtocol) as door,
    ):
        headers = await stated(world, Cookie="evil=1", User_Agent="evil", X_Evil="evil", Referer="http://evil/")
        return await called(door, request("/crm/contacts?limit=27&channel=e%20mail", headers))


async def test_no_trick_of_a_path_reaches_a_store(world: World, gated: GatedStore) -> None:
    """A sample of 500 of dots, slashes, escapes and borders, each with a good identity."""
    sample = [*SINGLE, *random.Random(2).sample(TRICKS, 500 - len(SINGLE))]
    few, headers = asyncio.Semaphore(8), await stated(world)

    async def one(trick: str) -> bytes:
        async with few:
            return await exchange(world.port, request(trick, {**headers, "Connection": "close"}))

    came = await asyncio.gather(*map(one, sample))
    assert gated.n_calls == 0
    assert [trick for trick, answer in zip(sample, came, strict=True) if not answer.startswith(b"HTTP/1.1 4")] == []


async def test_a_head_that_comes_too_slowly_is_not_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection is given up when its head is not whole in time, and others are answered meanwhile."""
    monkeypatch.setattr(WireProtocol, "head_s", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(b"GET /crm/contacts HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    other = await called(world.port, request("/crm/contacts", await stated(world)))
    async with asyncio.timeout(5):
        came = await reader.read()
    writer.close()

    assert other.status == 200
    assert came.startswith(b"HTTP/1.1 400")
