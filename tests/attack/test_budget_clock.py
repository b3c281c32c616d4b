# SPDX-License-Identifier: Apache-2.0
"""Attack: set the clock of the machine back to get people back that were counted."""

import pytest

from gateway.domain.budget import HOUR_US, BudgetKey, BudgetRule, Counted
from gateway.domain.names import AccountId, PersonNumber, RecipientId
from gateway.store.budgets import Budgets
from gateway.store.engine import Store, open_store

KEY = BudgetKey(account=AccountId("a1"), key_class="marketing", recipient=RecipientId("own"))
RULE = BudgetRule(counts=Counted.PEOPLE, most=10, hours=24)
NOW_US = 490_000 * HOUR_US + 1_000_000


async def taken(budgets: Budgets, first: int, n: int, now_us: int) -> int:
    """Return how many of some people leave."""
    people = [PersonNumber(first + number) for number in range(n)]
    return (await budgets.take(KEY, (RULE,), people, n, whole=False, now_us=now_us)).n_rows


@pytest.mark.parametrize("back_hours", [1, 23, 25, 26, 800, 9_000, 489_999])
async def test_a_clock_set_back_gives_nobody_back(store: Store, place: str, back_hours: int) -> None:
    """Not in the process, not in another one, not after a restart."""
    mine = Budgets(store)
    assert await taken(mine, 0, 8, NOW_US) == 8
    back_us = NOW_US - back_hours * HOUR_US

    assert await taken(mine, 100, 5, back_us) == 2
    assert await taken(mine, 200, 5, back_us) == 0
    other = await open_store(place, upgrade=False)
    assert await taken(Budgets(other), 300, 5, back_us) == 0
    await other.close()


async def test_what_left_under_a_clock_set_back_counts_when_it_is_right_again(store: Store) -> None:
    """It was counted in the newest hour that was ever seen, not in the one that the clock told."""
    budgets = Budgets(store)
    assert await taken(budgets, 0, 1, NOW_US) == 1
    assert await taken(budgets, 100, 9, NOW_US - 100 * HOUR_US) == 9

    assert await taken(budgets, 200, 5, NOW_US) == 0
    assert await taken(budgets, 200, 5, NOW_US + 24 * HOUR_US) == 0
    assert await taken(budgets, 200, 5, NOW_US + 25 * HOUR_US) == 5


async def test_a_purge_under_a_wrong_clock_forgets_no_newest_hour(store: Store) -> None:
    """Whoever sets the clock back afterwards finds the key where it was."""
    budgets = Budgets(store)
    assert await taken(budgets, 0, 10, NOW_US) == 10
    await budgets.purge(NOW_US - 5_000 * HOUR_US)
    assert await taken(budgets, 100, 5, NOW_US - 5_000 * HOUR_US) == 0

    await budgets.purge(NOW_US + 800 * HOUR_US)
    fresh = Budgets(store)
    assert await taken(fresh, 100, 10, NOW_US - 50 * HOUR_US) == 10
    assert await taken(fresh, 200, 5, NOW_US + 1) == 0


async def test_clocks_of_two_processes_that_differ_make_no_room(store: Store, place: str) -> None:
    """The one that is ahead decides which hour it is."""
    ahead, other = Budgets(store), await open_store(place, upgrade=False)
    behind = Budgets(other)
    given = 0
    for turn in range(6):
        given += await taken(ahead, 1_000 + turn * 10, 2, NOW_US + 3 * HOUR_US)
        given += await taken(behind, 2_000 + turn * 10, 2, NOW_US)
    await other.close()
    assert given == RULE.most
