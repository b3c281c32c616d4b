# SPDX-License-Identifier: Apache-2.0
"""Numbers that exhaust memory, are none, or lose their digits on the way."""

from time import process_time

import pytest

from gateway.domain.catalog import AnswerShape, FieldType
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.treatment import Treatment
from gateway.transform.codec import compile_codec
from gateway.transform.split import RowSplitter
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys


@pytest.mark.parametrize("type_", [FieldType.INTEGER, FieldType.DECIMAL])
@pytest.mark.parametrize("treatment", [REVEALED, SURROGATE, Treatment(1, link=True)])
@pytest.mark.parametrize(
    "number",
    [
        "9" * 5_000,
        "-" + "9" * 5_000,
        "1e999999999",
        "1e-999999999",
        "1e99999999999999999999",
        "9" * 1_000_000,
        "1" + "0" * 4_299,
    ],
)
def test_a_number_beyond_reckoning_costs_little_and_shows_nothing_wrong(
    type_: FieldType, treatment: Treatment, number: str
) -> None:
    """The row is malformed, or the number leaves with all its digits; either within 100 ms of CPU (here: 1 s)."""
    codec = compile_codec(plan((spec("f", type_), CHAINS["money"], treatment)), FakeSurrogateKeys())
    start = process_time()
    batch = codec.decode(f'[{{"f":1}},{{"f":{number}}}]'.encode())
    lines = codec.encode(batch, [0] * len(batch))
    assert process_time() - start < 1
    assert len(lines) + batch.malformed == 2
    if len(lines) == 2 and treatment == REVEALED:
        assert lines[1] == f'{{"f":{number}}}'.encode()


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "nan", "0x10", "01", "+1", "1_000", ".5", "5.", "1e", "١"]
)
def test_what_is_no_number_of_json_breaks_the_answer(number: str) -> None:
    """In a declared field and in one that nobody reads."""
    for name in ("f", "undeclared"):
        with pytest.raises(StoreMisbehaved):
            RowSplitter(AnswerShape(kind="array")).feed(f'[{{"{name}":{number}}}]'.encode())


@pytest.mark.parametrize("number", ['"NaN"', '"Infinity"', '"-sNaN123"'])
def test_text_that_python_takes_for_a_number_is_none(number: str) -> None:
    """It would be encoded as something that is not JSON."""
    codec = compile_codec(plan((spec("f", FieldType.DECIMAL), CHAINS["money"], REVEALED)), FakeSurrogateKeys())
    assert codec.decode(f'[{{"f":{number}}}]'.encode()).malformed == 1
