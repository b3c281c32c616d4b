# SPDX-License-Identifier: Apache-2.0
"""Answers of a store that are made to cost time, memory or the stack."""

import tracemalloc
from time import process_time

import pytest

from gateway.domain.catalog import AnswerShape
from gateway.domain.errors import StoreMisbehaved
from gateway.transform.codec import compile_codec
from gateway.transform.split import RowSplitter
from tests.fakes.plans import CHAINS, REVEALED, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

CODEC = compile_codec(plan((spec("n"), CHAINS["word"], REVEALED)), FakeSurrogateKeys())
BOMBS = {
    "deep arrays": b'[{"n":"a"},{"x":' + b"[" * 100_000 + b"]" * 100_000 + b'},{"n":"b"}]',
    "deep objects": b'[{"n":"a"},' + b'{"x":' * 100_000 + b"1" + b"}" * 100_000 + b',{"n":"b"}]',
    "a million keys": b'[{"n":"a"},{' + b",".join(b'"k%d":1' % n for n in range(100_000)) + b'},{"n":"b"}]',
    "a long key": b'[{"n":"a"},{"' + b"k" * 2_000_000 + b'":1},{"n":"b"}]',
    "a long value": b'[{"n":"a"},{"n":"' + b"v" * 2_000_000 + b'"},{"n":"b"}]',
    "backslashes": b'[{"n":"a"},{"x":"' + b"\\\\" * 400_000 + b'"},{"n":"b"}]',
    "blanks": b'[{"n":"a"},' + b" " * 2_000_000 + b'{"n":"b"}]',
    "braces in text": b'[{"n":"a"},{"x":"' + b"}" * 900_000 + b'"},{"n":"b"}]',
}


def carried(body: bytes, size: int) -> list[bytes]:
    """Return what leaves of an answer that comes in chunks of a size."""
    splitter, lines = RowSplitter(AnswerShape(kind="array")), []
    for place in range(0, len(body), size):
        for array in splitter.feed(body[place : place + size]):
            batch = CODEC.decode(array)
            lines += CODEC.encode(batch, [0] * len(batch))
    splitter.finish()
    return lines


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("size", [16_384, 1 << 22])
def test_a_bomb_takes_little_time_and_its_neighbours_leave(name: str, size: int) -> None:
    """A third of a second at most; ten times that is the bound here, for machines that are busy."""
    start = process_time()
    lines = carried(BOMBS[name], size)
    assert process_time() - start < 3
    assert (lines[0], lines[-1]) == (b'{"n":"a"}', b'{"n":"b"}')


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_little_memory(name: str) -> None:
    """Far below what the texts would take if they were read."""
    tracemalloc.start()
    carried(BOMBS[name], 65_536)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("opening", [b"[", b'[{"a":', b'{"a":'])
def test_what_never_closes_ends_with_the_answer(opening: bytes) -> None:
    """A megabyte of openings is followed without a stack."""
    splitter = RowSplitter(AnswerShape(kind="array" if opening[:1] == b"[" else "record"))
    splitter.feed(opening * (1_000_000 // len(opening)))
    with pytest.raises(StoreMisbehaved, match="ended early"):
        splitter.finish()


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff", "\\ud800\\ud800", "\\ud83dx", "x\\udc00\\ud800"])
@pytest.mark.parametrize("name", ["n", "undeclared"])
def test_a_lone_surrogate_costs_its_row_and_no_other(text: str, name: str) -> None:
    """It is malformed and counted, in a declared field or in one that nobody reads."""
    body = f'[{{"n":"a"}},{{"{name}":"{text}"}},{{"n":"b"}}]'.encode()
    batches = [CODEC.decode(array) for array in RowSplitter(AnswerShape(kind="array")).feed(body)]
    assert sum(batch.malformed for batch in batches) == 1
    assert [line for batch in batches for line in CODEC.encode(batch, [0] * len(batch))] == [b'{"n":"a"}', b'{"n":"b"}']


@pytest.mark.parametrize("raw", [b"\xed\xa0\x80", b"\xff", b"\xc0\xaf", b"\xf8\x88\x80\x80\x80", b"a\x80"])
def test_bytes_that_are_no_utf_8_never_leave(raw: bytes) -> None:
    """The row is malformed where they are in a field that is read."""
    batch = CODEC.decode(b'[{"n":"a"},{"n":"' + raw + b'"},{"x":"' + raw + b'"}]')
    assert (len(batch), batch.malformed) == (2, 1)
    assert CODEC.encode(batch, [0, 0]) == [b'{"n":"a"}', b"{}"]
