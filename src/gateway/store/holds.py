# SPDX-License-Identifier: Apache-2.0
"""Holds: caps on what an account may see, put on by the detector or an officer and lifted by one.

They are asked for at every block, so all that are in force are kept in memory; a hold that this
process sets or lifts counts here at once, and elsewhere with the next look at the change feed.
"""

import base64
import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, or_, select, update

from gateway.domain.names import AccountId, CategoryKey
from gateway.domain.past_call import PastHold
from gateway.domain.treatment import Rung
from gateway.domain.viewplan import Hold
from gateway.store.engine import Store
from gateway.store.schema import hold
from gateway.store.versions import Topic, bump


class Holds:
    """Owner of the table of holds; ``refresh`` must have run once before they are asked for."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        # Always modified by swapping. Each hold with the time at which it ends by itself.
        self._in_force: dict[AccountId, tuple[tuple[int | None, Hold], ...]] = {}

    async def set(
        self, account: AccountId, cap: Hold, *, until_us: int | None = None, hold_id: str | None = None
    ) -> str:
        """Put a hold on an account and return its id.

        Args:
            account: Whose views it lowers.
            cap: The category with all below it, and the most that may leave of it.
            until_us: When it ends by itself; ``None`` for when it is lifted.
            hold_id: From ``new_hold_id``, where an entry of the log has named it already.
        """
        hold_id = hold_id or new_hold_id()
        async with self._store.begin() as connection:
            await bump(connection, Topic.HOLDS)
            await connection.execute(
                insert(hold).values(
                    id=hold_id,
                    account=account,
                    category=cap.category,
                    rung=cap.rung,
                    link=cap.link,
                    reason=cap.reason,
                    created_us=self._clock(),
                    until_us=until_us,
                )
            )
        await self.refresh()
        return hold_id

    async def lift(self, hold_id: str) -> bool:
        """End a hold now; tell whether it was in force until this call."""
        now_us = self._clock()
        async with self._store.begin() as connection:
            await bump(connection, Topic.HOLDS)
            statement = update(hold).where(hold.c.id == hold_id, hold.c.lifted_us.is_(None), _unended(now_us))
            lifted = (await connection.execute(statement.values(lifted_us=now_us))).rowcount == 1
        await self.refresh()
        return lifted

    def for_account(self, account: AccountId) -> tuple[Hold, ...]:
        """Return the holds in force on an account now, in the order in which they were set."""
        known = self._in_force.get(account, ())
        if not known:
            return ()
        now_us = self._clock()
        return tuple(cap for until_us, cap in known if until_us is None or now_us < until_us)

    def n_held(self) -> int:
        """Return on how many accounts a hold is in force now."""
        return sum(bool(self.for_account(account)) for account in self._in_force)

    async def on(self, account: AccountId) -> tuple[tuple[str, Hold], ...]:
        """Return the holds in force on an account with their ids, as the database has them now."""
        query = select(hold).where(hold.c.account == account, hold.c.lifted_us.is_(None), _unended(self._clock()))
        async with self._store.connect() as connection:
            rows = (await connection.execute(query.order_by(hold.c.created_us, hold.c.id))).all()
        return tuple((row.id, _hold(row)) for row in rows)

    async def ever(self) -> dict[AccountId, tuple[PastHold, ...]]:
        """Return by account every hold that was ever put on it, ended or not, in their order."""
        found: dict[AccountId, tuple[PastHold, ...]] = {}
        async with self._store.connect() as connection:
            for row in await connection.execute(select(hold).order_by(hold.c.created_us, hold.c.id)):
                ends = [end_us for end_us in (row.lifted_us, row.until_us) if end_us is not None]
                one = PastHold(hold=_hold(row), from_us=row.created_us, until_us=min(ends, default=None))
                found[row.account] = (*found.get(row.account, ()), one)
        return found

    async def refresh(self) -> None:
        """Read all holds in force again."""
        query = select(hold).where(hold.c.lifted_us.is_(None), _unended(self._clock()))
        async with self._store.connect() as connection:
            rows = (await connection.execute(query.order_by(hold.c.created_us, hold.c.id))).all()
        fresh: dict[AccountId, tuple[tuple[int | None, Hold], ...]] = {}
        for row in rows:
            fresh[row.account] = (*fresh.get(row.account, ()), (row.until_us, _hold(row)))
        self._in_force = fresh


def new_hold_id() -> str:
    """Return an identifier for a hold."""
    return "h_" + base64.b32encode(secrets.token_bytes(10)).decode().lower()


def _hold(row: Row[Any]) -> Hold:
    return Hold(category=CategoryKey(row.category), rung=Rung(row.rung), link=row.link, reason=row.reason)


def _unended(now_us: int) -> ColumnElement[bool]:
    return or_(hold.c.until_us.is_(None), hold.c.until_us > now_us)
