# SPDX-License-Identifier: Apache-2.0
"""Rows as CSV for the caller."""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec import UNSET

from gateway.domain.names import FieldName
from gateway.transform.csv_cells import control_record, csv_frame, csv_rows
from gateway.transform.inner import Cell


def row(*values: Cell, for_people: bool = False) -> str:
    """Return one row."""
    columns: Sequence[Sequence[Cell]] = [[value] for value in values]
    (told,) = csv_rows(columns, 1, for_people=for_people)
    return told.decode()


def test_values_are_spelled_as_in_json() -> None:
    """Null and missing are nothing, an empty text is an empty text."""
    values = (1, -5, Decimal("1.50"), Decimal("1E+3"), True, False, None, UNSET, "", "x", 10**30)
    assert row(*values) == '1,-5,1.50,1E+3,true,false,,,"",x,1000000000000000000000000000000'


def test_cells_are_quoted_where_they_must_be() -> None:
    """Commas, quotes and line breaks; the rest goes as it is."""
    assert row('a"b', "a,b", "a\nb", "a\rb", " a ", "a;b", "=1", "#1") == '"a""b","a,b","a\nb","a\rb", a ,a;b,=1,#1'


def test_a_first_cell_never_looks_like_the_control_record() -> None:
    """It is quoted."""
    assert row("#gateway", "cut", 5, "held") == '"#gateway",cut,5,held'
    assert row('#"', for_people=True) == '"#"""'
    assert not row("#gateway,cut,5,held").startswith("#")


@pytest.mark.parametrize("value", [None, UNSET, ""])
def test_a_row_of_one_empty_cell_is_not_an_empty_line(value: Cell) -> None:
    """Readers pass over empty lines."""
    assert row(value) == '""'


def test_for_people_text_is_guarded_and_numbers_are_not() -> None:
    """Separators of other programs are quoted as well."""
    assert row("=1", "+8613812345678", -5, Decimal("-1.5"), "a;b", "a\tb", for_people=True) == (
        '\'=1,+8613812345678,-5,-1.5,"a;b","a\tb"'
    )


def test_the_header_names_the_fields_in_their_order() -> None:
    """Also where there are no rows."""
    names = (FieldName("id"), FieldName("address.city"), FieldName("-x"))
    assert csv_frame(names, for_people=False).opening == b"id,address.city,-x\r\n"
    assert csv_frame(names, for_people=True).opening == b"id,address.city,'-x\r\n"


def test_columns_become_rows_and_no_columns_empty_ones() -> None:
    """As many as there were."""
    assert csv_rows([[1, 2], ["a", None]], 2, for_people=False) == [b"1,a", b"2,"]
    assert csv_rows([], 2, for_people=False) == [b"", b""]


def test_the_control_record_is_a_record_of_its_own() -> None:
    """With four cells."""
    assert control_record(7, "held") == b"#gateway,cut,7,held\r\n"
    assert list(csv.reader(io.StringIO(control_record(7, "held").decode()))) == [["#gateway", "cut", "7", "held"]]
