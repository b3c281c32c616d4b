# SPDX-License-Identifier: Apache-2.0
"""A row bears a key twice: parsers disagree on which of the two counts."""

from itertools import permutations

import pytest

from gateway.domain.catalog import FieldType, Form
from gateway.domain.treatment import NOTHING, Treatment
from gateway.transform.codec import compile_codec
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

MEMBERS = ('"email":"canary-one@x.de"', '"email":"canary-two@x.de"', '"email":null', '"id":1')


@pytest.mark.parametrize("treatment", [SURROGATE, Treatment(1, link=True), Treatment(2, link=True), NOTHING])
def test_of_a_key_that_comes_twice_neither_value_leaks(treatment: Treatment) -> None:
    """The last counts and is treated; all orders of values and null."""
    codec = compile_codec(
        plan(
            (spec("id", FieldType.INTEGER), CHAINS["word"], REVEALED),
            (spec("email", form=Form.EMAIL), CHAINS["email"], treatment),
        ),
        FakeSurrogateKeys(),
    )
    for members in permutations(MEMBERS):
        batch = codec.decode(f"[{{{','.join(members)}}}]".encode())
        (line,) = codec.encode(batch, [0])
        assert b"canary" not in line
        assert line.count(b'"email"') <= 1


def test_the_row_is_judged_by_the_same_value_that_leaves() -> None:
    """A second subject cannot be shown under the choice of the first."""
    codec = compile_codec(
        plan((spec("id", FieldType.INTEGER), CHAINS["word"], REVEALED), subject="id"), FakeSurrogateKeys()
    )
    batch = codec.decode(b'[{"id":1,"id":2}]')
    assert codec.rows(batch)[0].subject == "2"
    assert codec.encode(batch, [0]) == [b'{"id":2}']
