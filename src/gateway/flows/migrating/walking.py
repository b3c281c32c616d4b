# SPDX-License-Identifier: Apache-2.0
"""The way through a list whose rows change while it is read, so that none that stays is passed over.

RULES

1. By a filter on the key, in its order, nothing that happens to other rows moves the place where a list goes on.
2. By offset, each page begins with rows of the one before it. Where none of them comes again, rows in front went
   away or moved, and the walk goes back until it meets one, or begins anew.
3. By page, each page is read once more behind the one after it: a row that moved over their border stands in it.
4. A store's own continuation is the store's promise; one that leads in a circle ends the walk with an error.
5. A row can come twice, never not at all; whoever takes rows can take one twice.

A walk alone proves nothing about rows that move from behind its place to before it. A migration is at its end only
when a whole walk finds nothing to do, and a row that moves was written by somebody, through the gateway as sealed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from gateway.domain.continuation import Continuation, following
from gateway.domain.errors import SettingsError, StoreMisbehaved
from gateway.domain.spelling import around
from gateway.flows.migrating.planning import Walk
from gateway.transform.turning import Page, TurningRow

Ask = Callable[[tuple[tuple[str, str], ...]], Awaitable[Page]]
"""Returns the page that a query, beside what the route always sends, is answered with."""

Keys = frozenset[tuple[str, ...]]

MOST_STEPS_BACK = 1_000
"""Of one walk; a list whose rows move faster than that has no order that could be gone through."""
OVERLAP = 10
"""A tenth of a page is read again at the beginning of the next."""


async def pages(walk: Walk, most: int, ask: Ask) -> AsyncIterator[Page]:
    """Yield the pages of a list, of each only what the one before it did not have.

    Args:
        walk: How to go.
        most: Rows of a page.
        ask: Asks the store.

    Raises:
        StoreMisbehaved: The list leads nowhere.
        SettingsError: It has more rows than the declared route can tell.
    """
    most = max(2, min(most, walk.most))
    ways = {"keyset": _keyset, "cursor": _cursor, "offset": _offset, "page": _page, "whole": _whole}
    async for page in ways[walk.kind](walk, most, ask):
        yield page


def _query(walk: Walk, most: int, place: str | None = None) -> tuple[tuple[str, str], ...]:
    pairs = [*walk.route.always]
    if walk.sort is not None:
        pairs.append(walk.sort)
    if walk.limit:
        pairs.append((walk.limit, str(most)))
    if place is not None:
        pairs.append((walk.place, place))
    return tuple(pairs)


async def _keyset(walk: Walk, most: int, ask: Ask) -> AsyncIterator[Page]:
    before, behind = around(walk.spelling)
    last, seen = None, Keys()
    while True:
        page = await ask(_query(walk, most, None if last is None else f"{before}{last}{behind}"))
        fresh = _without(page, seen)
        yield fresh
        known = [row.keys for row in page.rows if row.keys]
        if not [row for row in fresh.rows if row.keys]:
            # Of a filter that takes the last row in as well, that row alone comes again at the end.
            if page.malformed or (known and not walk.repeats):
                raise StoreMisbehaved("the store's list goes on where it was before, or with rows that cannot be read")
            return
        last, seen = known[-1][0], Keys(known)


async def _cursor(walk: Walk, most: int, ask: Ask) -> AsyncIterator[Page]:
    place: Continuation | None = None
    while True:
        page = await ask(_query(walk, most, None if place is None else place.told))
        yield page
        if page.next is None:
            return
        place = following(place, page.next)


async def _offset(walk: Walk, most: int, ask: Ask) -> AsyncIterator[Page]:
    start, seen, back, n_back = 0, Keys(), most, 0
    while True:
        page = await ask(_query(walk, most, str(start) if start else None))
        n_rows, keys = len(page.rows) + page.malformed, _keys(page)
        if start and seen and not keys & seen:
            start, back, n_back = max(0, start - back), back * 2, n_back + 1
            _check_steps(n_back)
            continue
        if not n_rows:
            return
        yield _behind(page, seen)
        # The next page begins with a row that can be known again. Where none would be left to go on from, it begins
        # behind this one: at the end of the list, or where a store gives pages of one row.
        step = n_rows - max(1, n_rows // OVERLAP, n_rows - _last_known(page))
        start, seen, back = (start + step, keys, most) if step > 0 else (start + n_rows, Keys(), most)


def _last_known(page: Page) -> int:
    """Return the place of the last row that has a key; 0 where none has."""
    return max((place for place, row in enumerate(page.rows) if row.keys), default=0)


def _behind(page: Page, seen: Keys) -> Page:
    """Return a page without what stands in front of its last row that was seen, and that row; the others are new."""
    first = max((place + 1 for place, row in enumerate(page.rows) if row.keys in seen), default=0)
    rows = [row for place, row in enumerate(page.rows) if place >= first or (row.keys and row.keys not in seen)]
    return msgspec.structs.replace(page, rows=tuple(rows))


async def _page(walk: Walk, most: int, ask: Ask) -> AsyncIterator[Page]:
    number, n_back = 1, 0
    page = await ask(_query(walk, most, "1"))
    yield page
    seen = _keys(page)
    while True:
        following_ = await ask(_query(walk, most, str(number + 1)))
        again = await ask(_query(walk, most, str(number)))
        fresh, late = _without(following_, seen), _without(again, seen | _keys(following_))
        yield fresh
        yield late
        if number > 1 and again.rows and not _keys(again) & seen:
            number, n_back = number - 1, n_back + 1
            _check_steps(n_back)
        elif not fresh.rows and not late.rows:
            return
        else:
            number += 1
        seen = _keys(following_) | _keys(again)


async def _whole(walk: Walk, most: int, ask: Ask) -> AsyncIterator[Page]:
    page = await ask(_query(walk, most))
    if walk.limit and len(page.rows) + page.malformed >= most:
        raise SettingsError(
            f"GET {walk.route.template} says how long a page is and not how a list goes on; declare `offset`, `page` "
            "or `cursor`, or a filter on the key in its order"
        )
    yield page


def _check_steps(n_back: int) -> None:
    if n_back > MOST_STEPS_BACK:
        raise StoreMisbehaved("rows of the store's list move faster than they can be read; declare a sort by its key")


def _keys(page: Page) -> Keys:
    return Keys(row.keys for row in page.rows if row.keys)


def _without(page: Page, seen: Keys) -> Page:
    """Return a page without the rows that were seen; what has no key is none of them."""
    if not seen:
        return page
    rows: tuple[TurningRow, ...] = tuple(row for row in page.rows if row.keys not in seen)
    return msgspec.structs.replace(page, rows=rows)
