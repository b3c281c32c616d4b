# SPDX-License-Identifier: Apache-2.0
"""Accounts: who they are, and putting their factors in place and out of force.

What is tried and spent while signing in is in ``factors``, which writes the counting columns of the same tables.
Whatever takes rights away ends the account's sessions in the same transaction, and tells every process.
"""

from typing import Any

from sqlalchemy import Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import AccountId
from gateway.domain.signin import Account, AccountRecord, Authenticator
from gateway.store import sessions, versions
from gateway.store.engine import Store
from gateway.store.rows import account_of, written
from gateway.store.schema import account, login_challenge, recovery_code, session, totp


class Accounts:
    """Keeps accounts and their factors; satisfies ``flows.enrolment.AccountStore``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, added: Account, *, name: str, password_hash: str | None, now_us: int) -> bool:
        """Keep a new account; false if the name is taken."""
        try:
            async with self._store.begin() as connection:
                await keep(connection, added, name=name, password_hash=password_hash, now_us=now_us)
        except IntegrityError:
            return False
        return True

    async def named(self, name: str) -> AccountRecord | None:
        """Return the account of a name."""
        return next(iter(await self._records(account.c.name == name)), None)

    async def get(self, account_id: str) -> AccountRecord | None:
        """Return the account of an identifier."""
        return next(iter(await self._records(account.c.id == account_id)), None)

    async def all(self) -> tuple[AccountRecord, ...]:
        """Return every account, by name."""
        return await self._records(account.c.id == account.c.id)

    async def set_password(self, account_id: AccountId, password_hash: str, *, now_us: int) -> bool:
        """Replace the password's hash and end every session and challenge that stands on the old one."""
        async with self._store.begin() as connection:
            await _forget_challenges(connection, account_id)
            changed = await connection.execute(
                update(account).where(account.c.id == account_id).values(password_hash=password_hash)
            )
            await sessions.end(connection, session.c.account == account_id, why="password-changed", now_us=now_us)
        return changed.rowcount == 1

    async def set_totp(self, account_id: AccountId, sealed: bytes, *, now_us: int) -> None:
        """Put an authenticator in place that has yet to be confirmed; the one before is gone, with its sessions."""
        async with self._store.begin() as connection:
            await self._drop_factors(connection, account_id, why="authenticator-changed", now_us=now_us)
            await connection.execute(insert(totp).values(account=account_id, sealed=sealed))

    async def totp_of(self, account_id: AccountId) -> Authenticator | None:
        """Return the authenticator of an account, confirmed or not."""
        async with self._store.connect() as connection:
            row = (await connection.execute(select(totp).where(totp.c.account == account_id))).one_or_none()
        if row is None:
            return None
        return Authenticator(sealed=row.sealed, confirmed_us=row.confirmed_us, last_step=row.last_step)

    async def confirm_totp(
        self, account_id: AccountId, *, sealed: bytes, step: int, recovery: tuple[bytes, ...], now_us: int
    ) -> bool:
        """Confirm an authenticator by a code, which is spent by that, and keep its recovery codes.

        Args:
            account_id: Whose it is.
            sealed: The secret that the code was judged by; another one may have come meanwhile.
            step: Step of the code.
            recovery: Digests of the recovery codes; those before are gone.
            now_us: Time of the confirmation.
        """
        async with self._store.begin() as connection:
            confirmed = await connection.execute(
                update(totp)
                .where(
                    totp.c.account == account_id,
                    totp.c.sealed == sealed,
                    totp.c.confirmed_us.is_(None),
                    totp.c.last_step < step,
                )
                .values(confirmed_us=now_us, last_step=step)
            )
            if confirmed.rowcount != 1:
                return False
            await connection.execute(delete(recovery_code).where(recovery_code.c.account == account_id))
            await connection.execute(
                insert(recovery_code), [{"account": account_id, "digest": digest} for digest in recovery]
            )
        return True

    async def reset_factors(self, account_id: AccountId, *, now_us: int) -> None:
        """Take authenticator and recovery codes away, and end every session that was opened by them."""
        async with self._store.begin() as connection:
            await self._drop_factors(connection, account_id, why="factors-reset", now_us=now_us)

    async def unlock(self, account_id: AccountId) -> None:
        """End the wait after failures and forget them, and the codes that were tried."""
        async with self._store.begin() as connection:
            await _forget_challenges(connection, account_id)
            await connection.execute(
                update(account)
                .where(account.c.id == account_id)
                .values(failures=0, locked_until_us=None, last_failure_us=None)
            )

    async def disable(self, account_id: AccountId, *, now_us: int) -> bool:
        """Put an account out of force with everything it has open; false if it was already."""
        async with self._store.begin() as connection:
            disabled = await connection.execute(
                update(account)
                .where(account.c.id == account_id, account.c.disabled_us.is_(None))
                .values(disabled_us=now_us)
            )
            if disabled.rowcount != 1:
                return False
            await sessions.end(connection, session.c.account == account_id, why="account-disabled", now_us=now_us)
            await versions.bump(connection, sessions.TOPIC)
        return True

    async def _drop_factors(self, connection: AsyncConnection, account_id: AccountId, *, why: str, now_us: int) -> None:
        await _forget_challenges(connection, account_id)
        # The account's row is locked first, as everywhere, so that a sign-in under way comes before or after this.
        await connection.execute(update(account).where(account.c.id == account_id).values(last_failure_us=None))
        await connection.execute(delete(totp).where(totp.c.account == account_id))
        await connection.execute(delete(recovery_code).where(recovery_code.c.account == account_id))
        await sessions.end(connection, session.c.account == account_id, why=why, now_us=now_us)

    async def _records(self, which: Any) -> tuple[AccountRecord, ...]:
        confirmed = and_(totp.c.account == account.c.id, totp.c.confirmed_us.is_not(None))
        query = (
            select(account, totp.c.confirmed_us)
            .select_from(account.outerjoin(totp, confirmed))
            .where(which)
            .order_by(account.c.name)
        )
        async with self._store.connect() as connection:
            return tuple(_record(row) for row in await connection.execute(query))


async def keep(
    connection: AsyncConnection, added: Account, *, name: str, password_hash: str | None, now_us: int
) -> None:
    """Write a new account.

    Raises:
        IntegrityError: The name or the identifier is taken.
    """
    await connection.execute(
        insert(account).values(
            id=added.id,
            name=name,
            kind=added.kind.value,
            password_hash=password_hash,
            roles=written(added.roles),
            recipient=added.recipient,
            created_us=now_us,
        )
    )


async def _forget_challenges(connection: AsyncConnection, account_id: AccountId) -> None:
    await connection.execute(delete(login_challenge).where(login_challenge.c.account == account_id))


def _record(row: Row[Any]) -> AccountRecord:
    return AccountRecord(
        account=account_of(row),
        name=row.name,
        created_us=row.created_us,
        disabled_us=row.disabled_us,
        locked_until_us=row.locked_until_us,
        failures=row.failures,
        enrolled=row.confirmed_us is not None,
        has_password=row.password_hash is not None,
    )
