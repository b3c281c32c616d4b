# SPDX-License-Identifier: Apache-2.0
"""The body of a search: taken apart by declared paths, values in one spelling, nothing passed over."""

from decimal import Decimal

import pytest

from gateway.domain import strictjson
from gateway.domain.catalog import Collection, FieldType
from gateway.domain.decision import Deny, Reason
from gateway.domain.names import DatasetName, FieldName
from gateway.domain.parameters import (
    Comparison,
    FieldsParameter,
    FilterParameter,
    LimitParameter,
    OffsetParameter,
    Parameter,
    SortParameter,
)
from gateway.doors.http.reading.search import said_in, spelled
from tests.fakes.deciding import field

COLLECTION = Collection(
    dataset=DatasetName("crm.people"),
    fields=(
        field("id", "user.id"),
        field("n", "user", type_=FieldType.INTEGER),
        field("sum", "user", type_=FieldType.DECIMAL),
        field("is_on", "user", type_=FieldType.BOOLEAN),
        field("born", "user", type_=FieldType.DATE),
    ),
    subject=None,
)
DECLARED: dict[str, Parameter] = {
    "page.size": LimitParameter(),
    "page.from": OffsetParameter(),
    "order": SortParameter((FieldName("n"),)),
    "only": FieldsParameter(),
    "where.ids": FilterParameter(FieldName("id"), Comparison.IN),
    "where.is.n": FilterParameter(FieldName("n")),
    "where.is.sum": FilterParameter(FieldName("sum")),
    "on": FilterParameter(FieldName("is_on")),
}


def read(text: str) -> object:
    return said_in(strictjson.read(text.encode()), DECLARED, COLLECTION)


def test_members_are_told_by_their_paths() -> None:
    """Nested as deep as they are declared, in the caller's order."""
    text = """{"where": {"is": {"n": 42, "sum": 1.50}, "ids": ["a", "b"]}, "on": true,
               "page": {"from": 0, "size": 10}, "order": ["-n"], "only": "id,n"}"""
    assert read(text) == (
        ("where.is.n", "42"),
        ("where.is.sum", "1.5"),
        ("where.ids", ("a", "b")),
        ("on", "true"),
        ("page.from", "0"),
        ("page.size", "10"),
        ("order", "-n"),
        ("only", "id,n"),
    )


def test_an_empty_search_says_nothing() -> None:
    """At any depth."""
    assert read("{}") == ()
    assert read('{"where": {"is": {}}, "page": {}}') == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"city": "x"}', "city"),
        ('{"where": {"city": "x"}}', "where.city"),
        ('{"where": {"is": {"n": 1, "m": 2}}}', "where.is.m"),
        ('{"where": 5}', "where"),
        ('{"where": [{"is": {"n": 1}}]}', "where"),
        ('{"where": null}', "where"),
        ('{"where.ids": ["a"]}', "where.ids"),
        ('{"where": {"is.n": 1}}', "where.is.n"),
        ('{"where": {"is": {"n.": 1}}}', "where.is.n."),
        ('{"": 1}', "(a parameter whose name is not repeated)"),
        ('{"anna@example.org": 1}', "(a parameter whose name is not repeated)"),
        ('{"__proto__": {"n": 1}}', "(a parameter whose name is not repeated)"),
    ],
)
def test_a_member_that_is_not_declared_is_refused(text: str, told: str) -> None:
    """A dot in a name is not the dot of a path, and a value in a name's place is not repeated."""
    assert read(text) == Deny(reason=Reason.PARAMETER_UNDECLARED, fields=(told,))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"page": {"size": "10"}}', "page.size"),
        ('{"page": {"size": 10.0}}', "page.size"),
        ('{"page": {"size": true}}', "page.size"),
        ('{"page": {"from": null}}', "page.from"),
        ('{"order": [1]}', "order"),
        ('{"order": []}', "order"),
        ('{"order": ["n,n"]}', "order"),
        ('{"only": {"id": 1}}', "only"),
        ('{"where": {"ids": "a"}}', "where.ids"),
        ('{"where": {"ids": ["a", null]}}', "where.ids"),
        ('{"where": {"ids": [["a"]]}}', "where.ids"),
        ('{"where": {"ids": [1]}}', "where.ids"),
        ('{"where": {"is": {"n": {"gt": 1}}}}', "where.is.n"),
        ('{"where": {"is": {"n": [1]}}}', "where.is.n"),
        ('{"where": {"is": {"n": 1.0}}}', "where.is.n"),
        ('{"on": 1}', "on"),
    ],
)
def test_a_value_of_another_kind_is_refused(text: str, told: str) -> None:
    """An operator in a value's place is no value."""
    refusal = read(text)
    assert isinstance(refusal, Deny)
    assert (refusal.reason, refusal.fields) == (Reason.PARAMETER_INVALID, (told,))


@pytest.mark.parametrize("text", ["[]", '"a"', "5", "null", "true"])
def test_a_search_is_an_object(text: str) -> None:
    """Nothing else has members."""
    refusal = read(text)
    assert isinstance(refusal, Deny)
    assert refusal.reason is Reason.BODY_INVALID


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (0, FieldType.INTEGER, "0"),
        (-7, FieldType.INTEGER, "-7"),
        (7, FieldType.DECIMAL, "7"),
        (Decimal("1.50"), FieldType.DECIMAL, "1.5"),
        (Decimal("15E-1"), FieldType.DECIMAL, "1.5"),
        (Decimal("1E+3"), FieldType.DECIMAL, "1000"),
        (Decimal("1.000"), FieldType.DECIMAL, "1"),
        (Decimal("-0.0"), FieldType.DECIMAL, "0"),
        (Decimal("0E+5"), FieldType.DECIMAL, "0"),
        (Decimal("1." + "3" * 60), FieldType.DECIMAL, "1." + "3" * 60),
        (True, FieldType.BOOLEAN, "true"),
        (False, FieldType.BOOLEAN, "false"),
        ("sv1_abc", FieldType.INTEGER, "sv1_abc"),
        (True, FieldType.INTEGER, None),
        (1, FieldType.BOOLEAN, None),
        (1, FieldType.TEXT, None),
        (Decimal(1), FieldType.INTEGER, None),
        (None, FieldType.TEXT, None),
    ],
)
def test_a_value_has_one_spelling(value: object, type_: FieldType, text: str | None) -> None:
    """All digits are kept, and equal numbers are equal texts."""
    assert spelled(value, type_) == text
