# SPDX-License-Identifier: Apache-2.0
"""Templates are matched segment by segment; what is not declared does not exist."""

import pytest

from gateway.domain.catalog import AnswerShape, Catalog, Route
from gateway.domain.decision import Reason
from gateway.domain.names import DatasetName
from gateway.doors.http.reading.router import Matched, Router, Unmatched, store_router

ROUTES = [
    ("GET", "/crm/customers", "list"),
    ("GET", "/crm/customers/{id}", "one"),
    ("PATCH", "/crm/customers/{id}", "change"),
    ("GET", "/crm/customers/count", "count"),
    ("GET", "/crm/{kind}/{id}/notes", "notes"),
    ("GET", "/", "root"),
]


@pytest.mark.parametrize(
    ("method", "segments", "expected"),
    [
        ("GET", ("crm", "customers"), Matched("list")),
        ("GET", ("crm", "customers", "7"), Matched("one", (("id", "7"),))),
        ("PATCH", ("crm", "customers", "7"), Matched("change", (("id", "7"),))),
        ("GET", ("crm", "customers", "count"), Matched("count")),
        ("GET", ("crm", "customers", "7", "notes"), Matched("notes", (("kind", "customers"), ("id", "7")))),
        ("GET", ("crm", "customers", "{id}"), Matched("one", (("id", "{id}"),))),
        ("GET", (), Matched("root")),
        ("GET", ("crm",), Unmatched(Reason.NO_SUCH_ROUTE)),
        ("GET", ("crm", "customers", "7", "x"), Unmatched(Reason.NO_SUCH_ROUTE)),
        ("GET", ("CRM", "customers"), Unmatched(Reason.NO_SUCH_ROUTE)),
        ("GET", ("crm", "customers\n"), Unmatched(Reason.NO_SUCH_ROUTE)),
        ("DELETE", ("crm", "customers", "7"), Unmatched(Reason.METHOD_NOT_ALLOWED, ("GET", "PATCH"))),
        ("PATCH", ("crm", "customers", "count"), Unmatched(Reason.METHOD_NOT_ALLOWED, ("GET",))),
        ("HEAD", ("crm", "customers"), Unmatched(Reason.METHOD_NOT_ALLOWED, ("GET",))),
        ("get", ("crm", "customers"), Unmatched(Reason.METHOD_NOT_ALLOWED, ("GET",))),
    ],
)
def test_a_path_belongs_to_the_route_that_fits_it_exactly(
    method: str, segments: tuple[str, ...], expected: object
) -> None:
    """A literal goes before a brace, and another method is told with the methods that exist."""
    assert Router(ROUTES).match(method, segments) == expected


@pytest.mark.parametrize(
    "template", ["crm", "", "/crm/", "/crm//x", "/{store}/x", "/crm/{}", "/crm/{a}b", "/crm/a{b", "/crm/{a}/{a}"]
)
def test_a_template_that_cannot_be_read_is_refused(template: str) -> None:
    """When the router is built, not when a call comes."""
    with pytest.raises(ValueError, match="template"):
        Router([("GET", template, "x")])


def test_a_route_is_declared_once() -> None:
    """Neither twice nor under two names for its braces."""
    for second in ("/crm/{id}", "/crm/{key}"):
        with pytest.raises(ValueError, match="twice"):
            Router([("GET", "/crm/{id}", "a"), ("GET", second, "b")])


def test_the_routes_of_a_catalogue_lead_to_themselves() -> None:
    """The target of a store route is the route."""
    route = Route(
        method="GET",
        template="/crm/customers",
        operation="read",
        dataset=DatasetName("crm.customers"),
        answer=AnswerShape(kind="array"),
        parameters={},
    )
    router = store_router(Catalog(collections={}, routes=(route,)))
    assert router.match("GET", ("crm", "customers")) == Matched(route)
