# SPDX-License-Identifier: Apache-2.0
"""The last step of a replay: accounts, clients and sign-ins become what the log says, in one transaction.

RULES

1. No sign-in of an older state goes on: every session ends, every open challenge runs out, and what was
   opened since is known and ended. Everybody signs in again.
2. A password, authenticator or secret that was changed since is taken away, because the database holds
   the one before and the log holds none. Its owner gets a new one; ``restored/…`` in the facts says why.
3. An account that came since is there again by its identifier alone, out of force, without its name.
4. Rights are never more than the newest entry says.
5. Keys of messages that are claimed are unknown: a copy of a moment before does not know which were begun.
6. Marks and beat are written in the same transaction: from then on the database is as new as its log.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.names import AccountId, ClientId
from gateway.domain.people import BLOCK_SIZE
from gateway.domain.replay import AccountSince, ClientSince, Settled, Since
from gateway.domain.signin import Lockout
from gateway.store import dispatches, marks
from gateway.store.engine import Store
from gateway.store.factors import DAY_US
from gateway.store.rows import written
from gateway.store.schema import (
    account,
    client,
    login_challenge,
    meta,
    person_sequence,
    recovery_code,
    session,
    totp,
)
from gateway.store.versions import Topic, bump

WHY = "restored"
LOST = "lost:"
"""Before the identifier, in place of the name that a lost account had."""
REMEMBERED_US = 15 * 60 * 1_000_000
"""Age up to which a sign-in can have bearers that are still good, with room for clocks."""

Digest = Callable[[bytes], str]
"""Digest of a credential under the installation's key, as entries hold it."""


class Settling:
    """Settles a restored database."""

    def __init__(self, store: Store, digest: Digest, clock: Callable[[], int], lockout: Lockout | None = None) -> None:
        self._store = store
        self._digest = digest
        self._clock = clock
        self._lockout = lockout or Lockout()

    async def settle(self, since: Since, beat: int, places: Mapping[str, int]) -> Settled:
        """Make the database as new as its log, all at once.

        Args:
            since: What became of accounts, clients and the rest.
            beat: Higher than any that a log names.
            places: How many entries of each log were applied.
        """
        step = _Step(self._digest, self._clock(), self._lockout)
        async with self._store.begin() as connection:
            for topic in Topic:
                await bump(connection, topic)
            await step.end_sign_ins(connection)
            for account_id, became in since.accounts.items():
                await step.settle_account(connection, account_id, became)
            for client_id, changed in since.clients.items():
                await step.settle_client(connection, client_id, changed)
            await _number_beyond(connection, since.highest)
            # What this database holds as claimed may have been begun since.
            await dispatches.doubt(connection)
            if since.rules is not None:
                await _note(connection, "rules-in-force", since.rules)
            await marks.settle(connection, beat, places)
        return Settled(counts=dict(step.counts), lost=tuple(step.lost), without=tuple(step.without))


class _Step:
    """One settling and what it came to."""

    def __init__(self, digest: Digest, now_us: int, lockout: Lockout) -> None:
        self._digest, self._now_us, self._lockout = digest, now_us, lockout
        self.counts: Counter[str] = Counter()
        self.lost: list[str] = []
        self.without: list[tuple[str, str]] = []

    async def end_sign_ins(self, connection: AsyncConnection) -> None:
        """End every session and let every challenge run out; what was counted on it stays counted."""
        going = update(session).where(session.c.revoked_us.is_(None))
        ended = await connection.execute(going.values(revoked_us=self._now_us, revoked_why=WHY))
        still_open = update(login_challenge).where(login_challenge.c.expires_us > self._now_us)
        await connection.execute(still_open.values(expires_us=self._now_us))
        self.counts["sessions ended"] += ended.rowcount

    async def settle_account(self, connection: AsyncConnection, who: AccountId, became: AccountSince) -> None:
        """Let an account be what the log says of it."""
        row = (await connection.execute(select(account).where(account.c.id == who))).one_or_none()
        if row is None:
            await self._keep_out(connection, who, became)
            self.lost.append(who)
        else:
            await self._settle_standing(connection, row, became)
            await self._settle_factors(connection, who, became)
            await self._settle_failures(connection, row, became)
        await self._end_later_sessions(connection, who, became)

    async def settle_client(self, connection: AsyncConnection, which: ClientId, changed: ClientSince) -> None:
        """Let a client be out of force if it went, and without its secret if that is another now."""
        row = (await connection.execute(select(client).where(client.c.id == which))).one_or_none()
        if row is None:
            return
        of_client = update(client).where(client.c.id == which)
        if changed.disabled_us is not None and row.disabled_us is None:
            await connection.execute(of_client.values(disabled_us=changed.disabled_us))
            self.counts["clients disabled"] += 1
        if changed.secret is not None and not self._is_same(row.secret_digest, changed.secret):
            await connection.execute(of_client.values(secret_digest=None, secret_hash=None))
            await self._take_away(connection, which, "secret")

    async def _keep_out(self, connection: AsyncConnection, who: AccountId, became: AccountSince) -> None:
        kind, recipient = became.added or ("person", "")
        await connection.execute(
            insert(account).values(
                id=who,
                name=LOST + who,
                kind=kind,
                roles=written(()),
                recipient=recipient,
                created_us=became.added_us or self._now_us,
                disabled_us=self._now_us,
            )
        )

    async def _settle_standing(self, connection: AsyncConnection, row: Any, became: AccountSince) -> None:
        values: dict[str, Any] = {}
        if became.disabled_us is not None and row.disabled_us is None:
            values["disabled_us"] = became.disabled_us
            self.counts["accounts disabled"] += 1
        if became.roles is not None:
            values["roles"] = written(became.roles)
        hashed = None if row.password_hash is None else row.password_hash.encode()
        if became.password is not None and not self._is_same(hashed, became.password):
            values["password_hash"] = None
            await self._take_away(connection, row.id, "password")
        if values:
            await connection.execute(update(account).where(account.c.id == row.id).values(**values))

    async def _settle_factors(self, connection: AsyncConnection, who: AccountId, became: AccountSince) -> None:
        row = (await connection.execute(select(totp).where(totp.c.account == who))).one_or_none()
        is_other = became.authenticator is not None and not self._is_same(
            None if row is None else row.sealed, became.authenticator
        )
        if row is not None and (is_other or (became.confirmed and row.confirmed_us is None)):
            await connection.execute(delete(totp).where(totp.c.account == who))
            await connection.execute(delete(recovery_code).where(recovery_code.c.account == who))
            row = None
        if became.authenticator is not None and row is None:
            await self._take_away(connection, who, "authenticator")
        if row is not None and became.step > row.last_step:
            await connection.execute(update(totp).where(totp.c.account == who).values(last_step=became.step))
            self.counts["time steps spent"] += 1
        await self._spend_recovery(connection, who, became.recovery)

    async def _spend_recovery(self, connection: AsyncConnection, who: AccountId, spent: set[str]) -> None:
        of = recovery_code.c
        unused = select(of.digest).where(of.account == who, of.used_us.is_(None))
        for digest in (await connection.execute(unused)).scalars().all() if spent else ():
            if self._digest(digest) in spent:
                one = update(recovery_code).where(of.account == who, of.digest == digest)
                await connection.execute(one.values(used_us=self._now_us))
                self.counts["recovery codes spent"] += 1

    async def _settle_failures(self, connection: AsyncConnection, row: Any, became: AccountSince) -> None:
        """Count the failed tries on, with the wait that they began, and the wrong codes of a day."""
        fresh = [at for at in became.failures_us if became.failures_ended or at > (row.last_failure_us or 0)]
        if became.failures_ended or fresh:
            failures = (0 if became.failures_ended else row.failures) + len(fresh)
            last_us = fresh[-1] if fresh else None
            wait_us = self._wait_us(failures)
            waits_until_us = None if wait_us is None or last_us is None else last_us + wait_us
            standing = {"failures": failures, "last_failure_us": last_us, "locked_until_us": waits_until_us}
            await connection.execute(update(account).where(account.c.id == row.id).values(**standing))
            self.counts["failed tries"] += len(fresh)
        of = login_challenge.c
        for at_us in sorted(set(became.wrong_codes_us)):
            tried = f"{WHY} {row.id} {at_us}".encode()
            known = select(of.tries).where(of.digest == tried)
            if at_us > self._now_us - DAY_US and (await connection.execute(known)).one_or_none() is None:
                wrong = {"digest": tried, "account": row.id, "verdict": True, "tries": 1, "expires_us": at_us}
                await connection.execute(insert(login_challenge).values(**wrong))

    def _wait_us(self, failures: int) -> int | None:
        waits, over = self._lockout.waits_us(), failures - self._lockout.failures
        return None if over < 0 else waits[min(over, len(waits) - 1)]

    async def _end_later_sessions(self, connection: AsyncConnection, who: AccountId, became: AccountSince) -> None:
        """Know and end the sign-ins whose bearers may still be good."""
        for session_id, (client_id, at_us) in became.sessions.items():
            if at_us < self._now_us - REMEMBERED_US:
                continue
            known = select(session.c.id).where(session.c.id == session_id)
            if (await connection.execute(known)).one_or_none() is None:
                await connection.execute(insert(session).values(**self._ended(session_id, who, client_id, at_us)))
                self.counts["sessions ended"] += 1

    def _ended(self, session_id: str, who: AccountId, client_id: str, at_us: int) -> dict[str, Any]:
        return {
            "id": session_id,
            "account": who,
            "client": client_id,
            "created_us": at_us,
            "auth_time_us": at_us,
            "amr": written(()),
            "scopes": written(()),
            "expires_us": self._now_us,
            "revoked_us": self._now_us,
            "revoked_why": WHY,
        }

    async def _take_away(self, connection: AsyncConnection, whose: str, what: str) -> None:
        self.without.append((whose, what))
        await _note(connection, f"{WHY}/{whose}/{what}", str(self._now_us))

    def _is_same(self, held: bytes | None, entered: str) -> bool:
        return (self._digest(held) if held is not None else "") == entered


async def _number_beyond(connection: AsyncConnection, highest: int) -> None:
    """Let new people get numbers of a block that no number of the log lies in.

    The order inside a block is shuffled, so how far it was used up does not show in its numbers.
    """
    first = (highest // BLOCK_SIZE + 1) * BLOCK_SIZE
    behind = update(person_sequence).where(person_sequence.c.next_place < first)
    await connection.execute(behind.values(next_place=first))


async def _note(connection: AsyncConnection, key: str, value: str) -> None:
    await connection.execute(delete(meta).where(meta.c.key == key))
    await connection.execute(insert(meta).values(key=key, value=value))
