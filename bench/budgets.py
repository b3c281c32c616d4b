# SPDX-License-Identifier: Apache-2.0
"""What it costs to count a block, against a plain durable transaction of the same database in the same run.

The plain transaction changes one row and commits. ``leases`` is the cost that the other design
would have: a transaction for every 256 people who are new to the window, none for the blocks in between.

    python bench/budgets.py [--json] [--takes N] [--place DIRECTORY_OR_URL]
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count

from sqlalchemy import update

from gateway.domain.budget import HOUR_US, BudgetKey, BudgetRule, Counted
from gateway.domain.names import AccountId, PersonNumber, RecipientId
from gateway.store.budgets import Budgets
from gateway.store.engine import Store, open_store
from gateway.store.schema import version

NOW_US = 490_000 * HOUR_US
PEOPLE = BudgetRule(counts=Counted.PEOPLE, most=100_000_000, hours=744)
ROWS = BudgetRule(counts=Counted.ROWS, most=100_000_000, hours=24)
PAGE, BLOCK, LEASE = 100, 4_096, 256
Take = Callable[[int], Awaitable[object]]
ACCOUNTS = count()


def new_key() -> BudgetKey:
    """Return a key for which nothing was counted."""
    name = AccountId(f"bench-{time.time_ns()}-{next(ACCOUNTS)}")
    return BudgetKey(account=name, key_class="bench", recipient=RecipientId("own"))


def takes(budgets: Budgets, rule: BudgetRule, n_people: int, *, fresh: bool) -> Take:
    """Return a take of a block: of new people each time, or of the same ones."""
    key = new_key()

    async def take(place: int) -> None:
        first = place * n_people if fresh else 0
        people = [PersonNumber(first + n) for n in range(n_people)]
        await budgets.take(
            key, (rule,), people, n_people, whole=True, now_us=NOW_US, counted=(Counted.PEOPLE, rule.counts)
        )

    return take


def plain(store: Store) -> Take:
    """Return a transaction that changes one row."""

    async def change(_place: int) -> None:
        async with store.begin() as connection:
            changed = update(version).where(version.c.topic == "rules").values(value=version.c.value + 1)
            await connection.execute(changed)

    return change


async def rate(take: Take, n: int, n_callers: int) -> float:
    """Return how many a second so many callers get done."""
    places = iter(range(n))

    async def call() -> None:
        for place in places:
            await take(place)

    await take(n)
    started_s = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(n_callers)))
    return n / (time.perf_counter() - started_s)


async def cold(store: Store, n: int) -> float:
    """Return the milliseconds in which a process that just started reads a key of so many takes."""
    key, mine = new_key(), Budgets(store)
    for place in range(n):
        await mine.take(key, (PEOPLE,), [PersonNumber(place)], 1, whole=True, now_us=NOW_US, counted=())
    started_s = time.perf_counter()
    await Budgets(store).left(key, (PEOPLE,), NOW_US)
    return (time.perf_counter() - started_s) * 1_000


async def figures(store: Store, n: int) -> dict[str, float]:
    """Measure everything and return it by name."""
    budgets = Budgets(store)
    found = {"plain transaction, 1 caller": await rate(plain(store), n, 1)}
    for n_callers in (1, 64):
        page = await rate(takes(budgets, PEOPLE, PAGE, fresh=True), n, n_callers)
        found[f"take of {PAGE} new people, {n_callers} callers"] = page
    found[f"take of {BLOCK} new people, 1 caller"] = await rate(takes(budgets, PEOPLE, BLOCK, fresh=True), n // 4, 1)
    found[f"take of {PAGE} rows, 1 caller"] = await rate(takes(budgets, ROWS, PAGE, fresh=False), n, 1)
    found[f"take of {PAGE} people counted this hour, 1 caller"] = await rate(
        takes(budgets, PEOPLE, PAGE, fresh=False), n * 10, 1
    )
    found[f"leases: take of {PAGE} new people, 1 caller"] = found["plain transaction, 1 caller"] * LEASE / PAGE
    found[f"first look at a key of {n} takes, ms"] = await cold(store, n)
    return found


async def run(place: str | None, n: int) -> dict[str, float]:
    """Measure on a place, or on a directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        store = await open_store(place or directory)
        try:
            return await figures(store, n)
        finally:
            await store.close()


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true")
    options.add_argument("--takes", type=int, default=2_000)
    options.add_argument("--place", default=None, help="directory or postgresql:// URL that may be filled")
    chosen = options.parse_args()
    found = asyncio.run(run(chosen.place, chosen.takes))
    if chosen.json:
        json.dump({name: round(figure, 2) for name, figure in found.items()}, sys.stdout, indent=2)
        print()
        return
    base = found["plain transaction, 1 caller"]
    for name, figure in found.items():
        ratio = "" if name.endswith("ms") else f"{figure / base:8.2f} × plain"
        print(f"{name:<56} {figure:>12,.1f} {ratio}")


if __name__ == "__main__":
    main()
