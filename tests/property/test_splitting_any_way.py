# SPDX-License-Identifier: Apache-2.0
"""Any way of cutting an answer into chunks gives the same rows."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.names import PersonNumber
from gateway.transform.blocks import BlockWriter
from gateway.transform.csv_rows import CsvSplitter
from gateway.transform.json import json_frame
from gateway.transform.ndjson import LineSplitter
from gateway.transform.split import RowSplitter
from tests.fakes.plans import spec

TEXT = st.text(alphabet='{}[]",:\\a \n欧😀\x00', max_size=12)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT, st.floats(allow_nan=False, allow_infinity=False)),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXT, inside, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.one_of(st.dictionaries(TEXT, VALUES, max_size=4), VALUES), max_size=8)
SHAPES = {
    "array": AnswerShape(kind="array"),
    "object": AnswerShape(kind="object", rows="rows", members=(("total", MemberUse.RECOUNT),)),
}


def chunks(draw: st.DrawFn, body: bytes) -> list[bytes]:
    """Cut a body at drawn places."""
    places = sorted(draw(st.lists(st.integers(0, len(body)), max_size=12)))
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]


def split(shape: AnswerShape, pieces: Sequence[bytes], tries: int = 16) -> tuple[list[object], dict[str, int]] | None:
    """Return rows and counts, or ``None`` for an answer that is refused."""
    splitter = RowSplitter(shape, tries=tries)
    try:
        rows = [row for piece in pieces for array in splitter.feed(piece) for row in json.loads(array)]
        return rows, dict(splitter.finish().counts)
    except StoreMisbehaved:
        return None


@pytest.mark.parametrize("kind", SHAPES)
@settings(max_examples=200, deadline=None)
@given(data=st.data(), rows=ROWS)
def test_rows_do_not_depend_on_the_cuts(kind: str, data: st.DataObject, rows: list[object]) -> None:
    """Nor on how many tries the cutting has before the scanner takes over."""
    whole: object = rows if kind == "array" else {"x": {"rows": [1]}, "rows": rows, "total": 7}
    separators = data.draw(st.sampled_from(((",", ":"), (" ,\n", " : "))))
    body = json.dumps(whole, ensure_ascii=data.draw(st.booleans()), separators=separators).encode()
    expected = [row if isinstance(row, dict) else None for row in rows]
    for tries in (0, 1, 16):
        found = split(SHAPES[kind], data.draw(st.composite(chunks)(body)), tries)
        assert found == (expected, {} if kind == "array" else {"total": 7})


@settings(max_examples=300, deadline=None)
@given(data=st.data(), body=st.text(alphabet='{}[]",:\\a1 nul', max_size=30).map(str.encode))
def test_broken_answers_are_broken_however_they_are_cut(data: st.DataObject, body: bytes) -> None:
    """And sound ones are sound."""
    body = b"[" + body
    found = [split(SHAPES["array"], data.draw(st.composite(chunks)(body)), tries) for tries in (0, 16)]
    assert found == [split(SHAPES["array"], [body])] * 2


LINES = st.one_of(
    st.dictionaries(TEXT, VALUES, max_size=4).map(lambda row: json.dumps(row).encode()),
    st.text(alphabet='{}[]",:\\a1 \r', max_size=12).map(str.encode),
    st.sampled_from(
        (b"", b" ", b"{}{}", b"{},{}", b"1],[2", b'{"a":[{}', b"{}]}", b'{"a":"\\ud800"}', b"\xff", b"null")
    ),
)


def is_object(line: bytes) -> bool:
    """Tell whether a line is one object of sound text, by another reader than ours."""
    try:
        value = json.loads(line)
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return False
    return isinstance(value, dict)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), lines=st.lists(LINES, max_size=8), rest=LINES)
def test_each_line_is_a_row_however_the_answer_is_cut(data: st.DataObject, lines: list[bytes], rest: bytes) -> None:
    """A line that is no object is malformed whatever stands before and behind it."""
    body = b"".join(line + b"\n" for line in lines) + rest
    expected: list[object] = [json.loads(line) if is_object(line) else None for line in body.split(b"\n")[:-1]]
    if rest.strip(b" \t\r"):
        expected += [json.loads(rest)] if is_object(rest) else ["ended early"]
    splitter = LineSplitter()
    found: list[object] = []
    for piece in data.draw(st.composite(chunks)(body)):
        found += [row for array in splitter.feed(piece) for row in json.loads(array)]
    try:
        found += [row for array in splitter.finish().rest for row in json.loads(array)]
    except StoreMisbehaved:
        found.append("ended early")
    assert found == expected


CELLS = st.text(alphabet='",;\r\n a欧😀#=', max_size=6)
COLUMNS = (spec("a"), spec("b.c"), spec("d"))


@settings(max_examples=300, deadline=None)
@given(
    data=st.data(),
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=6),
    how=st.sampled_from(((csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\n"))),
)
def test_records_do_not_depend_on_the_cuts(
    data: st.DataObject, rows: list[tuple[str, ...]], how: tuple[Literal[0, 1], str]
) -> None:
    """They are what another writer wrote; an empty cell is null."""
    text = io.StringIO()
    csv.writer(text, quoting=how[0], lineterminator=how[1]).writerows([("a", "x", "d", "b.c"), *rows])
    body = text.getvalue().encode()
    expected = [{"a": a or None, "b": {"c": c or None}, "d": d or None} for a, _, d, c in rows]
    for _ in range(2):
        assert split_csv(data.draw(st.composite(chunks)(body))) == expected


@settings(max_examples=300, deadline=None)
@given(data=st.data(), body=st.text(alphabet='",a\r\n', max_size=30).map(str.encode))
def test_broken_records_are_broken_however_they_are_cut(data: st.DataObject, body: bytes) -> None:
    """And sound ones are sound."""
    body = b"a,d\n" + body
    assert split_csv(data.draw(st.composite(chunks)(body))) == split_csv([body])


def split_csv(pieces: Sequence[bytes]) -> list[object] | None:
    """Return the rows of an answer in CSV, or ``None`` for one that is refused."""
    splitter = CsvSplitter(COLUMNS)
    try:
        arrays = [array for piece in pieces for array in splitter.feed(piece)]
        return [row for array in (*arrays, *splitter.finish().rest) for row in json.loads(array)]
    except StoreMisbehaved:
        return None


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.binary(max_size=30).map(lambda raw: json.dumps({"a": raw.hex()}).encode()), max_size=30),
    most_rows=st.integers(1, 5),
    most_bytes=st.integers(80, 200),
    data=st.data(),
)
def test_blocks_put_together_are_the_answer(
    rows: list[bytes], most_rows: int, most_bytes: int, data: st.DataObject
) -> None:
    """With every row and every person in exactly one block, whatever the bounds and the batches."""
    writer = BlockWriter(json_frame(SHAPES["object"]), most_rows=most_rows, most_bytes=most_bytes)
    people = [PersonNumber(n) for n in range(len(rows))]
    cut = data.draw(st.integers(0, len(rows)))
    blocks = [*writer.add(rows[:cut], people[:cut]), *writer.add(rows[cut:], people[cut:]), writer.finish({"total": 3})]
    answer = json.loads(b"".join(block.body for block in blocks))
    assert answer == {"rows": [json.loads(row) for row in rows], "total": 3}
    assert [person for block in blocks for person in block.people] == people
    assert all(block.n_rows <= most_rows and (len(block.body) <= most_bytes or block.n_rows == 1) for block in blocks)
