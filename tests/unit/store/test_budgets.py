# SPDX-License-Identifier: Apache-2.0
"""Budgets on both engines: exact over processes, durable before they are told, and never given back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from pyroaring import BitMap
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from gateway.domain.budget import HOUR_US, MOST_HOURS, BudgetKey, BudgetRule, Counted, Taken
from gateway.domain.errors import StateUnavailable
from gateway.domain.names import AccountId, PersonNumber, RecipientId
from gateway.store import budgets as module
from gateway.store.budgets import Budgets
from gateway.store.engine import Store, open_store
from gateway.store.schema import budget, budget_people, budget_replayed, budget_rows

KEY = BudgetKey(account=AccountId("a1"), key_class="marketing", recipient=RecipientId("own"))
OTHER = BudgetKey(account=AccountId("a2"), key_class="marketing", recipient=RecipientId("own"))
NOON = 480_000 * HOUR_US
TEN = BudgetRule(counts=Counted.PEOPLE, most=10, hours=24)
ROWS = BudgetRule(counts=Counted.ROWS, most=10, hours=1)
PEOPLE_ALONE = (Counted.PEOPLE,)


async def take(
    budgets: Budgets,
    people: Sequence[int],
    *rules: BudgetRule,
    key: BudgetKey = KEY,
    whole: bool = False,
    now_us: int = NOON,
    counted: Sequence[Counted] = tuple(Counted),
) -> Taken:
    """Take a block with a row for each of these people."""
    numbers = [PersonNumber(person) for person in people]
    return await budgets.take(key, rules or (TEN,), numbers, len(numbers), whole=whole, now_us=now_us, counted=counted)


async def n_rows_of(store: Store, table: object) -> int:
    """Return how many rows a table has."""
    async with store.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]


@asynccontextmanager
async def other_process(place: str) -> AsyncIterator[Budgets]:
    """Return budgets that share nothing with others but the database."""
    store = await open_store(place, upgrade=False)
    try:
        yield Budgets(store)
    finally:
        await store.close()


async def test_people_are_given_up_to_the_limit(store: Store) -> None:
    """Not one more, however they come."""
    budgets = Budgets(store)

    assert (await take(budgets, range(7))).n_rows == 7
    taken = await take(budgets, range(4, 20))
    assert (taken.n_rows, taken.states[0].left) == (6, 0)
    assert (await take(budgets, range(10))).n_rows == 10
    assert (await take(budgets, [99])).n_rows == 0


async def test_another_process_goes_on_where_the_first_is(store: Store, place: str) -> None:
    """The database decides, caches never."""
    mine = Budgets(store)
    async with other_process(place) as theirs:
        await take(mine, range(4))
        assert (await take(theirs, range(2, 7))).states[0].left == 3
        assert (await take(mine, range(20, 30))).n_rows == 3
        assert (await take(theirs, [40])).n_rows == 0
    async with other_process(place) as restarted:
        assert (await take(restarted, [50])).n_rows == 0
        assert (await take(restarted, [21, 3, 4])).n_rows == 3


async def test_rows_are_counted_over_processes_too(store: Store, place: str) -> None:
    """Each time."""
    mine = Budgets(store)
    async with other_process(place) as theirs:
        assert (await take(mine, [1, 1, 1, 1], ROWS)).n_rows == 4
        assert (await take(theirs, [1, 1, 1, 1], ROWS)).n_rows == 4
        assert (await take(mine, [1, 1, 1, 1], ROWS)).n_rows == 2


async def test_accounts_classes_and_recipients_count_apart(store: Store) -> None:
    """Each has its own."""
    budgets = Budgets(store)
    keys = [
        KEY,
        OTHER,
        BudgetKey(account=KEY.account, key_class="analytics", recipient=KEY.recipient),
        BudgetKey(account=KEY.account, key_class=KEY.key_class, recipient=RecipientId("partner")),
    ]

    assert [(await take(budgets, range(10), key=key)).n_rows for key in keys] == [10] * 4
    assert await budgets.keys_of(KEY.account) == (KEY, keys[2], keys[3])


async def test_what_waits_together_is_decided_together_and_in_order(store: Store) -> None:
    """Sixty-four at once, of two keys, against a limit that falls in the middle."""
    budgets = Budgets(store)
    jobs = [take(budgets, [n], key=KEY if n % 2 else OTHER) for n in range(64)]
    taken = await asyncio.gather(*jobs)

    assert [n for n, one in enumerate(taken) if one.n_rows] == list(range(20))
    assert await n_rows_of(store, budget_people) <= 4


async def test_two_processes_at_once_never_give_more_than_there_is(store: Store, place: str) -> None:
    """Whoever comes first."""
    mine = Budgets(store)
    async with other_process(place) as theirs:
        taken = await asyncio.gather(*(take((mine, theirs)[n % 2], [n, n + 1]) for n in range(0, 60, 2)))
    assert sum(one.n_rows for one in taken) == 10


async def test_people_who_are_counted_in_this_hour_write_nothing(store: Store) -> None:
    """Where rows are not counted, and the limit is spent or not."""
    budgets = Budgets(store)
    await take(budgets, range(10), counted=PEOPLE_ALONE)
    assert await n_rows_of(store, budget_people) == 1

    async with locked(store):
        again = await take(budgets, [3, 4, 3], counted=PEOPLE_ALONE)

    assert (again.n_rows, again.states[0].left) == (3, 0)
    assert await n_rows_of(store, budget_people) == 1


@asynccontextmanager
async def locked(store: Store) -> AsyncIterator[None]:
    """Hold the row of every key, as another process would that counts."""
    async with store.begin() as connection:
        await connection.execute(select(budget).with_for_update())
        yield


async def test_a_person_who_leaves_again_in_a_later_hour_is_counted_from_there(store: Store, place: str) -> None:
    """Otherwise they would be out of the window too early."""
    budgets = Budgets(store)
    await take(budgets, range(10))
    await take(budgets, [0], now_us=NOON + 20 * HOUR_US)
    async with other_process(place) as theirs:
        later = await take(theirs, range(100, 120), now_us=NOON + 25 * HOUR_US)
    assert later.n_rows == 9


async def test_what_leaves_the_window_comes_free(store: Store) -> None:
    """After the hours of the rule and the hour that was under way."""
    budgets = Budgets(store)
    await take(budgets, range(10))

    assert (await take(budgets, [99], now_us=NOON + 25 * HOUR_US - 1)).n_rows == 0
    assert (await take(budgets, [99], now_us=NOON + 25 * HOUR_US)).n_rows == 1


async def test_a_clock_that_was_set_back_gives_nobody_back(store: Store, place: str) -> None:
    """Neither here nor in another process; what leaves meanwhile counts for as long as if it had not."""
    budgets = Budgets(store)
    await take(budgets, range(8))
    assert (await take(budgets, [100, 101, 102], now_us=NOON - 100 * HOUR_US)).n_rows == 2
    async with other_process(place) as theirs:
        assert (await take(theirs, [200], now_us=NOON - 100 * HOUR_US)).n_rows == 0
        assert (await take(theirs, [200], now_us=NOON + 24 * HOUR_US)).n_rows == 0
        assert (await take(theirs, [200], now_us=NOON + 25 * HOUR_US)).n_rows == 1


async def test_a_wider_window_reads_further_back(store: Store, place: str) -> None:
    """A rule with more hours than were asked for until then."""
    wide = BudgetRule(counts=Counted.PEOPLE, most=10, hours=100)
    budgets = Budgets(store)
    await take(budgets, range(6))
    async with other_process(place) as theirs:
        later = NOON + 50 * HOUR_US
        assert (await take(theirs, range(20, 22), now_us=later)).states[0].left == 8
        assert (await take(theirs, range(40, 60), wide, now_us=later)).n_rows == 2


async def test_what_is_counted_without_a_rule_of_its_own_counts_for_the_others(store: Store) -> None:
    """Purposes of one class share what was counted."""
    budgets = Budgets(store)
    numbers = [PersonNumber(n) for n in range(6)]
    free = await budgets.take(KEY, (), numbers, 6, whole=False, now_us=NOON)

    assert (free.n_rows, free.states) == (6, ())
    assert (await take(budgets, range(20, 40), TEN, ROWS)).n_rows == 4


async def test_people_who_do_not_match_the_rows_are_a_mistake(store: Store) -> None:
    """Nothing can be counted by guessing."""
    with pytest.raises(ValueError, match="3 rows with 2 people"):
        await Budgets(store).take(KEY, (TEN,), [PersonNumber(1), PersonNumber(2)], 3, whole=False, now_us=NOON)


async def test_what_is_left_can_be_asked_without_spending(store: Store) -> None:
    """For the command line."""
    budgets = Budgets(store)
    await take(budgets, range(3), TEN, ROWS)

    for _ in range(2):
        assert [state.left for state in await budgets.left(KEY, (TEN, ROWS), NOON)] == [7, 7]


class FailingCommit(Store):
    """A store whose next transactions fail at their end, before or after they are durable."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.main, store.keys)
        self._real, self.n_failing, self.is_durable = store.begin, 0, False
        self.begin = self._begin

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        fails = self.n_failing > 0
        self.n_failing -= fails
        async with self._real() as connection:
            yield connection
            if fails and not self.is_durable:
                raise StateUnavailable("the disk is full")
        if fails:
            raise StateUnavailable("the answer was lost")

    @override
    async def close(self) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("is_durable", [False, True])
async def test_a_commit_that_failed_or_may_have_is_read_again(store: Store, is_durable: bool) -> None:
    """Nothing is given on it; what was counted after all stays counted."""
    failing = FailingCommit(store)
    budgets = Budgets(failing)
    await take(budgets, [0], counted=PEOPLE_ALONE)
    failing.n_failing, failing.is_durable = 1, is_durable

    first, second = await asyncio.gather(
        take(budgets, range(1, 5), counted=PEOPLE_ALONE),
        take(budgets, range(5, 7), counted=PEOPLE_ALONE),
        return_exceptions=True,
    )
    assert isinstance(first, StateUnavailable)
    # It waited for the transaction that failed and had one of its own.
    assert isinstance(second, Taken)
    assert second.n_rows == 2
    assert (await budgets.left(KEY, (TEN,), NOON))[0].left == (3 if is_durable else 7)


async def test_who_goes_away_while_it_decides_takes_nobody_with_it(store: Store) -> None:
    """The others of the same transaction are decided in the next."""
    budgets = Budgets(store)
    await take(budgets, [0])
    async with locked(store):
        leading = asyncio.ensure_future(take(budgets, [1]))
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(take(budgets, [n])) for n in range(2, 6)]
        gone = others.pop()
        await asyncio.sleep(0.05)
        leading.cancel()
        gone.cancel()
        await asyncio.gather(leading, gone, return_exceptions=True)

    async with asyncio.timeout(20):
        assert [taken.n_rows for taken in await asyncio.gather(*others)] == [1, 1, 1]
    assert leading.cancelled()
    assert gone.cancelled()
    assert (await budgets.left(KEY, (TEN,), NOON))[0].left in {5, 6}


async def test_only_so_many_keys_are_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is read again when it is asked for."""
    monkeypatch.setattr(module, "KEPT_KEYS", 2)
    budgets = Budgets(store)
    keys = [BudgetKey(account=AccountId(f"a{n}"), key_class="m", recipient=RecipientId("own")) for n in range(4)]
    for key in keys:
        await take(budgets, range(9), key=key)

    assert len(budgets._known) == 2
    assert [(await take(budgets, range(20, 30), key=key)).n_rows for key in keys] == [1] * 4


async def test_a_release_of_the_log_is_put_back_once(store: Store, place: str) -> None:
    """By call and block, also by another process; people as the part has them or as numbers."""
    people = BitMap(range(4))
    async with other_process(place) as theirs:
        assert await theirs.replay("c1", 0, KEY, people.serialize(), 5, NOON)
    budgets = Budgets(store)
    assert not await budgets.replay("c1", 0, KEY, people.serialize(), 5, NOON)
    assert await budgets.replay("c1", 1, KEY, [PersonNumber(3), PersonNumber(4)], 2, NOON)
    assert await budgets.replay("c2", 0, KEY, b"", 1, NOON)

    assert [state.left for state in await budgets.left(KEY, (TEN, ROWS), NOON)] == [5, 2]


async def test_what_is_put_back_counts_in_the_hour_in_which_it_left(store: Store) -> None:
    """It leaves the window when it would have, and no newest hour goes back."""
    budgets = Budgets(store)
    await take(budgets, [0])
    await budgets.replay("c1", 0, KEY, [PersonNumber(n) for n in range(1, 10)], 9, NOON - 3 * HOUR_US)

    assert (await take(budgets, [50], now_us=NOON + 22 * HOUR_US - 1)).n_rows == 0
    assert (await take(budgets, [50], now_us=NOON + 22 * HOUR_US)).n_rows == 1


async def test_hours_out_of_reach_are_thrown_away_and_the_clock_is_not_forgotten(store: Store, place: str) -> None:
    """No window reaches them; the newest hour stays with the key."""
    budgets = Budgets(store)
    await take(budgets, [1])
    await budgets.replay("c1", 0, KEY, [PersonNumber(2)], 1, NOON)
    await budgets.purge(NOON + MOST_HOURS * HOUR_US)
    assert await n_rows_of(store, budget_people) == 1

    await budgets.purge(NOON + (MOST_HOURS + 1) * HOUR_US)
    counted = [await n_rows_of(store, table) for table in (budget_people, budget_rows, budget_replayed, budget)]
    assert counted == [0, 0, 0, 1]
    async with other_process(place) as theirs:
        await take(theirs, range(10), now_us=NOON - 50 * HOUR_US)
        assert (await take(theirs, [60], now_us=NOON)).n_rows == 0


async def test_the_pieces_of_an_hour_that_is_over_become_one(store: Store, place: str) -> None:
    """Who follows or starts sees the same people."""
    mine = Budgets(store)
    async with other_process(place) as theirs:
        for n in range(4):
            await take((mine, theirs)[n % 2], [n])
        await mine.purge(NOON)
        assert await n_rows_of(store, budget_people) == 4
        await theirs.purge(NOON + HOUR_US)
        assert await n_rows_of(store, budget_people) == 1
        lefts = [(await budgets.left(KEY, (TEN,), NOON + HOUR_US))[0].left for budgets in (mine, theirs)]
        await take(mine, [7], now_us=NOON + HOUR_US)
        lefts.append((await theirs.left(KEY, (TEN,), NOON + HOUR_US))[0].left)
    async with other_process(place) as restarted:
        lefts.append((await restarted.left(KEY, (TEN,), NOON + HOUR_US))[0].left)
    assert lefts == [6, 6, 5, 5]
