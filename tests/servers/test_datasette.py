# SPDX-License-Identifier: Apache-2.0
"""Datasette behind the gateway, as docs/how-to/datasette.md says: the real one, over a SQLite file."""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest
import pytest_asyncio

from gateway.domain.entry import Release
from tests.fakes.canaries import all_canaries
from tests.fakes.own_pages import ANALYST, all_pages, free_port, gateway_before, run_page, started
from tests.fakes.programme import MEMBERS, N_MEMBERS, as_sqlite
from tests.story.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE, PATH = "datasette.md", "/loyalty/members.json"


@pytest.fixture(scope="module")
def datasette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a running Datasette over the members."""
    folder, port = tmp_path_factory.mktemp("datasette"), free_port()
    as_sqlite(folder / "store.db")
    command = [sys.executable, "-m", "datasette", "serve", "store.db", "--host", "127.0.0.1", "--port", str(port)]
    with started(command, port, folder):
        yield port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(datasette: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A gateway before it."""
    async with gateway_before(PAGE, datasette, tmp_path_factory.mktemp("gateway")) as world:
        yield world


async def surrogates(world: World) -> dict[str, str]:
    """Return the analyst's surrogate of each member, by the order of Datasette."""
    rows = [row for page in await all_pages(world, f"{PATH}?_size=1000") for row in page]
    return {str(member["id"]): str(row["id"]) for member, row in zip(MEMBERS, rows, strict=True)}


async def test_the_page_does_what_it_says(world: World) -> None:
    """Its files are the rules of this gateway, its commands print what it shows."""
    await run_page(PAGE, world)


@pytest.mark.parametrize(
    "query", ["_size=20", "_size=19&fields=id", "_size=20&_sort=points", "_size=57", "_size=20&_sort_desc=country"]
)
async def test_all_pages_together_are_all_members_once(world: World, query: str) -> None:
    """Whatever the order, and when the last page is full."""
    pages = await all_pages(world, f"{PATH}?{query}")
    ids = [row["id"] for page in pages for row in page]
    assert len(ids) == len(set(ids)) == N_MEMBERS


async def test_values_are_those_of_the_store_as_the_view_allows(world: World) -> None:
    """Clear, generalised and masked values of each member; names and remarks are absent."""
    rows = [row for page in await all_pages(world, f"{PATH}?_size=25") for row in page]
    for row, member in zip(rows, MEMBERS, strict=True):
        assert row.keys() == {"id", "email", "birth_date", "country", "tier", "points"}
        assert [row[name] for name in ("country", "tier", "points")] == [
            member[n] for n in ("country", "tier", "points")
        ]
        assert row["birth_date"] == str(member["birth_date"])[:4]
        assert str(row["email"]).endswith("***@members.example")
        assert str(row["id"]).startswith("sv1_")


async def test_filters_and_orders_choose_what_datasette_chooses(world: World) -> None:
    """Clear values as they are, surrogates as what they stand for, one or a list of them."""
    known = await surrogates(world)
    for query, expected in {
        "tier=gold&points__gte=50&points__lte=90": [
            one for one in MEMBERS if one["tier"] == "gold" and 50 <= int(one["points"]) <= 90
        ],
        "country__in=DE,PT": [one for one in MEMBERS if one["country"] in ("DE", "PT")],
        f"id={known['m-007']}": [MEMBERS[6]],
        f"id__in={known['m-007']},{known['m-031']}": [MEMBERS[6], MEMBERS[30]],
        "_sort_desc=points": sorted(MEMBERS, key=lambda one: -int(one["points"])),
    }.items():
        reply = await world.get(f"{PATH}?_size=1000&{query}", ANALYST)
        assert [row["points"] for row in reply.json["rows"]] == [one["points"] for one in expected], query
        assert {row["id"] for row in reply.json["rows"]} == {known[str(one["id"])] for one in expected}


async def test_what_is_not_declared_or_not_permitted_is_refused(world: World) -> None:
    """Each for its own reason, before the store is asked."""
    for query, reason in {
        "_where=1%3D1": "parameter-undeclared",
        "_search=Ada": "parameter-undeclared",
        "_facet=email": "parameter-undeclared",
        "_shape=array": "parameter-undeclared",
        "_nocount=0": "parameter-undeclared",
        "email=a": "parameter-undeclared",
        "_next=m-001": "parameter-invalid",
        "_sort=points,country": "parameter-invalid",
        "_sort=-points": "parameter-invalid",
        "_sort=points&_sort_desc=points": "parameter-invalid",
        "_sort=id": "sort-not-permitted",
        "id=m-007": "surrogate-not-recognised",
        f"country__in={quote(json.dumps(['DE']))}": "parameter-invalid",
        "name__startswith=Ada": "filter-not-permitted",
    }.items():
        reply = await world.get(f"{PATH}?{query}", ANALYST)
        assert reply.json["reason"] == reason, query


async def test_a_continuation_is_sealed_and_good_for_its_query_alone(world: World) -> None:
    """What Datasette says of the next page holds a key and a value of the last row."""
    straight = await world.straight("/store/members.json?_shape=objects&_size=20&_sort=points")
    reply = await world.get(f"{PATH}?_size=20&_sort=points", ANALYST)
    told = reply.json["next"]
    assert straight["next"] is not None
    assert straight["next"] not in reply.body.decode()
    assert straight["next"].split(",")[1] not in str(reply.headers) + reply.body.decode()

    assert (await world.get(f"{PATH}?_size=20&_sort=points&_next={told}", ANALYST)).status == 200
    for other in ("_size=20&_sort=country", "_size=21&_sort=points", "_size=20&_sort=points&tier=gold"):
        refused = await world.get(f"{PATH}?{other}&_next={told}", ANALYST)
        assert refused.json["reason"] == "parameter-invalid", other


async def test_nothing_of_the_store_but_the_view_leaves(world: World, datasette: int) -> None:
    """No canary, no member's own id, name or mail, no SQL, no address of the store; and the log counts every row."""
    queries = ("", "?tier=gold", "?_sort=points", "?_size=0", "?_where=1", "?_next=m-001")
    replies = [await world.get(PATH + query, ANALYST) for query in queries]
    wire = "".join(str(reply.headers) + reply.body.decode() for reply in replies)
    for secret in (*all_canaries(), *(str(one[name]) for one in MEMBERS for name in ("id", "name", "email"))):
        assert secret not in wire
    assert not any(word in wire for word in ("select ", "sql", str(datasette), "datasette", "query_ms"))

    released = [entry for entry, _ in world.entries_of(replies[0].headers["decision-id"]) if isinstance(entry, Release)]
    assert [(entry.rows, entry.people, entry.last) for entry in released] == [(N_MEMBERS, N_MEMBERS, True)]
    assert world.verdict().is_right
