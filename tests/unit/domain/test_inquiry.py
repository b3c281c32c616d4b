# SPDX-License-Identifier: Apache-2.0
"""Inquiries hold what a caller said, and show none of it."""

from gateway.domain.inquiry import Filter, Written
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison

PHONE = "+8613812345678"


def test_no_value_of_a_filter_or_of_a_record_is_shown() -> None:
    """Reprs end up in tracebacks."""
    asked = Filter(field=FieldName("phone"), comparison=Comparison.EQUAL, value=PHONE, parameter="phone")
    written = Written(((FieldName("phone"), PHONE),))

    assert PHONE not in repr(asked) + repr(written)


def test_a_list_is_compared_by_its_values_and_anything_else_by_its_one() -> None:
    """The value of a list is empty."""
    field = FieldName("id")
    one = Filter(field=field, comparison=Comparison.EQUAL, value="7", parameter="id")
    several = Filter(field=field, comparison=Comparison.IN, value="", values=("7", "8"), parameter="ids")

    assert one.compared == ("7",)
    assert several.compared == ("7", "8")
