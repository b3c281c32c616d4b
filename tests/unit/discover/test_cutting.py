# SPDX-License-Identifier: Apache-2.0
"""A text that was not read to its end is closed behind its last whole row."""

import json

import pytest

from gateway.discover.cutting import whole_rows

ROWS = [{"a": 'x]}\\"', "b": {"c": [1, {"d": 2}]}}, {"a": "é"}, {"a": None}]


@pytest.mark.parametrize("around", ["array", "object"])
def test_every_cut_gives_the_rows_that_were_whole(around: str) -> None:
    """At every byte of an array, and of an object that holds one."""
    text = json.dumps(ROWS if around == "array" else {"n": 1, "rows": ROWS}).encode()
    seen = set()
    for end in range(len(text)):
        found = whole_rows(text[:end])
        if found is None:
            seen.add(0)
            continue
        value = json.loads(found)
        rows = value if around == "array" else value["rows"]
        assert rows == ROWS[: len(rows)]
        seen.add(len(rows))
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize("text", [b"", b"[", b"[1,2", b'{"a": {"b": 1}', b"]]}}", b'"[{}'])
def test_what_has_no_whole_row_gives_none(text: bytes) -> None:
    """A record that was cut is no row."""
    assert whole_rows(text) is None
