# SPDX-License-Identifier: Apache-2.0
"""Traces: in the form that W3C asks for, each call's own, and made by nobody without the key."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import trace
from gateway.domain.names import DecisionId
from gateway.domain.trace import Trace, parsed

KEY, OTHER = b"k" * 32, b"o" * 32
IDS = st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)
W3C = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01\Z")


def read(text: str) -> Trace:
    """Return a header that can be read."""
    found = parsed(text)
    assert found is not None
    return found


@given(IDS, st.integers(0, trace.MOST_CALLS - 1))
def test_a_call_is_known_by_the_key_that_made_its_trace_alone(call: str, n: int) -> None:
    """It has the decision's id and the form of level 1; another key, or an older one beside it, changes that."""
    text = trace.of_call(KEY, DecisionId(call), n)
    assert W3C.match(text)
    assert read(text).trace_id == call
    assert trace.is_call([KEY], read(text))
    assert trace.is_call([OTHER, KEY], read(text))
    assert not trace.is_call([OTHER], read(text))
    assert not trace.is_look([KEY], read(text))


@given(IDS)
def test_the_calls_of_a_decision_have_parents_of_their_own(call: str) -> None:
    """Whoever knows one of them, or the decision id, cannot tell the next."""
    texts = {trace.of_call(KEY, DecisionId(call), n) for n in range(trace.MOST_CALLS)}
    assert len({read(one).parent_id for one in texts}) == trace.MOST_CALLS


@given(st.binary(min_size=8, max_size=8))
def test_a_look_is_told_from_a_call(nonce: bytes) -> None:
    """Without asking the log."""
    text = trace.of_look(KEY, nonce)
    assert W3C.match(text)
    assert trace.is_look([KEY], read(text))
    assert not trace.is_look([OTHER], read(text))
    assert not trace.is_call([KEY], read(text))


@given(IDS, st.integers(0, 31), st.sampled_from("0123456789abcdef"))
def test_a_changed_digit_is_no_trace_of_ours(call: str, place: int, digit: str) -> None:
    """In the id of the call, or in that of the parent."""
    right = read(trace.of_call(KEY, DecisionId(call), 0))
    other_id = right.trace_id[:place] + digit + right.trace_id[place + 1 :]
    place //= 2
    other_parent = right.parent_id[:place] + digit + right.parent_id[place + 1 :]
    for changed in (Trace(other_id, right.parent_id), Trace(right.trace_id, other_parent)):
        assert trace.is_call([KEY], changed) == (changed == right)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "0" * 16 + "-01",
        "01-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "A" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01-x",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01\n",
        "00-" + "1" * 31 + "-" + "1" * 16 + "-01",
    ],
)
def test_what_level_1_does_not_allow_is_no_trace(text: str) -> None:
    """Ids of zeros alone, other versions, capitals, and anything before or behind."""
    assert parsed(text) is None
