# SPDX-License-Identifier: Apache-2.0
"""Lines of JSON, from a store and to a caller."""

import json

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.transform.blocks import BlockWriter
from gateway.transform.ndjson import NDJSON_FRAME, LineSplitter, control_line
from gateway.transform.scan import MOST_DEPTH, MOST_ROW_BYTES

DEEP = b'{"a":' + b"[" * MOST_DEPTH + b"]" * MOST_DEPTH + b"}"
DEEPEST = b'{"a":' + b"[" * (MOST_DEPTH - 1) + b"]" * (MOST_DEPTH - 1) + b"}"


def split(body: bytes, size: int = 1 << 20) -> list[object]:
    """Return the rows of an answer that comes in chunks of a size."""
    splitter = LineSplitter()
    arrays = [array for start in range(0, len(body), size) for array in splitter.feed(body[start : start + size])]
    return [row for array in (*arrays, *splitter.finish().rest) for row in json.loads(array)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"", []),
        (b'{"a":1}\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
        (b'{"a":1}\r\n {"a":"\\n"}\t\n', [{"a": 1}, {"a": "\n"}]),
        (b'{"a":1}\n{"a":2}', [{"a": 1}, {"a": 2}]),
        (b'{"a":1}\n \t\r', [{"a": 1}]),
        (b'{"a":1}\n\n{"a":2}\n', [{"a": 1}, None, {"a": 2}]),
        (b'1\n"x"\nnull\n[]\n{"a":NaN}\n{\n', [None] * 6),
        (b'{"a":"\\ud800"}\n{"a":1}\n', [None, {"a": 1}]),
        (b"\xef\xbb\xbf{}\n{}\n", [None, {}]),
        (DEEP + b"\n" + DEEPEST + b"\n", [None, json.loads(DEEPEST)]),
        (b'{"a":"' + b"[{" * 40 + b'"}\n', [{"a": "[{" * 40}]),
    ],
)
def test_every_line_is_a_row(body: bytes, rows: list[object], size: int) -> None:
    """A bad one is malformed, and the next one is read as if it had not been."""
    assert split(body, size) == rows


@pytest.mark.parametrize("body", [b"{", b'{"a":1}\n{"a"', b'{"a":1}{', b"{}\n1", b'{"a":"x', b"{}\n" + DEEP])
def test_an_answer_that_ends_in_the_middle_of_a_line_ended_early(body: bytes) -> None:
    """What is behind the last line feed is a row, or the end is not there."""
    with pytest.raises(StoreMisbehaved, match="ended early"):
        split(body)


@pytest.mark.parametrize("size", [4_096, 1 << 18, 1 << 22])
def test_a_line_of_more_than_1_mib_is_malformed_and_not_kept(size: int) -> None:
    """One of exactly 1 MiB is read."""
    longest = b'{"a":"' + b"x" * (MOST_ROW_BYTES - 8) + b'"}'
    rows = split(longest + b"\n" + longest[:-2] + b'x"}\n{"b":1}\n', size)
    assert [row if row is None else list(row) for row in rows] == [["a"], None, ["b"]]  # type: ignore[call-overload]


def test_a_line_without_end_takes_no_memory_and_is_no_answer() -> None:
    """However long it goes on."""
    splitter = LineSplitter()
    for _ in range(64):
        assert splitter.feed(b"x" * 65_536) == []
    assert len(splitter._open) <= MOST_ROW_BYTES
    with pytest.raises(StoreMisbehaved):
        splitter.finish()


def test_rows_go_out_as_lines() -> None:
    """Each with its line feed."""
    writer = BlockWriter(NDJSON_FRAME, most_rows=2)
    blocks = [*writer.add([b'{"a":1}', b"{}", b"{}"], [None] * 3), writer.finish({"total": 3})]
    assert [block.body for block in blocks] == [b'{"a":1}\n{}\n', b"{}\n"]


def test_the_control_record_is_one_line() -> None:
    """As the reference shows it."""
    assert control_line(7, "held") == b'{"$gateway":{"end":"cut","rows":7,"reason":"held"}}\n'
