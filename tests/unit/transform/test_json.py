# SPDX-License-Identifier: Apache-2.0
"""What stands around rows in JSON."""

import pytest

from gateway.domain.catalog import AnswerShape, MemberUse
from gateway.transform.blocks import BlockWriter
from gateway.transform.json import json_frame

OBJECT = AnswerShape(kind="object", rows='a"b', members=(("total", MemberUse.RECOUNT), ("next", MemberUse.DROP)))


def written(shape: AnswerShape, *rows: bytes) -> bytes:
    """Return the answer of these rows, with every count there could be."""
    writer = BlockWriter(json_frame(shape))
    writer.add(rows, [None] * len(rows))
    return writer.finish({"total": 2, "next": 3}).body


@pytest.mark.parametrize("kind", ["array", "ndjson", "csv"])
def test_lists_are_arrays(kind: str) -> None:
    """Also of a store that sends lines."""
    assert written(AnswerShape(kind=kind), b"{}", b"{}") == b"[{},{}]"


def test_an_object_holds_its_rows_and_the_counts_that_are_declared() -> None:
    """Under the declared name, written as JSON."""
    assert written(OBJECT, b"{}") == b'{"a\\"b":[{}],"total":2}'


def test_a_record_is_its_row_alone() -> None:
    """There is one."""
    assert written(AnswerShape(kind="record"), b"{}") == b"{}"
    with pytest.raises(ValueError, match="one row"):
        written(AnswerShape(kind="record"), b"{}", b"{}")


@pytest.mark.parametrize(
    ("path", "where", "told"),
    [
        ("next", "sealed", b',"next":"sealed"'),
        ("next", 3, b',"next":3'),
        ("next", None, b',"next":null'),
        ("paging.next.after", "sealed", b',"paging":{"next":{"after":"sealed"}}'),
        ("paging.next.after", None, b""),
    ],
)
def test_where_a_list_goes_on_is_told_where_the_store_tells_it(path: str, where: str | int | None, told: bytes) -> None:
    """Behind the rows; at the end it is null, or not there where it would be inside another object."""
    writer = BlockWriter(json_frame(AnswerShape(kind="object", rows="rows", next=path)))
    writer.add([b"{}"], [None])
    assert writer.finish({}, where).body == b'{"rows":[{}]' + told + b"}"
