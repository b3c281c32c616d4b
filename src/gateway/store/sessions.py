# SPDX-License-Identifier: Apache-2.0
"""Sessions and refresh bearers, and what was revoked.

A refresh bearer is spent by one UPDATE that asks for it to be unspent, so of any number of callers one goes on.
Who comes second ends the session: two hold the bearer, and nobody can tell which of them should.
"""

from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.signin import NotRotated, Refresh, Revoked, Rotated, Session
from gateway.store import versions
from gateway.store.engine import Store
from gateway.store.rows import account_of, session_of, written
from gateway.store.schema import account, client, refresh, session

TOPIC = versions.Topic.ACCOUNTS


class Sessions:
    """Keeps sessions; satisfies ``identify.sessions.SessionStore``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def open(self, opened: Session) -> bool:
        """Keep a session without a refresh bearer; tell whether its account and client are in force."""
        in_force = (
            select(client.c.id)
            .join(account, account.c.id == client.c.account)
            .where(
                client.c.id == opened.client,
                account.c.id == opened.account,
                client.c.disabled_us.is_(None),
                account.c.disabled_us.is_(None),
            )
        )
        async with self._store.begin() as connection:
            if (await connection.execute(in_force)).one_or_none() is None:
                return False
            await keep(connection, opened, None)
        return True

    async def rotate(self, digest: bytes, *, idle_us: int, fresh: bytes, now_us: int) -> Rotated | NotRotated:
        """Spend a refresh bearer and keep the next; spending a spent one revokes its session."""
        async with self._store.begin() as connection:
            spent = await connection.execute(
                update(refresh)
                .where(refresh.c.digest == digest, refresh.c.used_us.is_(None))
                .values(used_us=now_us, replaced_by=fresh)
            )
            row = (await connection.execute(select(refresh).where(refresh.c.digest == digest))).one_or_none()
            if row is None:
                return NotRotated(why="unknown")
            if spent.rowcount == 1:
                return await self._rotated(connection, row, idle_us=idle_us, fresh=fresh, now_us=now_us)
            await end(connection, session.c.id == row.session, why="refresh-reused", now_us=now_us)
            of = (await connection.execute(select(session.c.account).where(session.c.id == row.session))).scalar_one()
            return NotRotated(why="reused", account=of, session=row.session)

    async def unrotate(self, digest: bytes, *, fresh: bytes) -> bool:
        """Undo a rotation whose new bearer never left; false if the new one was used or the session ended."""
        async with self._store.begin() as connection:
            gone = await connection.execute(
                delete(refresh).where(refresh.c.digest == fresh, refresh.c.used_us.is_(None))
            )
            if gone.rowcount != 1:
                return False
            await connection.execute(
                update(refresh)
                .where(refresh.c.digest == digest, refresh.c.replaced_by == fresh)
                .values(used_us=None, replaced_by=None)
            )
        return True

    async def revoke(self, session_id: str, *, why: str, now_us: int) -> bool:
        """End a session; tell whether it was still going."""
        async with self._store.begin() as connection:
            return await end(connection, session.c.id == session_id, why=why, now_us=now_us) == 1

    async def revoked(self, *, since_us: int) -> Revoked:
        """Return the disabled accounts, and the sessions that were revoked since."""
        async with self._store.connect() as connection:
            sessions = await connection.execute(select(session.c.id).where(session.c.revoked_us >= since_us))
            accounts = await connection.execute(select(account.c.id).where(account.c.disabled_us.is_not(None)))
            return Revoked(sessions=frozenset(sessions.scalars()), accounts=frozenset(accounts.scalars()))

    async def purge(self, now_us: int, *, keep_us: int) -> int:
        """Delete sessions, with their bearers, that ended longer ago than ``keep_us``; return how many."""
        ended = select(session.c.id).where(session.c.expires_us < now_us - keep_us)
        async with self._store.begin() as connection:
            await connection.execute(delete(refresh).where(refresh.c.session.in_(ended)))
            gone = await connection.execute(delete(session).where(session.c.expires_us < now_us - keep_us))
        return gone.rowcount

    async def _rotated(
        self, connection: AsyncConnection, row: Row[Any], *, idle_us: int, fresh: bytes, now_us: int
    ) -> Rotated | NotRotated:
        """Keep the next bearer if the session still stands; the old one is spent either way."""
        of = (await connection.execute(select(session).where(session.c.id == row.session))).one()
        who = (await connection.execute(select(account).where(account.c.id == of.account))).one()
        why = _ended(row, of, who, now_us)
        if why is not None:
            return NotRotated(why=why, account=of.account, session=of.id)
        expires_us = min(now_us + idle_us, of.expires_us)
        await connection.execute(
            insert(refresh).values(digest=fresh, session=of.id, issued_us=now_us, expires_us=expires_us)
        )
        return Rotated(session=session_of(of), account=account_of(who))


def _ended(row: Row[Any], of: Row[Any], who: Row[Any], now_us: int) -> str | None:
    if of.revoked_us is not None:
        return "revoked"
    if who.disabled_us is not None:
        return "disabled"
    return "expired" if now_us >= min(row.expires_us, of.expires_us) else None


async def keep(connection: AsyncConnection, opened: Session, bearer: Refresh | None) -> None:
    """Write a session, and its first refresh bearer if it has one."""
    await connection.execute(
        insert(session).values(
            id=opened.id,
            account=opened.account,
            client=opened.client,
            created_us=opened.created_us,
            auth_time_us=opened.auth_time_us,
            amr=written(opened.amr),
            scopes=written(opened.scopes),
            expires_us=opened.expires_us,
        )
    )
    if bearer is not None:
        await connection.execute(
            insert(refresh).values(
                digest=bearer.digest, session=opened.id, issued_us=bearer.issued_us, expires_us=bearer.expires_us
            )
        )


async def end(connection: AsyncConnection, which: Any, *, why: str, now_us: int) -> int:
    """Revoke the sessions that still go on, and tell every process; return how many."""
    ended = await connection.execute(
        update(session).where(which, session.c.revoked_us.is_(None)).values(revoked_us=now_us, revoked_why=why)
    )
    if ended.rowcount:
        await versions.bump(connection, TOPIC)
    return ended.rowcount
