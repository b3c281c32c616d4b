# SPDX-License-Identifier: Apache-2.0
"""From the bytes of an answer to blocks of whole rows."""

import gc
import json
from time import process_time

import pytest

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.domain.errors import StoreMisbehaved
from gateway.transform.split import Members, RowSplitter, rows_of

ARRAY = AnswerShape(kind="array")
OBJECT = AnswerShape(kind="object", rows="rows", members=(("total", MemberUse.RECOUNT), ("next", MemberUse.DROP)))
RECORD = AnswerShape(kind="record")


def split(shape: AnswerShape, body: bytes, size: int = 1 << 20) -> tuple[list[object], Members]:
    """Return all rows of an answer that comes in chunks of a size, and its members."""
    splitter = RowSplitter(shape)
    rows: list[object] = []
    for start in range(0, len(body), size):
        for array in splitter.feed(body[start : start + size]):
            rows += json.loads(array)
    return rows, splitter.finish()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("shape", "body", "rows", "counts"),
    [
        (ARRAY, b"[]", [], {}),
        (ARRAY, b' \n[ {"a":1} ,\t{"b":"}]"} ]\n', [{"a": 1}, {"b": "}]"}], {}),
        (ARRAY, b'[1,"x,]",[2],null,{"a":1},true]', [None, None, None, None, {"a": 1}, None], {}),
        (ARRAY, b'[{"a":"\\ud800"},{"b":1}]', [None, {"b": 1}], {}),
        (ARRAY, b'[{"a":{"b":[{"c":"}"}]}},{"d":[[]]}]', [{"a": {"b": [{"c": "}"}]}}, {"d": [[]]}], {}),
        (OBJECT, b'{"rows":[]}', [], {}),
        (OBJECT, b'{"total":5,"x":{"y":[1]},"rows":[{"a":1},{"a":2}],"next":"u"}', [{"a": 1}, {"a": 2}], {"total": 5}),
        (OBJECT, b'{"rows":[{"a":1}] , "next": null, "total" : 9 } ', [{"a": 1}], {"total": 9}),
        (OBJECT, b'{"rows":[],"total":1.5}', [], {}),
        (OBJECT, b'{"rows":[],"total":-1}', [], {}),
        (OBJECT, b'{"rows":[],"total":true}', [], {}),
        (RECORD, b' {"a":{"b":"}"}} ', [{"a": {"b": "}"}}], {}),
        (RECORD, b'{"a":"\\udfff"}', [None], {}),
    ],
)
def test_rows_and_members_are_found(
    shape: AnswerShape, body: bytes, rows: list[object], counts: dict[str, int], size: int
) -> None:
    """In every shape and at every size of chunk."""
    assert split(shape, body, size) == (rows, Members(counts=counts))


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (ARRAY, body)
        for body in (
            b"",
            b" ",
            b"[",
            b'[{"a":1}',
            b'[{"a":1},',
            b'["x',
            b"[1",
            b"{}",
            b"null",
            b"\xef\xbb\xbf[]",
            b"[] x",
            b"[][]",
        )
    ]
    + [
        (ARRAY, body)
        for body in (
            b"[{},]",
            b"[,{}]",
            b"[{}{}]",
            b"[{},,{}]",
            b"[1 2]",
            b"[NaN]",
            b'[{"a":NaN}]',
            b"[}]",
            b"[:]",
            b"[{]}]",
            b"[{}}",
        )
    ]
    + [
        (OBJECT, body)
        for body in (b"", b"[]", b'{"total":1}', b'{"rows":{}}', b'{"rows":[]', b'{"rows":[]}}', b'{"rows":[]} x')
    ]
    + [
        (OBJECT, body)
        for body in (
            b'{"rows":[],"rows":[{}]}',
            b'{"total":NaN,"rows":[]}',
            b'{"rows":[],"total":1,"total":2}',
            b'{"rows":[] "total":1}',
        )
    ]
    + [(RECORD, body) for body in (b"", b"[]", b"[{}]", b"{", b"{}{}", b"{} x", b"1", b'{"a":NaN}')],
)
def test_an_answer_that_is_not_as_declared_is_the_stores_fault(shape: AnswerShape, body: bytes, size: int) -> None:
    """Ended early, going on, not JSON, or of another shape."""
    with pytest.raises(StoreMisbehaved):
        split(shape, body, size)


def test_members_before_the_rows_are_judged_before_a_row_is_given_out() -> None:
    """So a broken head never follows half an answer."""
    with pytest.raises(StoreMisbehaved):
        RowSplitter(OBJECT).feed(b'{"total":1,"total":2,"rows":[{"a":1}')


def test_members_behind_the_rows_are_bounded() -> None:
    """64 KiB."""
    with pytest.raises(StoreMisbehaved, match="too long"):
        split(OBJECT, b'{"rows":[],"x":"' + b"x" * 70_000 + b'"}')


def test_only_whole_rows_are_given_out() -> None:
    """What is left of a chunk waits for the next."""
    splitter = RowSplitter(ARRAY)
    assert splitter.feed(b'[{"a":1},{"a":2},{"a"') == [b'[{"a":1},{"a":2}]']
    assert splitter.feed(b":3") == []
    assert splitter.feed(b'},{"a":4}') == [b'[{"a":3},{"a":4}]']


@pytest.mark.alone
@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":"' + b"}" * 65_536 + b'"}]',
        b'[{"a":"' + b'\\"}' * 21_845 + b'"}]',
        b'[{"a":1},{"a":"' + b"},{" * 21_845 + b'"}]',
        b"[" + b'{"a":{"b":[{}]}},' * 3_850 + b"{}]",
    ],
)
@pytest.mark.parametrize("size", [65_536, 4_096])
def test_64_kib_made_to_mislead_cost_little(body: bytes, size: int) -> None:
    """At most 50 ms of CPU for each; ten times that is the bound here, for machines that are busy."""
    gc.collect()  # else what other tests left is collected in here
    gc.disable()
    start = process_time()
    split(ARRAY, body, size)
    took_s = process_time() - start
    gc.enable()
    assert took_s < 0.5


def test_memory_does_not_grow_with_the_answer() -> None:
    """After 8 MiB of rows nothing is kept but the row that is not complete."""
    splitter = RowSplitter(ARRAY)
    splitter.feed(b"[{}")
    chunk = b',{"a":"' + b"x" * 990 + b'"}'
    for _ in range(128):
        splitter.feed(chunk * 64)
    assert len(splitter._head.text) + len(splitter._tail) + len(splitter._found) + len(splitter._row._text) == 0


def test_rows_of_an_array_come_one_by_one() -> None:
    """With null for what is no row."""
    assert rows_of(b'[{"a":[1]}, 5,{"b":"}"}]') == [b'{"a":[1]}', b"null", b'{"b":"}"}']


@pytest.mark.parametrize(
    "shape", [AnswerShape(kind="xml"), AnswerShape(kind="object"), AnswerShape(kind="array", rows="rows")]
)
def test_a_shape_of_no_known_kind_is_refused(shape: AnswerShape) -> None:
    """When the splitter is made, not when the answer is there."""
    with pytest.raises(ValueError, match="no answer has the shape"):
        RowSplitter(shape)


def test_where_the_list_goes_on_is_found_before_and_behind_the_rows() -> None:
    """At its path; null is the end."""
    shape = AnswerShape(kind="object", rows="rows", next="paging.after")
    for body, told in (
        (b'{"paging":{"after":"c"},"rows":[{"a":1}]}', "c"),
        (b'{"rows":[{"a":1}],"paging":{"after":25}}', "25"),
        (b'{"rows":[],"paging":null}', None),
        (b'{"rows":[]}', None),
    ):
        assert split(shape, body, 3)[1].next == told


@pytest.mark.parametrize("told", [b"[1]", b"true", b'{"a":1}', b'"' + b"x" * 5000 + b'"', b'"a\\u0000"'])
def test_a_continuation_that_is_none_breaks_the_answer(told: bytes) -> None:
    """A list that ended there would be short without a sign of it."""
    with pytest.raises(StoreMisbehaved):
        split(AnswerShape(kind="object", rows="rows", next="next"), b'{"rows":[{"a":1}],"next":' + told + b"}")


def test_a_continuation_of_a_megabyte_is_not_read() -> None:
    """Members beside the rows are bounded."""
    shape = AnswerShape(kind="object", rows="rows", next="next")
    for body in (b'{"rows":[],"next":"%b"}', b'{"next":"%b","rows":[]}'):
        with pytest.raises(StoreMisbehaved):
            split(shape, body % (b"x" * (1 << 20)))
