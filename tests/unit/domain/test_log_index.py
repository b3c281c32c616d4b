# SPDX-License-Identifier: Apache-2.0
"""Words of the index: what a call is to it."""

import pytest

from gateway.domain.log_index import call_bytes


@pytest.mark.parametrize("call", ["d_first", "", "A" * 32, "0" * 31, "0" * 33, "zz" * 16, " " * 32, "0x" + "0" * 30])
def test_a_call_that_is_no_number_gets_sixteen_bytes_of_its_own(call: str) -> None:
    """Also one that nearly is a number."""
    assert len(call_bytes(call)) == 16
    assert call_bytes(call) != call_bytes(call + "x")
    assert call_bytes(call).hex() != call


def test_a_decision_is_its_own_bytes() -> None:
    """So the index tells it again."""
    call = "0123456789abcdef" * 2
    assert call_bytes(call).hex() == call
