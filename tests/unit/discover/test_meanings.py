# SPDX-License-Identifier: Apache-2.0
"""What names of parameters mean."""

import pytest

from gateway.discover.categorise import Described, field_of
from gateway.discover.meanings import body_parameters, brace_field, filter_on, meaning_of, query_parameters
from gateway.discover.openapi import DescribedParameter
from gateway.domain.catalog import AnswerShape, FieldType, MemberUse
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison, FilterParameter

TYPES = {
    "id": FieldType.TEXT,
    "birthDate": FieldType.DATE,
    "age": FieldType.INTEGER,
    "city": FieldType.TEXT,
    "limit_no": FieldType.TEXT,
}
FIELDS = {FieldName(name): field_of(None, Described(name=name, type=type_)) for name, type_ in TYPES.items()}


@pytest.mark.parametrize(
    ("name", "field", "comparison"),
    [
        ("city", "city", "eq"), ("birth_date", "birthDate", "eq"), ("age_gte", "age", "ge"), ("age[lte]", "age", "le"), ("minAge", "age", "ge"),
        ("max_age", "age", "le"), ("age__gt", "age", "gt"), ("birthDateFrom", "birthDate", "ge"), ("birth_date_before", "birthDate", "le"),
        ("ids", "id", "in"), ("city__startswith", "city", "prefix"), ("city_in", "city", "in"), ("id__exact", "id", "eq"),
    ],
)  # fmt: skip
def test_a_filter_is_told_by_its_field_and_what_stands_beside(name: str, field: str, comparison: str) -> None:
    """In the ways in which many APIs spell it."""
    assert filter_on(name, FIELDS) == FilterParameter(FieldName(field), Comparison(comparison))


@pytest.mark.parametrize("name", ["q", "city_gte", "age_prefix", "mood", "id_to"])
def test_what_a_catalogue_would_refuse_has_no_meaning(name: str) -> None:
    """Text has no order, and a number no prefix."""
    assert meaning_of(DescribedParameter(name=name, place="query"), FIELDS) is None


def settled(*names: str, shape: AnswerShape) -> tuple[dict[str, str], AnswerShape, tuple[str, ...]]:
    """Return the uses of parameters by name."""
    found, shape, told = query_parameters(
        [DescribedParameter(name=name, place="query") for name in names], FIELDS, shape
    )
    return {name: str(one.__struct_config__.tag) for name, one in found.items()}, shape, told


def test_there_is_one_way_on_and_one_order() -> None:
    """What says the same again is left out and told."""
    found, _, told = settled("limit", "per_page", "offset", "page", "sort", "order_by", shape=AnswerShape(kind="array"))
    assert found == {"limit": "limit", "offset": "offset", "sort": "sort"}
    assert len(told) == 3


def test_pages_need_their_length_and_cursors_their_member() -> None:
    """Or the catalogue would refuse the route."""
    assert settled("page", shape=AnswerShape(kind="array"))[0] == {}
    assert settled("cursor", shape=AnswerShape(kind="array"))[0] == {}
    shape = AnswerShape(kind="object", rows="rows", members=(("next_cursor", MemberUse.DROP), ("n", MemberUse.DROP)))
    found, shape, _ = settled("cursor", shape=shape)
    assert (found, shape.next, shape.members) == ({"cursor": "cursor"}, "next_cursor", (("n", MemberUse.DROP),))


def test_members_of_a_body_are_paths() -> None:
    """An array of values is a list to compare with."""
    found, told = body_parameters(
        ["where.city", "filter.age.from", "ids[]", "page.size", "sort[]", "x.y.z", "mood[]"], FIELDS
    )
    assert {name: str(one.__struct_config__.tag) for name, one in found.items()} == {
        "where.city": "filter", "filter.age.from": "filter", "ids": "filter", "page.size": "limit", "sort": "sort",
    }  # fmt: skip
    assert len(told) == 2


@pytest.mark.parametrize(
    ("brace", "field"), [("id", "id"), ("customerId", "id"), ("customer", "id"), ("city", "city"), ("when", None)]
)
def test_a_brace_stands_for_a_field(brace: str, field: str | None) -> None:
    """For the key of the rows, where it is called after them."""
    assert brace_field(brace, FIELDS, "customer") == field
