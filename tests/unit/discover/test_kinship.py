# SPDX-License-Identifier: Apache-2.0
"""Which field points at which collection, and whom rows are about."""

import pytest

from gateway.discover.kinship import singular
from gateway.discover.propose import propose
from gateway.discover.sample import Sample
from gateway.domain.names import StoreName
from gateway.domain.proposal import CollectionProposal

SHOP = StoreName("shop")
PEOPLE = [{"id": f"c-{n}", "email": f"p{n}@example.com"} for n in range(6)]


def second(rows: list[dict[str, object]]) -> CollectionProposal:
    """Return the proposal of rows that stand beside customers."""
    proposal = propose(SHOP, None, [Sample(path="/customers", body=PEOPLE), Sample(path="/orders", body=rows)])
    return next(one for one in proposal.collections if one.name == "orders")


def test_values_alone_tell_where_a_field_points() -> None:
    """All of them are keys of customers, whatever the field is called."""
    orders = second([{"id": f"o-{n}", "f1": f"c-{n}"} for n in range(5)])
    assert orders.subject == ("f1", "shop.customer_id")


def test_a_name_alone_tells_it_where_no_value_was_seen_on_both_sides() -> None:
    """Another page of the list may have them."""
    orders = second([{"id": f"o-{n}", "customer_id": f"c-9{n}"} for n in range(5)])
    pointing = next(one for one in orders.fields if one.name == "customer_id")
    assert pointing.references == ("shop.customers", "id")
    assert any(one.by == "name" and "customers" in one.says for one in pointing.evidence)


def test_small_numbers_point_nowhere_by_themselves() -> None:
    """Every count is a key of something."""
    numbered = [{"id": n, "email": f"p{n}@example.com"} for n in range(6)]
    rows = [{"id": n, "quantity": n % 3} for n in range(6)]
    proposal = propose(SHOP, None, [Sample(path="/customers", body=numbered), Sample(path="/orders", body=rows)])
    orders = next(one for one in proposal.collections if one.name == "orders")
    assert all(one.references is None for one in orders.fields)
    assert orders.subject is None


def test_rows_of_people_without_a_collection_of_them_are_told_by_the_key() -> None:
    """``member_id`` says whom, also where nothing lists members."""
    (found,) = propose(SHOP, None, [Sample(path="/visits", body=[{"id": "v-1", "member_id": "m-1"}])]).collections
    assert found.subject == ("member_id", "shop.member_id")


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ("customers", "customer"),
        ("companies", "company"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("staff", "staff"),
        ("Members", "member"),
    ],
)
def test_one_of_many_has_its_own_word(many: str, one: str) -> None:
    """As English does it, mostly."""
    assert singular(many) == one
