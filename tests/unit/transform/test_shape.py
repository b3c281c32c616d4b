# SPDX-License-Identifier: Apache-2.0
"""Types of rows from field names, and rows as columns."""

import msgspec
import pytest
from msgspec import UNSET

from gateway.domain.names import FieldName
from gateway.transform.shape import Member, RowShape

SHAPE = RowShape(
    "Row",
    [
        (FieldName("id"), int),
        (FieldName("home.city"), str),
        (FieldName("home.geo.lat"), int),
        (FieldName("home.street"), str),
        (FieldName("name"), str),
    ],
)
BODY = b"""[{"id":1,"name":"A","home":{"city":"B","street":"C","geo":{"lat":5}}},
            {"id":2,"home":null}, {"id":null,"home":{"geo":null,"other":1}}, {}]"""


def rows() -> list[msgspec.Struct]:
    """Return four rows with less and less in them."""
    decoder = msgspec.json.Decoder(list.__class_getitem__(SHAPE.type))
    return list(decoder.decode(BODY))


def column(path: str) -> list[Member]:
    """Return what stands at a path in each of the four."""
    return list(SHAPE.column(SHAPE.columns(rows()), path))


def test_dotted_names_are_paths_into_objects() -> None:
    """A missing object has missing members; null and missing are told apart."""
    assert column("id") == [1, 2, None, UNSET]
    assert column("home.city") == ["B", UNSET, UNSET, UNSET]
    assert column("home.geo.lat") == [5, UNSET, UNSET, UNSET]
    assert column("home.geo")[1:] == [UNSET, None, UNSET]
    assert list(SHAPE.objects()) == ["home", "home.geo"]


def test_a_literal_name_with_a_dot_is_another_name() -> None:
    """A path is not a spelling that a store could smuggle."""
    row = msgspec.json.decode(b'{"home.city":"x","home":{"city":"y"}}', type=SHAPE.type)
    assert list(SHAPE.column(SHAPE.columns([row]), "home.city")) == ["y"]


def test_rows_are_built_back_from_columns() -> None:
    """With the objects where the store had them."""
    columns = {path: column(path) for path in ("id", "name", "home", "home.city", "home.geo", "home.geo.lat")}
    built = [msgspec.json.encode(row) for row in SHAPE.build(columns, 4)]
    assert built == [
        b'{"id":1,"home":{"city":"B","geo":{"lat":5}},"name":"A"}',
        b'{"id":2,"home":null}',
        b'{"id":null,"home":{"geo":null}}',
        b"{}",
    ]


def test_an_object_of_which_nothing_leaves_is_missing() -> None:
    """Not even whether it is there is told."""
    columns = {path: column(path) for path in ("id", "home", "home.geo")}
    assert next(msgspec.json.encode(row) for row in SHAPE.build(columns, 4)) == b'{"id":1}'


def test_a_row_of_no_fields_is_an_empty_object() -> None:
    """As many as there are rows."""
    assert [msgspec.json.encode(row) for row in RowShape("Row", []).build({}, 2)] == [b"{}", b"{}"]


def test_a_name_cannot_be_a_field_and_an_object() -> None:
    """The declaration contradicts itself."""
    with pytest.raises(ValueError, match="home is a field and holds fields"):
        RowShape("Row", [(FieldName("home"), str), (FieldName("home.city"), str)])


def test_no_repr_shows_a_value() -> None:
    """Not of the row, not of an object inside it, not of a list of them."""
    assert repr(rows()) == "[<Row row>, <Row row>, <Row row>, <Row row>]"
    assert "B" not in repr(column("home"))
