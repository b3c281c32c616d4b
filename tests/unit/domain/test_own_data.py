# SPDX-License-Identifier: Apache-2.0
"""The number of a person has one spelling."""

import pytest

from gateway.domain.own_data import is_person_number


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("0", True), ("7", True), ("4294967295", True), ("4294967296", False), ("07", False), ("-1", False), ("1e3", False),
     ("", False), ("٧", False), ("9" * 5000, False)],
)  # fmt: skip
def test_a_number_of_a_person_is_plain_digits_of_32_bits(text: str, is_one: bool) -> None:
    """Anything else is none."""
    assert is_person_number(text) is is_one
