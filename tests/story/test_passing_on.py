# SPDX-License-Identifier: Apache-2.0
"""A store that is not enforced: calls go on as they came, and the log holds what would have come of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.app.doors import http_door
from gateway.app.roads import open_stores
from gateway.demo.people import Customer
from gateway.domain.entry import End, Observed, Passed, Refused
from gateway.domain.names import CategoryKey, DecisionId
from gateway.domain.treatment import DROP
from gateway.domain.viewplan import Hold
from gateway.record.format.files import DiskFiles
from gateway.record.writing.opening import open_slot
from gateway.settings.loading import Settings
from gateway.settings.sections import CallerMatch, CallerSettings, StoreSettings
from gateway.store.holds import new_hold_id
from tests.fakes.log import NAME, enter, key_of
from tests.fakes.log import opened as log_opened
from tests.fakes.raw_store import RawStore, Reply, json_reply
from tests.story.conftest import ANALYST, World, fill, opened

BODY = b'{"items": [{"name": "Ada", "total": 3}], "odd": "\xc3\xa9"}'
APP = CallerSettings(
    name="newsletter",
    match=CallerMatch(user_agent="newsletter/"),
    role="campaigner",
    purpose="marketing.communications.email",
)


class Passing:
    """A world whose second store, ``raw``, is not enforced and answers by a script."""

    def __init__(self, world: World, store: RawStore) -> None:
        self.world, self.store = world, store
        self.replies: list[Reply] = []

    def script(self, _n_calls: int) -> Reply:
        """Return the next answer."""
        return self.replies.pop(0) if self.replies else json_reply(BODY)


@pytest.fixture
async def passing(settings: Settings, store_port: int, crowd: list[Customer], tmp_path: Path) -> AsyncIterator[Passing]:
    """That world."""
    passing: Passing
    async with RawStore(lambda n: passing.script(n)) as store:  # noqa: PLW0108 - made below
        raw = StoreSettings(base_url=f"http://127.0.0.1:{store.port}/api", read_s=5, enforced=False)
        update = {"stores": {**settings.stores, "raw": raw}, "callers": (APP,)}
        async with opened(settings.model_copy(update=update), store_port, crowd, tmp_path / "wire.log") as world:
            await fill(world.rooms, crowd)
            passing = Passing(world, store)
            yield passing


async def test_a_call_goes_on_as_it_came_and_so_does_its_answer(passing: Passing) -> None:
    """Method, path, query, body, credentials and ordinary headers; status, headers and body of the answer."""
    passing.replies = [
        Reply(
            b"HTTP/1.1 207 Multi\r\nContent-Type: text/x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd: yes\r\n"
            b"Content-Length: %d\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\r\n%b"
            % (len(BODY), BODY)
        )
    ]
    told = {"Authorization": "Basic c3RvcmU6a2V5", "Content-Type": "text/plain", "X-Mine": "1", "Range": "bytes=0-1"}
    reply = await passing.world.ask("POST", "/raw/Some/path;?a=1&a=2&b=x+y&c=%2f&d", told, b"anything at all")
    assert reply.status == 400, "a semicolon in a path is not canonical"
    reply = await passing.world.ask("POST", "/raw/Some/path?a=1&a=2&b=x+y&c=%2f&d", told, b"anything at all")
    assert (reply.status, reply.body) == (207, BODY)
    assert reply.headers["x-odd"] == "yes"
    assert reply.headers["gateway-enforced"] == "no"
    assert not {"x-hop", "keep-alive"} & set(reply.headers)
    (head,) = passing.store.heads
    assert head.startswith(b"POST /api/Some/path?a=1&a=2&b=x+y&c=%2f&d HTTP/1.1\r\n")
    lower = head.lower()
    assert all(f"{name}: {value}".lower().encode() in lower for name, value in told.items())
    assert passing.store.bodies == [b"anything at all"]


async def test_the_log_holds_what_would_have_come_of_it_and_every_byte(passing: Passing) -> None:
    """One entry before the store is asked, one before each block, and they say what was told."""
    reply = await passing.world.get("/raw/things", User_Agent="newsletter/1.0")
    first, block = [entry for entry, _ in passing.world.entries_of(reply.headers["decision-id"])]
    assert isinstance(first, Observed)
    assert (first.store, first.would, first.reason) == ("raw", "deny", "no-such-route")
    assert first.facts is not None
    assert first.facts.client == "newsletter"
    assert isinstance(block, Passed)
    assert (block.bytes, block.last, block.digest) == (len(BODY), True, hashlib.sha256(BODY).hexdigest())
    assert passing.world.verdict().is_right


async def test_a_slash_at_the_end_goes_on_and_two_do_not(passing: Passing) -> None:
    """Many stores have such paths; an enforced store would refuse them as they are, which the log says."""
    reply = await passing.world.get("/raw/things/")
    assert (reply.status, reply.body) == (200, BODY)
    assert passing.store.heads[0].startswith(b"GET /api/things/ HTTP/1.1\r\n")
    first, _ = [entry for entry, _ in passing.world.entries_of(reply.headers["decision-id"])]
    assert isinstance(first, Observed)
    assert (first.would, first.reason) == ("deny", "path-not-canonical")
    for path in ("/raw/things//", "/raw//", "/raw/things/../", "/shop/orders/"):
        assert (await passing.world.get(path)).status == 400
    assert len(passing.store.heads) == 1


async def test_a_bearer_of_ours_says_who_calls_and_goes_no_further(passing: Passing) -> None:
    """The store sees neither it nor a credential in its place."""
    reply = await passing.world.get("/raw/things", "analyst", ANALYST)
    assert reply.status == 200
    assert b"authorization" not in passing.store.heads[0].lower()
    first = passing.world.entries_of(reply.headers["decision-id"])[0][0]
    assert isinstance(first, Observed)
    assert first.facts is not None
    assert first.facts.account
    assert first.facts.purpose == ANALYST
    mine = await passing.world.get(f"/-/me/decisions/{reply.headers['decision-id']}", "analyst")
    assert (mine.json["bytes"], mine.json["end"]) == (len(BODY), "complete")


async def test_a_locked_account_is_stopped_here_too(passing: Passing) -> None:
    """A lock is on the account, not on a store."""
    bearer = await passing.world.bearer("analyst")
    rooms = passing.world.rooms
    account = await rooms.accounts.named("analyst")
    assert account is not None
    hold = Hold(category=CategoryKey("user"), rung=DROP, link=False, reason="lock: left the company")
    await rooms.holds.set(account.account.id, hold, hold_id=new_hold_id())
    await rooms.changes.follow()
    reply = await passing.world.ask("GET", "/raw/things", {"Authorization": f"Bearer {bearer}"})
    assert (reply.status, reply.json["reason"]) == (403, "held")
    assert reply.headers["gateway-enforced"] == "no"
    assert passing.store.heads == []


async def test_an_answer_of_any_length_and_framing_arrives_whole(passing: Passing) -> None:
    """Chunked, of many blocks; nothing; and one without a body."""
    long = bytes(range(256)) * 16_384
    passing.replies = [
        Reply(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n"
            % (len(long), long)
        ),
        Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Reply(b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 10\r\n\r\n'),
        Reply(b"HTTP/1.1 204 No Content\r\n\r\n"),
        Reply(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nContent-Type: text/html\r\n\r\nno"),
    ]
    replies = [await passing.world.ask("GET", "/raw/x", {"If-None-Match": '"x"'}) for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 304, 204, 500]
    assert [reply.body for reply in replies] == [long, b"", b"", b"", b"no"]
    assert replies[2].headers["etag"] == '"x"'
    for reply in replies:
        blocks = [e for e, _ in passing.world.entries_of(reply.headers["decision-id"]) if isinstance(e, Passed)]
        assert sum(block.bytes for block in blocks) == len(reply.body)
        assert [block.last for block in blocks] == [False] * (len(blocks) - 1) + [True]


async def test_a_store_that_fails_is_told_and_entered(passing: Passing) -> None:
    """Before an answer by a refusal, inside one by a cut and an end."""
    passing.replies = [Reply(b"", "close"), Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nonly this", "close")]
    reply = await passing.world.ask("POST", "/raw/x", {}, b"x")
    assert (reply.status, reply.json["outcome"]) == (502, "unknown")
    assert isinstance(passing.world.entries_of(reply.headers["decision-id"])[-1][0], Refused)
    with pytest.raises(Exception, match=r"IncompleteRead|bytes read"):
        await passing.world.ask("GET", "/raw/x", {})
    end = await _newest(passing.world, End)
    assert isinstance(end, End)
    assert (end.how, end.bytes) == ("store-failed", 9)


async def test_a_slow_answer_is_passed_on_as_it_comes(passing: Passing) -> None:
    """A piece is not kept back until a block is full."""
    passing.replies = [Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst", "hang")]
    reader, writer = await asyncio.open_connection("127.0.0.1", passing.world.port)
    writer.write(b"GET /raw/x HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        assert (await reader.readuntil(b"first")).endswith(b"first")
    writer.close()
    end = await _newest(passing.world, End)
    assert isinstance(end, End)
    assert end.how in ("hang-up", "store-failed")


async def _newest(world: World, kind: type) -> object:
    for _ in range(500):
        entry = world.entries()[-1][0]
        if isinstance(entry, kind):
            return entry
        await asyncio.sleep(0.01)
    return world.entries()[-1][0]


def test_a_call_that_a_crash_ended_is_ended_at_the_next_start(tmp_path: Path) -> None:
    """One that was entered and one whose blocks stopped; not one that was complete or refused."""
    log = log_opened(tmp_path / "door-0")
    for name in "abcd":
        enter(log, Observed(call=DecisionId(name), store="raw", would="permit"))
    enter(log, Passed(call=DecisionId("b"), n=0, bytes=9))
    enter(log, Passed(call=DecisionId("c"), n=0, bytes=9, last=True))
    enter(log, Refused(call=DecisionId("d"), reason="store-unreachable", status=502))
    log.close(None)
    again, found = open_slot(tmp_path / "door-0", NAME, key_of(NAME), DiskFiles())
    again.close(None)
    assert found.unended == ("a", "b")


async def test_it_is_said_at_the_start_and_nothing_is_said_without_one(
    passing: Passing, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning names the store."""
    rooms = passing.world.rooms
    with caplog.at_level("WARNING", "gateway.serve"):
        async with open_stores(rooms.settings) as stores:
            http_door(rooms, stores)
    assert "stores.raw is not enforced" in caplog.text
    assert "crm" not in caplog.text
