# SPDX-License-Identifier: Apache-2.0
"""When the store fails: a clean refusal or a visibly broken stream, and never a byte of what it said."""

import json
from collections.abc import AsyncIterator

import pytest

from gateway.domain.entry import End, Entry, Refused, Release
from gateway.settings.loading import Settings
from tests.fakes.gated_store import contacts
from tests.fakes.raw_store import JSON_HEAD, RawStore, Reply, json_reply
from tests.fakes.wire import Heard, called, request
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
CANARY = b"cnry-of-the-store"


class Script:
    """What the raw store answers; a test sets it."""

    reply = json_reply()


@pytest.fixture
def script() -> Script:
    """The answer to every call."""
    return Script()


@pytest.fixture
async def raw(script: Script) -> AsyncIterator[RawStore]:
    """A store of bytes."""
    async with RawStore(lambda _: script.reply) as store:
        yield store


@pytest.fixture
def store_port(raw: RawStore) -> int:
    """Its port."""
    return raw.port


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Little patience with the store."""
    impatient = {name: one.model_copy(update={"read_s": 0.5}) for name, one in settings.stores.items()}
    return settings.model_copy(update={"stores": impatient})


async def asked(world: World, path: str = "/crm/contacts") -> Heard:
    """Ask as an analyst."""
    bearer = "Bearer " + await world.bearer("analyst")
    return await called(world.port, request(path, {"Authorization": bearer, "Data-Purpose": ANALYST}))


def closing(world: World, heard: Heard) -> list[Entry]:
    """Return the entries that close a call: a refusal, a last block, an end."""
    entries = [entry for entry, _ in world.entries_of(heard.headers["decision-id"])]
    return [one for one in entries if isinstance(one, Refused | End) or (isinstance(one, Release) and one.last)]


def array(rows: list[bytes]) -> bytes:
    """Return rows as an array."""
    return b"[" + b",".join(rows) + b"]"


def with_length(head: bytes, body: bytes) -> bytes:
    """Return an answer with that head and a length."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


SECRET = b'[{"id":"' + CANARY + b'"}]'
ROW = contacts(1)[0]
BROKEN: dict[str, tuple[Reply, int]] = {
    "500": (Reply(with_length(b"HTTP/1.1 500 X\r\nContent-Type: application/json\r\n", SECRET)), 502),
    "302": (Reply(with_length(b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1/" + CANARY + b"\r\n", b"")), 502),
    "206": (Reply(with_length(b"HTTP/1.1 206 X\r\nContent-Type: application/json\r\n", SECRET)), 502),
    "204": (Reply(b"HTTP/1.1 204 X\r\n\r\n"), 502),
    "html": (Reply(with_length(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", CANARY)), 502),
    "no type": (Reply(with_length(b"HTTP/1.1 200 OK\r\n", SECRET)), 502),
    "latin": (
        Reply(with_length(b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=latin-1\r\n", SECRET)),
        502,
    ),
    "gzip": (Reply(with_length(JSON_HEAD + b"Content-Encoding: gzip\r\n", b"\x1f\x8b" + CANARY)), 502),
    "open end": (Reply(JSON_HEAD + b"\r\n" + SECRET, "close"), 502),
    "truncated": (Reply(JSON_HEAD + b"Content-Length: 999\r\n\r\n" + SECRET, "close"), 502),
    "reset": (Reply(JSON_HEAD + b"Content-Length: 999\r\n\r\n" + SECRET, "reset"), 502),
    "reset at once": (Reply(b"", "reset"), 502),
    "no head": (Reply(CANARY + b"\r\n\r\n", "close"), 502),
    "cut JSON": (json_reply(SECRET[:-2]), 502),
    "no JSON": (json_reply(b"[" + CANARY + b"]"), 502),
    "an object": (json_reply(b'{"items":' + SECRET + b"}"), 502),
    "text behind": (json_reply(SECRET + CANARY), 502),
    "NaN": (json_reply(array([ROW.replace(b'"duration_s":0', b'"duration_s":NaN')])), 502),
    "nested": (json_reply(array([ROW.replace(b'"email"', b'{"v":"' + CANARY + b'"}')])), 502),
    "a list": (json_reply(array([ROW.replace(b'"email"', b'["' + CANARY + b'"]')])), 502),
    "hang": (Reply(b"", "hang"), 504),
    "hang midway": (Reply(JSON_HEAD + b"Content-Length: 999\r\n\r\n" + SECRET, "hang"), 504),
    "404": (Reply(with_length(b"HTTP/1.1 404 X\r\nContent-Type: application/json\r\n", SECRET)), 404),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_store_that_fails_is_a_clean_refusal(world: World, script: Script, name: str) -> None:
    """One problem, one entry, and nothing of what the store said."""
    script.reply, status = BROKEN[name]
    heard = await asked(world)

    assert (heard.status, heard.is_whole) == (status, True)
    assert heard.headers["content-type"] == "application/problem+json"
    assert CANARY not in heard.body
    assert CANARY not in repr(heard.headers).encode()
    [entry] = closing(world, heard)
    assert isinstance(entry, Refused)
    assert (entry.status, entry.bytes) == (status, len(heard.body))
    assert entry.facts is not None
    assert CANARY not in (world.state / "log/door-0/000000.ndjson").read_bytes()


async def test_a_store_that_is_not_there_is_a_clean_refusal(world: World, raw: RawStore) -> None:
    """Nothing listens: 502, entered."""
    await raw.__aexit__()
    heard = await asked(world)
    [entry] = closing(world, heard)
    assert isinstance(entry, Refused)
    assert (heard.status, entry.reason) == (502, "store-unreachable")


@pytest.mark.parametrize("tail", ["close", "reset", "hang"])
async def test_a_store_that_fails_midway_breaks_the_stream_visibly(world: World, script: Script, tail: str) -> None:
    """The blocks before were entered and stay; the frame is aborted; one end tells of it."""
    rows = array(contacts(9_000))[:-1] + b',{"id":"' + CANARY
    script.reply = Reply(JSON_HEAD + b"Content-Length: 9999999\r\n\r\n" + rows, tail)
    heard = await asked(world)

    assert heard.status == 200
    assert not heard.is_whole
    [end] = closing(world, heard)
    assert isinstance(end, End)
    assert (end.how, end.bytes) == ("store-failed", len(heard.body))
    assert CANARY not in heard.body


def malformed(n_rows: int, n_malformed: int) -> bytes:
    """Return an array in which some rows are not as declared."""
    rows = contacts(n_rows)
    for place in range(0, n_malformed * 3, 3):
        rows[place] = rows[place].replace(b'"email"', b'{"v":"' + CANARY + b'"}')
    return array(rows)


async def test_a_malformed_row_among_a_thousand_is_withheld_and_counted(world: World, script: Script) -> None:
    """The others leave."""
    script.reply = json_reply(malformed(1000, 1))
    heard = await asked(world)

    [entry] = closing(world, heard)
    assert isinstance(entry, Release)
    assert len(json.loads(heard.body)) == entry.rows == 999
    assert entry.withheld == {"malformed": 1}
    assert heard.headers["rows-withheld"] == "malformed=5"
    assert CANARY not in heard.body


async def test_thirty_malformed_rows_among_a_thousand_are_a_broken_store(world: World, script: Script) -> None:
    """Above one in a hundred the answer is not what it was declared to be."""
    script.reply = json_reply(malformed(1000, 30))
    heard = await asked(world)
    assert (heard.status, json.loads(heard.body)["reason"]) == (502, "store-answer-invalid")


async def test_the_share_of_malformed_rows_is_that_of_what_the_store_sent(world: World, script: Script) -> None:
    """Half a per cent is half a per cent, also where one piece of an answer fills many blocks."""
    small = [b'{"id":"%d"}' % place for place in range(20_000)]
    small[7::200] = [b'{"id":{}}'] * 100
    script.reply = json_reply(array(small))
    heard = await asked(world)

    assert heard.is_whole
    assert len(json.loads(heard.body)) == 19_900


async def test_of_a_name_that_comes_twice_one_value_is_treated_as_ever(world: World, script: Script) -> None:
    """A second id is a surrogate like the first."""
    script.reply = json_reply(array([ROW[:-1] + b',"id":"' + CANARY + b'"}']))
    heard = await asked(world)
    assert json.loads(heard.body)[0]["id"].startswith("sv1_")
    assert CANARY not in heard.body


@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'{"id":"c-000001"'])
async def test_a_record_that_is_none_is_never_an_empty_answer(world: World, script: Script, body: bytes) -> None:
    """What is no object is a broken store; an object without the subject has no person."""
    script.reply = json_reply(json.dumps({"items": [{"id": "c-000001"}]}).encode())
    surrogate = json.loads((await asked(world, "/crm/customers")).body)["items"][0]["id"]
    script.reply = json_reply(body)
    heard = await asked(world, f"/crm/customers/{surrogate}")

    assert len(closing(world, heard)) == 1
    assert heard.status in ((200,) if body == b"{}" else (502,))
