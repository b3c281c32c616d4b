# SPDX-License-Identifier: Apache-2.0
"""What callers wrote stands in a report as they wrote it, and does nothing there."""

import pytest

from gateway.cli.desk.markdown import escaped, table_row


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain", "plain"),
        ("a|b", r"a\|b"),
        ("![x](https://elsewhere.example/x.png)", r"!\[x\](https\://elsewhere.example/x.png)"),
        ("see WWW.example.com", r"see WWW\.example.com"),
        ("<img src=x>", "&lt;img src=x>"),
        ("`code`", r"\`code\`"),
        ("two\nlines", "two lines"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_a_text_means_itself(text: str, told: str) -> None:
    """No column, no link, no picture, no tag, no further line."""
    assert escaped(text) == told


def test_a_row_has_as_many_cells_as_it_was_given() -> None:
    """Also where a cell holds what separates cells."""
    assert table_row(["a|b", "c"]) == r"| a\|b | c |"
