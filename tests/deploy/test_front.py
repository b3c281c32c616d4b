# SPDX-License-Identifier: Apache-2.0
"""The nginx that is shipped, as a proxy: what it passes on, what it does not, and what a reload does to calls."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.demo.people import Customer
from gateway.domain.entry import Release
from gateway.settings.loading import Settings
from tests.fakes.gated_store import GatedStore, contacts, in_pieces
from tests.fakes.wire import AnswerParser, Heard, until
from tests.servers.front import MODULE, NAME, PACKAGES, Front, Told, front_before
from tests.servers.nginx import free_port, needs, wait_until
from tests.story.conftest import ANALYST, World, fill, opened

pytestmark = needs(MODULE, PACKAGES)

BLOCK = 4096
FORGED = {"X-Forwarded-For": "198.51.100.7", "X-Real-IP": "198.51.100.7", "Forwarded": "for=198.51.100.7"}


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store that sends piece by piece."""
    async with GatedStore() as store:
        yield store


@asynccontextmanager
async def before_gated(
    settings: Settings, gated: GatedStore, crowd: list[Customer], tmp_path: Path
) -> AsyncIterator[tuple[World, Front]]:
    """Run a gateway before that store, and the front before it."""
    crm = settings.stores["crm"].model_copy(update={"base_url": f"http://127.0.0.1:{gated.port}/crm"})
    settings = settings.model_copy(update={"stores": {"crm": crm}})
    async with opened(settings, gated.port, crowd, tmp_path / "wire.log") as world:
        await fill(world.rooms, crowd)
        with front_before(world.port, tmp_path / "nginx") as front:
            yield world, front


class Reading:
    """One answer that is read while it comes."""

    def __init__(self, front: Front, content: bytes) -> None:
        """Send the request."""
        self._connection, self._parser = front.connected(), AnswerParser()
        self._connection.sendall(content)

    def until(self, is_enough: Callable[[Heard], bool]) -> Heard:
        """Read until there is enough, the answer is whole, or the other end closes."""
        heard = self._parser.heard
        while not heard.is_whole and not is_enough(heard):
            try:
                piece = self._connection.recv(1 << 16)
            except (ConnectionError, ssl.SSLEOFError):
                break
            if not piece:
                break
            self._parser.feed(piece)
        return heard

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


async def request_of(world: World, accept: str = "application/json") -> bytes:
    """Return an analyst's call for contacts."""
    return (
        f"GET /crm/contacts HTTP/1.1\r\nHost: {NAME}\r\nAuthorization: Bearer {await world.bearer('analyst')}\r\n"
        f"Data-Purpose: {ANALYST}\r\nAccept: {accept}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("accept", "end"),
    [
        ("application/json", b"}"),
        ("application/x-ndjson", b'"reason":"store-answer-invalid"}}\n'),
        ("text/csv", b",store-answer-invalid\r\n"),
    ],
)
async def test_an_answer_passes_as_it_comes_and_a_cut_one_arrives_cut(
    settings: Settings, gated: GatedStore, crowd: list[Customer], tmp_path: Path, accept: str, end: bytes
) -> None:
    """The first block is there while the store still has the rest; the last chunk of a cut answer is missing."""
    rows = contacts(2 * BLOCK + 100)
    gated.answers([*in_pieces(rows, BLOCK + 50)[:1], b',{"id":1,,', b"]"], is_open=False)
    async with before_gated(settings, gated, crowd, tmp_path) as (world, front):
        reading = await asyncio.to_thread(Reading, front, await request_of(world, accept))
        gated.let_through()
        first = await asyncio.to_thread(reading.until, lambda heard: len(heard.body) > 100_000)
        assert (first.status, first.is_whole) == (200, False)
        gated.let_through(2)
        heard = await asyncio.to_thread(reading.until, lambda _: False)
        await asyncio.to_thread(reading.close)
    assert not heard.is_whole
    assert heard.body.endswith(end)


async def test_a_reload_shows_the_new_certificate_and_fails_no_call(
    settings: Settings, gated: GatedStore, crowd: list[Customer], tmp_path: Path
) -> None:
    """An answer that is half out goes on to its end in the worker of before, while callers come and go."""
    pieces = in_pieces(contacts(2 * BLOCK), BLOCK + 50)
    gated.answers(pieces, is_open=False)
    async with before_gated(settings, gated, crowd, tmp_path) as (world, front):
        reading = await asyncio.to_thread(Reading, front, await request_of(world))
        gated.let_through()
        await asyncio.to_thread(reading.until, lambda heard: len(heard.body) > 100_000)
        shown = await asyncio.to_thread(certificate, front)
        stop = threading.Event()
        async with asyncio.TaskGroup() as group:
            callers = [group.create_task(asyncio.to_thread(called_until, front, stop)) for _ in range(3)]
            front.show(front.authority.issue(NAME))
            old = await asyncio.to_thread(front.nginx.reload)
            await asyncio.to_thread(wait_until, lambda: certificate(front) != shown)
            assert old & front.nginx.workers()
            stop.set()
        gated.let_through()
        heard = await asyncio.to_thread(reading.until, lambda _: False)
        await asyncio.to_thread(reading.close)
        await until(lambda: not old & front.nginx.workers())
    assert heard.is_whole
    assert all(caller.result() for caller in callers)
    assert {status for caller in callers for status in caller.result()} == {200}


def certificate(front: Front) -> bytes | None:
    """Return what the front shows to a new caller."""
    with front.connected() as connection:
        return connection.getpeercert(binary_form=True)


def called_until(front: Front, stop: threading.Event) -> list[int]:
    """Call again and again, each time on a connection of its own; return the answers."""
    statuses = []
    while not stop.is_set():
        statuses.append(front.ask("GET", "/-/livez", {}).status)
    return statuses


async def test_the_log_has_the_callers_own_address(world: World, front: Front) -> None:
    """Whatever a caller says of itself, to nginx or to the gateway behind it."""
    bearer = {"Authorization": "Bearer " + await world.bearer("analyst"), "Data-Purpose": ANALYST}
    through = await asyncio.to_thread(front.ask, "GET", "/crm/customers?limit=5", bearer | FORGED, source="127.0.0.2")
    past = await asyncio.to_thread(straight, world.port, bearer | FORGED, "127.0.0.3")

    assert (through.status, past[:12]) == (200, b"HTTP/1.1 200")
    addresses = [part.ip for entry, part in world.entries() if isinstance(entry, Release) and part]
    assert addresses == ["127.0.0.2", "127.0.0.3"]


def straight(port: int, headers: dict[str, str], source: str) -> bytes:
    """Ask the gateway past nginx, from an address that is no proxy of it."""
    lines = [f"{name}: {value}" for name, value in {**headers, "Host": NAME, "Connection": "close"}.items()]
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0)) as connection:
        connection.sendall(("GET /crm/customers?limit=5 HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


async def test_sign_ins_are_bounded_by_address(front: Front) -> None:
    """Beyond the burst 429 before a hash is computed, whatever the path's spelling; other addresses and calls go on."""

    def tries(source: str, n: int) -> list[Told]:
        content = {"Content-Type": "application/json"}
        with front.caller(source) as caller:
            return [caller.ask("POST", "/-/login", content, b'{"username":"a","password":"b"}') for _ in range(n)]

    told = await asyncio.to_thread(tries, "127.0.0.2", 30)
    assert {one.status for one in told[:21]} == {200}
    assert told[-1].status == 429
    assert (told[-1].json["status"], told[-1].headers["retry-after"]) == (429, "10")
    spelt = await asyncio.to_thread(front.ask, "POST", "/-/%6Cogin", {}, b"", source="127.0.0.2")
    assert spelt.status == 429
    assert [one.status for one in await asyncio.to_thread(tries, "127.0.0.4", 1)] == [200]
    assert (await asyncio.to_thread(front.ask, "GET", "/-/livez", {}, source="127.0.0.2")).status == 200
    assert "REJECTED" in {call["limited"] for call in front.calls()}


async def test_heads_and_bodies_are_bounded_as_the_gateways_own(world: World, front: Front) -> None:
    """What the gateway would read gets there, and is refused there; what no route takes ends at nginx."""
    bearer = {"Authorization": "Bearer " + await world.bearer("analyst"), "Data-Purpose": ANALYST}
    json = {"Content-Type": "application/json"}
    long_head = await asyncio.to_thread(front.ask, "GET", "/crm/customers?limit=5", bearer | {"X-Long": "a" * 13_000})
    long_body = await asyncio.to_thread(
        front.ask, "POST", "/crm/customers/search", bearer | json, b" " * 100_000 + b"{}"
    )
    with front.connected() as connection:
        connection.sendall(head_of(f"Content-Length: {(8 << 20) + 1}"))
        past_all = await asyncio.to_thread(connection.recv, 1 << 16)

    assert long_head.status == 200
    assert (long_body.status, long_body.json["type"]) == (413, "/-/problems/body-too-large")
    assert past_all.startswith(b"HTTP/1.1 413 ")


def head_of(*lines: str) -> bytes:
    """Return the head of a search."""
    return "\r\n".join(["POST /crm/customers/search HTTP/1.1", f"Host: {NAME}", *lines, "", ""]).encode()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Front]:
    """The front before a gateway that is not there."""
    with front_before(free_port(), tmp_path / "nginx") as front:
        yield front


async def test_a_refusal_of_nginx_tells_nothing(alone: Front) -> None:
    """In the form of the gateway's own, without a version, an address or what failed."""
    down = await asyncio.to_thread(alone.ask, "GET", "/crm/customers", {})
    figures = await asyncio.to_thread(alone.ask, "GET", "/-/metrics", {})
    hidden = await asyncio.to_thread(alone.ask, "GET", "/-/nginx/403", {})

    assert [down.status, figures.status, hidden.status] == [503, 404, 404]
    for told in (down, figures, hidden):
        assert told.headers["content-type"] == "application/problem+json"
        assert told.headers["server"] == "nginx"
        assert told.json["status"] == told.status
        assert set(told.json) == {"type", "title", "status", "reason"}


async def test_only_tls_1_3_to_the_right_name_is_spoken(alone: Front) -> None:
    """An older version and another name end in the handshake; without TLS a caller is refused, not sent on."""

    def shaken(tls: ssl.SSLContext, name: str) -> str | None:
        plain = socket.create_connection(("127.0.0.1", alone.port), timeout=20)
        with plain, tls.wrap_socket(plain, server_hostname=name) as secured:
            return secured.version()

    older = ssl.create_default_context(cadata=alone.authority.pem.decode())
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    assert await asyncio.to_thread(shaken, alone.tls, NAME) == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol version"):
        await asyncio.to_thread(shaken, older, NAME)
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized name"):
        await asyncio.to_thread(shaken, alone.tls, "other.example.com")
    clear = await asyncio.to_thread(straight, alone.clear_port, {}, "127.0.0.1")
    assert clear.startswith(b"HTTP/1.1 403 ")
