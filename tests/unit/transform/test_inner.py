# SPDX-License-Identifier: Apache-2.0
"""The inner form: a namespace and a value, filled up so that its length says little."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.catalog import Form
from gateway.transform.inner import BLOCK_BYTES, NORMAL, RAW, filled, inner_form, spelled, text_of, unfilled
from gateway.transform.normalise import SPELLINGS


@given(st.binary(max_size=200))
def test_what_was_filled_up_is_the_same_again(form: bytes) -> None:
    """Also where it ends with bytes that look like filling."""
    blocks = filled(form)
    assert unfilled(blocks) == form
    assert len(blocks) % BLOCK_BYTES == 0
    assert len(blocks) - len(form) <= BLOCK_BYTES


def test_a_value_without_a_normal_spelling_is_kept_apart() -> None:
    """A raw value never meets a normalised one, whatever its bytes are."""
    assert inner_form(SPELLINGS[Form.PHONE], "nobody") == RAW + b"nobody"
    assert inner_form(SPELLINGS[Form.TEXT], "nobody") == NORMAL + b"nobody"
    assert text_of(RAW + "\ud800".encode("utf-8", "surrogatepass")) == "\ud800"


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (7, "7"), (Decimal("1.00"), "1.00")])
def test_what_is_no_text_is_spelled_as_in_json(value: int | Decimal | bool, text: str) -> None:
    """So that a caller may compare it as it was read."""
    assert spelled(value) == text
