# SPDX-License-Identifier: Apache-2.0
"""Whole proposals: routes, parameters, subjects, references; and that every one of them loads."""

from collections.abc import Callable, Mapping

import pytest

from gateway.discover.dataset_yaml import dataset_yaml
from gateway.discover.propose import propose
from gateway.discover.sample import Sample
from gateway.domain.names import DatasetName, StoreName
from gateway.domain.parameters import (
    Comparison,
    CursorParameter,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    SortParameter,
)
from gateway.domain.proposal import CollectionProposal, DatasetProposal
from tests.fakes.proposals import CHINESE, MEMBER, answering, crowd, described, loaded, members_api, renamed

CRM = StoreName("crm")


def crm(*more: Sample) -> DatasetProposal:
    """Return the proposal of a store with customers and the contacts with them."""
    people = list(crowd(60))
    contacts = [{"id": f"k-{n}", "customer_id": row["id"], "channel": "mail"} for n, row in enumerate(people[:30])]
    customers = Sample(path="/customers", body={"items": people, "total": 600})
    return propose(CRM, None, [customers, Sample(path="/contacts", body=contacts), *more])


def collection(proposal: DatasetProposal, name: str) -> CollectionProposal:
    """Return one collection."""
    return next(one for one in proposal.collections if one.name == name)


def test_a_document_becomes_routes_with_what_their_parameters_mean() -> None:
    """A list with limit, cursor, order and filters; a search; a record; and calls that write."""
    proposal = propose(CRM, members_api(), [])
    (members,) = proposal.collections
    routes = {(one.method, one.template): one for one in members.routes}
    listed = routes["GET", "/crm/members"]
    assert listed.answer.next == "next_cursor"
    assert dict(listed.parameters) == {
        "limit": LimitParameter(most=1000, default=100),
        "cursor": CursorParameter(),
        "sort": listed.parameters["sort"],
        "fields": FieldsParameter(),
        "mail": FilterParameter("mail"),  # type: ignore[arg-type]
        "points_gte": FilterParameter("points", Comparison.AT_LEAST),  # type: ignore[arg-type]
        "born_to": FilterParameter("born", Comparison.AT_MOST),  # type: ignore[arg-type]
    }
    assert isinstance(listed.parameters["sort"], SortParameter)
    body = routes["POST", "/crm/members/search"].body
    assert body is not None
    assert {name: type(one).__name__ for name, one in body.parameters.items()} == {
        "where.mail": "FilterParameter", "where.points_min": "FilterParameter", "ids": "FilterParameter", "limit": "LimitParameter",
    }  # fmt: skip
    assert {(one.method, one.operation) for one in members.routes if one.template == "/crm/members/{member_id}"} == {
        ("GET", "read"), ("PATCH", "update"), ("DELETE", "delete"),
    }  # fmt: skip


def test_what_cannot_be_declared_is_told_and_left_out() -> None:
    """An array in a row, a full-text parameter, PUT, a path with a parameter of its own, a page of HTML."""
    proposal = propose(CRM, members_api(), [])
    told = " ".join((*proposal.unsupported, *proposal.collections[0].unsupported))
    for word in ("`tags`", "`q`", "`where.mood`", "PUT", "`GET /feed;v1`", "`GET /report`"):
        assert word in told, word


def test_a_slash_at_the_end_is_the_stores_own() -> None:
    """At the gateway a path has none, and the rules that load say how the store wants it."""
    rows = [{"id": n, "mail": f"m{n}@example.com"} for n in range(4)]
    samples = [Sample(path="/members/", body=rows), Sample(path="/members/0/", body=rows[0])]
    proposal = propose(CRM, None, samples)
    loaded_routes = loaded(dataset_yaml(proposal), "crm").rules.catalog.routes
    assert {one.template: one.slash for one in loaded_routes} == {"/crm/members": True, "/crm/members/{id}": True}
    assert not any(one.slash for each in crm().collections for one in each.routes)


def test_samples_alone_give_routes_a_record_and_parameters_that_were_tried() -> None:
    """What changed the answer means something; what did not is not declared."""
    people = list(crowd(60))
    last_first = sorted(people, key=lambda row: str(row["id"]), reverse=True)
    tried = [
        Sample(path="/customers", query=(("limit", "1"),), body={"items": people[:1]}),
        Sample(path="/customers", query=(("skip", "1"),), body={"items": people}),
        Sample(path="/customers", query=(("offset", "1"),), body={"items": people[1:]}),
        Sample(path="/customers", query=(("sort", "-id"),), body={"items": last_first}),
        Sample(path="/customers", query=(("city", "gateway-no-such-value"),), body={"items": []}),
        Sample(path="/customers", query=(("job", "gateway-no-such-value"),), body={"items": people}),
        Sample(path=f"/customers/{people[0]['id']}", body=people[0]),
    ]
    found = collection(crm(*tried), "customers")
    assert [(one.template, one.answer.kind) for one in found.routes] == [
        ("/crm/customers", "object"),
        ("/crm/customers/{id}", "record"),
    ]
    parameters = found.routes[0].parameters
    assert set(parameters) == {"limit", "offset", "sort", "city", "fields"}
    assert isinstance(parameters["offset"], OffsetParameter)


def test_rows_are_about_the_people_that_they_point_at() -> None:
    """The key of customers, and of contacts the field whose values are keys of customers."""
    proposal = crm()
    customers, contacts = collection(proposal, "customers"), collection(proposal, "contacts")
    assert customers.subject == ("id", "crm.customer_id")
    assert contacts.subject == ("customer_id", "crm.customer_id")
    assert (customers.birth_date, customers.region) == ("birth_date", "country")
    pointing = next(one for one in contacts.fields if one.name == "customer_id")
    assert pointing.references == (DatasetName("crm.customers"), "id")
    assert pointing.join_domain == next(one.join_domain for one in customers.fields if one.name == "id")
    assert any((one.n_matching, one.n_seen) == (30, 30) for one in pointing.evidence)


def test_rows_about_nobody_have_no_subject() -> None:
    """Nothing in goods tells of a person; the file then counts each row as one."""
    goods = [{"sku": f"S-{n}", "price": n * 2.5} for n in range(5)]
    (found,) = propose(CRM, None, [Sample(path="/goods", body=goods)]).collections
    assert found.subject is None


DATASETTE = Sample(
    path="/crm/people.json",
    query=(("_shape", "objects"),),
    body={"ok": True, "next": None, "rows": list(crowd(20)), "truncated": False},
)
JSON_SERVER = Sample(
    path="/people", query=(("_limit", "100"),), body=list(crowd(20)), headers=(("x-total-count", "20"),)
)
JSON_SERVER_1 = Sample(
    path="/people",
    query=(("_page", "1"), ("_per_page", "100")),
    body={"first": 1, "prev": None, "next": None, "last": 1, "pages": 1, "items": 20, "data": list(crowd(20))},
)


def postgrest() -> Mapping[str, object]:
    """Return what PostgREST says of one table at its root."""
    columns = {
        "id": {"type": "string", "format": "text"},
        "name": {"type": "string", "format": "text"},
        "age": {"type": "integer", "format": "integer"},
    }
    names = (
        "rowFilter.people.id",
        "rowFilter.people.name",
        "rowFilter.people.age",
        "select",
        "order",
        "range",
        "offset",
        "limit",
        "preferCount",
    )
    return {
        "swagger": "2.0",
        "info": {"title": "standard public schema"},
        "basePath": "/",
        "paths": {
            "/": {"get": {"responses": {"200": {"description": "OK"}}}},
            "/people": {
                "get": {
                    "parameters": [{"$ref": f"#/parameters/{name}"} for name in names],
                    "responses": {"200": {"schema": {"type": "array", "items": {"$ref": "#/definitions/people"}}}, "206": {"description": "Partial"}},
                },
                "patch": {"parameters": [{"$ref": "#/parameters/body.people"}], "responses": {"204": {"description": "No Content"}}},
            },
            "/rpc/f": {"post": {"responses": {"200": {"description": "OK"}}}},
        },
        "parameters": {
            **{f"rowFilter.people.{name}": {"name": name, "in": "query", "type": "string"} for name in columns},
            **{name: {"name": name, "in": "query", "type": "string"} for name in ("select", "order", "offset", "limit")},
            "range": {"name": "Range", "in": "header", "type": "string"},
            "preferCount": {"name": "Prefer", "in": "header", "type": "string"},
            "body.people": {"name": "people", "in": "body", "schema": {"$ref": "#/definitions/people"}},
        },
        "definitions": {"people": {"type": "object", "properties": columns}},
    }  # fmt: skip


def overlapping() -> Mapping[str, object]:
    """Return a document in which one path is matched by two calls, and one brace has two names."""
    by = {"name": "id", "in": "path", "schema": {"type": "string"}}
    listed, one = answering({"type": "array", "items": MEMBER}), answering(MEMBER)
    return described(
        {
            "/users": {"get": {"responses": listed}},
            "/users/{id}": {"get": {"parameters": [by], "responses": one}},
            "/users/me": {"get": {"responses": listed}},
            "/users/{user_id}": {"delete": {"parameters": [{**by, "name": "user_id"}], "responses": {"204": {}}}},
        }
    )


EVERY: dict[str, Callable[[], DatasetProposal]] = {
    "document": lambda: propose(CRM, members_api(), []),
    "samples": crm,
    "chinese": lambda: propose(CRM, None, [Sample(path="/people", body=renamed(crowd(30), CHINESE))]),
    "datasette": lambda: propose(CRM, None, [DATASETTE]),
    "json-server": lambda: propose(CRM, None, [JSON_SERVER]),
    "json-server 1": lambda: propose(CRM, None, [JSON_SERVER_1]),
    "postgrest": lambda: propose(CRM, postgrest(), []),
    "overlapping": lambda: propose(CRM, overlapping(), []),
    "nobody": lambda: propose(CRM, None, [Sample(path="/goods", body=[{"sku": "a", "n": 1}, {"sku": "b", "n": 2}])]),
    "odd": lambda: propose(
        CRM,
        None,
        [
            Sample(
                path="/on",
                body=[{"y": 1, "no": "x", "null": 2.5, "1": "a", "a": {"b": 1, "off": {"c": "x"}}, "x[]": 3}],
            )
        ],
    ),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_proposal_loads_and_none_of_its_fields_is_reviewed(name: str) -> None:
    """Under the shipped rules; the notes tell how many fields await review."""
    proposal = EVERY[name]()
    found = loaded(dataset_yaml(proposal), "crm")
    fields = [one for each in found.rules.catalog.collections.values() for one in each.fields]
    assert fields
    assert not any(one.reviewed for one in fields)
    assert [one.name for one in fields] == [one.name for each in proposal.collections for one in each.fields]
    assert {(one.method, one.template) for one in found.rules.catalog.routes} == {
        (one.method, one.template) for each in proposal.collections for one in each.routes
    }
    assert any("review" in note.message for note in found.notes)


def test_a_hostile_sample_gives_no_proposal_and_no_error() -> None:
    """Nothing that a store answers ends a look."""
    bodies: tuple[object, ...] = (None, [[1]], {"": []}, [{}], {"a": {"b": {"c": []}}}, [{"\u202e": 1}], "x")
    proposal = propose(
        CRM, described({"/%2e%2e/{a}/{a}": {"get": {}}}), [Sample(path="/x", body=body) for body in bodies]
    )
    assert proposal.collections == ()
    assert proposal.unsupported
