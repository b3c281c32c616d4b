# SPDX-License-Identifier: Apache-2.0
"""What a store is asked: decided parts and nothing else; and what the log keeps of a decision."""

import msgspec
import pytest

from gateway.domain.catalog import (
    Comparison,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    SortParameter,
)
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, Use
from gateway.domain.inquiry import Filter, Inquiry, Sort
from gateway.domain.names import FieldName
from gateway.domain.viewplan import Caps
from gateway.flows.access.asking import facts_of, store_call
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import NOW_US, ROUTE, equal, hold, inquiry

LIST = msgspec.structs.replace(
    ROUTE,
    parameters={
        "n": LimitParameter(most=50, default=20),
        "skip": OffsetParameter(),
        "order": SortParameter((FieldName("name"),)),
        "only": FieldsParameter(),
        "name": FilterParameter(FieldName("name")),
    },
)
RECORD = msgspec.structs.replace(ROUTE, template="/crm/people/{id}/of/{email}", parameters={})


def permit(*filters: FilterUse) -> Permit:
    """Return a permit with these filters."""
    house = AccessHouse()
    decision = house.rules.decider.decide(inquiry(), (), NOW_US)
    assert isinstance(decision, Permit)
    return msgspec.structs.replace(decision, filters=filters)


def use(asked: Filter, as_what: Use = Use.CLEAR) -> FilterUse:
    """Return a filter that is permitted."""
    return FilterUse(filter=asked, use=as_what)


def listing(**changes: object) -> Inquiry:
    """Return a call of the list."""
    return msgspec.structs.replace(inquiry(), route=LIST, **changes)


def test_filters_go_first_then_paging_and_order_under_the_routes_own_names() -> None:
    """Fields that the caller named stay with the gateway."""
    asked = listing(
        limit=7, offset=14, sorts=(Sort(field=FieldName("name"), descending=True),), fields=(FieldName("name"),)
    )
    call = store_call(asked, permit(use(equal("name", "a b"))), lambda _field, _text: None)
    assert not isinstance(call, Deny)
    assert (call.store, call.method, call.path) == ("crm", "GET", "/people")
    assert call.query == (("name", "a b"), ("n", "7"), ("skip", "14"), ("order", "-name"))


def test_a_page_is_bounded_even_where_the_caller_does_not_bound_it() -> None:
    """Nothing is skipped or ordered by itself."""
    call = store_call(listing(), permit(), lambda _field, _text: None)
    assert not isinstance(call, Deny)
    assert call.query == (("n", "20"),)


def test_values_of_a_path_are_single_segments() -> None:
    """Whatever is in them is escaped; they are not in the query as well."""
    inside = [
        Filter(field=FieldName(name), comparison=Comparison.EQUAL, value=value, parameter=name, in_path=True)
        for name, value in (("id", "a/../b?c"), ("email", "d@x.org"))
    ]
    asked = msgspec.structs.replace(inquiry(filters=inside), route=RECORD)
    call = store_call(asked, permit(*map(use, inside)), lambda _field, _text: None)
    assert not isinstance(call, Deny)
    assert call.path == "/people/a%2F..%2Fb%3Fc/of/d%40x.org"
    assert call.query == ()


def test_a_surrogate_is_resolved_and_a_foreign_one_refused() -> None:
    """The refusal names the parameter, not the value."""
    asked = use(equal("id", "sv1_x"), Use.SURROGATE)
    right = store_call(listing(), permit(asked), lambda field, text: f"{field} of {text}")
    wrong = store_call(listing(), permit(asked), lambda _field, _text: None)
    assert not isinstance(right, Deny)
    assert right.query[0] == ("id", "id of sv1_x")
    assert wrong == Deny(reason=Reason.SURROGATE_NOT_RECOGNISED, fields=("id",))


def test_a_band_is_handed_on_as_it_is() -> None:
    """The route declares that the store understands it."""
    call = store_call(listing(), permit(use(equal("born", "1980"), Use.BAND)), lambda _field, _text: None)
    assert not isinstance(call, Deny)
    assert call.query[0] == ("born", "1980")


def test_facts_hold_names_and_comparisons_and_no_values() -> None:
    """Orders are told beside filters."""
    asked = inquiry(filters=(equal("name", "Ann"), equal("born", "1980", comparison=Comparison.AT_LEAST)))
    asked = msgspec.structs.replace(
        asked,
        sorts=(Sort(field=FieldName("name"), descending=True), Sort(field=FieldName("id"), descending=False)),
        reference="c-1",
    )
    facts = facts_of(asked, None, now_us=NOW_US, rules="d1")
    assert facts.filters == ("name eq", "born ge", "sort -name", "sort id")
    assert (facts.reference, facts.route, facts.assurance, facts.grants, facts.caps) == (
        "c-1",
        "/crm/people",
        4,
        (),
        (),
    )
    assert "Ann" not in repr(facts)


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        (None, ()),
        (Caps(fresh=False), ("stale",)),
        (Caps(fresh=True, holds=(hold("user"),)), ("probing",)),
        (Caps(fresh=False, holds=(hold("user"),)), ("stale", "probing")),
    ],
)
def test_facts_of_a_permit_name_grants_fields_and_caps(caps: Caps | None, told: tuple[str, ...]) -> None:
    """Words of treatment that no field has are left out."""
    plan = msgspec.structs.replace(permit().plan, lowered=caps)
    facts = facts_of(inquiry(), plan, now_us=NOW_US, rules="d1", view={"reveal": ("name",), "mask": ()}, choices=3)
    assert facts.fields == {"reveal": ("name",)}
    assert facts.caps == told
    assert facts.grants == plan.grants
    assert facts.choices == 3
