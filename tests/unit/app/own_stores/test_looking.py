# SPDX-License-Identifier: Apache-2.0
"""Paths as they are asked for, and texts as they are read."""

import pytest

from gateway.app.own_stores.looking import canonical, decoded


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("", "/"),
        ("/a/b/", "/a/b"),
        ("a//b", "/a/b"),
        ("/a%20b", "/a%20b"),
        ("/ä", "/%C3%A4"),
        ("/a/b.json", "/a/b.json"),
    ],
)
def test_a_path_is_brought_to_its_one_spelling(path: str, expected: str) -> None:
    """As the road to a store sends it."""
    assert canonical(path) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"a: [1, x]\n", {"a": [1, "x"]}),
        (b"<html>", None),
        (b"\xff", None),
        (b"a: [", None),
        (b"", None),
    ],
)
def test_a_description_is_json_or_yaml(raw: bytes, expected: object) -> None:
    """And a page of HTML is neither."""
    assert decoded(raw) == expected


def test_yaml_makes_no_objects() -> None:
    """A tag of the language is refused."""
    assert decoded(b"a: !!python/object/apply:os.getcwd []\n") is None
