# SPDX-License-Identifier: Apache-2.0
"""Asking in a body: searches and lists of ids are judged as reads, and asked of the store anew.

The sample store answers ``POST /crm/customers/search`` and ``POST /crm/customers/batch``; it shows all it
has, so whatever is missing in an answer was kept by the gateway.
"""

import json
from urllib.parse import quote

import pytest

from gateway.domain.entry import Refused, Release
from tests.story.conftest import ANALYST, EMAIL, SUPPORT, Reply, World

SEARCH, BATCH = "/crm/customers/search", "/crm/customers/batch"


async def posted(
    world: World, path: str, content: object, role: str = "analyst", purpose: str = ANALYST, **headers: str
) -> Reply:
    """Post JSON, or bytes as they are, as a role for a purpose."""
    told = {
        "Authorization": "Bearer " + await world.bearer(role),
        "Data-Purpose": purpose,
        "Data-Reference": "story-1",
        "Content-Type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return await world.ask("POST", path, told, body)


async def surrogates(world: World, n: int) -> list[str]:
    """Return the ids of the first people as the analyst gets them."""
    return (await world.get(f"/crm/customers?limit={n}&sort=city", "analyst", ANALYST)).ids


async def test_a_search_gives_the_view_that_a_query_gives(world: World) -> None:
    """Row for row, under the same treatments."""
    by_query = await world.get("/crm/customers?limit=20&sort=-city&country=DE", "analyst", ANALYST)
    by_body = await posted(world, SEARCH, {"where": {"country": ["DE"]}, "page": {"limit": 20}, "sort": ["-city"]})
    assert [by_query.status, by_body.status] == [200, 200]
    assert by_body.json["items"] == by_query.json["items"]
    assert by_body.ids
    assert by_body.headers["data-view"] == by_query.headers["data-view"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_the_entry_of_a_search_names_what_was_compared_and_no_value(world: World) -> None:
    """Of a list, how long it was."""
    reply = await posted(world, SEARCH, {"where": {"country": ["DE", "FR"], "city": "Berlin"}, "sort": "-city"})
    [(entry, _)] = world.entries_of(reply.headers["decision-id"])
    assert isinstance(entry, Release)
    assert entry.facts is not None
    assert (entry.facts.method, entry.facts.route) == ("POST", SEARCH)
    assert set(entry.facts.filters) == {"country in(2)", "city eq", "sort -city"}


async def test_an_id_list_is_of_surrogates_for_whom_ids_are_surrogates(world: World) -> None:
    """Each is resolved, the people are in the part of the entry, and the answer has the same surrogates."""
    ids = await surrogates(world, 30)
    reply = await posted(world, BATCH, {"ids": ids[3:9]})
    in_query = await world.get(f"/crm/customers?limit=50&ids={quote(','.join(ids[3:9]))}", "analyst", ANALYST)

    assert sorted(row["id"] for row in reply.json) == sorted(ids[3:9])
    assert sorted(in_query.ids) == sorted(ids[3:9])
    assert "link" not in reply.headers
    [(entry, part)] = world.entries_of(reply.headers["decision-id"])
    assert isinstance(entry, Release)
    assert entry.facts is not None
    assert entry.facts.filters == ("id in(6)",)
    assert part is not None
    assert len(part.met) == 6


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_clear_ids_are_of_no_use_to_whom_ids_are_surrogates(world: World) -> None:
    """Neither alone nor among surrogates; and an agent who sees ids gets the rows by them."""
    ids = await surrogates(world, 20)
    for told in (["c-000001"], [*ids[:2], "c-000001"]):
        refused = await posted(world, BATCH, {"ids": told})
        assert [refused.status, refused.json["reason"]] == [403, "surrogate-not-recognised"]
        assert refused.json["fields"] == ["ids"]
    agent = await posted(world, BATCH, {"ids": ["c-000001", "c-000002"]}, "service-agent", SUPPORT)
    assert {row["id"] for row in agent.json} == {"c-000001", "c-000002"}
    foreign = await posted(world, BATCH, {"ids": ids[:2]}, "campaigner", EMAIL)
    assert foreign.json["reason"] in ("surrogate-not-recognised", "filter-not-permitted")


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_field_that_may_not_be_read_is_not_compared_in_a_body_either(world: World) -> None:
    """Masked, dropped and under a red line, in the words of the query's refusal."""
    for where, query in (
        ({"email": "a@example.org"}, "email=a%40example.org"),
        ({"religion": "none"}, "religion=none"),
        ({"birth_date": {"from": "1980-01-01"}}, "birth_date_from=1980-01-01"),
    ):
        body = await posted(world, SEARCH, {"where": where})
        plain = await world.get(f"/crm/customers?{query}", "analyst", ANALYST)
        assert [body.status, body.json["reason"]] == [plain.status, plain.json["reason"]] == [403, body.json["reason"]]


async def test_pages_of_a_search_follow_a_sealed_cursor_with_the_same_body(world: World) -> None:
    """Each person once; with another body, in a query of another route, or with an offset it is refused."""
    body = {"page": {"limit": 120}, "sort": ["city"]}
    path, seen, cursors, reply = SEARCH, list[str](), list[str](), None
    while path:
        reply = await posted(world, path, body)
        assert reply.status == 200
        seen += reply.ids
        path = reply.headers.get("link", "").partition(">")[0].removeprefix("<")
        cursors += [path.partition("cursor=")[2]] if path else []
    assert reply is not None
    assert reply.headers["data-page"] == "last"
    assert len(seen) == len(set(seen)) == 300

    for path, other in (
        (SEARCH, {**body, "where": {"city": "Berlin"}}),
        (SEARCH, {**body, "page": {"limit": 119}}),
        (SEARCH, {**body, "page": {"limit": 120, "offset": 5}}),
        ("/crm/customers", None),
    ):
        told = f"{path}?cursor={cursors[0]}"
        refused = await (posted(world, told, other) if other else world.get(told, "analyst", ANALYST))
        assert [refused.status, refused.json["fields"]] == [400, ["cursor"]]


WRONG: tuple[tuple[object, int, str, list[str]], ...] = (
    ({"where": {"shoe_size": 43}}, 400, "parameter-undeclared", ["where.shoe_size"]),
    ({"where.city": "Berlin"}, 400, "parameter-undeclared", ["where.city"]),
    ({"limit": 5}, 400, "parameter-undeclared", ["limit"]),
    ({"where": {"city": ["Berlin"]}}, 400, "parameter-invalid", ["where.city"]),
    ({"where": {"country": "DE"}}, 400, "parameter-invalid", ["where.country"]),
    ({"where": {"country": []}}, 400, "parameter-invalid", ["where.country"]),
    ({"where": {"country": ["DE", "DE"]}}, 400, "parameter-invalid", ["where.country"]),
    ({"where": {"city": None}}, 400, "parameter-invalid", ["where.city"]),
    ({"where": {"city": ""}}, 400, "parameter-invalid", ["where.city"]),
    ({"where": {"age": {"from": True}}}, 400, "parameter-invalid", ["where.age.from"]),
    ({"where": {"age": {"from": 4.5}}}, 400, "parameter-invalid", ["where.age.from"]),
    ({"page": {"limit": "5"}}, 400, "parameter-invalid", ["page.limit"]),
    ({"page": {"limit": 5000}}, 400, "parameter-invalid", ["page.limit"]),
    ({"page": 5}, 400, "parameter-undeclared", ["page"]),
    ({"sort": ["city,country"]}, 400, "parameter-invalid", ["sort"]),
    ([], 422, "body-invalid", []),
    (b'{"sort": "city", "sort": "country"}', 400, "malformed", []),
    (b"{", 400, "malformed", []),
    (b"", 400, "malformed", []),
    (b'{"where": {"city": "\\ud800"}}', 400, "malformed", []),
    (b'{"page": {"limit": 1e1}}', 400, "parameter-invalid", ["page.limit"]),
    (b'{"page": {"limit": NaN}}', 400, "malformed", []),
)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_body_that_is_not_what_the_route_declares_is_refused(world: World) -> None:
    """Nothing is passed over; the member is named, its value is not."""
    for content, *expected in WRONG:
        reply = await posted(world, SEARCH, content)
        assert [reply.status, reply.json["reason"], reply.json["fields"]] == expected, content
        [(entry, _)] = world.entries_of(reply.headers["decision-id"])
        assert isinstance(entry, Refused)
        assert "Berlin" not in repr(entry)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_a_body_is_of_one_media_type_and_only_where_one_is_declared(world: World) -> None:
    """JSON in UTF-8, not encoded; a route without a body takes none."""
    for headers, status in (
        ({"Content_Type": "application/json; charset=utf-8"}, 200),
        ({"Content_Type": "application/json; charset=utf-16"}, 415),
        ({"Content_Type": "text/json"}, 415),
        ({"Content_Type": "application/merge-patch+json"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Encoding": "gzip"}, 400),
        ({"If_Match": '"x"'}, 400),
        ({"Idempotency_Key": "k"}, 400),
    ):
        reply = await posted(world, SEARCH, {}, **headers)
        assert reply.status == status, headers
    assert (await posted(world, "/crm/contacts", {})).status == 405
    assert (await posted(world, SEARCH, b" " * 65_537)).status == 413


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_the_evaluation_endpoint_speaks_of_searches_and_of_writes(world: World) -> None:
    """By the decider of the road: parameters of a body are looked up, written fields are judged as written."""
    bearer = "Bearer " + await world.bearer("analyst")

    async def could(name: str, **properties: object) -> object:
        asked = {
            "action": {"name": name},
            "resource": {"type": "dataset", "id": "crm.customers", "properties": properties},
            "context": {"purpose": ANALYST, "reference": "story-1"},
        }
        told = await world.post("/-/access/v1/evaluation", asked, Authorization=bearer)
        return told.json["decision"], told.json["context"]["reason"]

    assert await could("read", filters=["where.country=DE,FR"]) == (True, None)
    assert await could("read", filters=["where.religion=x"]) == (False, "filter-not-permitted")
    assert await could("read", filters=["where.shoe_size=43"]) == (False, "parameter-undeclared")
    assert await could("update", fields=["city"]) == (False, "purpose-not-allowed")
