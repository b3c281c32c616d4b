# SPDX-License-Identifier: Apache-2.0
"""Texts of parameters: which fit at all, and what callers are told."""

import pytest

from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Sort
from gateway.domain.names import FieldName
from gateway.domain.parameters import AlternativeFilters, Comparison, FilterParameter, SortParameter, SortStyle
from gateway.doors.http.reading.fitting import (
    MAX_VALUE_CHARACTERS,
    count_of,
    directed,
    named_in,
    order_sentence,
    spellings,
    unfit_text,
    unfit_values,
)
from tests.fakes.customers import COLLECTION

AGE = FieldName("age")
LISTED = FilterParameter(AGE, Comparison.IN, most=2, value="in.({})")


@pytest.mark.parametrize("text", ["", "x" * 6, "a\tb", "a\x7f"])
def test_a_text_has_some_characters_and_no_controls(text: str) -> None:
    """The refusal says how many, and repeats none of them."""
    assert unfit_text("age", "x" * 5, 5) is None
    refused = unfit_text("age", text, 5)
    assert isinstance(refused, Deny)
    assert (refused.reason, refused.fields) == (Reason.PARAMETER_INVALID, ("age",))
    assert text not in (refused.title or "") or not text


@pytest.mark.parametrize("values", [(), ("a", "b", "c"), ("a", "a"), ("",), ("a", "x" * (MAX_VALUE_CHARACTERS + 1))])
def test_a_list_is_bounded_and_has_no_value_twice(values: tuple[str, ...]) -> None:
    """Each of its values fits by itself."""
    assert unfit_values("age", LISTED, ("a", "b")) is None
    assert unfit_values("age", LISTED, values) is not None


def test_a_caller_is_told_how_values_are_spelled() -> None:
    """All the spellings of a name."""
    declared = AlternativeFilters((FilterParameter(AGE, value="eq.{}"), LISTED))
    assert spellings(declared) == "eq.VALUE or in.(VALUE)"


@pytest.mark.parametrize("style", SortStyle)
def test_a_caller_is_told_what_an_order_can_be(style: SortStyle) -> None:
    """Every style has its sentence."""
    assert "age" in order_sentence(SortParameter((AGE,), style))


def test_numbers_are_plain_digits_within_bounds() -> None:
    """At most nine of them."""
    assert [count_of(text, 1, 50) for text in ("1", "50", "0", "51", "01", "+1", "1.0", "9999999999", "x")] == [
        1, 50, None, None, None, None, None, None, None,
    ]  # fmt: skip


def test_fields_are_named_once_each() -> None:
    """Only those of the collection."""
    assert named_in("id,age", COLLECTION) == ("id", "age")
    assert [named_in(text, COLLECTION) for text in ("id,id", "*", "id,", "", "name")] == [None] * 5


def test_directions_go_to_names_in_their_order() -> None:
    """Without directions an order is as it was said."""
    sorts = (Sort(field=AGE, descending=False), Sort(field=FieldName("id"), descending=False))
    assert directed(sorts, None) == sorts
    assert [sort.descending for sort in directed(sorts, (True, False))] == [True, False]
