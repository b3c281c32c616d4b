# SPDX-License-Identifier: Apache-2.0
"""What leaves as CSV is what another reader reads; for people, nothing in it is a formula to any."""

import csv
import io
import re
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from gateway.domain.names import FieldName
from gateway.transform.blocks import BlockWriter
from gateway.transform.csv_cells import csv_frame, csv_rows
from gateway.transform.inner import Cell

TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.text(
    alphabet="\"',;|\t\r\n =+-@＝0159#a\u3000\u200b", max_size=12
)
VALUES = st.one_of(
    TEXT, st.none(), st.just(UNSET), st.integers(), st.booleans(), st.decimals(allow_nan=False, allow_infinity=False)
)
ROWS = st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[VALUES] * n), max_size=5))
FORMULA = re.compile(r"[\s\x00-\x20\"'\u200b,;|]*[=+\-@＝＋－＠\t\r\n]")
PLAIN = re.compile(r"\+[0-9]+( [0-9]+)*|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def written(rows: list[tuple[Cell, ...]], *, for_people: bool) -> str:
    """Return the answer that rows make."""
    names = [FieldName(f"f{place}") for place in range(len(rows[0]) if rows else 1)]
    writer = BlockWriter(csv_frame(names, for_people=for_people), most_rows=2)
    lines = csv_rows(list(zip(*rows, strict=True)), len(rows), for_people=for_people) if rows else []
    blocks = [*writer.add(lines, [None] * len(lines)), writer.finish()]
    return b"".join(block.body for block in blocks).decode()


def as_text(value: Cell) -> str:
    """Return how a value is told."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value is UNSET else str(value)


@settings(max_examples=400, deadline=None)
@given(ROWS)
def test_another_reader_reads_every_value(rows: list[tuple[Cell, ...]]) -> None:
    """Byte for byte, in as many rows as there were."""
    found = list(csv.reader(io.StringIO(written(rows, for_people=False), newline=""), strict=True))
    assert found[1:] == [[as_text(value) for value in row] for row in rows]


@settings(max_examples=400, deadline=None)
@given(ROWS)
def test_for_people_no_cell_begins_as_a_formula(rows: list[tuple[Cell, ...]]) -> None:
    """Plain numbers and phone numbers stay; of everything else at most apostrophes are new."""
    found = list(csv.reader(io.StringIO(written(rows, for_people=True), newline=""), strict=True))[1:]
    for told, row in zip(found, rows, strict=True):
        for cell, value in zip(told, row, strict=True):
            was = as_text(value)
            assert cell.replace("'", "") == was.replace("'", "")
            assert cell == was or not PLAIN.fullmatch(was)
            assert cell.startswith("'") or PLAIN.fullmatch(cell) or not FORMULA.match(cell)


@settings(max_examples=300, deadline=None)
@given(ROWS, st.sampled_from([";", "\t", "|"]))
def test_for_people_no_other_separator_makes_a_formula(rows: list[tuple[Cell, ...]], separator: str) -> None:
    """A spreadsheet may take what it likes for the separator, and quotes as they come."""
    text = written([tuple("x" if isinstance(v, Decimal | int) else v for v in row) for row in rows], for_people=True)
    for cell in (cell for line in re.split("[\r\n]", text)[1:] for cell in line.split(separator)[1:]):
        bare = cell.strip(" \"'\u3000\u200b,;|\x00")
        assert not bare.startswith(("=", "@", "＝")) or "'" in cell.partition(bare)[0]


@given(st.from_regex(PLAIN, fullmatch=True))
def test_numbers_and_phone_numbers_are_not_corrupted(text: str) -> None:
    """In whatever column they stand."""
    assert csv_rows([[text], [text]], 1, for_people=True) == [f"{text},{text}".encode()]


def test_of_a_decimal_every_digit_is_told() -> None:
    """Also where it is written with an exponent."""
    assert csv_rows([[Decimal("0.10")], [Decimal("1E-30")]], 1, for_people=True) == [b"0.10,1E-30"]
