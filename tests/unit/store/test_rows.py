# SPDX-License-Identifier: Apache-2.0
"""Lists in text columns."""

import pytest

from gateway.store.rows import words, written


@pytest.mark.parametrize("listed", [(), ("a",), ("a", "b c", 'd"e', "張")])
def test_a_list_comes_back_as_it_was_written(listed: tuple[str, ...]) -> None:
    """Whatever characters its words have."""
    assert words(written(listed)) == listed
