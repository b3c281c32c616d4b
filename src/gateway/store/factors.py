# SPDX-License-Identifier: Apache-2.0
"""Tries of passwords and codes: what is counted, what is spent, and who came first.

Rules:

1. What may happen once happens by one UPDATE whose WHERE holds the condition; its row count is the answer.
2. A try is counted before it is judged (``admit_…``) and given back if it was right.
3. Rows are locked in one order (challenge, account, authenticator, recovery code, session), so that transactions
   wait for each other and never in a circle.
4. Whether a name is known, an account waits or a challenge is worth anything changes which rows are written, not
   whether something is: each call of a sign-in commits once, so none is told by the time of a sync to disk.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    delete,
    false,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import AccountId
from gateway.domain.signin import CodeTry, Lockout, PasswordTry, Proof, Refresh, Session, TotpStep
from gateway.store import sessions
from gateway.store.engine import Store
from gateway.store.rows import account_of
from gateway.store.schema import account, login_challenge, recovery_code, totp

DAY_US = 24 * 3600 * 1_000_000


class _Lost(Exception):
    """Somebody else was first; undoes the transaction and never leaves this module."""


class FactorTries:
    """Keeps challenges and counts failures; satisfies ``identify.factors.FactorStore``."""

    def __init__(self, store: Store, lockout: Lockout | None = None) -> None:
        self._store = store
        self._lockout = lockout or Lockout()
        self._waits_us = self._lockout.waits_us()

    async def admit_password(self, name: str, *, challenge: bytes, expires_us: int, now_us: int) -> PasswordTry:
        """Count a try, and keep a challenge that is worth nothing yet."""
        async with self._store.begin() as connection:
            query = select(account).where(
                account.c.name == name, account.c.kind == "person", account.c.disabled_us.is_(None)
            )
            row = (await connection.execute(query)).one_or_none()
            known = None if row is None else AccountId(row.id)
            charged = await self._charge(connection, known, now_us)
            await connection.execute(
                insert(login_challenge).values(digest=challenge, account=known, verdict=False, expires_us=expires_us)
            )
        return PasswordTry(
            account=known,
            password_hash=None if row is None else row.password_hash,
            admitted=charged is not None,
            lock_us=None if charged is None else charged.locked_until_us,
        )

    async def settle_password(
        self, challenge: bytes, tried: PasswordTry, *, right: bool, refund: bool, rehashed: str | None
    ) -> None:
        """Write what the challenge is worth, and give the try back if it was right or was not judged."""
        async with self._store.begin() as connection:
            await connection.execute(
                update(login_challenge).where(login_challenge.c.digest == challenge).values(verdict=right)
            )
            # Run for nobody where nothing is given back: as many statements whatever the password was.
            await self._refund(connection, tried.account if refund and tried.admitted else None, tried.lock_us)
            if rehashed is not None:
                await connection.execute(
                    update(account)
                    .where(account.c.id == tried.account, account.c.password_hash == tried.password_hash)
                    .values(password_hash=rehashed)
                )

    async def admit_code(self, challenge: bytes, *, recovery: bytes | None, now_us: int) -> CodeTry:
        """Count a try of a code on a challenge."""
        async with self._store.begin() as connection:
            tried = await self._try_challenge(connection, challenge, now_us)
            worth = AccountId(tried.account) if tried is not None and tried.verdict else None
            charged = await self._charge(connection, worth, now_us)
            is_exhausted = await self._codes_spent(connection, worth, now_us) > self._lockout.codes_a_day
            if worth is not None and (is_exhausted or charged is None):
                await self._uncount(connection, challenge, charged)
            row = (await connection.execute(_factors_of(worth, recovery))).one_or_none()
        return CodeTry(
            why=_why(tried, charged, row, is_exhausted=is_exhausted),
            challenged="" if tried is None else tried.account or "",
            account=None if row is None else account_of(row),
            sealed=None if row is None else row.sealed,
            last_step=-1 if row is None or row.last_step is None else row.last_step,
            recovery=row is not None and bool(row.recovery),
        )

    async def accept(
        self, challenge: bytes, account_id: AccountId, *, proof: Proof, session: Session, refresh: Refresh, now_us: int
    ) -> bool:
        """Spend the proof and the challenge and keep the session, all or nothing; tell whether it did."""
        try:
            async with self._store.begin() as connection:
                await _once(connection, _spend_challenge(challenge, account_id, now_us))
                await _once(connection, _end_failures(account_id))
                await _once(connection, _spend(account_id, proof, now_us))
                await sessions.keep(connection, session, refresh)
        except _Lost:
            return False
        return True

    async def purge(self, now_us: int) -> int:
        """Delete challenges that count for nothing any more; return how many."""
        async with self._store.begin() as connection:
            gone = await connection.execute(
                delete(login_challenge).where(login_challenge.c.expires_us < now_us - 2 * DAY_US)
            )
        return gone.rowcount

    async def _charge(self, connection: AsyncConnection, who: AccountId | None, now_us: int) -> Row[Any] | None:
        """Count a failure in advance, unless the account has to wait; return the account as it then is."""
        failures = account.c.failures + 1
        first, last = self._lockout.failures, len(self._waits_us) - 1
        wait = case(
            *((failures == first + place, now_us + wait_us) for place, wait_us in enumerate(self._waits_us[:-1])),
            (failures >= first + last, now_us + self._waits_us[-1]),
            else_=null(),
        )
        charge = (
            update(account)
            .where(account.c.id == who, account.c.disabled_us.is_(None), _may_try(now_us))
            .values(failures=failures, last_failure_us=now_us, locked_until_us=wait)
            .returning(account.c.id, account.c.locked_until_us)
        )
        return (await connection.execute(charge)).one_or_none()

    async def _refund(self, connection: AsyncConnection, who: str | None, lock_us: int | None) -> None:
        """Take back a count, and the wait that it began."""
        failures = account.c.failures - 1
        is_own_wait = account.c.locked_until_us == lock_us if lock_us is not None else false()
        wait = case(
            (or_(failures < self._lockout.failures, is_own_wait), null()),
            else_=account.c.locked_until_us,
        )
        await connection.execute(
            update(account)
            .where(account.c.id == who, account.c.failures > 0)
            .values(failures=failures, locked_until_us=wait)
        )

    async def _try_challenge(self, connection: AsyncConnection, challenge: bytes, now_us: int) -> Row[Any] | None:
        counted = (
            update(login_challenge)
            .where(
                login_challenge.c.digest == challenge,
                login_challenge.c.spent_us.is_(None),
                login_challenge.c.tries < self._lockout.tries,
                login_challenge.c.expires_us > now_us,
            )
            .values(tries=login_challenge.c.tries + 1)
            .returning(login_challenge.c.account, login_challenge.c.verdict)
        )
        return (await connection.execute(counted)).one_or_none()

    async def _codes_spent(self, connection: AsyncConnection, who: AccountId | None, now_us: int) -> int:
        """Count the wrong codes of the last 24 hours, with the one that is being tried.

        The account's row was written just before, so of several tries at once each sees those before it.
        """
        wrong = func.coalesce(func.sum(login_challenge.c.tries), 0) - func.count(login_challenge.c.spent_us)
        query = select(wrong).where(
            login_challenge.c.account == who,
            login_challenge.c.verdict,
            login_challenge.c.expires_us > now_us - DAY_US,
        )
        return int((await connection.execute(query)).scalar_one())

    async def _uncount(self, connection: AsyncConnection, challenge: bytes, charged: Row[Any] | None) -> None:
        """Take back a try that is not judged, so that waiting uses up nothing."""
        await connection.execute(
            update(login_challenge)
            .where(login_challenge.c.digest == challenge)
            .values(tries=login_challenge.c.tries - 1)
        )
        if charged is not None:
            await self._refund(connection, charged.id, charged.locked_until_us)


def _may_try(now_us: int) -> ColumnElement[bool]:
    return or_(account.c.locked_until_us.is_(None), account.c.locked_until_us <= now_us)


def _factors_of(who: AccountId | None, recovery: bytes | None) -> Select[Any]:
    """Read what a code is compared with; one query, whatever there is."""
    unused = (
        select(recovery_code.c.digest)
        .where(
            recovery_code.c.account == account.c.id,
            recovery_code.c.digest == recovery,
            recovery_code.c.used_us.is_(None),
        )
        .exists()
    )
    confirmed = and_(totp.c.account == account.c.id, totp.c.confirmed_us.is_not(None))
    return (
        select(account, totp.c.sealed, totp.c.last_step, unused.label("recovery"))
        .select_from(account.outerjoin(totp, confirmed))
        .where(account.c.id == who)
    )


def _why(tried: Row[Any] | None, charged: Row[Any] | None, row: Row[Any] | None, *, is_exhausted: bool) -> str | None:
    if tried is None:
        return "unknown"
    if not tried.verdict:
        return "password"
    if is_exhausted:
        return "codes-spent"
    if charged is None:
        return "locked"
    return "not-enrolled" if row is None or row.sealed is None else None


async def _once(connection: AsyncConnection, statement: Any) -> None:
    """Run an UPDATE that must catch exactly one row."""
    if (await connection.execute(statement)).rowcount != 1:
        raise _Lost


def _spend_challenge(challenge: bytes, who: AccountId, now_us: int) -> Any:
    return (
        update(login_challenge)
        .where(
            login_challenge.c.digest == challenge,
            login_challenge.c.account == who,
            login_challenge.c.verdict,
            login_challenge.c.spent_us.is_(None),
        )
        .values(spent_us=now_us)
    )


def _end_failures(who: AccountId) -> Any:
    return (
        update(account)
        .where(account.c.id == who, account.c.disabled_us.is_(None))
        .values(failures=0, locked_until_us=None, last_failure_us=None)
    )


def _spend(who: AccountId, proof: Proof, now_us: int) -> Any:
    if isinstance(proof, TotpStep):
        return (
            update(totp)
            .where(totp.c.account == who, totp.c.confirmed_us.is_not(None), totp.c.last_step < proof.step)
            .values(last_step=proof.step)
        )
    return (
        update(recovery_code)
        .where(
            recovery_code.c.account == who, recovery_code.c.digest == proof.digest, recovery_code.c.used_us.is_(None)
        )
        .values(used_us=now_us)
    )
