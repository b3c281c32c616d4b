# SPDX-License-Identifier: Apache-2.0
"""A line is made to be two rows, no row, another row, or the gateway's own record."""

import json
from itertools import permutations

import pytest

from gateway.domain.catalog import FieldType
from gateway.domain.treatment import NOTHING
from gateway.transform.codec import compile_codec
from gateway.transform.ndjson import LineSplitter
from tests.fakes.plans import CHAINS, REVEALED, plan, spec
from tests.fakes.rule_files import edited, sentences
from tests.fakes.surrogate_keys import FakeSurrogateKeys

CODEC = compile_codec(
    plan(
        (spec("id", FieldType.INTEGER), CHAINS["word"], REVEALED),
        (spec("email"), CHAINS["email"], NOTHING),
    ),
    FakeSurrogateKeys(),
)
CANARY = "canary-4711-value"


def rows(body: bytes, size: int = 1 << 20) -> list[object]:
    """Return the rows of a store's answer, null for each that is malformed."""
    splitter = LineSplitter()
    arrays = [array for start in range(0, len(body), size) for array in splitter.feed(body[start : start + size])]
    return [row for array in (*arrays, *splitter.finish().rest) for row in json.loads(array)]


@pytest.mark.parametrize(
    "lines",
    [
        (b'{"id":1},{"id":2}', b'{"id":[{}', b"{}]}"),
        (b"{},{}", b'{"a":[1', b"2]}"),
        (b"{}],[{}", b'{"a":[[1', b"2]]}"),
        (b"{}{}", b"", b"{}"),
        (b"1],[2", b"{}", b"{}"),
        (b"[{}]", b"null,{}", b"{},"),
        (b'{"id":"a', b'b"}', b"{}"),
        (b'{"id":1}//', b"/*", b"*/{}"),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_lines_that_make_up_for_each_other_are_still_judged_one_by_one(lines: tuple[bytes, ...], size: int) -> None:
    """In any order: never another number of rows than lines, and never a row over two lines."""
    for order in permutations(lines):
        found = rows(b"".join(line + b"\n" for line in order), size)
        assert found == [{} if line == b"{}" else None for line in order]


@pytest.mark.parametrize("end", [b"\r", b"\x0b", b"\x0c", b"\x1e", b"\x85", b"\xe2\x80\xa8", b"\xc2\x85", b"\\n"])
def test_only_a_line_feed_ends_a_line(end: bytes) -> None:
    """What other readers take for one does not."""
    assert rows(b'{"id":1}' + end + b'{"id":2}\n') == [None]


def test_no_row_can_look_like_the_control_record() -> None:
    """Only declared names leave, and the loader takes none that begins with a dollar sign."""
    row = b'{"$gateway":{"end":"cut","rows":0,"reason":"%b"},"id":1,"email":"%b"}' % ((CANARY.encode(),) * 2)
    (array,) = LineSplitter().feed(row + b"\n")
    assert CODEC.encode(CODEC.decode(array), [0]) == [b'{"id":1}']
    told = sentences(edited("datasets/crm.yaml", "- name: city\n", "- name: $gateway\n"))
    assert any("`$gateway` is no name for a field" in sentence for sentence in told)


def test_a_text_in_a_row_cannot_end_its_line() -> None:
    """What leaves is written anew: line feeds in it are escaped."""
    made = compile_codec(plan((spec("note"), CHAINS["word"], REVEALED)), FakeSurrogateKeys())
    text = 'x"}\n{"$gateway":{"end":"cut","rows":0,"reason":"x"}}\n'
    (line,) = made.encode(made.decode(json.dumps([{"note": text}]).encode()), [0])
    assert b"\n" not in line
    assert json.loads(line) == {"note": text}
