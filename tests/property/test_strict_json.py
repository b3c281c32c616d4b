# SPDX-License-Identifier: Apache-2.0
"""The strict reader against the standard library's, on what both must take and on noise."""

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.strictjson import read

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | TEXT | st.integers(-(10**40), 10**40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
@settings(max_examples=200, deadline=None)
def test_what_json_writes_is_read_back(value: object, ascii_only: bool, indent: int | None) -> None:
    """Any value without floats comes back equal, escaped or not, indented or not."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert read(text) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=12))
@settings(max_examples=100, deadline=None)
def test_decimals_come_back_digit_for_digit(number: Decimal) -> None:
    """The text of a number is its value."""
    text = format(number, "f")
    read_back = read(text.encode())
    assert isinstance(read_back, Decimal)
    assert format(read_back, "f") == text


@given(st.binary(max_size=60) | st.text('{}[]":,\\u0dD8eE.-19 aNI\n', max_size=40).map(str.encode))
@settings(max_examples=500, deadline=None)
def test_noise_is_refused_or_read_as_json_reads_it(raw: bytes) -> None:
    """Nothing but ValueError comes out, and nothing is taken that the standard library refuses."""
    try:
        value = read(raw)
    except ValueError:
        return
    assert value == json.loads(raw, parse_float=Decimal)
