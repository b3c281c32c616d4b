# SPDX-License-Identifier: Apache-2.0
"""Grants that callers ask for, and what became of them.

RULES

1. An account has at most so many requests that nobody decided. What lapsed makes room: it goes when the
   account asks for something new, in the same transaction that counts.
2. A request is decided once; of two who decide, the database lets the first.
3. The oldest decided ones of an account go when there are more of them than are ever shown.
"""

from typing import Any

import msgspec
from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.grant_request import AskedGrant, GrantRequest, GrantRequestState
from gateway.domain.names import AccountId, FieldName, RoleName
from gateway.store.engine import Store
from gateway.store.rows import words, written
from gateway.store.schema import account, grant_request

MOST_SHOWN = 100
"""Requests of one account that are kept and shown."""

_OPEN = grant_request.c.state == GrantRequestState.OPEN


class GrantRequests:
    """Owner of the table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, request: GrantRequest, *, most_open: int, now_us: int) -> bool:
        """Keep a new request; false if the account has as many open ones as it may."""
        async with self._store.begin() as connection:
            # The account's row is the lock: of two requests of one account one comes after the other.
            await connection.execute(select(account.c.id).where(account.c.id == request.account).with_for_update())
            own = grant_request.c.account == request.account
            await connection.execute(delete(grant_request).where(own, _OPEN, grant_request.c.until_us <= now_us))
            n_open = await connection.execute(select(func.count()).select_from(grant_request).where(own, _OPEN))
            if n_open.scalar_one() >= most_open:
                return False
            await _keep_newest(connection, request.account)
            await connection.execute(
                insert(grant_request).values(
                    id=request.id,
                    account=request.account,
                    asked=msgspec.json.encode(request.asked).decode(),
                    covers=written(request.covers),
                    asked_us=request.asked_us,
                    until_us=request.asked.until_us,
                    state=request.state,
                )
            )
        return True

    async def n_open(self, whose: AccountId, now_us: int) -> int:
        """Return how many requests of an account wait for a decision now."""
        waiting = (grant_request.c.account == whose, _OPEN, grant_request.c.until_us > now_us)
        async with self._store.connect() as connection:
            return int(
                (await connection.execute(select(func.count()).select_from(grant_request).where(*waiting))).scalar_one()
            )

    async def of(self, whose: AccountId, now_us: int) -> tuple[GrantRequest, ...]:
        """Return the requests of an account, newest first."""
        return await self._read(_newest().where(grant_request.c.account == whose).limit(MOST_SHOWN), now_us)

    async def all(self, now_us: int, *, only_open: bool = False) -> tuple[GrantRequest, ...]:
        """Return the requests of everybody, newest first."""
        waiting = (_OPEN, grant_request.c.until_us > now_us)
        return await self._read(_newest().where(*waiting) if only_open else _newest(), now_us)

    async def find(self, request_id: str, now_us: int) -> GrantRequest | None:
        """Return a request by its identifier."""
        found = await self._read(select(grant_request).where(grant_request.c.id == request_id), now_us)
        return found[0] if found else None

    async def decide(
        self,
        request_id: str,
        state: GrantRequestState,
        *,
        because: str | None,
        now_us: int,
        role: RoleName | None = None,
        granted_until_us: int | None = None,
    ) -> bool:
        """Decide an open request; false if it is not open any more."""
        values = {
            "state": state,
            "because": because,
            "decided_us": now_us,
            "role": role,
            "granted_until_us": granted_until_us,
        }
        async with self._store.begin() as connection:
            changed = update(grant_request).where(grant_request.c.id == request_id, _OPEN).values(values)
            return (await connection.execute(changed)).rowcount == 1

    async def _read(self, query: Select[Any], now_us: int) -> tuple[GrantRequest, ...]:
        async with self._store.connect() as connection:
            return tuple(_request(row).at(now_us) for row in await connection.execute(query))


async def _keep_newest(connection: AsyncConnection, whose: AccountId) -> None:
    """Let the oldest decided requests of an account go, so that one more has room."""
    decided = (grant_request.c.account == whose, ~_OPEN)
    newest = select(grant_request.c.id).where(*decided).order_by(grant_request.c.asked_us.desc(), grant_request.c.id)
    old = (await connection.execute(newest.offset(MOST_SHOWN - 1))).scalars().all()
    if old:
        await connection.execute(delete(grant_request).where(grant_request.c.id.in_(old)))


def _newest() -> Select[Any]:
    return select(grant_request).order_by(grant_request.c.asked_us.desc(), grant_request.c.id)


def _request(row: Row[Any]) -> GrantRequest:
    return GrantRequest(
        id=row.id,
        account=AccountId(row.account),
        asked=msgspec.json.decode(row.asked, type=AskedGrant),
        covers=tuple(FieldName(name) for name in words(row.covers)),
        asked_us=row.asked_us,
        state=GrantRequestState(row.state),
        decided_us=row.decided_us,
        because=row.because,
        role=None if row.role is None else RoleName(row.role),
        granted_until_us=row.granted_until_us,
    )
