# SPDX-License-Identifier: Apache-2.0
"""What a store holds at rest where no field says so does not leave; everything else does as it is."""

import json

import pytest

from gateway.domain.catalog import AtRest, FieldType
from gateway.transform.strays import without_strays
from tests.fakes.plans import CHAINS, REVEALED, plan, spec
from tests.unit.transform.test_codec import codec, left

SIV, TOKEN = f"as12_{'0f' * 48}", f"av1_{'9c' * 16}"
ID, NAME, NOTE = spec("id", FieldType.INTEGER), spec("name"), spec("note", FieldType.FREE_TEXT)
PLAN = plan(*((field, CHAINS["word"], REVEALED) for field in (ID, NAME, NOTE)))


@pytest.mark.parametrize("stray", [SIV, TOKEN, SIV.upper(), f" {TOKEN}\n", f"\t{SIV.title()}"])
def test_null_leaves_in_its_place_and_the_rest_of_the_row_as_it_is(stray: str) -> None:
    """In every field of text, alone in a block and among others, and in rows that are read one by one."""
    row, other = {"id": 1, "name": stray, "note": stray}, {"id": 2, "name": "Eve", "note": f"see {TOKEN}"}
    kept = ['{"id":1,"name":null,"note":null}', json.dumps(other, separators=(",", ":"))]
    assert left(PLAN, json.dumps(row), json.dumps(other)) == kept
    assert left(PLAN, json.dumps(row), '{"id":"malformed"}', json.dumps(other)) == kept


def test_in_some_rows_of_a_block_only_these_change() -> None:
    """Whichever class they are of."""
    made = codec(PLAN)
    rows = [{"id": number, "name": SIV if number % 3 == 0 else f"n{number}", "note": "x"} for number in range(9)]
    batch = made.decode(json.dumps(rows).encode())
    shown = [json.loads(line) for line in made.encode(batch, [0] * 9)]
    assert shown == [{**row, "name": None if row["name"] == SIV else row["name"]} for row in rows]


def test_a_field_that_is_at_rest_is_opened_and_not_taken_for_a_stray() -> None:
    """Its column is left to what opens it."""
    held = spec("name", at_rest=AtRest.VAULT)
    made = codec(plan((ID, CHAINS["word"], REVEALED), (held, CHAINS["word"], REVEALED)))
    batch = made.decode(json.dumps([{"id": 1, "name": TOKEN}]).encode())
    assert made.cells(batch, held.name) == (TOKEN,)


def test_columns_without_a_stray_are_the_same_ones() -> None:
    """A look costs no copy; and text that only begins like one is none."""
    for column in (
        ["as1_", "average", "av1_short", "x" + TOKEN, None, 7],
        ["a_b", "c"],
        [f"{TOKEN}, {SIV}"],
        [],
        [None],
    ):
        assert without_strays(column) is column
