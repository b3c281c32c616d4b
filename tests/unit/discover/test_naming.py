# SPDX-License-Identifier: Apache-2.0
"""Keys of maps are told to nobody, and names of fields are."""

import pytest

from gateway.discover.naming import untold

PEOPLE = [f"person{chr(97 + n)}" for n in range(20)]


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": n, "by": {one: 1}} for n, one in enumerate(PEOPLE)],
        [{"id": n, "by": {one: {"x": 1}}} for n, one in enumerate(PEOPLE)],
        [{"id": n, one: 1} for n, one in enumerate(PEOPLE)],
        [{"id": 1, "by": dict.fromkeys(PEOPLE, 1)}],
        [{"id": 1, "by": {f"{PEOPLE[0]}@example.com": 1, "13800138000": 2, "a b": 3}}],
        [{f"{one}@example.com": 1} for one in PEOPLE[:2]],
    ],
    ids=["a map", "a map of objects", "in the row", "one row", "no names", "rows of no names"],
)
def test_a_key_of_a_map_is_untold(rows: list[dict[str, object]]) -> None:
    """However the map stands in the rows."""
    told = untold(rows, 4)
    keys = {key for row in rows for key in (row, row.get("by")) if isinstance(key, dict) for key in key} - {"id", "by"}
    assert keys
    assert {path[1] if path[0] == "by" else path[0] for path in told} == keys


@pytest.mark.parametrize(
    "rows",
    [
        [{f"column_{chr(97 + n)}": 1 for n in range(20)}],
        [{"手机号": 1, "First_Name": 2}] * 2,
        [{"First Name": 1, "a@b": 2}] * 3,
        [{"id": n, **({"nickname": 1} if n == 4 else {})} for n in range(30)],
        [{"id": n, "home": {"city": 1, **({"zip": 2} if n % 9 == 0 else {})}} for n in range(30)],
        [{"id": 1, "home": {"city": 1}}],
    ],
)
def test_a_name_of_a_field_is_told(rows: list[dict[str, object]]) -> None:
    """Also an optional one, one in another script, and those of a store with one row."""
    assert untold(rows, 4) == frozenset()
