# SPDX-License-Identifier: Apache-2.0
"""Attack: take more people than a budget allows by slicing the taking in every way that callers have."""

from collections.abc import Sequence

import pytest
from pyroaring import BitMap

from gateway.app.installation import reload_rules
from gateway.domain.choice import ChoiceState
from tests.fakes.budgeted import budgeted, released
from tests.story.conftest import ANALYST, EMAIL, SMS, SUPPORT, World

pytestmark = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
LIMIT = 7


async def limit(world: World, purpose: str, most: int = LIMIT, counts: str = "people") -> None:
    """Put a budget in force."""
    budgeted(world.rooms.settings.policies_dir, purpose, f"{counts}: {most}, hours: 744")
    await reload_rules(world.rooms.policy, world.rooms.settings.policies_dir)


def people_who_left(world: World) -> BitMap:
    """Return everybody whose rows were released."""
    return released(world.state / "log")[0]


async def statuses(world: World, paths: Sequence[str], role: str, purpose: str) -> list[int]:
    """Return what a role is answered, path by path, each with a bearer of a session of its own."""
    return [(await world.get(path, role, purpose)).status for path in paths]


async def test_one_person_at_a_time_counts(world: World) -> None:
    """By the path: seven and no eighth; those seven again and again."""
    await limit(world, SUPPORT)
    paths = [f"/crm/customers/c-{number:06}" for number in range(1, 13)]

    assert await statuses(world, paths, "service-agent", SUPPORT) == [200] * 7 + [429] * 5
    assert await statuses(world, paths[:7], "service-agent", SUPPORT) == [200] * 7
    assert len(people_who_left(world)) == LIMIT


async def test_no_other_way_to_ask_reaches_somebody_new(world: World) -> None:
    """Pages of one, filters, orders, fields, lists of ids, searches, other datasets about the same people."""
    await limit(world, SUPPORT)
    first = [f"/crm/customers?limit=1&offset={place}" for place in range(LIMIT)]
    assert await statuses(world, first, "service-agent", SUPPORT) == [200] * LIMIT
    before = people_who_left(world)

    ways = [
        "/crm/customers?limit=1&offset=20",
        "/crm/customers?limit=100&sort=-name",
        "/crm/customers?limit=5&offset=40&fields=country",
        "/crm/customers?id=c-000100",
        "/crm/customers/c-000100",
        "/crm/contacts?limit=200",
        "/shop/orders?limit=200",
    ]
    bodies = [
        ("/crm/customers/search", {"where": {"id": ["c-000100"]}}),
        ("/crm/customers/search", {"page": {"limit": 1, "offset": 30}}),
        ("/crm/customers/batch", {"ids": ["c-000001", "c-000100"]}),
    ]
    told = await statuses(world, ways, "service-agent", SUPPORT)
    for path, body in bodies:
        bearer = "Bearer " + await world.bearer("service-agent")
        told.append((await world.post(path, body, Authorization=bearer, Data_Purpose=SUPPORT)).status)

    assert told == [429] * (len(ways) + len(bodies))
    assert people_who_left(world) == before
    assert len(before) == LIMIT


async def test_no_form_of_the_answer_reaches_somebody_new(world: World) -> None:
    """Lines and tables count as JSON does."""
    await limit(world, ANALYST)
    for form in ("application/json", "application/x-ndjson", "text/csv"):
        assert (await world.get("/crm/customers?limit=7", "analyst", ANALYST, Accept=form)).status == 200
        refused = await world.get("/crm/customers?limit=1&offset=30", "analyst", ANALYST, Accept=form)
        assert refused.status == 429
    assert len(people_who_left(world)) == LIMIT


async def test_purposes_of_one_class_are_no_two_budgets(world: World) -> None:
    """What left for one is counted for the other, also where only one has a budget."""
    for number in range(1, 41):
        for purpose in (EMAIL, SMS):
            await world.choose(f"c-{number:06}", purpose, ChoiceState.GIVEN)
    budgeted(world.rooms.settings.policies_dir, SMS)
    await limit(world, EMAIL)
    paths = [f"/crm/customers?limit=1&offset={place}" for place in range(40)]
    for path in paths:
        await world.get(path, "campaigner", SMS)
        if len(people_who_left(world)) == LIMIT:
            break
    told = await statuses(world, [f"/crm/customers?limit=5&offset={place}" for place in (20, 30)], "campaigner", EMAIL)

    assert told == [429, 429]
    assert len(people_who_left(world)) == LIMIT


async def test_another_account_has_a_budget_of_its_own(world: World) -> None:
    """Nobody spends another's."""
    await limit(world, SUPPORT)
    await limit(world, ANALYST)
    page = "/crm/customers?limit=7&offset=50"

    assert (await world.get(page, "service-agent", SUPPORT)).status == 200
    assert (await world.get("/crm/customers?limit=1&offset=90", "service-agent", SUPPORT)).status == 429
    assert (await world.get("/crm/customers?limit=7&offset=90", "analyst", ANALYST)).status == 200


async def test_withheld_rows_cost_nothing(world: World) -> None:
    """Nobody who did not agree is counted: a page over all leaves as long as those who did agree fit."""
    path = "/crm/customers?limit=300"
    agreed = (await world.get(path, "campaigner", EMAIL)).ids
    left = people_who_left(world)
    assert 0 < len(agreed) == len(left) < 300

    await limit(world, EMAIL, len(left))
    assert (await world.get(path, "campaigner", EMAIL)).status == 200
    await limit(world, EMAIL, len(left) - 1)
    assert (await world.get(path, "campaigner", EMAIL)).status == 200, "they were all counted before"
    assert people_who_left(world) == left


async def test_rows_of_one_person_count_where_rows_are_limited(world: World) -> None:
    """The same record again and again."""
    await limit(world, SUPPORT, 3, "rows")
    told = await statuses(world, ["/crm/customers/c-000001"] * 5, "service-agent", SUPPORT)
    assert told == [200, 200, 200, 429, 429]


async def test_who_is_not_there_costs_nothing_and_says_nothing(world: World) -> None:
    """Absent people are told as absent with and without a budget left."""
    await limit(world, SUPPORT, 1)
    paths = ["/crm/customers/c-999999", "/crm/customers/c-000001", "/crm/customers/c-999998"]
    assert await statuses(world, paths, "service-agent", SUPPORT) == [404, 200, 404]
