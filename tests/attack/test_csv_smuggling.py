# SPDX-License-Identifier: Apache-2.0
"""Whoever can put text into a store's cell tries to make cells, rows or a header of it."""

import csv
import io
import json

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.domain.names import FieldName
from gateway.domain.treatment import NOTHING
from gateway.transform.blocks import BlockWriter
from gateway.transform.codec import compile_codec
from gateway.transform.csv_cells import csv_frame, csv_rows
from gateway.transform.csv_rows import CsvSplitter
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

CODEC = compile_codec(
    plan(
        (spec("id"), CHAINS["word"], SURROGATE),
        (spec("city"), CHAINS["word"], REVEALED),
        (spec("email"), CHAINS["email"], NOTHING),
        subject="id",
    ),
    FakeSurrogateKeys(),
)
CANARY = "canary-4711@example.org"
PAYLOADS = (
    '",x,y\n', 'x"\n2,y,z\n', 'x\r\n2,y,z\r\n"', '""\n""', '",",', "\n#gateway,cut,0,x\n", "id,city,email\n", 'x""",y',
    "\ufeffid,city", "a\u2028b", "x\x0by\x0cz\x1cq\x85r", '"', '""', '\\"\n1,2,3', "a;b\tc|d",
)  # fmt: skip


def rows(body: bytes, size: int = 1 << 20) -> list[object] | None:
    """Return the rows of a store's answer, or ``None`` if it is refused."""
    splitter = CsvSplitter(CODEC.read)
    try:
        arrays = [array for start in range(0, len(body), size) for array in splitter.feed(body[start : start + size])]
        return [row for array in (*arrays, *splitter.finish().rest) for row in json.loads(array)]
    except StoreMisbehaved:
        return None


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_text_in_a_cell_that_a_store_wrote_rightly_stays_in_its_cell(payload: str, size: int) -> None:
    """However the answer is cut: one row in, one row out, and its neighbours as they were."""
    text = io.StringIO()
    csv.writer(text).writerows([("id", "city", "email"), ("1", payload, CANARY), ("2", "Ulm", CANARY)])
    assert rows(text.getvalue().encode(), size) == [{"id": "1", "city": payload}, {"id": "2", "city": "Ulm"}]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_in_a_cell_of_ours_stays_in_its_cell(payload: str) -> None:
    """And no row looks like the record that ends a cut answer."""
    for for_people in (False, True):
        writer = BlockWriter(csv_frame((FieldName("a"), FieldName("b")), for_people=for_people))
        writer.add(csv_rows([[payload, "#gateway"], ["x", "cut"]], 2, for_people=for_people), [None, None])
        body = writer.finish().body.decode()
        read = list(csv.reader(io.StringIO(body, newline=""), strict=True))
        assert [len(row) for row in read] == [2, 2, 2]
        assert for_people or read[1:] == [[payload, "x"], ["#gateway", "cut"]]
        assert not any(line.startswith("#gateway") for line in body.split("\r\n") if '"' not in line)
        assert body.endswith('"#gateway",cut\r\n')


@pytest.mark.parametrize(
    "body",
    [
        b'id,city,email\n1,"x"y\n2,z",w\n',
        b'id,city,email\n"1"\xef\xbb\xbf,a,b\n',
        b'id,city,email\n1,"a" ,b\n',
        b"id,city,email,city\n1,a,b,c\n",
        b'id,city,email,"city"\n1,a,b,c\n',
        b"id,city,email\n1,a\0,b\n",
        "id,city\n1,a\n".encode("utf-16"),
        "id,city\n1,a\n".encode("utf-32-le"),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_not_read(body: bytes) -> None:
    """Text behind a closing quote, columns of one name, NUL, another charset."""
    assert rows(body) is None


@pytest.mark.parametrize("name", ["CITY", "city ", " city", "citу", "city\u200b", "\ufeffcity", "'city'", "City"])
def test_a_column_of_another_name_is_another_column(name: str) -> None:
    """Byte for byte; a canary in it never leaves, nor does one in a column that is dropped."""
    text = io.StringIO()
    csv.writer(text).writerows([("id", name, "email", "x"), ("1", CANARY, CANARY, CANARY)])
    splitter = CsvSplitter(CODEC.read)
    (array,) = splitter.feed(text.getvalue().encode())
    batch = CODEC.decode(array)
    for spell in (None, lambda columns, n: csv_rows(columns, n, for_people=False)):
        assert b"canary" not in b"".join(CODEC.encode(batch, [0], spell))


def test_a_row_with_a_cell_too_many_or_too_few_does_not_move_values_into_other_fields() -> None:
    """It is malformed as a whole."""
    body = f"email,id,city\n{CANARY},1,Ulm\n{CANARY},2\n,{CANARY},3,Ulm\n{CANARY}\n\n{CANARY},4,Ulm\n"
    assert rows(body.encode()) == [{"id": "1", "city": "Ulm"}, None, None, None, None, {"id": "4", "city": "Ulm"}]
