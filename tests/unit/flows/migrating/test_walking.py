# SPDX-License-Identifier: Apache-2.0
"""Walks through lists whose rows come, go and move meanwhile: none that stays is passed over."""

import json
import random

import pytest

from gateway.domain.errors import SettingsError, StoreMisbehaved
from gateway.flows.migrating.planning import Walk
from gateway.flows.migrating.walking import MOST_STEPS_BACK, Ask, pages
from gateway.transform.turning import Page, TurningRow
from tests.fakes.migrating import House, LiveStore


def row(key: str) -> TurningRow:
    """Return a row of that key."""
    return TurningRow(keys=(key,) if key else (), subject=key, country=None, cells=())


async def walked(house: House, most: int = 10, after: object = None) -> list[str]:
    """Return the keys that a walk gives, with what happens to the store after each page."""
    store, walk = house.store, house.plan.walk

    async def ask(query: tuple[tuple[str, str], ...]) -> Page:
        answer = json.loads(store._list(dict(query)))
        if callable(after):
            after(store)
        said = answer["next"]
        rows = tuple(row(str(one["id"])) for one in answer["items"])
        return Page(rows=rows, next=None if said is None or walk.kind != "cursor" else str(said))

    return [one.keys[0] async for page in pages(walk, most, ask) for one in page.rows]


@pytest.mark.parametrize("paging", ["offset", "sorted", "page", "keyset", "from", "cursor", "whole"])
@pytest.mark.parametrize("n_rows", [0, 1, 2, 9, 10, 11, 19, 20, 21, 57])
async def test_of_a_list_that_stands_still_each_row_comes_once(paging: str, n_rows: int) -> None:
    """However its end falls on a page."""
    house = House(rows=n_rows, paging=paging)
    assert await walked(house) == list(house.store.rows)


@pytest.mark.parametrize("paging", ["sorted", "keyset", "from", "page", "offset"])
@pytest.mark.parametrize("seed", range(12))
async def test_rows_that_stay_are_found_while_others_come_and_go(paging: str, seed: int) -> None:
    """In front of the walk, behind it, and in the page that it stands on."""
    rng, house = random.Random(seed), House(rows=150, paging=paging)
    staying = set(rng.sample(list(house.store.rows), 90))
    n = 0

    def happens(store: LiveStore) -> None:
        nonlocal n
        for _ in range(rng.randint(0, 4)):
            leaving = [key for key in store.rows if key not in staying]
            if leaving and rng.random() < 0.7:
                del store.rows[rng.choice(leaving)]
            elif rng.random() < 0.5 and paging != "offset":
                n += 1
                store.rows[f"p{rng.randint(0, 200):05}x{n}"] = {"id": f"p{rng.randint(0, 200):05}x{n}"}

    found = await walked(house, 12, happens)
    assert staying <= set(found)


async def test_rows_that_are_moved_to_the_end_by_being_written_to_are_found() -> None:
    """As of databases without an order: each page that was turned over is gone from where it was."""
    house = House(rows=150, paging="offset")
    house.store.moves = True
    seen: set[str] = set()
    before = list(house.store.rows)

    def happens(store: LiveStore) -> None:
        for key in [key for key in list(store.rows)[:15] if key not in seen]:
            seen.add(key)
            store.write(key, note="moved")

    found = await walked(house, 10, happens)
    assert set(before) <= set(found)


def asks(*answers: Page) -> Ask:
    """Return what gives these answers, and the last of them for ever."""
    left = list(answers)

    async def ask(_query: tuple[tuple[str, str], ...]) -> Page:
        return left.pop(0) if len(left) > 1 else left[0]

    return ask


def walk_of(kind: str) -> Walk:
    """Return a walk of a kind."""
    house = House(rows=1, paging=kind)
    return house.plan.walk


async def taken(kind: str, ask: Ask) -> int:
    """Return how many pages there are."""
    return len([page async for page in pages(walk_of(kind), 2, ask)])


@pytest.mark.parametrize("kind", ["keyset", "cursor"])
async def test_a_list_that_turns_in_a_circle_ends_the_walk(kind: str) -> None:
    """Whether by the same rows or by the same word of where it goes on."""
    page = Page(rows=(row("a"), row("b")), next="1")
    with pytest.raises(StoreMisbehaved):
        await taken(kind, asks(page))


async def test_a_list_that_never_comes_to_rest_ends_the_walk() -> None:
    """After so many steps back, and not never."""
    n = 0

    async def ask(_query: tuple[tuple[str, str], ...]) -> Page:
        nonlocal n
        n += 1
        return Page(rows=(row(f"{n}a"), row(f"{n}b")))

    with pytest.raises(StoreMisbehaved, match="move faster"):
        await taken("offset", ask)
    assert n < 4 * MOST_STEPS_BACK


async def test_a_page_that_says_not_how_it_goes_on_is_no_list() -> None:
    """A limit without anything behind it."""
    house = House(rows=3, paging="sorted")
    walk = Walk(kind="whole", route=house.plan.walk.route, limit="limit", most=2)
    with pytest.raises(SettingsError, match="not how a list goes on"):
        async for _ in pages(walk, 2, asks(Page(rows=(row("a"), row("b"))))):
            pass
