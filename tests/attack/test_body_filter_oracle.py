# SPDX-License-Identifier: Apache-2.0
"""Attack: a search's body that compares, lists or orders by a field that does not leave, in every spelling."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.fakes.gated_store import GatedStore
from tests.fakes.wire import called, request
from tests.story.conftest import ANALYST, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)

SEARCH, BATCH = "/crm/customers/search", "/crm/customers/batch"
OPERATORS = [
    "$eq",
    "$ne",
    "$gt",
    "$in",
    "$regex",
    "$where",
    "eq",
    "ne",
    "gt",
    "in",
    "like",
    "contains",
    "exists",
    "not",
    "or",
]
SPELLINGS = ["religion", "Religion", "RELIGION", "religion ", " religion", "religion.", "religion[]", "religion$", "re\u200bligion", "réligion",
             "customers.religion", "crm.customers.religion", "__proto__", "constructor", "health_note", "national_id"]  # fmt: skip


def tries() -> list[tuple[str, object]]:
    """Return bodies that would choose or order by a field that an analyst may not read."""
    found: list[tuple[str, object]] = []
    found += [(SEARCH, {"where": {spelling: "x"}}) for spelling in SPELLINGS]
    found += [(SEARCH, {spelling: "x"}) for spelling in SPELLINGS]
    found += [(SEARCH, {"where": {"city": {operator: "x"}}}) for operator in OPERATORS]
    found += [(SEARCH, {"where": {operator: [{"religion": "x"}]}}) for operator in OPERATORS]
    found += [(SEARCH, {"where": {"religion": value}}) for value in ("x", ["x"], {"from": "a"}, None, True, 1, {}, [])]
    found += [(SEARCH, {"where": {"email": value}}) for value in ("a@example.org", "m***@example.org", "sv1_x", ["a"])]
    found += [(SEARCH, {"where": {"birth_date": {end: "1980-01-01"}}}) for end in ("from", "to", "eq")]
    found += [
        (SEARCH, {"sort": sort})
        for sort in (["religion"], "religion", ["-birth_date"], ["name"], "city,name", [["city"]])
    ]
    found += [(SEARCH, {"fields": fields}) for fields in (["religion"], "religion", ["id", "health_note"], ["*"], [])]
    found += [(SEARCH, {"page": {"limit": limit}}) for limit in (0, -1, 1001, "1", 1.5, None, [1], 10**20)]
    found += [
        (BATCH, {"ids": ids})
        for ids in ([], ["c-000001"], ["c-000001"] * 2, "c-000001", [1], [None], [["a"]], {"in": ["a"]}, ["x"] * 501)
    ]
    found += [
        (BATCH, {"ids": ["x"], "where": {"religion": "x"}}),
        (BATCH, {"id": ["x"]}),
        (BATCH, {"ids": ["x"], "sort": "city"}),
    ]
    return found


@pytest.fixture
async def gated() -> AsyncIterator[GatedStore]:
    """A store that counts who gets through to it."""
    async with GatedStore() as store:
        yield store


@pytest.fixture
def store_port(gated: GatedStore) -> int:
    """Its port."""
    return gated.port


async def test_no_body_asks_the_store_about_a_field_that_does_not_leave(world: World, gated: GatedStore) -> None:
    """Each is refused before the store is asked, and its values are in no refusal."""
    headers = {
        "Authorization": "Bearer " + await world.bearer("analyst"),
        "Data-Purpose": ANALYST,
        "Content-Type": "application/json",
    }
    attempts = tries()
    assert len(attempts) > 100
    for path, body in attempts:
        heard = await called(world.port, request(path, headers, method="POST", body=json.dumps(body).encode()))
        assert heard.status in (400, 403, 422), (body, heard.body)
        assert b"c-000001" not in heard.body
    assert gated.n_calls == 0
