# SPDX-License-Identifier: Apache-2.0
"""A parameter means something if it changed the answer as its name says."""

import pytest

from gateway.discover.sample import Sample
from gateway.discover.trials import NO_VALUE, parameters_tried

ROWS = [{"id": f"c-{n}", "city": "x"} for n in range(5)]


@pytest.mark.parametrize(
    ("query", "rows", "expected"),
    [
        ((("limit", "1"),), ROWS[:1], ("limit",)),
        ((("limit", "1"),), ROWS, ()),
        ((("offset", "1"),), ROWS[1:], ("offset",)),
        ((("offset", "1"),), ROWS, ()),
        ((("page", "2"), ("limit", "1")), ROWS[1:2], ("page",)),
        ((("page", "2"), ("limit", "1")), ROWS[:1], ()),
        ((("sort", "-id"),), ROWS[::-1], ("sort",)),
        ((("sort", "-id"),), ROWS, ()),
        ((("city", NO_VALUE),), [], ("city",)),
        ((("city", NO_VALUE),), ROWS, ()),
        ((("city", "x"),), [], ()),
    ],
)
def test_what_did_nothing_means_nothing(
    query: tuple[tuple[str, str], ...], rows: list[dict[str, str]], expected: tuple[str, ...]
) -> None:
    """Most stores pass over what they do not know."""
    tried = [Sample(path="/x", body=ROWS), Sample(path="/x", query=query, body=rows)]
    assert tuple(one.name for one in parameters_tried(tried)) == expected


def test_nothing_is_told_without_an_answer_to_compare_with() -> None:
    """Nor from an empty list."""
    assert parameters_tried([Sample(path="/x", query=(("limit", "1"),), body=ROWS)]) == ()
    assert parameters_tried([Sample(path="/x", body=[]), Sample(path="/x", query=(("city", NO_VALUE),), body=[])]) == ()
