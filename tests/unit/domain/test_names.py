# SPDX-License-Identifier: Apache-2.0
"""Dotted keys: their syntax, and the one rule by which they form trees."""

import pytest

from gateway.domain.names import ancestors, is_key, is_under


@pytest.mark.parametrize("text", ["a", "user.contact.email", "a-b_c.D9", "a" * 200])
def test_words_joined_by_dots_are_a_key(text: str) -> None:
    """Letters, digits, hyphens and underscores."""
    assert is_key(text)


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.", ".a", "a..b", "a b", "a\n", "a.b\n", "\na", "ä", "a*", "a/b", "<a>", "a" * 201, "a.\x00", "a,b"],
    ids=ascii,
)
def test_anything_else_is_no_key(text: str) -> None:
    """Neither empty words, nor blanks, nor line ends, nor wildcards."""
    assert not is_key(text)


@pytest.mark.parametrize(
    ("key", "above", "is_so"),
    [
        ("a.b", "a", True),
        ("a.b", "a.b", True),
        ("a.b.c", "a", True),
        ("a", "a.b", False),
        ("ab", "a", False),
        ("a.bc", "a.b", False),
        ("b.a", "a", False),
    ],
)
def test_a_key_lies_under_itself_and_what_is_above_it_by_whole_words(key: str, above: str, is_so: bool) -> None:
    """There is no other wildcard."""
    assert is_under(key, above) is is_so
    assert (above in ancestors(key)) is is_so


def test_ancestors_are_nearest_first() -> None:
    """The key itself is the first of them."""
    assert ancestors("a.b.c") == ("a.b.c", "a.b", "a")
    assert ancestors("a") == ("a",)
