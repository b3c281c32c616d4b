# SPDX-License-Identifier: Apache-2.0
"""Rows of a store that answers in CSV."""

import gc
import json
from decimal import Decimal
from time import process_time

import pytest

from gateway.domain.catalog import FieldType
from gateway.domain.errors import StoreMisbehaved
from gateway.transform.csv_rows import CsvSplitter
from tests.fakes.plans import spec

FIELDS = (
    spec("id", FieldType.INTEGER),
    spec("name"),
    spec("address.city"),
    spec("vip", FieldType.BOOLEAN),
    spec("spent", FieldType.DECIMAL),
)
HEADER = b"id,name,other,address.city,vip,spent\r\n"


def split(body: bytes, size: int = 1 << 20) -> list[object]:
    """Return the rows of an answer that comes in chunks of a size."""
    splitter = CsvSplitter(FIELDS)
    arrays = [array for start in range(0, len(body), size) for array in splitter.feed(body[start : start + size])]
    return [row for array in (*arrays, *splitter.finish().rest) for row in json.loads(array, parse_float=Decimal)]


def row(number: int, name: str | None, city: str | None, vip: bool | None, spent: object) -> dict[str, object]:
    """Return a row of every field."""
    return {"id": number, "name": name, "address": {"city": city}, "vip": vip, "spent": spent}


@pytest.mark.parametrize("size", [1, 2, 5, 1 << 20])
@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (HEADER, []),
        (HEADER[:-2], []),
        (HEADER + b"1,Ann,x,Ulm,true,1.50\r\n", [row(1, "Ann", "Ulm", True, Decimal("1.50"))]),
        (b"\xef\xbb\xbf" + HEADER + b"1,Ann,x,Ulm,true,1.50", [row(1, "Ann", "Ulm", True, Decimal("1.50"))]),
        (HEADER + b'-7,"A ""B"",\r\nC",,"",false,1e3\n', [row(-7, 'A "B",\r\nC', None, False, Decimal("1E+3"))]),
        (HEADER + b"1,,,,,\n2,,,,\n3,,,,,,\n\n4,,,,,\n", [row(1, None, None, None, None), None, None, None, row(4, None, None, None, None)]),
        (b"spent,id\n0.10,5\n", [{"spent": Decimal("0.10"), "id": 5}]),
        (b"x,y\n1,2\n", [{}]),
        (b'"id"\n"5"\n', [{"id": 5}]),
        (b'\xef\xbb\xbf"id"\n"5"\n', [{"id": 5}]),
        (b"Id,ID\n1,2\n", [{}]),
    ],
)  # fmt: skip
def test_records_are_rows_of_typed_cells(body: bytes, rows: list[object], size: int) -> None:
    """In columns of any order; what has no column is missing, and what is empty is null."""
    assert split(body, size) == rows


def test_columns_that_nobody_reads_are_told_at_the_end() -> None:
    """By name; a store may have grown them."""
    splitter = CsvSplitter(FIELDS)
    splitter.feed(HEADER + b"1,Ann,x,Ulm,true,1.50\r\n")
    assert splitter.finish().unread == ("other",)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("id", ["x", "1.0", "+1", "007", " 1", "1 ", "1_000", "１", "0x1", "-", "1e3", "9" * 1_001, "--1"]),
        ("spent", ["x", ".5", "5.", "+1", "NaN", "Infinity", "1,5", "1e99999", "0" * 3, "1" * 1_001, "1.2.3"]),
        ("vip", ["True", "TRUE", "1", "yes", "t", " true"]),
    ],
)
def test_a_cell_that_is_not_of_its_type_makes_its_row_malformed(column: str, cells: list[str]) -> None:
    """And no other row."""
    body = f"{column}\n" + "".join(f'"{cell}"\n' for cell in cells) + '""\n'
    assert split(body.encode()) == [*[None] * len(cells), {column: None}]


def test_text_stays_as_it_is() -> None:
    """Spaces, apostrophes, formulas and numbers alike: the codec judges values, not this reader."""
    texts = [" a ", "'x", "=1+1", "007", "\t", "null", "#c", "欧阳", "a\tb"]
    assert split(("name\n" + "".join(f"{text}\n" for text in texts)).encode()) == [{"name": text} for text in texts]


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef",
        b"\xef\xbb",
        b"\xef\xbb\xbf",
        b"id,name,id\n",
        b"id,x,x\n1,2,3\n",
        b"id,,\n",
        b'id,na"me\n',
        b'"id\n',
        b'"id"x\n',
        b"\xff\n",
        b"id\0\n",
        b"id\n1\0\n",
        b'id\n"1"2\n',
        b"id,name\n1",
        b'id\n"1',
        b"id\n1\r",
        b"id\nx",
        b"id\n" + b"1" * 2_000_000,
    ],
)
def test_an_answer_that_is_no_csv_with_a_header_is_the_stores_fault(body: bytes, size: int) -> None:
    """Without a header, with a name twice, with a NUL, or ended early."""
    with pytest.raises(StoreMisbehaved):
        split(body, max(size, len(body) // 1_000))


@pytest.mark.parametrize("size", [1_000, 65_536, 1 << 20])
def test_a_header_is_at_most_64_kib(size: int) -> None:
    """However it comes."""
    names = ",".join(f"c{place:05}" for place in range(9_400))
    with pytest.raises(StoreMisbehaved, match="too long"):
        split(f"{names}\n".encode(), size)
    assert split(f"{names[:65_000]},id\n".encode(), size) == []


@pytest.mark.parametrize("size", [4_096, 1 << 18, 1 << 22])
def test_a_row_of_more_than_1_mib_is_malformed(size: int) -> None:
    """Its neighbours are not."""
    body = b"id,name\n1,a\n2," + b'"' + b"x,\n" * 400_000 + b'"\n3,c\n'
    assert split(body, size) == [{"id": 1, "name": "a"}, None, {"id": 3, "name": "c"}]


@pytest.mark.alone
@pytest.mark.parametrize(
    "body",
    [b'"a"\r' * 16_384, b"," * 65_536, b'""' * 32_767, b'a"\n' * 21_845, b"\n" * 65_536, b'"\n"\n' * 16_384,
     b'"' + b"\n" * 65_535, b'"' + b'""' * 32_767, b"a\r" * 32_768, b'a"b,' * 16_384],
)  # fmt: skip
@pytest.mark.parametrize("size", [65_536, 512])
def test_64_kib_made_to_mislead_cost_little(body: bytes, size: int) -> None:
    """Some 50 ms of CPU for each; ten times that is the bound here, for machines that are busy."""
    splitter = CsvSplitter(FIELDS)
    splitter.feed(b"id\n")
    gc.collect()  # else what other tests left is collected in here
    gc.disable()
    start = process_time()
    for place in range(0, len(body), size):
        splitter.feed(body[place : place + size])
    took_s = process_time() - start
    gc.enable()
    assert took_s < 0.5


def test_memory_does_not_grow_with_the_answer() -> None:
    """After 8 MiB of rows nothing is kept but the record that is not complete."""
    splitter = CsvSplitter(FIELDS)
    splitter.feed(HEADER)
    for _ in range(128):
        splitter.feed((b"1," + b"x" * 990 + b",,,,\n") * 64)
    assert splitter._record.is_empty
