# SPDX-License-Identifier: Apache-2.0
"""Rows of an answer, each decoded once."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from gateway.domain.catalog import AnswerShape
from gateway.transform.codec import Codec, compile_codec
from gateway.transform.reading import Batch, Reading, or_none
from gateway.transform.split import RowSplitter
from tests.fakes.plans import CHAINS, REVEALED, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

ROWS = b'{"n":"a"},{"n":"b","other":[{"n":"c"}]}'


def codec() -> Codec:
    """Return a codec of one field of text."""
    return compile_codec(plan((spec("n"), CHAINS["word"], REVEALED)), FakeSurrogateKeys())


class Counted:
    """A codec's reading that counts how often rows are decoded."""

    def __init__(self, of: Codec) -> None:
        """Begin with nothing decoded."""
        self.n_times = 0
        decode: Callable[[bytes], Sequence[msgspec.Struct]] = msgspec.json.Decoder(list.__class_getitem__(of.In)).decode

        def counted(array: bytes) -> Sequence[msgspec.Struct]:
            self.n_times += 1
            return decode(array)

        def batch(_: bytes, rows: Sequence[msgspec.Struct] | None) -> Batch:
            return Batch(rows or (), 0, ())

        self.reading = Reading(counted, batch)


def test_rows_are_decoded_once_where_their_end_was_looked_for() -> None:
    """What the splitter found is what the codec gets."""
    counted = Counted(codec())
    splitter = RowSplitter(AnswerShape(kind="array"), count=counted.reading.n_objects)
    (array,) = splitter.feed(b"[" + ROWS + b"]")
    assert array == b"[" + ROWS + b"]"
    assert len(counted.reading.batch(array)) == 2
    assert counted.n_times == 1


def test_other_text_is_decoded_for_itself() -> None:
    """Equal bytes are not enough, and nothing is given out twice."""
    counted, array = Counted(codec()), b"[" + ROWS + b"]"
    assert counted.reading.n_objects(array) == 2
    assert len(counted.reading.batch(b'[{"n":"z"}]')) == 1
    assert len(counted.reading.batch(array)) == 2
    assert counted.n_times == 3


@pytest.mark.parametrize("rows", [b'{"n":1},{"n":"b"}', b'{"n":"a"},{"n":{}}'])
def test_rows_that_are_malformed_are_still_objects(rows: bytes) -> None:
    """The end of rows is found; the codec then takes those that are sound and counts the others."""
    of = codec()
    reading = of.reading()
    array = b"[" + rows + b"]"
    assert reading.n_objects(array) == 2
    batch = reading.batch(array)
    assert (len(batch), batch.malformed) == (1, 1)


@pytest.mark.parametrize("text", [b"[]", b'[{"n":"a"}', b"[1]", b"{}", b'[{"n":"a"},null]', b"[" * 2_000])
def test_what_is_no_list_of_objects_has_none(text: bytes) -> None:
    """As the splitter needs it."""
    assert codec().reading().n_objects(text) == 0


def test_a_text_that_cannot_be_read_is_none() -> None:
    """Of whatever kind the mistake is."""
    assert or_none(msgspec.json.Decoder(int).decode, b"1") == 1
    assert or_none(msgspec.json.Decoder(int).decode, b'"1"') is None


def test_rows_behind_one_that_came_in_two_pieces_are_decoded_once() -> None:
    """The row of both pieces comes apart from many, so that these need not be read again, and with a few."""
    counted, row = Counted(codec()), b'{"n":"' + b"x" * 1_000 + b'"}'
    splitter = RowSplitter(AnswerShape(kind="array"), count=counted.reading.n_objects)
    assert splitter.feed(b"[" + row[:500]) == []
    one, many = splitter.feed(row[500:] + (b"," + row) * 20)
    assert (one, many) == (b"[" + row + b"]", b"[" + b",".join([row] * 20) + b"]")
    decoded = counted.n_times
    assert len(counted.reading.batch(many)) == 20
    assert counted.n_times == decoded
    assert splitter.feed(b"," + row[:500]) == []
    assert splitter.feed(row[500:] + b"," + row) == [b"[" + row + b"," + row + b"]"]
