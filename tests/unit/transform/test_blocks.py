# SPDX-License-Identifier: Apache-2.0
"""Blocks of an answer."""

import json

import msgspec
import pytest

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.names import PersonNumber
from gateway.transform.blocks import CLOSING_BYTES, MOST_BYTES, BlockWriter, Frame, Run
from gateway.transform.json import json_frame

ARRAY = json_frame(AnswerShape(kind="array"))
OBJECT = json_frame(
    AnswerShape(kind="object", rows="rows", members=(("total", MemberUse.RECOUNT), ("next", MemberUse.DROP)))
)
RECORD = json_frame(AnswerShape(kind="record"))
LINES = Frame(opening=b"a\r\n", behind=b"\r\n")


def people(n: int, start: int = 0) -> list[PersonNumber | None]:
    """Return numbers from ``start`` on."""
    return [PersonNumber(number) for number in range(start, start + n)]


def test_an_answer_that_fits_one_block_is_one_block() -> None:
    """It comes at the end, and holds everything."""
    writer = BlockWriter(ARRAY)
    assert writer.add([b'{"a":1}', b'{"a":2}'], [PersonNumber(7), None]) == []
    block = writer.finish()
    assert (block.body, block.n_rows, block.people) == (b'[{"a":1},{"a":2}]', 2, (7,))


def test_a_full_block_waits_until_more_rows_come() -> None:
    """So the last one is known to be the last before it is released."""
    writer = BlockWriter(ARRAY, most_rows=2)
    assert writer.add([b"{}"] * 2, people(2)) == []
    full = writer.add([b"{}"] * 3, people(3, 2))
    last = writer.finish()
    assert [block.n_rows for block in (*full, last)] == [2, 2, 1]
    assert [block.people for block in (*full, last)] == [(0, 1), (2, 3), (4,)]
    assert json.loads(b"".join(block.body for block in (*full, last))) == [{}] * 5


def test_no_block_is_longer_than_its_bound() -> None:
    """Brackets, commas and members counted."""
    writer = BlockWriter(OBJECT)
    rows = [b'{"a":"' + b"x" * 1000 + b'"}'] * 5_000
    blocks = [*writer.add(rows, people(5_000)), writer.finish({"total": 10**18})]
    assert len(blocks) == 5
    assert max(len(block.body) for block in blocks) <= MOST_BYTES
    assert len(json.loads(b"".join(block.body for block in blocks))["rows"]) == 5_000


def test_a_row_longer_than_the_bound_is_a_block_of_its_own() -> None:
    """It cannot be cut."""
    writer = BlockWriter(ARRAY, most_bytes=100)
    blocks = [*writer.add([b"{}", b'"' + b"x" * 200 + b'"', b"{}"], people(3)), writer.finish()]
    assert [block.n_rows for block in blocks] == [1, 1, 1]


def test_no_rows_are_still_a_whole_answer() -> None:
    """Of each shape."""
    assert BlockWriter(ARRAY).finish().body == b"[]"
    assert BlockWriter(OBJECT).finish().body == b'{"rows":[]}'
    assert BlockWriter(RECORD).finish().body == b""


def test_only_declared_counts_are_told_and_only_where_given() -> None:
    """A member that is dropped by declaration stays dropped."""
    assert BlockWriter(OBJECT).finish({"total": 5, "next": 6, "other": 7}).body == b'{"rows":[],"total":5}'
    assert BlockWriter(ARRAY).finish({"total": 5}).body == b"[]"


def test_a_record_is_its_row() -> None:
    """And two are a mistake."""
    writer = BlockWriter(RECORD)
    writer.add([b'{"a":1}'], [PersonNumber(1)])
    with pytest.raises(ValueError, match="one row"):
        writer.add([b"{}"], [None])
    assert writer.finish().body == b'{"a":1}'


def test_rows_and_people_come_in_pairs() -> None:
    """A row without its person would leave unlogged."""
    with pytest.raises(ValueError, match="2 rows and 1 people"):
        BlockWriter(ARRAY).add([b"{}", b"{}"], people(1))


def test_no_repr_shows_a_body() -> None:
    """It tells counts."""
    writer = BlockWriter(ARRAY)
    writer.add([b'{"a":"secret"}'], people(1))
    assert repr(writer.finish()) == "<Block of 1 rows, 16 bytes>"


def test_lines_end_behind_each_row_and_the_header_stands_in_the_first_block() -> None:
    """Also where no row follows."""
    writer = BlockWriter(LINES, most_rows=2)
    blocks = [*writer.add([b"1", b"22", b"3"], people(3)), writer.finish({"total": 3})]
    assert [block.body for block in blocks] == [b"a\r\n1\r\n22\r\n", b"3\r\n"]
    assert BlockWriter(LINES).finish().body == b"a\r\n"


@pytest.mark.parametrize("frame", [ARRAY, OBJECT, LINES, Frame(behind=b"\n")])
def test_the_first_rows_of_a_block_are_cut_behind_a_whole_row(frame: Frame) -> None:
    """In every form and at every place."""
    writer = BlockWriter(frame, most_rows=4)
    rows = [b"{}", b'{"a":1}', b"{}", b'{"bb":[]}'] * 2
    first, second = *writer.add(rows, people(8)), writer.finish()
    for block, start in ((first, frame.opening), (second, frame.between)):
        for n_rows in range(1, 5):
            cut = block.first(n_rows)
            text = (frame.behind + frame.between).join(rows[:n_rows]) + frame.behind
            assert (cut.body, cut.n_rows, len(cut.people)) == (start + text, n_rows, n_rows)
    assert first.first(0).body == b""


def test_blocks_of_nothing_in_the_middle_add_nothing() -> None:
    """A batch of which every row was withheld."""
    writer = BlockWriter(ARRAY, most_rows=1)
    blocks = [*writer.add([b"1"], people(1)), *writer.add([], []), *writer.add([b"2"], people(1)), writer.finish()]
    assert b"".join(block.body for block in blocks) == b"[1,2]"


def test_narrowed_blocks_are_small_from_then_on() -> None:
    """Rows that wait already make small ones too, each with its people; a wider bound changes nothing."""
    writer = BlockWriter(ARRAY, most_rows=4)
    blocks = writer.add([b"{}"] * 9, [*people(8), None])
    blocks += writer.narrow(2) + writer.narrow(8)
    blocks += [*writer.add([b"{}"] * 4, people(4, 8)), writer.finish()]
    assert [block.n_rows for block in blocks] == [4, 4, 2, 2, 1]
    assert [person for block in blocks for person in block.people] == list(range(12))
    assert json.loads(b"".join(block.body for block in blocks)) == [{}] * 13


def test_rows_that_wait_are_cut_when_blocks_become_small() -> None:
    """Before the first block too; the opening stands in front of it once."""
    writer = BlockWriter(OBJECT, most_rows=8)
    writer.add([b"{}"] * 5, people(5))
    blocks = [*writer.narrow(2), writer.finish()]
    assert [block.n_rows for block in blocks] == [2, 2, 1]
    assert b"".join(block.body for block in blocks) == b'{"rows":[{},{},{},{},{}]}'


def test_a_block_has_room_for_where_the_list_goes_on() -> None:
    """The longest that there can be does not make it longer than its bound."""
    writer = BlockWriter(json_frame(AnswerShape(kind="object", rows="rows", next="paging.next.after")))
    rows = [b'{"a":"' + b"x" * 1000 + b'"}'] * 5_000
    blocks = [*writer.add(rows, people(5_000)), writer.finish({}, "s" * 4000)]
    assert max(len(block.body) for block in blocks) <= MOST_BYTES
    assert json.loads(b"".join(block.body for block in blocks))["paging"]["next"]["after"] == "s" * 4000


def test_rows_may_come_all_at_once_or_one_by_one() -> None:
    """The blocks are the same, whatever bound they meet."""
    rows = [b"{%d}" % (10**n) for n in range(12)]
    for most_rows, most_bytes in ((100, 10_000), (5, 10_000), (100, CLOSING_BYTES + 40), (12, 10_000)):
        made = []
        for pieces in ([rows], [[row] for row in rows], [rows[:7], rows[7:]]):
            writer = BlockWriter(ARRAY, most_rows=most_rows, most_bytes=most_bytes)
            found = [block for piece in pieces for block in writer.add(piece, [None] * len(piece))]
            made.append([*found, writer.finish()])
        assert made[0] == made[1] == made[2]


class Tricky(msgspec.Struct):
    """A row whose text holds what stands around rows."""

    a: str
    b: list[int] | None = None


TRICKY = [Tricky("},{"), Tricky('"]\\', [1, 2]), Tricky("[{"), Tricky("")] * 3


@pytest.mark.parametrize("most_rows", [1, 2, 5, 12, 100])
@pytest.mark.parametrize("most_bytes", [CLOSING_BYTES + 40, CLOSING_BYTES + 100, 10_000])
def test_a_run_makes_the_blocks_that_its_rows_make(most_rows: int, most_bytes: int) -> None:
    """Whatever bound it meets, and wherever it is cut afterwards."""
    encode = msgspec.json.Encoder().encode
    runs, rows = BlockWriter(OBJECT, most_rows=most_rows, most_bytes=most_bytes), list(map(encode, TRICKY))
    alone = BlockWriter(OBJECT, most_rows=most_rows, most_bytes=most_bytes)
    made, expected = list(runs.add(Run([], encode), [])), list(alone.add(rows, people(12)))
    for start, stop in ((0, 5), (5, 6), (6, 12)):
        made += runs.add(Run(TRICKY[start:stop], encode), people(stop - start, start))
    assert [*made, runs.finish()] == [*expected, alone.finish()]
    for block in made:
        for n_rows in range(1, block.n_rows):
            assert block.first(n_rows).body.endswith(encode(TRICKY[block.people[n_rows - 1]]))


def test_runs_that_wait_are_cut_when_blocks_become_small() -> None:
    """Between two of their rows."""
    writer = BlockWriter(ARRAY)
    writer.add(Run(TRICKY, msgspec.json.Encoder().encode), people(12))
    blocks = [*writer.narrow(5), writer.finish()]
    assert [block.n_rows for block in blocks] == [5, 5, 2]
    assert b"".join(block.body for block in blocks) == msgspec.json.encode(TRICKY)


def test_a_run_stands_only_where_commas_part_rows() -> None:
    """Elsewhere its rows would not be told apart."""
    with pytest.raises(ValueError, match="stand alone"):
        BlockWriter(LINES).add(Run(TRICKY, msgspec.json.Encoder().encode), people(12))
