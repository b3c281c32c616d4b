# SPDX-License-Identifier: Apache-2.0
"""Numbers with their words."""

import pytest

from gateway.domain.wording import counted


@pytest.mark.parametrize(
    ("n", "what", "told"),
    [
        (1, "entry", "1 entry"),
        (0, "entry", "0 entries"),
        (12_000, "entry", "12,000 entries"),
        (2, "day", "2 days"),
        (2, "hash", "2 hashes"),
        (1, "person", "1 person"),
        (2, "person", "2 people"),
    ],
)
def test_a_number_has_the_word_that_fits_it(n: int, what: str, told: str) -> None:
    """One of a thing is never several."""
    assert counted(n, what) == told
