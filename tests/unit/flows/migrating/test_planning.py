# SPDX-License-Identifier: Apache-2.0
"""By which declared routes a dataset is turned over, and what is said where there are none."""

import msgspec
import pytest

from gateway.domain.catalog import BodyKind, Catalog, FieldSpec, Route
from gateway.domain.errors import SettingsError
from gateway.flows.migrating.planning import Plan, plan_of
from tests.fakes.migrating import COLLECTION, PAGING, PEOPLE, routes, spec


def planned(*declared: Route, of: tuple[str, ...] = (), fields: tuple[FieldSpec, ...] = COLLECTION.fields) -> Plan:
    """Return the plan of people by these routes."""
    collection = msgspec.structs.replace(COLLECTION, fields=fields)
    return plan_of(Catalog(collections={PEOPLE: collection}, routes=declared), PEOPLE, of)


@pytest.mark.parametrize(
    ("paging", "kind"),
    [("offset", "offset"), ("sorted", "offset"), ("page", "page"), ("keyset", "keyset"), ("from", "keyset"),
     ("cursor", "cursor"), ("whole", "whole")],
)  # fmt: skip
def test_the_way_through_a_list_is_what_its_route_declares(paging: str, kind: str) -> None:
    """And rows are asked for in the order of the key where they can be."""
    walk = planned(*routes(paging)).walk
    assert walk.kind == kind
    assert (walk.sort == ("sort", "id")) == ("sort" in PAGING[paging])
    assert walk.repeats == (paging == "from")


def test_of_two_lists_the_surer_one_is_taken() -> None:
    """A filter on the key before an offset."""
    other = msgspec.structs.replace(routes("keyset")[0], template="/crm/people/by-key")
    assert planned(*routes("offset"), other).walk.route.template == "/crm/people/by-key"


def test_what_is_turned_over_is_what_is_declared_at_rest() -> None:
    """All of it, or what is named."""
    assert planned(*routes()).names == ("phone", "mail")
    assert planned(*routes(), of=("mail",)).names == ("mail",)
    with pytest.raises(SettingsError, match="note is not declared `at_rest`"):
        planned(*routes(), of=("note",))
    with pytest.raises(SettingsError, match="nothing to turn over"):
        planned(*routes(), fields=(spec("id"), spec("country")))


def test_what_the_routes_do_not_allow_is_said() -> None:
    """No list, no change of a record, a path by what is turned over, a body of whole records."""
    listed, one, patch = routes()
    with pytest.raises(SettingsError, match="no route that lists"):
        planned(one, patch)
    with pytest.raises(SettingsError, match="no route with operation `update`"):
        planned(listed, one)
    with pytest.raises(SettingsError, match="no route with operation `update`"):
        planned(*routes(body=BodyKind.RECORD))
    at_rest = (spec("id", at_rest="ids"), *COLLECTION.fields[1:])
    with pytest.raises(SettingsError, match="not turned over"):
        planned(*routes(), of=("id",), fields=at_rest)
    with pytest.raises(SettingsError, match="no dataset nowhere"):
        plan_of(Catalog(collections={}, routes=()), "nowhere")


def test_a_list_behind_a_post_is_named_and_not_walked() -> None:
    """What it asks stands in a body; whoever reads the error knows which list was seen, and what to declare."""
    listed, *others = routes()
    posted = msgspec.structs.replace(listed, method="POST", template="/crm/people/search")
    with pytest.raises(
        SettingsError, match=r"no route that lists its rows but by `POST /crm/people/search`.*declare one"
    ):
        planned(posted, *others)


def test_a_field_inside_an_object_needs_a_merge_patch() -> None:
    """A body of fields could take the whole object for the one member of it."""
    nested = (*COLLECTION.fields, spec("contact.phone", at_rest="inner"))
    with pytest.raises(SettingsError, match="`merge-patch`"):
        planned(*routes(body=BodyKind.FIELDS), fields=nested)
    assert "contact.phone" in planned(*routes(), fields=nested).names
