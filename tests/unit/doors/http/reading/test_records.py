# SPDX-License-Identifier: Apache-2.0
"""The body of a write: fields of the collection and nothing else, each of its kind."""

import pytest

from gateway.domain import strictjson
from gateway.domain.catalog import BodyKind, BodyShape, Collection, FieldType
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Written
from gateway.domain.names import DatasetName, FieldName
from gateway.doors.http.reading.records import MOST_TOLD, written_of
from tests.fakes.deciding import field

COLLECTION = Collection(
    dataset=DatasetName("crm.people"),
    fields=(
        field("id", "user.id"),
        field("address.city", "user"),
        field("address.geo.lat", "user", type_=FieldType.DECIMAL),
        field("n", "user", type_=FieldType.INTEGER),
        field("is_on", "user", type_=FieldType.BOOLEAN),
    ),
    subject=None,
)
ONE, MANY = BodyShape(kind=BodyKind.FIELDS), BodyShape(kind=BodyKind.RECORDS, most=3)


def read(text: str, shape: BodyShape = ONE) -> tuple[Written, ...] | Deny:
    return written_of(strictjson.read(text.encode()), shape, COLLECTION)


def written(**values: object) -> Written:
    return Written(tuple((FieldName(name.replace("__", ".")), value) for name, value in values.items()))  # type: ignore[misc]


def test_a_record_is_its_values_by_field() -> None:
    """Nested ones by dotted names; null is a value; a text may stand for any field, as a surrogate does."""
    text = '{"id": "a", "address": {"city": null, "geo": {"lat": 1.5}}, "n": "sv1_x", "is_on": false}'
    [one] = read(text)  # type: ignore[misc]
    assert [(name, str(value)) for name, value in one.values] == [
        ("id", "a"), ("address.city", "None"), ("address.geo.lat", "1.5"), ("n", "sv1_x"), ("is_on", "False"),
    ]  # fmt: skip


def test_records_come_in_a_bounded_array() -> None:
    """As many as the route declares; one alone is no array."""
    assert read('[{"n": 1}, {"n": 2}]', MANY) == (written(n=1), written(n=2))
    for text, shape in (
        ("[]", MANY),
        ('{"n": 1}', MANY),
        ('[{"n": 1}]', ONE),
        ("[" + '{"n": 1},' * 3 + '{"n": 1}]', MANY),
    ):
        refusal = read(text, shape)
        assert isinstance(refusal, Deny)
        assert refusal.reason is Reason.BODY_INVALID


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('{"id": "a", "ssn": "x"}', ("ssn",)),
        ('{"address.city": "x"}', ("address.city",)),
        ('{"address": {"street": "x", "geo": {"lon": 1}}}', ("address.street", "address.geo.lon")),
        ('{"address": "x"}', ("address",)),
        ('{"address": null}', ("address",)),
        ('{"address": {"geo.lat": 1}}', ("address.geo.lat",)),
        ('{"n": 1.0}', ("n",)),
        ('{"n": true}', ("n",)),
        ('{"n": [1]}', ("n",)),
        ('{"id": {"$gt": ""}}', ("id",)),
        ('{"is_on": 0}', ("is_on",)),
        ('{"anna@example.org": 1, "n": {}}', ("(a parameter whose name is not repeated)", "n")),
    ],
)
def test_wrong_members_are_all_named(text: str, fields: tuple[str, ...]) -> None:
    """If they look like names; no value is told."""
    refusal = read(text)
    assert isinstance(refusal, Deny)
    assert (refusal.reason, refusal.fields) == (Reason.BODY_INVALID, fields)


@pytest.mark.parametrize("text", ["{}", '{"address": {}}', '{"address": {"geo": {}}}', "5", "null", '"a"', "[]"])
def test_a_record_that_names_no_field_is_refused(text: str) -> None:
    """A write of nothing would be an intent without a deed."""
    refusal = read(text)
    assert isinstance(refusal, Deny)
    assert refusal.reason is Reason.BODY_INVALID


def test_a_refusal_names_a_bounded_number_of_members() -> None:
    """A thousand wrong names are not a thousand names in an answer."""
    refusal = read("{" + ",".join(f'"x{n}": 1' for n in range(1000)) + "}")
    assert isinstance(refusal, Deny)
    assert len(refusal.fields) == MOST_TOLD


def test_no_value_is_in_a_repr() -> None:
    """Of a record as of a refusal."""
    assert "secret-value" not in repr(read('{"id": "secret-value"}'))
    assert "secret-value" not in repr(read('{"nope": "secret-value"}'))


def test_what_is_wrong_in_one_of_many_records_is_named_with_its_place() -> None:
    """Counted from 0; a record that is no object is named by its place alone."""
    refused = read('[{"n": 1}, {"n": 1.5}, 7]', MANY)
    assert isinstance(refused, Deny)
    assert (refused.reason, refused.fields) == (Reason.BODY_INVALID, ("[1].n", "[2]"))
