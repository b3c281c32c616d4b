# SPDX-License-Identifier: Apache-2.0
"""Mandates: what each is for, who approved it, and whether it was revoked.

RULES

1. A mandate is added once, and approved once by each account; whoever asked for it approves nothing of it.
2. Revoked is revoked: nothing brings a mandate back.
3. Every change may be told again by a replay and changes no more than once.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.mandate import Mandate, MandateTerms
from gateway.domain.names import AccountId
from gateway.store.engine import Store
from gateway.store.schema import mandate, mandate_approval


class Mandates:
    """Owner of both tables; satisfies ``flows.access.ports.sending.Mandates`` and ``flows.mandates.Kept``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, one: Mandate) -> bool:
        """Keep a new mandate; false if there is one of this identifier.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._store.begin() as connection:
            return await keep(connection, one, is_sqlite=self._store.is_sqlite)

    async def approve(
        self, mandate_id: str, account: AccountId, at_us: int, *, after: frozenset[AccountId] | None = None
    ) -> bool:
        """Let an account approve it; false if it has, if it asked for it, or if there is no such mandate in play.

        Args:
            mandate_id: Which.
            account: Whose word it is.
            at_us: UTC microseconds.
            after: Who had approved it when the word was judged: false if that is not so any more. A replay says nothing.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._store.begin() as connection:
            if after is not None and await _approvers(connection, mandate_id) != after:
                return False
            return await approve(connection, mandate_id, account, at_us, is_sqlite=self._store.is_sqlite)

    async def revoke(self, mandate_id: str, by: str, at_us: int) -> bool:
        """Put it out of force for good; false if it was.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._store.begin() as connection:
            return await revoke(connection, mandate_id, by, at_us)

    async def find(self, mandate_id: str) -> Mandate | None:
        """Return a mandate as it is now.

        Raises:
            StateUnavailable: The database does not answer.
        """
        found = await self._read((mandate_id,))
        return found[0] if found else None

    async def all(self) -> Sequence[Mandate]:
        """Return every mandate, newest first.

        Raises:
            StateUnavailable: The database does not answer.
        """
        return await self._read(None)

    async def _read(self, ids: Iterable[str] | None) -> list[Mandate]:
        which, who = select(mandate), select(mandate_approval)
        if ids is not None:
            which, who = which.where(mandate.c.id.in_(ids)), who.where(mandate_approval.c.mandate.in_(ids))
        async with self._store.connect() as connection:
            # Approvals first: one that comes in between is then of the next look, and none is without its mandate.
            said = (await connection.execute(who.order_by(mandate_approval.c.at_us, mandate_approval.c.account))).all()
            rows = (await connection.execute(which.order_by(mandate.c.asked_us.desc(), mandate.c.id))).all()
        words: dict[str, list[tuple[AccountId, int]]] = {}
        for one in said:
            words.setdefault(one.mandate, []).append((AccountId(one.account), one.at_us))
        return [_mandate(row, words.get(row.id, ())) for row in rows]


def _mandate(row: Row[Any], approved: Iterable[tuple[AccountId, int]]) -> Mandate:
    return Mandate(
        id=row.id,
        terms=msgspec.json.decode(row.terms, type=MandateTerms),
        asked_by=AccountId(row.asked_by),
        asked_us=row.asked_us,
        approved=tuple(approved),
        revoked_us=row.revoked_us,
        revoked_by=row.revoked_by,
    )


async def keep(connection: AsyncConnection, one: Mandate, *, is_sqlite: bool) -> bool:
    """Keep a new mandate; tell whether it was new."""
    insert = sqlite.insert if is_sqlite else postgresql.insert
    values = {
        "id": one.id,
        "terms": msgspec.json.encode(one.terms).decode(),
        "asked_by": one.asked_by,
        "asked_us": one.asked_us,
    }
    new = insert(mandate).values(values).on_conflict_do_nothing().returning(mandate.c.id)
    return (await connection.execute(new)).one_or_none() is not None


async def _approvers(connection: AsyncConnection, mandate_id: str) -> frozenset[AccountId]:
    """Return who has approved a mandate, with nobody able to until the transaction ends."""
    # PostgreSQL waits at the row; SQLite's transactions that write come one after the other.
    await connection.execute(select(mandate.c.id).where(mandate.c.id == mandate_id).with_for_update())
    said = await connection.execute(select(mandate_approval.c.account).where(mandate_approval.c.mandate == mandate_id))
    return frozenset(map(AccountId, said.scalars()))


async def approve(
    connection: AsyncConnection, mandate_id: str, account: AccountId, at_us: int, *, is_sqlite: bool
) -> bool:
    """Let an account approve a mandate; tell whether that was new."""
    of = select(mandate.c.asked_by).where(mandate.c.id == mandate_id, mandate.c.revoked_us.is_(None))
    asked_by = (await connection.execute(of.with_for_update())).scalar_one_or_none()
    if asked_by is None or asked_by == account:
        return False
    insert = sqlite.insert if is_sqlite else postgresql.insert
    values = {"mandate": mandate_id, "account": account, "at_us": at_us}
    new = insert(mandate_approval).values(values).on_conflict_do_nothing().returning(mandate_approval.c.account)
    return (await connection.execute(new)).one_or_none() is not None


async def revoke(connection: AsyncConnection, mandate_id: str, by: str, at_us: int) -> bool:
    """Put a mandate out of force; tell whether that was new."""
    still = update(mandate).where(mandate.c.id == mandate_id, mandate.c.revoked_us.is_(None))
    return (await connection.execute(still.values(revoked_us=at_us, revoked_by=by))).rowcount == 1
