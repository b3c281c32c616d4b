# SPDX-License-Identifier: Apache-2.0
"""Looks at stores on real sockets: what is found, and what a store cannot make a look do."""

import json
from datetime import date
from itertools import islice
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.app.own_stores import looking
from gateway.app.own_stores.discovering import Found, look
from gateway.demo.people import people
from gateway.demo.store import app as sample_store
from gateway.demo.store import make
from gateway.discover.dataset_yaml import dataset_yaml
from gateway.domain.errors import SettingsError, StoreUnreachable
from gateway.domain.names import StoreName
from gateway.domain.parameters import CursorParameter
from tests.fakes.proposals import SENSITIVE, crowd, loaded, members_api
from tests.fakes.serving import served
from tests.fakes.undeclared_stores import customers, describing, members, undeclared

CRM = StoreName("crm")


def routes(found: Found) -> dict[str, set[str]]:
    """Return the parameters of every route by its template."""
    return {one.template: set(one.parameters) for each in found.proposal.collections for one in each.routes}


async def test_the_demos_own_store_is_found_with_all_eight_fields(tmp_path: Path) -> None:
    """Without a word of where its lists are: customers and contacts, with limit, offset, sort and filters."""
    make(tmp_path / "store.db", islice(people(None, n=120, today=date(2026, 11, 1)), 120))
    async with served(sample_store(tmp_path / "store.db"), H11Protocol) as port:
        found = await look(f"http://127.0.0.1:{port}/crm", CRM)
    by_name = {one.name: one for one in found.proposal.collections}
    assert set(by_name) == {"customers", "contacts"}
    fields = {str(one.name): one for one in by_name["customers"].fields}
    assert {name for name, category in SENSITIVE.items() if fields[name].categories[0] == category} == set(SENSITIVE)
    assert {"limit", "offset", "sort", "id", "city", "country"} <= routes(found)["/crm/customers"]
    assert routes(found)["/crm/customers/{id}"] == {"id"}
    assert by_name["contacts"].subject == ("customer_id", "crm.customer_id")
    assert loaded(dataset_yaml(found.proposal), "crm").rules.catalog.routes


async def test_a_store_that_describes_itself_is_read_and_a_few_rows_are_asked_for() -> None:
    """At one of the usual places; its lists are asked with their own limit."""
    async with undeclared({"/members": members()}, describing()) as (store, url):
        found = await look(url, CRM)
    assert found.described_at == "/openapi.json"
    assert "GET /members?limit=100" in {" ".join(one) for one in store.asked}
    (proposal,) = found.proposal.collections
    mail = next(one for one in proposal.fields if one.name == "mail")
    assert {one.by for one in mail.evidence} >= {"name", "openapi", "values"}
    assert loaded(dataset_yaml(found.proposal), "crm").rules.catalog.routes


@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_a_description_in_a_file_is_read_in_json_and_yaml(form: str, tmp_path: Path) -> None:
    """JSON is YAML too, so the second file is told by its comment."""
    text = json.dumps(members_api())
    file = tmp_path / "api"
    file.write_text(text if form == "json" else f"# an API\n{text}", "utf-8")
    async with undeclared({"/members": members()}) as (_, url):
        for given in (file, str(file)):
            found = await look(url, CRM, openapi=given)
            assert found.described_at == str(file)
            assert "/crm/members/search" in routes(found)


async def test_links_of_the_root_are_followed() -> None:
    """Inside the store alone: only their paths count."""
    index = {"customers": "http://elsewhere.example/customers", "people": "/people", "version": "2"}
    async with undeclared({"/customers": customers(), "/people": customers(3)}, {"/": index}) as (_, url):
        found = await look(url, CRM)
    assert {"/crm/customers", "/crm/people"} <= set(routes(found))


@pytest.mark.parametrize("given", ["/api/customers", "/api/customers/", "/api/customers?limit=5"])
async def test_from_the_address_of_a_list_its_store_is_found(given: str) -> None:
    """Its base is told, because that is what the gateway needs."""
    async with undeclared({"/api/customers": customers(), "/api/orders": customers(3)}) as (_, url):
        found = await look(url + given, CRM)
    assert set(routes(found)) == {"/crm/customers", "/crm/customers/{id}"}
    assert f"the base address of its API is {url}/api, " in found.told[0]


async def test_where_nothing_is_listed_at_all_nothing_is_made_up() -> None:
    """Neither there nor above."""
    async with undeclared({"/customers": customers()}) as (_, url):
        found = await look(f"{url}/api/nothing", CRM)
    assert found.proposal.collections == ()
    assert not any("address of a list" in one for one in found.told)


async def test_lists_that_were_named_are_asked_for_and_no_others() -> None:
    """With the query that was named with them."""
    async with undeclared({"/odd/things": customers(), "/customers": customers()}) as (store, url):
        found = await look(url, CRM, paths=["/odd/things?limit=5"], authorization="Bearer abc")
    assert set(routes(found)) == {"/crm/odd/things", "/crm/odd/things/{id}"}
    assert not any(target.startswith("/customers") for _, target in store.asked)
    assert set(store.authorizations) == {"Bearer abc"}


async def test_json_server_is_known_by_its_database_and_its_count() -> None:
    """Of version 0.17: ``/db``, ``_limit`` and X-Total-Count."""
    rows = customers(5)
    counted = JSONResponse(rows, headers={"X-Total-Count": "5"})
    async with undeclared({}, {"/db": {"customers": rows, "profile": {}}, "/customers": counted}) as (_, url):
        found = await look(url, CRM)
    assert {"_limit", "_page", "_sort", "_order", "id", "age_gte"} <= routes(found)["/crm/customers"]


async def test_datasette_is_known_by_its_index() -> None:
    """Databases, their tables, and rows as objects."""
    beside = {
        "/.json": {"shop": {"name": "shop", "path": "/shop"}},
        "/shop.json": {
            "database": "shop",
            "tables": [{"name": "people", "hidden": False}, {"name": "fts", "hidden": True}],
        },
        "/shop/people.json": {"ok": True, "next": None, "rows": customers(5), "truncated": False},
    }
    async with undeclared({}, beside) as (_, url):
        found = await look(url, CRM)
    assert set(routes(found)) == {"/crm/shop/people.json"}
    assert {"_size", "_next", "_sort", "_sort_desc", "id__exact"} <= routes(found)["/crm/shop/people.json"]


async def test_a_look_only_gets_and_follows_no_redirect() -> None:
    """The place that it leads to is asked for nothing."""
    async with undeclared({"/customers": customers()}) as (elsewhere, other):
        lead = {f"/{name}": RedirectResponse(f"{other}/customers") for name in ("customers", "users")}
        async with undeclared({"/orders": [{"id": "o-1", "sum": 3}, {"id": "o-2", "sum": 4}]}, lead) as (store, url):
            found = await look(url, CRM)
    assert elsewhere.asked == []
    assert {method for method, _ in store.asked} == {"GET"}
    assert set(routes(found)) == {"/crm/orders", "/crm/orders/{id}"}


async def test_no_value_of_a_person_is_asked_for_but_the_key_of_a_row() -> None:
    """Filters are tried with a value that no row has."""
    async with undeclared({"/customers": customers()}) as (store, url):
        await look(url, CRM)
    asked = " ".join(target for _, target in store.asked)
    assert "gateway-no-such-value" in asked
    values = {str(row[name]) for row in crowd(40) for name in SENSITIVE if row[name] is not None}
    assert not [value for value in values if value in asked]


async def test_a_list_that_is_too_long_is_read_so_far_and_its_whole_rows_count() -> None:
    """A store without limits sends everything, and a look reads one MiB of it."""
    rows = [{"id": f"c-{n}", "email": f"p{n}@example.com", "note": "x" * 300} for n in range(5000)]
    async with undeclared({}, {"/customers": rows}) as (_, url):
        found = await look(url, CRM)
    assert found.samples[0].cut
    assert (
        next(one for one in found.proposal.collections[0].fields if one.name == "email").evidence[1].n_matching == 200
    )


@pytest.mark.parametrize(
    "answer",
    [
        Response("[" * 100_000, media_type="application/json"),
        Response(b'[{"a": 1, "a": 2}]', media_type="application/json"),
        Response("<html>", media_type="text/html"),
        Response("[]", media_type="application/json", status_code=401),
        Response("&a [*a, *a]", media_type="application/yaml"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_told_and_nothing_is_made_of_it(answer: Response) -> None:
    """Deep, twice the same key, no JSON, not allowed, an alias of itself."""
    async with undeclared({}, {"/customers": answer}) as (_, url):
        found = await look(url, CRM, paths=["/customers"])
    assert found.proposal.collections == ()
    assert found.told


async def test_a_look_ends_after_so_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is to ask."""
    monkeypatch.setattr(looking, "MOST_CALLS", 12)
    async with undeclared({f"/{name}": customers() for name in ("customers", "users", "orders")}) as (store, url):
        await look(url, CRM)
    assert len(store.asked) <= 12


async def test_where_nobody_answers_it_is_said_so() -> None:
    """Nothing listens on port 9."""
    with pytest.raises(StoreUnreachable):
        await look("http://127.0.0.1:9", CRM)


async def test_a_description_that_is_none_is_refused(tmp_path: Path) -> None:
    """As a file, and as a path of the store."""
    file = tmp_path / "notes.yaml"
    file.write_text("a: 1\n", "utf-8")
    async with undeclared({}) as (_, url):
        for given in (str(file), "/no-such.json", tmp_path / "missing.json"):
            with pytest.raises(SettingsError):
                await look(url, CRM, openapi=given)


async def test_neither_what_was_found_nor_its_samples_show_a_value() -> None:
    """In a traceback either."""
    async with undeclared({"/customers": customers()}) as (_, url):
        found = await look(url, CRM)
    assert "@" not in repr(found) + repr(found.samples)


async def test_a_store_that_wants_a_slash_behind_its_paths_is_asked_with_one() -> None:
    """As many frameworks do, which only redirect from the path without."""
    away = RedirectResponse("/people/", status_code=307)
    rows = [{"id": n, "mail": f"m{n}@example.com", "points": n} for n in range(9)]
    async with undeclared({"/people/": rows}, {"/people": away, "/people/0/": rows[0]}) as (_, url):
        guessed, named = await look(url, CRM), await look(url, CRM, paths=("/people",))
    for found in (guessed, named):
        (proposal,) = found.proposal.collections
        assert {one.template: one.slash for one in proposal.routes} == {"/crm/people": True, "/crm/people/{id}": True}
        assert {"limit", "offset"} <= routes(found)["/crm/people"]
        assert found.told == ()


async def test_a_record_is_looked_for_under_the_key_of_its_list_too() -> None:
    """``customerId`` of ``customers``, where no field is called ``id``."""
    rows = [{"customerId": 70 + n, "mail": f"m{n}@example.com"} for n in range(9)]
    async with undeclared({"/customers": rows}, {"/customers/70": rows[0]}) as (_, url):
        found = await look(url, CRM)
    assert routes(found)["/crm/customers/{id}"] == {"id"}


async def test_a_list_that_says_where_it_goes_on_is_proposed_with_its_cursor() -> None:
    """Pages of ten in the store's own words; without them nobody would get beyond the first."""
    rows = [{"order_no": f"SO-{n}", "mail": f"m{n}@example.com", "total": n} for n in range(25)]

    async def orders(request: Request) -> Response:
        at = int(request.query_params.get("cursor", "p0")[1:])
        return JSONResponse({"orders": rows[at : at + 10], "next_cursor": f"p{at + 10}" if at < 15 else None})

    app = Starlette()
    app.add_route("/orders", orders)
    async with served(app, H11Protocol) as port:
        found = await look(f"http://127.0.0.1:{port}", CRM)
    (proposal,) = found.proposal.collections
    (route,) = proposal.routes
    assert route.answer.next == "next_cursor"
    assert isinstance(route.parameters["cursor"], CursorParameter)
    assert loaded(dataset_yaml(found.proposal), "crm").rules.catalog.routes
