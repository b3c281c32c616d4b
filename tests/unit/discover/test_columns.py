# SPDX-License-Identifier: Apache-2.0
"""Where rows stand, and what of them can be declared."""

import pytest

from gateway.discover.columns import Column, Rows, columns_of, is_object_list, rows_in, rows_too_deep
from gateway.domain.catalog import MemberUse

ROW = {"id": 1, "name": "x"}


@pytest.mark.parametrize(
    ("body", "kind", "rows"),
    [
        ([ROW], "array", None),
        ([], "array", None),
        ({"items": [ROW], "tags": []}, "object", "items"),
        ({"members": [ROW, ROW], "links": [{"a": 1}]}, "object", "members"),
        ({"things": [ROW], "n": 5}, "object", "things"),
        (ROW, "record", None),
        ({"id": 1, "orders": [ROW]}, "record", None),
    ],
)
def test_rows_are_found_where_they_stand(body: object, kind: str, rows: str | None) -> None:
    """In an array, in the one member that holds them, or as a record."""
    found = rows_in(body, "members")
    assert found is not None
    assert (found.shape.kind, found.shape.rows) == (kind, rows)


@pytest.mark.parametrize("body", ["text", 3, None, [1, 2], {"data": {"items": [ROW]}}])
def test_what_holds_no_rows_that_a_route_can_say_is_told_apart(body: object) -> None:
    """An object around one object is too deep."""
    assert rows_in(body) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [({"meta": {"n": 1}, "data": {"items": [ROW]}}, "data.items"), ({"a": {"b": {"c": [ROW]}}}, None), ([ROW], None), ({"a": {"b": []}}, None)],
)  # fmt: skip
def test_rows_that_stand_too_deep_are_named(body: object, expected: str | None) -> None:
    """Two objects deep, where they are often found; so that somebody can be told what is in the way."""
    assert rows_too_deep(body) == expected


def test_a_member_that_counts_is_recounted_and_every_other_one_dropped() -> None:
    """A count below the rows that came counts something else."""
    found = rows_in({"rows": [ROW, ROW], "total": 9, "count": 1, "next": None, "limit": 2})
    assert found is not None
    assert dict(found.shape.members) == {
        "total": MemberUse.RECOUNT,
        "count": MemberUse.DROP,
        "next": MemberUse.DROP,
        "limit": MemberUse.DROP,
    }


def test_objects_inside_rows_become_dotted_names_and_arrays_are_told() -> None:
    """As the catalogue has them."""
    columns, told = columns_of(
        3 * [{"a": {"b": 1, "c": {"d": "x"}}, "tags": ["x"], "手机号": "1", "bad name": 2, "a.b": 3}]
    )
    assert [one.name for one in columns] == ["a.b", "a.c.d", "手机号"]
    assert len(told) == 3


def test_values_of_two_kinds_are_told_and_left_out_but_for_numbers() -> None:
    """An integer and a decimal are both decimals; a field that is an object elsewhere is neither."""
    columns, told = columns_of([{"a": 1, "b": 1, "c": 1}, {"a": 1.5, "b": "x", "c": {"d": 1}}])
    assert [one.name for one in columns] == ["a"]
    assert len(told) == 2


def test_deep_and_wide_rows_are_bounded() -> None:
    """Neither depth nor number of fields is the store's to choose."""
    deep: dict[str, object] = {"x": 1}
    for _ in range(40):
        deep = {"o": deep}
    columns, told = columns_of([{f"f{n}": n for n in range(2000)}, deep])
    assert len(columns) == 300
    assert len(told) == 2


def test_neither_columns_nor_rows_show_a_value() -> None:
    """Not in a traceback either."""
    column = Column(name="a", values=("secret",), n_rows=1)
    found = rows_in([{"a": "secret"}])
    assert isinstance(found, Rows)
    assert "secret" not in repr(column) + repr(found)
    assert is_object_list([{}])
    assert not is_object_list([])
