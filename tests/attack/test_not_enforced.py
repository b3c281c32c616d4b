# SPDX-License-Identifier: Apache-2.0
"""A store that is not enforced is no way round one that is, gets no bearer of ours, and tells callers no second answer."""

import asyncio
import base64
import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from time import process_time

import pytest

from gateway.demo.people import Customer
from gateway.domain.entry import End, Observed, Passed, Refused
from gateway.doors.http.passing import MOST_BODY_BYTES
from gateway.settings.loading import Settings
from gateway.settings.sections import StoreSettings
from tests.fakes.raw_store import RawStore, Reply
from tests.fakes.serving import RESET, exchange, request
from tests.story.conftest import World, fill, opened

OK = Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class Pair:
    """A world with one store that is enforced, ``crm``, and one that is not, ``raw``; both are scripts on sockets."""

    def __init__(self, world: World, crm: RawStore, raw: RawStore) -> None:
        self.world, self.crm, self.raw = world, crm, raw
        self.replies: dict[bytes, Reply] = {}

    def reply(self) -> Reply:
        """Return what the newest call of the store is answered with, by its path."""
        target = self.raw.heads[-1].split(b" ", 2)[1]
        return self.replies.get(target.partition(b"?")[0], OK)

    async def entries_of(self, decision: str) -> list[object]:
        """Return the entries of a call, once it has ended."""
        for _ in range(400):
            found = [entry for entry, _ in self.world.entries_of(decision)]
            last = found[-1] if found else None
            if isinstance(last, End | Refused) or (isinstance(last, Passed) and last.last):
                return list(found)
            await asyncio.sleep(0.01)
        raise AssertionError("a call has no ending in the log")


@pytest.fixture
def place(tmp_path: Path, sqlite_template: Path) -> str:
    """Which database is behind it makes no difference here."""
    import shutil

    return str(shutil.copytree(sqlite_template, tmp_path / "state"))


@pytest.fixture
async def pair(settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path) -> AsyncIterator[Pair]:
    """That world."""
    pair: Pair
    async with RawStore(lambda _: OK) as crm, RawStore(lambda _: pair.reply()) as raw:
        stores = {
            "crm": StoreSettings(base_url=f"http://127.0.0.1:{crm.port}", read_s=5),
            "raw": StoreSettings(base_url=f"http://127.0.0.1:{raw.port}", read_s=5, enforced=False),
        }
        async with opened(
            settings.model_copy(update={"stores": stores}), store_port, crowd, tmp_path / "wire"
        ) as world:
            await fill(world.rooms, crowd)
            pair = Pair(world, crm, raw)
            yield pair


TRICKS = (
    b"/crm/customers",
    b"/raw/../crm/customers",
    b"/raw/%2e%2e/crm/customers",
    b"/raw/..%2fcrm/customers",
    b"/raw%2f..%2fcrm/customers",
    b"//crm/customers",
    b"/raw//crm/customers",
    b"/%72aw/customers",
    b"/Raw/customers",
    b"/raw;/customers",
    b"/raw%00/customers",
    b"http://raw/raw/customers",
    b"/raw\\customers",
    b"/crm/customers?/raw",
    b"/crm/raw",
    b"/raw%20/x",
)
ROUTES_BY_HEADER = (
    b"X-Original-URL: /raw/x", b"X-Rewrite-URL: /raw/x", b"Host: raw", b"X-HTTP-Method-Override: GET",
    b"Gateway-Enforced: no",
)  # fmt: skip


async def test_no_call_to_an_enforced_store_takes_this_road(pair: Pair) -> None:
    """However the path is spelled and whatever a header says: the data door refuses it, and no store is asked."""
    for trick in TRICKS:
        answer = await exchange(pair.world.port, request(trick))
        assert b"HTTP/1.1 4" in answer[:12], trick
        assert b"gateway-enforced" not in answer.lower(), trick
    for header in ROUTES_BY_HEADER[:2] + ROUTES_BY_HEADER[3:]:
        answer = await exchange(pair.world.port, request(b"/crm/customers", header))
        assert b"HTTP/1.1 4" in answer[:12], header
    assert (pair.crm.heads, pair.raw.heads) == ([], [])
    assert not any(isinstance(entry, Observed) for entry, _ in pair.world.entries())


async def test_a_bearer_of_ours_reaches_the_store_in_no_place(pair: Pair) -> None:
    """Good, ended, forged, a refresh bearer; in a header, as a password, in the query, in a cookie, in the body."""
    good = (await pair.world.bearer("analyst")).encode()
    head, payload, signature = good.split(b".")
    forged = b".".join((head, payload, signature[::-1]))
    refresh = b"gwr_" + b"A" * 43
    secret = b"gws_" + b"B" * 43
    basic = base64.b64encode(b"user:" + good)
    app = base64.b64encode(b"client-app:" + secret)
    calls = (
        request(b"/raw/x", b"Authorization: Bearer " + good),
        request(b"/raw/x", b"Authorization: bearer " + forged),
        request(b"/raw/x", b"Authorization: Bearer " + refresh),
        request(b"/raw/x", b"Authorization: Basic " + basic),
        request(b"/raw/x", b"Authorization: Basic " + app),
        request(b"/raw/x", b"X-Api-Key: " + secret),
        request(b"/raw/x?access_token=" + good),
        request(b"/raw/x?t=" + good.replace(b".", b"%2E")),
        request(b"/raw/" + good.replace(b".", b"/")[:40] + b"/x", b"Cookie: session=" + good),
        request(b"/raw/x", b"X-Api-Key: " + forged),
        request(b"/raw/x", b"Proxy-Authorization: Bearer " + good),
        request(b"/raw/x", b"Content-Length: %d" % len(good), method=b"POST", body=good),
        request(b"/raw/x", b"Content-Length: %d" % len(refresh), method=b"POST", body=refresh),
        request(b"/raw/x", b"Authorization: Bearer " + good, b"Authorization: Bearer other"),
    )
    for call in calls:
        await exchange(pair.world.port, call)
    seen = b"".join([*pair.raw.heads, *pair.raw.bodies])
    assert [part for part in (good, forged, refresh, secret, basic, app, payload) if part in seen] == []
    assert len(pair.raw.heads) == 5
    assert b"authorization" not in seen.lower()
    own = b"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ0aGUtc3RvcmUifQ.c2lnbmF0dXJlLW9mLXRoZS1zdG9yZQ"
    await exchange(pair.world.port, request(b"/raw/x", own))
    assert own.lower() in pair.raw.heads[-1].lower()


async def test_a_body_of_almost_bearers_holds_nobody_up(pair: Pair) -> None:
    """Eight mebibytes of beginnings of a bearer cost the one process that serves everybody less than a second or two."""
    for part in (b"eyJ", b"eyJ" * 300 + b"." + b"eyJ" * 2700, b"a.eyJpc3MiOiJ4Iix9."):
        body = (part * (MOST_BODY_BYTES // len(part)))[:MOST_BODY_BYTES]
        before_s = process_time()
        call = request(b"/raw/x", b"Content-Length: %d" % len(body), method=b"POST", body=body)
        assert (await exchange(pair.world.port, call, timeout_s=60)).startswith(b"HTTP/1.1 200"), part[:20]
        assert process_time() - before_s < 4


ABOUT_ALL = (
    b'Alt-Svc: h2=":444"', b'NEL: {"report_to":"x","max_age":9}', b'Report-To: {"group":"x"}', b'Clear-Site-Data: "*"',
    b"Service-Worker-Allowed: /", b"Strict-Transport-Security: max-age=9", b'Reporting-Endpoints: x="https://x"',
)  # fmt: skip


async def test_no_header_of_the_store_speaks_for_the_whole_address(pair: Pair) -> None:
    """A browser would take it for calls to other stores as well: where they go, and who is told of them."""
    told = b"\r\n".join(ABOUT_ALL)
    pair.replies = {b"/about": Reply(b"HTTP/1.1 200 OK\r\n" + told + b"\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nok")}
    head = (await exchange(pair.world.port, request(b"/raw/about"))).lower()
    assert b"\r\nx-own: 1\r\n" in head
    assert [line for line in ABOUT_ALL if line.partition(b":")[0].lower() in head] == []


SMUGGLED: Mapping[bytes, tuple[bytes, bytes]] = {
    b"/early": (
        b"HTTP/1.1 103 Early Hints\r\nX-Second: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"200",
    ),
    b"/switch": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"502",
    ),
    b"/both": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"502",
    ),
    b"/twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!", b"502"),
    b"/coded": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", b"502"),
    b"/open": (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"502"),
    b"/behind": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nX-Second: 1\r\nContent-Length: 2\r\n\r\nno",
        b"200",
    ),
    b"/trailed": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Second\r\n\r\n2\r\nok\r\n0\r\nX-Second: 1\r\n\r\n",
        b"200",
    ),
    b"/hops": (
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Second\r\nX-Second: 1\r\nKeep-Alive: 9\r\nUpgrade: h2c\r\n"
            b"Proxy-Authenticate: Basic\r\nTE: x\r\nGateway-Enforced: yes\r\nDecision-Id: 0\r\n\r\nok"
        ),
        b"200",
    ),
    b"/nobody": (b"HTTP/1.1 204 No Content\r\nContent-Length: 20\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"204"),
    b"/odd": (b"HTTP/1.1 200 OK\r\nX-Odd: a\rX-Second: 1\r\nContent-Length: 2\r\n\r\nok", b"502"),
    b"/nothttp": (b"HTTP/0.9 hello\r\n\r\n", b"502"),
    b"/status": (b"HTTP/1.1 700 What\r\nContent-Length: 2\r\n\r\nok", b"502"),
}


async def test_no_answer_of_the_store_smuggles_another(pair: Pair) -> None:
    """Information, a switch of protocols, two framings, trailers, hop-by-hop headers, bytes behind the end."""
    pair.replies = {path: Reply(content, "close") for path, (content, _) in SMUGGLED.items()}
    for path, (_, status) in SMUGGLED.items():
        answer = await exchange(pair.world.port, request(b"/raw" + path))
        assert answer.startswith(b"HTTP/1.1 " + status), (path, answer)
        assert answer.count(b"HTTP/1.1") == 1, path
        head = answer.lower().split(b"\r\n\r\n")[0]
        names = [line.split(b":")[0] for line in head.split(b"\r\n")[1:]]
        assert not {b"x-second", b"upgrade", b"trailer", b"te", b"keep-alive", b"proxy-authenticate"} & set(names), path
        assert head.count(b"gateway-enforced: no") == 1, path
        assert names.count(b"decision-id") == 1, path
        assert b"x-second" not in answer.lower(), path
    assert pair.world.verdict().is_right


async def test_no_answer_to_head_has_a_length_that_is_none(pair: Pair) -> None:
    """It has no body by which the lie would be noticed, and whoever reads it next may believe it."""
    for length in (b"0x2", b"+2", b"2, 2", b"-1", b"2\r\nContent-Length: 3", b"\xb2"):
        pair.replies = {b"/x": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n", "close")}
        answer = await exchange(pair.world.port, request(b"/raw/x", method=b"HEAD"))
        assert answer.startswith(b"HTTP/1.1 502"), (length, answer)


FRAMINGS = (
    (b"Content-Length: 3", b"Transfer-Encoding: chunked"),
    (b"Content-Length: 3", b"Content-Length: 4"),
    (b"Transfer-Encoding: gzip, chunked",),
    (b"Content_Length: 3",),
    (b"Connection: close, X-Real-User", b"X-Real-User: root"),
    (b"Connection: upgrade", b"Upgrade: h2c"),
    (b"HTTP2-Settings: AAA",),
    (b"X-HTTP-Method-Override: DELETE",),
    (b"Trailer: X-Late",),
    (b"TE: gzip",),
    (b"X_HTTP_Method_Override: DELETE",),
    (b"X-Odd: \xff\xfe",),
)


async def test_what_can_be_read_in_two_ways_is_not_passed_on(pair: Pair) -> None:
    """The door's rules of framing hold on this road as well."""
    for headers in FRAMINGS:
        answer = await exchange(pair.world.port, request(b"/raw/x", *headers, method=b"POST", body=b"0\r\n\r\n"))
        assert answer.startswith(b"HTTP/1.1 4"), (headers, answer)
    for target in (b'/raw/x?a="b', b"/raw/x?<b>", b"/raw/x?" + b"a" * 9000):
        assert (await exchange(pair.world.port, request(target))).startswith(b"HTTP/1.1 4"), target
    assert pair.raw.heads == []


KINDS = ("whole", "chunked", "empty", "cut", "none", "head", "post", "long")


def made(kind: str, number: int, size: int) -> tuple[Reply, bytes, bytes]:
    """Return a store's reply of a kind, its body, and the call that asks for it."""
    body = hashlib.sha256(b"%d" % number).digest() * (size // 32 + 1)
    target = b"/raw/%d" % number
    length = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    match kind:
        case "chunked":
            chunks = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (body[:7], body[7:]))
            return (
                Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"),
                body,
                request(target),
            )
        case "empty":
            return Reply(length % 0), b"", request(target)
        case "cut":
            return Reply(length % (len(body) + 9) + body, "close"), body, request(target)
        case "none":
            return Reply(b"", "close"), b"", request(target)
        case "head":
            return Reply(length % len(body)), b"", request(target, method=b"HEAD")
        case "post":
            call = request(target, b"Content-Length: 5", method=b"POST", body=b"hello")
            return Reply(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"), b"none", call
        case "long":
            body *= 40
            return Reply(length % len(body) + body), body, request(target)
        case _:
            return Reply(length % len(body) + body), body, request(target)


async def test_the_bytes_of_mixed_calls_on_the_wire_are_those_in_the_log(pair: Pair) -> None:
    """Three hundred calls of every kind, some of whose callers hang up: no byte more than was authorised, and each counted."""
    chance = random.Random(26)
    plans = [(KINDS[n % len(KINDS)], n, chance.choice((0, 1, 5_000, 90_000)), n % 7 == 3) for n in range(300)]
    pair.replies = {b"/%d" % n: made(kind, n, size)[0] for kind, n, size, _ in plans}
    turns = asyncio.Semaphore(12)

    async def call(kind: str, number: int, size: int, *, hangs_up: bool) -> tuple[bytes, bytes]:
        async with turns:
            _, body, asked = made(kind, number, size)
            if not hangs_up:
                return await exchange(pair.world.port, asked, timeout_s=30), body
            reader, writer = await asyncio.open_connection("127.0.0.1", pair.world.port)
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n") if kind != "head" else b""
            writer.transport.abort()
            return head, body

    answers = await asyncio.gather(*(call(kind, n, size, hangs_up=gone) for kind, n, size, gone in plans))
    n_hung_up = 0
    for (kind, _, _, hangs_up), (answer, body) in zip(plans, answers, strict=True):
        if answer in (b"", RESET):
            continue
        head, _, came = answer.partition(b"\r\n\r\n")
        decision = (
            next(line for line in head.lower().split(b"\r\n") if line.startswith(b"decision-id: "))
            .split(b" ")[1]
            .decode()
        )
        entries = await pair.entries_of(decision)
        assert isinstance(entries[0], Observed)
        blocks = [entry for entry in entries if isinstance(entry, Passed)]
        end = next((entry for entry in entries if isinstance(entry, End)), None)
        authorised = sum(block.bytes for block in blocks)
        n_hung_up += hangs_up
        if hangs_up:
            assert authorised <= len(body) or kind == "none"
            assert end is None or (end.bytes is not None and end.bytes <= authorised)
        elif kind == "none":
            (refused,) = [entry for entry in entries if isinstance(entry, Refused)]
            assert (refused.bytes, refused.status) == (len(came), 502)
        else:
            content = _unchunked(head, came)
            assert (content, authorised) == (body, len(body))
            assert (
                hashlib.sha256(b"".join(_digests(blocks))).digest()
                == hashlib.sha256(b"".join(_cut(content, blocks))).digest()
            )
            assert (end is None) == (kind != "cut")
    assert n_hung_up > 20
    assert len(pair.raw.heads) >= 290
    assert pair.world.verdict().is_right
    # What nobody waited for has an ending all the same.
    opened_calls = {entry.call for entry, _ in pair.world.entries() if isinstance(entry, Observed)}
    for decision in opened_calls:
        await pair.entries_of(decision)


def _unchunked(head: bytes, came: bytes) -> bytes:
    if b"transfer-encoding: chunked" not in head.lower():
        return came
    content, rest = b"", came
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        content, rest = content + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return content


def _digests(blocks: list[Passed]) -> list[bytes]:
    return [block.digest.encode() for block in blocks]


def _cut(content: bytes, blocks: list[Passed]) -> list[bytes]:
    """Return the digests of the pieces of the content that are as long as the blocks."""
    found, place = [], 0
    for block in blocks:
        found.append(hashlib.sha256(content[place : place + block.bytes]).hexdigest().encode())
        place += block.bytes
    return found
