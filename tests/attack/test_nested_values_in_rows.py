# SPDX-License-Identifier: Apache-2.0
"""A store puts values where no scalar was: inside arrays, objects, maps keyed by values, or text that is JSON."""

import base64
import json

import pytest

from gateway.domain.catalog import AnswerShape, FieldType
from gateway.domain.treatment import NOTHING, Treatment
from gateway.transform.codec import compile_codec
from gateway.transform.split import RowSplitter
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

CANARY = "canary-4711@example.com"
INSIDE = (
    [CANARY],
    [[CANARY]],
    {"value": CANARY},
    {CANARY: 1},
    {"a": [{"b": {CANARY: [CANARY]}}]},
    [{"email": CANARY}],
)


def left(value: str, treatment: Treatment, type_: FieldType = FieldType.TEXT) -> bytes:
    """Return what leaves of three rows, the middle one with a value in a field and in one undeclared."""
    codec = compile_codec(
        plan((spec("f", type_), CHAINS["text"], treatment), (spec("n"), CHAINS["word"], REVEALED)), FakeSurrogateKeys()
    )
    body = f'[{{"n":"a"}},{{"n":"b","f":{value},"undeclared":{value}}},{{"n":"c"}}]'.encode()
    splitter = RowSplitter(AnswerShape(kind="array"))
    arrays = splitter.feed(body)
    splitter.finish()
    batches = [codec.decode(array) for array in arrays]
    return b",".join(line for batch in batches for line in codec.encode(batch, [0] * len(batch)))


@pytest.mark.parametrize("type_", FieldType)
@pytest.mark.parametrize("treatment", [REVEALED, SURROGATE, Treatment(1, link=True), NOTHING])
@pytest.mark.parametrize("value", INSIDE)
def test_a_value_inside_a_value_never_leaves(value: object, treatment: Treatment, type_: FieldType) -> None:
    """The row is malformed, or the field is read past; its neighbours leave."""
    shown = left(json.dumps(value), treatment, type_)
    assert CANARY.encode() not in shown
    assert b'"n":"a"' in shown
    assert b'"n":"c"' in shown


@pytest.mark.parametrize("depth", [1, 2, 16, 30, 31, 32, 33, 64, 1_000, 100_000])
def test_no_depth_of_nesting_lets_a_value_through(depth: int) -> None:
    """Nor does any stop the rows around it."""
    value = "[" * depth + f'"{CANARY}"' + "]" * depth
    shown = left(value, REVEALED)
    assert CANARY.encode() not in shown
    assert b'"n":"a"' in shown
    assert b'"n":"c"' in shown


@pytest.mark.parametrize("treatment", [SURROGATE, Treatment(1, link=True), NOTHING])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"email": CANARY}),
        json.dumps(json.dumps([CANARY])),
        f'x","n":"{CANARY}',
        f'"}},{{"n":"{CANARY}"}}',
        base64.b64encode(CANARY.encode()).decode(),
    ],
)
def test_text_that_is_json_or_base64_is_text(text: str, treatment: Treatment) -> None:
    """It is treated as one value; quotes inside it end nothing."""
    shown = left(json.dumps(text), treatment)
    assert CANARY.encode() not in shown
    assert base64.b64encode(CANARY.encode()) not in shown
    assert len(json.loads(b"[" + shown + b"]")) == 3
