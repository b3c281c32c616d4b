# SPDX-License-Identifier: Apache-2.0
"""Budgets: how many people and rows may still leave to whom, exact over every process (docs/adr/0018).

RULES

1. The database decides. A take locks the row of its key, follows what other processes counted since,
   decides, and is committed before it is told: what may leave is spent first. A crash in between has
   counted a block that did not leave; nothing ever leaves that was not counted.
2. Takes that wait together share one transaction, in the order in which they came; keys are locked in
   the order of their ids, so that processes wait for each other and never in a circle.
3. Memory holds what was counted by hour. It is used without the lock for one thing alone: rows of which
   nothing has to be counted, because each person is counted in the newest hour already and rows are not.
4. The newest hour of a key never goes back. A clock that was set back gives nobody back, and what leaves
   meanwhile counts in that newest hour.
5. Whatever fails is forgotten and read again; who waited is told ``StateUnavailable`` or the error.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence

from pyroaring import BitMap
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.budget import MOST_HOURS, BudgetKey, BudgetRule, BudgetState, Counted, Taken
from gateway.domain.names import AccountId, PersonNumber
from gateway.domain.replay import BlockReleased
from gateway.store import budget_tables as tables
from gateway.store.budget_counts import Asked, Counts, Spent, hour_of, spend, states
from gateway.store.engine import Store

KEPT_KEYS = 10_000
"""Keys in memory; a key costs a few bytes for each person in its window."""

MERGED_AT_ONCE = 64


class _Known:
    """What this process knows of one key.

    Attributes:
        of_key: Id of its row.
        hour / changes: Of the row, as it was when ``counts`` last followed.
        newest: Id of the last row of people that was read.
        depth: Hours back that are known.
        settled: Nothing in ``counts`` waits for its commit.
    """

    def __init__(self, of_key: int) -> None:
        self.of_key = of_key
        self.begin_again(depth=0)

    def begin_again(self, depth: int) -> None:
        """Know nothing yet, to be read that many hours back."""
        self.counts = Counts()
        self.hour, self.changes, self.newest, self.depth, self.settled = 0, -1, 0, depth, False


class Budgets:
    """Owner of the tables of budgets; satisfies ``flows.access.ports.state.Budgets``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[BudgetKey, _Known] = {}
        self._waiting: list[tuple[Asked, asyncio.Future[Taken]]] = []
        self._turn = asyncio.Lock()

    async def take(
        self,
        key: BudgetKey,
        rules: Sequence[BudgetRule],
        people: Sequence[PersonNumber],
        n_rows: int,
        *,
        whole: bool,
        now_us: int,
        counted: Collection[Counted] = tuple(Counted),
    ) -> Taken:
        """Spend for as many rows as fit, from the first on, as the access flow's Protocol ``Budgets`` has it.

        Raises:
            StateUnavailable: It cannot be counted now, so nothing may leave.
        """
        if people and len(people) != n_rows:
            raise ValueError(f"{n_rows} rows with {len(people)} people; expected one for each, or none")
        answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        asked = Asked(
            key=key,
            rules=rules,
            people=people,
            n_rows=n_rows,
            whole=whole,
            counted=frozenset(counted).union(rule.counts for rule in rules),
            now_us=now_us,
        )
        if (known := self._known.get(key)) is not None and _is_free(known, asked):
            return Taken(n_rows=n_rows, states=states(known.counts, asked))
        self._waiting.append((asked, answer))
        try:
            async with self._turn:
                # Whoever had the turn before may have decided this one as well.
                if not answer.done():
                    await self._decide_waiting()
            return await answer
        finally:
            answer.cancel()

    async def left(self, key: BudgetKey, rules: Sequence[BudgetRule], now_us: int) -> tuple[BudgetState, ...]:
        """Return what is left of each budget now, without spending anything."""
        nothing = await self.take(key, rules, (), 0, whole=False, now_us=now_us)
        return nothing.states

    async def keys_of(self, account: AccountId) -> tuple[BudgetKey, ...]:
        """Return the keys of an account under which something was counted."""
        async with self._store.connect() as connection:
            return tuple(await tables.known_ids(connection, account))

    async def replay(
        self, call: str, n: int, key: BudgetKey, people: bytes | Sequence[PersonNumber], n_rows: int, at_us: int
    ) -> bool:
        """Count the block of a release that the log holds and a restored database does not know of.

        A block is put back once, however often this is called, over restarts too: its call and place are
        kept beside what was counted. A block that the database had counted by itself before it was copied
        counts its people once all the same, and its rows a second time: on the strict side.

        To be called before any process of the installation is ready, for every release entry that is
        younger than the copy and not older than ``MOST_HOURS``.

        Args:
            call: Decision id of the call.
            n: Place of the block in the call, as in its entry.
            key: Whose budget: account and recipient of the call's facts, and its purpose's key class.
            people: The set of the entry's part as it stands there, or numbers.
            n_rows: Rows of the entry.
            at_us: Time of the entry, UTC microseconds.

        Returns:
            Whether it was put back now; false if it had been before.
        """
        held = people if isinstance(people, bytes) else BitMap(people).serialize()
        block = BlockReleased(call=call, n=n, key=key, people=held, rows=n_rows, at_us=at_us)
        return await self.replay_all((block,)) == 1

    async def replay_all(self, blocks: Iterable[BlockReleased]) -> int:
        """Do the same for many blocks in one transaction; return how many were put back now."""
        counted: dict[tuple[BudgetKey, int], tuple[BitMap, int]] = {}
        n_back = 0
        async with self._turn, self._store.begin() as connection:
            for one in blocks:
                hour = hour_of(one.at_us)
                if await tables.note_replayed(connection, one.call, one.n, hour):
                    people, n_rows = counted.get((one.key, hour), (BitMap(), 0))
                    more = BitMap.deserialize(one.people) if one.people else BitMap()
                    counted[one.key, hour] = people | more, n_rows + one.rows
                    n_back += 1
            for (key, hour), (people, n_rows) in counted.items():
                of_key = await tables.key_id(connection, key)
                newest, changes = await tables.lock(connection, of_key)
                self._known.pop(key, None)
                await _write(connection, of_key, hour, people, n_rows)
                await tables.note_change(connection, of_key, max(newest, hour), changes + 1)
        return n_back

    async def purge(self, now_us: int) -> None:
        """Throw away the hours that no window reaches, and put the people of hours that are over together."""
        hour = hour_of(now_us)
        async with self._store.begin() as connection:
            await tables.forget_before(connection, hour - MOST_HOURS)
            pieces = await tables.in_pieces(connection, hour, MERGED_AT_ONCE)
        for of_key, of in pieces:
            async with self._store.begin() as connection:
                await tables.merge(connection, of_key, of)

    async def _decide_waiting(self) -> None:
        """Decide every take that waits, in one transaction."""
        batch = [(asked, answer) for asked, answer in self._waiting if not answer.done()]
        self._waiting.clear()
        try:
            given = await self._decided([asked for asked, _ in batch])
        except BaseException as error:
            # What was added in memory may not have been committed; what was committed will be read again.
            for asked, _ in batch:
                self._known.pop(asked.key, None)
            if not isinstance(error, Exception):
                # This caller went away. The others decide again: at worst they are counted twice.
                self._waiting[:0] = batch
                raise
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), taken in zip(batch, given, strict=True):
            if not answer.done():
                answer.set_result(taken)

    async def _decided(self, batch: Sequence[Asked]) -> list[Taken]:
        """Return what each take of a batch gets, durably."""
        by_key: dict[BudgetKey, list[Asked]] = {}
        for asked in batch:
            by_key.setdefault(asked.key, []).append(asked)
        keys = [(await self._known_of(key), together) for key, together in by_key.items()]
        given: dict[Asked, Taken] = {}
        async with self._store.begin() as connection:
            for known, together in sorted(keys, key=lambda pair: pair[0].of_key):
                await _follow(connection, known, together)
                spent = Spent()
                given.update((asked, spend(known.counts, asked, spent)) for asked in together)
                await _keep(connection, known, spent)
        for known, _ in keys:
            known.settled = True
        return [given[asked] for asked in batch]

    async def _known_of(self, key: BudgetKey) -> _Known:
        known = self._known.get(key)
        if known is None:
            async with self._store.begin() as connection:
                known = _Known(await tables.key_id(connection, key))
            while len(self._known) >= KEPT_KEYS:
                del self._known[next(iter(self._known))]
            self._known[key] = known
        return known


def _depth(asked: Iterable[Asked]) -> int:
    return max((rule.hours for one in asked for rule in one.rules), default=0)


def _is_free(known: _Known, asked: Asked) -> bool:
    """Tell whether nothing of a take has to be counted, so that it fits whatever else was."""
    counts = known.counts
    return (
        known.settled
        and Counted.ROWS not in asked.counted
        and hour_of(asked.now_us) <= counts.hour
        and _depth((asked,)) <= known.depth
        and not counts.unseen(BitMap(asked.people))
    )


async def _follow(connection: AsyncConnection, known: _Known, asked: Sequence[Asked]) -> None:
    """Lock a key and read what others counted for it; from here to the commit it is exact."""
    hour, changes = await tables.lock(connection, known.of_key)
    depth = _depth(asked)
    if depth > known.depth:
        known.begin_again(depth)
    known.settled = False
    if changes != known.changes:
        first = hour - known.depth
        for newest, of, people in await tables.people_behind(connection, known.of_key, known.newest, first):
            known.counts.add_people(of, people)
            known.newest = newest
        known.counts.set_rows(await tables.rows_from(connection, known.of_key, first))
        known.hour, known.changes = hour, changes
    known.counts.move_to(max(hour, *(hour_of(one.now_us) for one in asked)))
    known.counts.forget_before(known.counts.hour - known.depth)


async def _keep(connection: AsyncConnection, known: _Known, spent: Spent) -> None:
    """Write what a transaction spent of a key, and the hour if it moved on; mostly nothing for a refusal."""
    counts = known.counts
    if not spent.people and not spent.n_rows and counts.hour == known.hour:
        return
    newest = await _write(connection, known.of_key, counts.hour, spent.people, spent.n_rows)
    await tables.note_change(connection, known.of_key, counts.hour, known.changes + 1)
    known.newest, known.changes, known.hour = newest or known.newest, known.changes + 1, counts.hour


async def _write(connection: AsyncConnection, of_key: int, hour: int, people: BitMap, n_rows: int) -> int | None:
    """Write people and rows of an hour; return the id of the row of people, if there are any."""
    newest = await tables.add_people(connection, of_key, hour, people) if people else None
    if n_rows:
        await tables.add_rows(connection, of_key, hour, n_rows)
    return newest
