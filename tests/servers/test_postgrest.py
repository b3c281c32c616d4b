# SPDX-License-Identifier: Apache-2.0
"""PostgREST's query style behind the gateway, as docs/how-to/postgrest.md says: a stand-in over a real PostgreSQL."""

import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import pytest_asyncio

from gateway.domain.choice import Choice, ChoiceState
from gateway.domain.entry import Release
from gateway.domain.names import IdentityKind, PurposeKey
from tests.conftest import libpq_url, run_on_server
from tests.fakes.canaries import all_canaries
from tests.fakes.own_pages import ANALYST, NEWSLETTER, all_pages, free_port, gateway_before, run_page, started
from tests.fakes.programme import COLUMNS, MEMBERS, N_MEMBERS
from tests.story.conftest import EMAIL, World

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif("GATEWAY_TEST_POSTGRES" not in os.environ, reason="set GATEWAY_TEST_POSTGRES"),
]
PAGE, PATH = "postgrest.md", "/loyalty/members"
STAND_IN = Path(__file__).parents[1] / "fakes" / "postgrest_like.py"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a running stand-in over a database with the members."""
    name, port = f"gateway_members_{secrets.token_hex(6)}", free_port()
    run_on_server(f'CREATE DATABASE "{name}"')
    try:
        with psycopg.connect(libpq_url(name)) as connection:
            connection.execute(
                f"CREATE TABLE members ({', '.join(f'{c} {kind}' for c, kind in COLUMNS.items())})".encode()
            )
            marks = ", ".join(f"%({column})s" for column in COLUMNS)
            connection.cursor().executemany(f"INSERT INTO members VALUES ({marks})".encode(), MEMBERS)  # noqa: S608
        with started(
            [sys.executable, str(STAND_IN), libpq_url(name), str(port)], port, tmp_path_factory.mktemp("store")
        ):
            yield port
    finally:
        run_on_server(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(store: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A gateway before it."""
    async with gateway_before(PAGE, store, tmp_path_factory.mktemp("gateway")) as world:
        yield world


async def surrogates(world: World) -> dict[str, str]:
    """Return the analyst's surrogate of each member."""
    straight = await world.straight("/members?order=points,country,tier")
    rows = [row for page in await all_pages(world, f"{PATH}?limit=500&order=points,country") for row in page]
    assert [row["points"] for row in rows] == [row["points"] for row in straight]
    return {str(member["id"]): str(row["id"]) for member, row in zip(straight, rows, strict=True)}


async def asked(world: World) -> list[str]:
    """Return what the store was asked since the last time, as it came."""
    told: list[str] = await world.straight("/rpc/asked")
    return told


async def test_the_page_does_what_it_says(world: World) -> None:
    """Its files are the rules of this gateway, its commands print what it shows."""
    await run_page(PAGE, world)


async def test_the_store_would_do_what_the_gateway_refuses(world: World) -> None:
    """The stand-in has the operators that are tried below; asked straight, each gives rows."""
    for query in (
        "or=(points.gt.1,id.eq.m-001)",
        "name=neq.x",
        "name=not.eq.x",
        "remarks=ilike.*by mail",
        "id=eq(any).{m-001,m-002}",
        'name=in.("Ada, the 1th (\\"Lo\\")")',
        "select=shown:remarks",
    ):
        assert await world.straight(f"/members?{quote(query, safe='=&')}"), query


@pytest.mark.parametrize("query", ["limit=20", "limit=19", "limit=20&order=points.desc,country.asc", "limit=57"])
async def test_all_pages_together_are_all_members_once(world: World, query: str) -> None:
    """Whatever the order, and when the last page is full."""
    pages = await all_pages(world, f"{PATH}?{query}")
    ids = [row["id"] for page in pages for row in page]
    assert len(ids) == len(set(ids)) == N_MEMBERS


async def test_filters_and_orders_choose_what_the_store_chooses(world: World) -> None:
    """Equality, lists, ranges by one name twice, and orders; surrogates stand for what they were made of."""
    known = await surrogates(world)
    for query, expected in {
        "tier=eq.gold&points=gte.50&points=lte.90": [
            one for one in MEMBERS if one["tier"] == "gold" and 50 <= int(one["points"]) <= 90
        ],
        "country=in.(DE,PT)": [one for one in MEMBERS if one["country"] in ("DE", "PT")],
        'country=in.("DE","PT")': [one for one in MEMBERS if one["country"] in ("DE", "PT")],
        f"id=eq.{known['m-007']}": [MEMBERS[6]],
        f"id=in.({known['m-007']},{known['m-031']})": [MEMBERS[6], MEMBERS[30]],
    }.items():
        reply = await world.get(f"{PATH}?limit=500&{quote(query, safe='=&')}", ANALYST)
        assert {row["id"] for row in reply.json} == {known[str(one["id"])] for one in expected}, query
    ordered = await world.get(f"{PATH}?select=country,points&order=country.desc,points", ANALYST)
    assert (
        ordered.json
        == [
            {"country": one["country"], "points": one["points"]}
            for one in sorted(MEMBERS, key=lambda one: (-ord(str(one["country"])[0]), int(one["points"])))
        ][:50]
    )


async def test_the_store_is_asked_what_a_direct_caller_would_write(world: World) -> None:
    """In PostgREST's spelling, percent-encoded, and nothing else."""
    known = await surrogates(world)
    await asked(world)
    await world.get(
        f"{PATH}?id=in.({known['m-001']},{known['m-002']})&points=lte.90&points=gte.1&order=points.desc", ANALYST
    )
    assert await asked(world) == ["id=in.%28m-001%2Cm-002%29&points=lte.90&points=gte.1&limit=50&order=points.desc"]


async def test_what_is_not_declared_or_not_permitted_is_refused(world: World) -> None:
    """Each for its own reason, and the store is not asked."""
    await surrogates(world)
    await asked(world)
    for query, reason in {
        "or=(points.gt.1,id.eq.m-001)": "parameter-undeclared",
        "and=(points.gt.1)": "parameter-undeclared",
        "remarks=eq.x": "parameter-undeclared",
        "points=50": "parameter-invalid",
        "points=neq.50": "parameter-invalid",
        "points=not.gte.50": "parameter-invalid",
        "points=gte(any).{1,2}": "parameter-invalid",
        "points=gte.1&points=gte.2": "parameter-invalid",
        "points=gte.": "parameter-invalid",
        "id=eq.a&id=eq.b": "parameter-invalid",
        "country=in.(DE": "parameter-invalid",
        "country=in.()": "parameter-invalid",
        "country=in.(DE,)": "parameter-invalid",
        "country=in.(DE,DE)": "parameter-invalid",
        'country=in.("DE)': "parameter-invalid",
        "country=eq.DE&country=eq.FR": "parameter-invalid",
        "limit=eq.5": "parameter-invalid",
        "order=points.desc.nullslast": "parameter-invalid",
        "order=points.down": "parameter-invalid",
        "order=email.asc": "parameter-invalid",
        "order=id.asc": "sort-not-permitted",
        "select=*": "parameter-invalid",
        "select=id,orders(*)": "parameter-invalid",
        "select=who:id": "parameter-invalid",
        "select=remarks": "field-not-permitted",
        "name=eq.x": "filter-not-permitted",
        "name=like.A*": "filter-not-permitted",
        "name=like.%": "parameter-invalid",
        "id=eq.m-007": "surrogate-not-recognised",
        "id=in.(m-007)": "surrogate-not-recognised",
    }.items():
        reply = await world.get(f"{PATH}?{quote(query, safe='=&')}", ANALYST)
        assert reply.json["reason"] == reason, query
    assert await asked(world) == []


async def test_what_changes_a_read_by_a_header_is_refused(world: World) -> None:
    """Counts, ranges and other representations."""
    refused = [
        await world.get(PATH, ANALYST, Prefer="count=exact"),
        await world.get(PATH, ANALYST, Range="0-4"),
        await world.get(PATH, ANALYST, Accept="application/vnd.pgrst.object+json"),
    ]
    assert [reply.json["reason"] for reply in refused] == [
        "header-not-supported", "header-not-supported", "content-type-not-supported",
    ]  # fmt: skip


async def test_clear_values_are_quoted_where_the_store_needs_it(world: World) -> None:
    """Names with commas, brackets and quotes, one, two and as a prefix; of members who agreed."""
    agreed = MEMBERS[:25]
    numbers = await world.rooms.people.numbers(IdentityKind("loyalty.member_id"), [str(one["id"]) for one in agreed])
    purpose, now_us = PurposeKey(EMAIL), world.rooms.clock()
    choices = [Choice(person=one, purpose=purpose, state=ChoiceState.GIVEN, at_us=now_us) for one in numbers]
    await world.rooms.choices.record(choices, "story")
    await world.rooms.changes.follow()
    first, second = agreed[4], agreed[11]
    quoted = ['"' + str(one["name"]).replace('"', '\\"') + '"' for one in (first, second)]
    await asked(world)
    for query, expected in {
        f"name=eq.{first['name']}": [first],
        f"name=in.({','.join(quoted)})": [first, second],
        "name=like.Ada, the 1*": [one for one in agreed if str(one["name"]).startswith("Ada, the 1")],
    }.items():
        reply = await world.get(f"{PATH}?{quote(query, safe='=&')}&limit=100", NEWSLETTER, EMAIL)
        assert {row["name"] for row in reply.json} == {one["name"] for one in expected}, query
        assert await asked(world) == [f"{quote(query, safe='=&').replace('*', '%2A')}&limit=100"]


async def test_nothing_of_the_store_but_the_view_leaves(world: World, store: int) -> None:
    """No canary, no member's own id, name or mail, no count, no word and no address of the store."""
    queries = ("?limit=100", "?limit=20", "?tier=eq.gold", "?points=gte.abc", "?or=(id.gt.0)")
    replies = [await world.get(PATH + query, ANALYST) for query in queries]
    wire = "".join(str(reply.headers) + reply.body.decode() for reply in replies)
    for secret in (*all_canaries(), *(str(one[name]) for one in MEMBERS for name in ("id", "name", "email"))):
        assert secret not in wire
    assert not any(word in wire.lower() for word in ("content-range", str(store), "pgrst", "content-location"))
    assert replies[3].json["reason"] == "store-answer-invalid"

    released = [entry for entry, _ in world.entries_of(replies[0].headers["decision-id"]) if isinstance(entry, Release)]
    assert [(entry.rows, entry.people, entry.last) for entry in released] == [(N_MEMBERS, N_MEMBERS, True)]
    assert world.verdict().is_right
