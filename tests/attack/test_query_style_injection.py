# SPDX-License-Identifier: Apache-2.0
"""Attack: a value that is a second parameter, operator or list to the store; and a store that leads nowhere by its continuations."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.domain.entry import Release
from gateway.domain.names import DecisionId
from tests.fakes.own_pages import ANALYST, gateway_before
from tests.fakes.postgrest_like import listed
from tests.fakes.programme import MEMBERS
from tests.fakes.serving import served
from tests.fakes.wire import called, request
from tests.story.conftest import World

Answered = Callable[[list[tuple[str, str]]], bytes]

TRICKS = (
    "1&or=(points.gt.1,id.gt.0)",
    "1&select=*",
    "1&limit=1000000",
    "1,or(points.gt.1,id.gt.0)",
    "1),id.gt.0)",
    "(1),id.gt.0",
    '"),("',
    '1")&or=(id.gt.0',
    'a\\",b',
    "a\\",
    "1;or=(id.gt.0)",
    "1#&x",
    "1?x=1",
    "1 or 1=1",
    "1' or '1'='1",
    "1%26or%3D(id.gt.0)",
    "1%2526or=(id.gt.0)",
    "*",
    "%",
    "_",
    "any).{1,2}",
    "not.eq.1",
    "is.null",
    "{1,2}",
    '["a","b"]',
    "a.b:c",
    "\u202e1",
    "1\u2028or=(1)",
    "＆or＝(1)",
    ",",
    "a,",
    ",a",
    "a,a",
)
SPELLINGS = (
    ("tier", "eq.{}"),
    ("tier", "{}"),
    ("country", "eq.{}"),
    ("country", "in.({})"),
    ("country", 'in.("{}")'),
    ("points", "gte.{}"),
    ("points", "lte.{}"),
    ("points", "not.gte.{}"),
    ("name", "like.{}*"),
    ("id", "eq.{}"),
    ("id", "in.({})"),
    ("order", "{}"),
    ("order", "points.{}"),
    ("select", "{}"),
    ("select", "points,{}"),
    ("limit", "{}"),
    ("offset", "{}"),
)
OPERATORS = {"tier": ("eq.",), "country": ("eq.", "in."), "points": ("gte.", "lte.")}
"""What the store may hear of filters: an analyst may compare these alone in clear, and has no surrogate here."""
COMPARED = {"eq": "eq", "in": "in", "gte": "ge", "lte": "le"}


class Recorded:
    """A store that keeps what it was asked, byte for byte."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self.asked: list[bytes] = []

    async def __call__(self, scope: dict[str, Any], _receive: object, send: Any) -> None:
        """Answer with JSON (ASGI)."""
        self.asked.append(scope["query_string"])
        body = self._answered(parse_qsl(scope["query_string"].decode("ascii"), separator="&"))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def before(page: str, folder: Path, answered: Answered) -> AsyncIterator[tuple[World, Recorded]]:
    """Yield a gateway by the rules of a page, and the store behind it."""
    store = Recorded(answered)
    async with served(store, HttpToolsProtocol) as port, gateway_before(page, port, folder) as world:
        yield world, store


def heard(raw: bytes) -> list[tuple[str, str]]:
    """Return a query as a server reads it, in whichever of the two ways that there are."""
    text = raw.decode("ascii")
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, separator="&")
    assert ";" not in text
    assert "#" not in text
    return pairs


def hostile_queries() -> dict[str, str]:
    """Return every trick in every place, in one of two ways of percent-encoding, with the parameter that it is in."""
    ways = ("", "(),.:*'!@/?=")
    tried = [(name, spelling.format(trick)) for name, spelling in SPELLINGS for trick in TRICKS]
    return {f"{name}={quote(text, safe=ways[place % 2])}": name for place, (name, text) in enumerate(tried)}


async def test_no_value_is_a_second_parameter_or_operator(tmp_path: Path) -> None:
    """Refused and not sent, or one filter by a declared operator on the values that the log counts."""
    sent: dict[DecisionId, tuple[str, list[tuple[str, str]]]] = {}
    async with before("postgrest.md", tmp_path, lambda _pairs: b"[]") as (world, store):
        headers = {"Authorization": "Bearer " + await world.bearer(ANALYST)}
        for query, name in hostile_queries().items():
            reply = await called(world.port, request(f"/loyalty/members?{query}", headers))
            if reply.status != 200:
                assert (reply.status, store.asked) in [(400, []), (403, [])], query
                continue
            (raw,) = store.asked
            store.asked.clear()
            sent[DecisionId(reply.headers["decision-id"])] = (name, heard(raw))
        facts = {entry.call: entry.facts for entry, _ in world.entries() if isinstance(entry, Release)}
    assert len(sent) > 50, "hostile texts that are values are sent as values"
    for call, (name, pairs) in sent.items():
        filters = [pair for pair in pairs if pair[0] not in ("limit", "offset", "order")]
        assert len(pairs) == len(dict(pairs))
        assert [other for other, _ in filters] == [name] * (name in OPERATORS)
        assert 1 <= int(dict(pairs)["limit"]) <= 500
        for _, value in filters:
            operator, _, text = value.partition(".")
            assert f"{operator}." in OPERATORS[name]
            n_values = f"({len(listed(text, '()'))})" if operator == "in" else ""
            told = facts[call]
            assert told is not None
            assert told.filters == (f"{name} {COMPARED[operator]}{n_values}",)


async def test_what_is_always_sent_cannot_be_changed(tmp_path: Path) -> None:
    """Not by another value, a second time, another spelling of its name, or a parameter that means more."""
    queries = (
        "_shape=array", "_shape=objects&_shape=array", "%5Fshape=array", "_shape[]=array", "_shape=", "_shape", "_nocount=0",
        "_shape=objects%26_where%3D1", "_where=1%3D1", "_sql=select%201", "_json=remarks", "_labels=on", "_col=remarks",
        "_size=max", "_size=-1", "_size=10%26_where=1", "_trace=1", "_ttl=0", "_through=x", "_searchmode=raw", "_facet=email",
        "_sort=points%20desc", "_sort=points;drop", "_next=m-001", "_next=25%2Cm-001",
    )  # fmt: skip
    async with before("datasette.md", tmp_path, lambda _pairs: b'{"rows":[],"next":null}') as (world, store):
        headers = {"Authorization": "Bearer " + await world.bearer(ANALYST)}
        for query in queries:
            reply = await called(world.port, request(f"/loyalty/members.json?{query}", headers))
            assert (reply.status, store.asked) == (400, []), query
        await called(world.port, request("/loyalty/members.json?_shape=objects", headers))
    assert heard(store.asked[0]) == [("_shape", "objects"), ("_nocount", "1"), ("_nosuggest", "1"), ("_size", "100")]


ROWS = json.dumps(MEMBERS[:20]).encode()


def telling_page(word: bytes) -> bytes:
    return b'{"rows":' + ROWS + b',"next":' + word + b"}"


def telling(word: bytes) -> Answered:
    return lambda _pairs: telling_page(word)


NONE = (
    b"[1]", b"{}", b"true", b"1.5", b"-1", b'"' + b"x" * 3000 + b'"', b'"' + b"x" * (1 << 20) + b'"', b'"a\\u0000b"',
    b'"\\ud800"', b'"a","next":"b"', b"9" * 400, b"1e5",
)  # fmt: skip


async def test_a_store_whose_continuation_is_none_is_a_broken_store(tmp_path: Path) -> None:
    """Nothing of the page leaves, because its end cannot be told."""
    words = iter(NONE)
    async with before("datasette.md", tmp_path, lambda _pairs: telling_page(next(words))) as (world, _):
        for word in NONE:
            reply = await world.get("/loyalty/members.json?_size=20", ANALYST)
            assert (reply.status, reply.json["reason"]) == (502, "store-answer-invalid"), word[:20]
            assert b"xxx" not in reply.body


async def test_a_store_that_leads_in_a_circle_is_left(tmp_path: Path) -> None:
    """A client that follows the links is told, after a few rounds, that the store is broken."""
    n_circle = 1

    def answered(pairs: list[tuple[str, str]]) -> bytes:
        place = int(dict(pairs).get("_next", "0"))
        return telling_page(f'"{(place + 1) % n_circle}"'.encode())

    async with before("datasette.md", tmp_path, answered) as (world, store):
        for n_circle in (1, 2, 5):
            store.asked.clear()
            reply = await world.get("/loyalty/members.json?_size=20", ANALYST)
            while reply.status == 200 and len(store.asked) < 3 * n_circle + 4:
                reply = await world.get(f"/loyalty/members.json?_size=20&_next={reply.json['next']}", ANALYST)
            assert reply.json["reason"] == "store-answer-invalid"
            assert len(store.asked) <= 3 * n_circle + 3


async def test_what_a_store_says_of_its_next_page_reaches_only_itself(tmp_path: Path) -> None:
    """As one value of its own parameter, whatever it says; no caller reads it, and no other account can use it."""
    hostile = 'm-001&_where=1#"<script>{"a":1}, ' + str(MEMBERS[19]["email"])
    async with before("datasette.md", tmp_path, telling(json.dumps(hostile).encode())) as (world, store):
        first = await world.get("/loyalty/members.json?_size=20", ANALYST)
        told = first.json["next"]
        assert hostile not in first.body.decode()
        assert str(MEMBERS[19]["email"]) not in str(first.headers) + first.body.decode()
        assert (await world.get(f"/loyalty/members.json?_size=20&_next={told[:-4]}AAAA", ANALYST)).status == 400
        other = await world.get(f"/loyalty/members.json?_size=20&_next={told}", "newsletter")
        assert (other.status, len(store.asked)) == (400, 1)
        await world.get(f"/loyalty/members.json?_size=20&_next={told}", ANALYST)
        entries = [entry for entry, _ in world.entries() if isinstance(entry, Release)]
        assert hostile not in repr(entries)
    assert dict(heard(store.asked[1]))["_next"] == hostile
    assert len(heard(store.asked[1])) == 5


async def test_many_spellings_at_once_are_bounded(tmp_path: Path) -> None:
    """Each of a name's spellings once: a long list of ranges costs the store nothing."""
    async with before("postgrest.md", tmp_path, lambda _pairs: b"[]") as (world, store):
        headers = {"Authorization": "Bearer " + await world.bearer(ANALYST)}
        for n in (3, 30, 64, 65):
            query = "&".join(f"points=gte.{place}" for place in range(n))
            reply = await called(world.port, request(f"/loyalty/members?{query}", headers))
            assert (reply.status, store.asked) == (400, [])
        await asyncio.gather(
            *(called(world.port, request("/loyalty/members?points=gte.1&points=lte.9", headers)) for _ in range(4))
        )
    assert set(store.asked) == {b"points=gte.1&points=lte.9&limit=50"}
