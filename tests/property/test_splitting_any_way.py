# SPDX-License-Identifier: Apache-2.0
"""Any way of cutting an answer into chunks gives the same rows."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.names import PersonNumber
from gateway.transform.json import BlockWriter
from gateway.transform.split import RowSplitter

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
    writer = BlockWriter(SHAPES["object"], most_rows=most_rows, most_bytes=most_bytes)
    people = [PersonNumber(n) for n in range(len(rows))]
    cut = data.draw(st.integers(0, len(rows)))
    blocks = [*writer.add(rows[:cut], people[:cut]), *writer.add(rows[cut:], people[cut:]), writer.finish({"total": 3})]
    answer = json.loads(b"".join(block.body for block in blocks))
    assert answer == {"rows": [json.loads(row) for row in rows], "total": 3}
    assert [person for block in blocks for person in block.people] == people
    assert all(block.n_rows <= most_rows and (len(block.body) <= most_bytes or block.n_rows == 1) for block in blocks)
