# SPDX-License-Identifier: Apache-2.0
"""Types of columns and of schemas."""

import pytest

from gateway.discover.columns import Column, Scalar
from gateway.discover.types import openapi_type, type_of
from gateway.domain.catalog import FieldType


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 2), "integer"),
        ((1, 2.5), "decimal"),
        ((True, False), "boolean"),
        (("2026-01-01",), "date"),
        (("1960年1月1日", "1984年12月31日"), "date"),
        (("1960年1月",), "text"),
        (("2026-01-01T00:00:00Z", "2026-01-01 10:00"), "timestamp"),
        (("2026-01-01", "soon"), "text"),
        ((), "text"),
        (("Called back on Monday, wants a call in May.",), "free_text"),
        (("客户来电咨询，已答复。下周再联系客户确认。",), "free_text"),
        (("gold", "silver"), "text"),
    ],
)
def test_a_column_has_the_type_of_all_its_values(values: tuple[Scalar, ...], expected: str) -> None:
    """One that does not fit makes it text."""
    assert type_of(Column(name="x", values=values, n_rows=2)) == expected


def test_a_schema_has_a_type_if_it_is_a_single_value() -> None:
    """Arrays and objects have none."""
    assert openapi_type("string", "date") is FieldType.DATE
    assert openapi_type("string", "date-time") is FieldType.TIMESTAMP
    assert openapi_type("number", "double") is FieldType.DECIMAL
    assert openapi_type("string", "uuid") is FieldType.TEXT
    assert openapi_type("array", "") is None
