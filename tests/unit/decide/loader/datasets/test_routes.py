# SPDX-License-Identifier: Apache-2.0
"""Routes: canonical templates, declared parameters, and no path with two meanings."""

import pytest

from gateway.domain.catalog import MemberUse, Route
from gateway.domain.names import FieldName
from gateway.domain.parameters import (
    Comparison,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    SortParameter,
)
from tests.fakes.rule_files import Broken, check, edited, loaded, sentences

CRM, SHOP, OWN = "datasets/crm.yaml", "datasets/shop.yaml", "datasets/gateway.yaml"
RECORD = "              path: /crm/customers/{id}\n"
LIST = "              path: /crm/customers\n"
ORDERS = "              path: /shop/orders\n"
ENTRIES = "              path: /-/log/entries\n"


def path(text: str) -> Broken:
    return Broken(
        SHOP,
        ORDERS,
        f"              path: {text}\n",
        f"`{text}` is not canonical: `/shop/…`, plain segments or `{{name}}`, no slash at the end",
    )


@pytest.mark.parametrize(
    "broken",
    [
        path("/shop/orders/"),
        path("/shop//orders"),
        path("shop/orders"),
        path("/shop/../crm"),
        path("/shop/."),
        path("/shop/%6frders"),
        path("/shop/or ders"),
        path("/shop/orders?x=1"),
        path("/shop/x{id}"),
        path("/shop/{}"),
        path("/shop"),
        path("/shop/*"),
        Broken(
            SHOP,
            ORDERS,
            ORDERS.replace("/shop/", "/crm/"),
            "`/crm/orders` must start with `/shop/`, the store that it belongs to",
        ),
        Broken(
            SHOP,
            ORDERS,
            "              path: /-/orders\n",
            "`/-/orders` must start with `/shop/`, the store that it belongs to",
        ),
        Broken(
            OWN,
            ENTRIES,
            "              path: /gateway/log\n",
            "`/gateway/log` is no path of the gateway's own data: `/-/log/entries`, `/-/log/facets`, `/-/approvals`",
        ),
        Broken(
            OWN,
            ENTRIES,
            "              path: /-/log/entry\n",
            "`/-/log/entry` is no path of the gateway's own data: `/-/log/entries`, `/-/log/facets`, `/-/approvals`; "
            "did you mean `/-/log/entries`?",
        ),
        Broken(
            SHOP,
            ORDERS,
            ORDERS.replace("orders", "{shop}"),
            "`{shop}` of the path must be declared in `parameters` as an equality filter on its field",
        ),
        Broken(
            SHOP,
            ORDERS,
            ORDERS.replace("orders", "{limit}"),
            "`{limit}` of the path must be declared in `parameters` as an equality filter on its field",
        ),
        Broken(CRM, RECORD, RECORD.replace("{id}", "{id}/{id}"), "`{id}` stands twice in `/crm/customers/{id}/{id}`"),
        Broken(
            CRM,
            RECORD,
            RECORD.replace("/{id}", "-one"),
            "a `record` is found by its path, but the path has no `{name}`",
            at="              answer: {kind: record}",
        ),
        Broken(
            SHOP,
            "method: GET",
            "method: get",
            "`method` is `get`, expected one of `GET`, `POST`, `PUT`, `PATCH`, `DELETE`",
        ),
        Broken(
            SHOP,
            "method: GET",
            "method: TRACE",
            "`method` is `TRACE`, expected one of `GET`, `POST`, `PUT`, `PATCH`, `DELETE`",
        ),
        Broken(
            CRM,
            "answer: {kind: array}",
            "answer: {kind: list}",
            "`kind` is `list`, expected one of `array`, `object`, `record`, `ndjson`, `csv`, `nothing`",
        ),
        Broken(CRM, "answer: {kind: array}", "answer: {kind: array, rows: items}", "unknown key `rows`"),
        Broken(CRM, "answer: {kind: array}", "answer: {kind: object}", "`rows` is missing"),
        Broken(
            SHOP,
            "members: {total: recount,",
            "members: {total: count,",
            "member `total` is `count`, expected one of `recount`, `drop`; did you mean `recount`?",
        ),
        Broken(
            SHOP,
            "members: {total: recount,",
            "members: {items: recount,",
            "`items` holds the rows and cannot be a member beside them",
        ),
        Broken(
            CRM,
            "                id: {field: id}\n                fields: fields\n              honours:",
            "                id: {field: id}\n                fields: fields\n                offset: offset\n              honours:",
            "a `record` has no pages and no order, so no `offset`",
            at="              parameters:\n                id: {field: id}",
        ),
    ],
    ids=lambda broken: broken.new.strip()[:50] + " " + broken.says[:30],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


@pytest.mark.parametrize(
    "other", ["/crm/customers/{id}", "/crm/customers/{email}", "/crm/customers/export", "/crm/{email}/{id}"]
)
def test_two_routes_never_match_the_same_path(other: str) -> None:
    """A brace matches every segment, so ``export`` beside it would have two meanings."""
    route = (
        f"            - method: GET\n              path: {other}\n              operation: read\n              answer: {{kind: array}}\n"
        "              parameters: {id: {field: id}, email: {field: email}}\n        fields:\n"
    )
    told = [one for one in sentences(edited(CRM, "        fields:\n", route)) if "names a brace otherwise" not in one]
    assert len(told) == 1
    assert "matches too" in told[0]


def test_one_path_twice_is_told() -> None:
    """The list's path for the record's route."""
    files = edited(CRM, LIST, LIST.replace("customers", "contacts"))
    (lost, told) = sorted(sentences(files), key=lambda one: "matches" in one)
    assert "the collection has no list GET `/crm/customers`" in lost
    assert told.startswith("datasets/crm.yaml:")
    assert "`/crm/contacts` matches paths that `/crm/contacts` (datasets/crm.yaml:14) matches too" in told


def route(template: str) -> Route:
    return next(route for route in loaded().catalog.routes if route.template == template)


def test_a_list_is_what_its_lines_say() -> None:
    """Answer, members and every kind of parameter."""
    customers = route("/crm/customers")
    assert (customers.method, customers.operation, customers.dataset, customers.store) == (
        "GET",
        "read",
        "crm.customers",
        "crm",
    )
    assert (customers.answer.kind, customers.answer.rows) == ("object", "items")
    assert dict(customers.answer.members) == {
        "total": MemberUse.RECOUNT,
        "limit": MemberUse.DROP,
        "offset": MemberUse.DROP,
    }
    parameters = customers.parameters
    assert parameters["limit"] == LimitParameter(most=1000, default=100)
    assert parameters["offset"] == OffsetParameter()
    assert parameters["fields"] == FieldsParameter()
    assert parameters["religion"] == FilterParameter(field=customers_field("religion"))
    assert parameters["balance_min"] == FilterParameter(
        field=customers_field("balance"), comparison=Comparison.AT_LEAST
    )
    assert isinstance(parameters["sort"], SortParameter)


def customers_field(name: str) -> FieldName:
    collection = next(iter(loaded().catalog.collections.values()))
    spec = collection.field(name)
    assert spec is not None
    return spec.name


def test_a_record_is_found_by_its_path() -> None:
    """The path parameter is an equality filter on its field."""
    record = route("/crm/customers/{id}")
    assert record.answer.kind == "record"
    assert record.parameters["id"] == FilterParameter(field=customers_field("id"))


def test_one_brace_has_one_name_whatever_the_method() -> None:
    """Whoever matches the path would else have two names for one segment."""
    route = (
        "            - method: PUT\n              path: /crm/customers/{email}\n              operation: update\n"
        "              body: {kind: record, keeps_unseen: yes}\n              answer: {kind: nothing}\n"
        "              parameters: {email: {field: email}}\n        fields:\n"
    )
    told = sentences(edited(CRM, "        fields:\n", route))
    assert len(told) == 3
    assert all("`/crm/customers/{email}` names a brace otherwise than `/crm/customers/{id}`" in one for one in told)
