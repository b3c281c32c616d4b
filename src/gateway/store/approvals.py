# SPDX-License-Identifier: Apache-2.0
"""Approvals of reveals: what waits for the word of a second person, and what became of it.

RULES

1. An account has at most so many that wait. What lapsed makes room: it goes when the account asks for more, in the
   same transaction that counts. What was decided or spent goes ``KEPT_US`` after it could last be used.
2. Each step is one update that names the state before it, so of several at once the database lets the first: one
   that waits is decided once, one that was approved is spent once, and neither by the account that asked.
"""

from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.approval import Approval, ApprovalState, Bound
from gateway.domain.names import AccountId, ClientId, DatasetName, FieldName, PurposeKey, RecipientId
from gateway.store.engine import Store
from gateway.store.schema import account, reveal_approval

MOST_SHOWN = 1_000
KEPT_US = 31 * 86_400 * 1_000_000

_OF = reveal_approval.c
_OPEN, _APPROVED = _OF.state == ApprovalState.OPEN, _OF.state == ApprovalState.APPROVED


class RevealApprovals:
    """Owner of the table; satisfies ``flows.reveal.ports.KeptApprovals``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, bound: Bound, now_us: int) -> Approval | None:
        """Return what there is for exactly this and can be used or waits; an approved one before one that waits."""
        async with self._store.connect() as connection:
            return await _there(connection, bound, now_us)

    async def n_open(self, account_id: AccountId, now_us: int) -> int:
        """Return how many of an account wait."""
        waiting = (_OF.account == account_id, _OPEN, _OF.until_us > now_us)
        async with self._store.connect() as connection:
            found = await connection.execute(select(func.count()).select_from(reveal_approval).where(*waiting))
            return int(found.scalar_one())

    async def add(self, approval: Approval, *, most_open: int, now_us: int) -> Approval | None:
        """Keep a new one and return it, or what came before it for the same; ``None`` if too many wait."""
        of = approval.bound.account
        async with self._store.begin() as connection:
            # The account's row is the lock: of two requests of one account one comes after the other.
            await connection.execute(select(account.c.id).where(account.c.id == of).with_for_update())
            there = await _there(connection, approval.bound, now_us)
            if there is not None:
                return there
            await connection.execute(delete(reveal_approval).where(_OF.account == of, _OPEN, _OF.until_us <= now_us))
            await connection.execute(delete(reveal_approval).where(_OF.until_us <= now_us - KEPT_US))
            own = select(func.count()).select_from(reveal_approval).where(_OF.account == of, _OPEN)
            if (await connection.execute(own)).scalar_one() >= most_open:
                return None
            await connection.execute(insert(reveal_approval).values(**_values(approval)))
        return approval

    async def waiting(self, now_us: int) -> tuple[Approval, ...]:
        """Return those that wait, the oldest first."""
        query = select(reveal_approval).where(_OPEN, _OF.until_us > now_us).order_by(_OF.asked_us, _OF.id)
        async with self._store.connect() as connection:
            return tuple(map(_approval, await connection.execute(query.limit(MOST_SHOWN))))

    async def find(self, approval_id: str, now_us: int) -> Approval | None:
        """Return one that waits."""
        query = select(reveal_approval).where(_OF.id == approval_id, _OPEN, _OF.until_us > now_us)
        async with self._store.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _approval(row)

    async def decide(self, approval_id: str, state: ApprovalState, by: AccountId, now_us: int) -> bool:
        """Decide one that waits and was not asked for by the same account; tell whether this was the time."""
        still = (_OF.id == approval_id, _OPEN, _OF.until_us > now_us, _OF.account != by)
        changed = update(reveal_approval).where(*still).values(state=state, decided_by=by, decided_us=now_us)
        async with self._store.begin() as connection:
            return (await connection.execute(changed)).rowcount == 1

    async def spend(self, approval_id: str, now_us: int) -> bool:
        """Let one that was approved be used up; tell whether this was the time."""
        still = (_OF.id == approval_id, _APPROVED, _OF.until_us > now_us)
        changed = update(reveal_approval).where(*still).values(state=ApprovalState.SPENT, spent_us=now_us)
        async with self._store.begin() as connection:
            return (await connection.execute(changed)).rowcount == 1


async def spent_again(connection: AsyncConnection, approval_id: str, at_us: int) -> int:
    """Let one be used up that the log says is; return whether it was not, as 0 or 1."""
    still = update(reveal_approval).where(_OF.id == approval_id, _OF.state != ApprovalState.SPENT)
    return (await connection.execute(still.values(state=ApprovalState.SPENT, spent_us=at_us))).rowcount


async def refused_again(connection: AsyncConnection, approval_id: str, by: AccountId, at_us: int) -> int:
    """Let one be refused that the log says is; return whether it could be used still, as 0 or 1."""
    usable = _OF.state.in_((ApprovalState.OPEN, ApprovalState.APPROVED))
    still = update(reveal_approval).where(_OF.id == approval_id, usable)
    refused = still.values(state=ApprovalState.REFUSED, decided_by=by, decided_us=at_us)
    return (await connection.execute(refused)).rowcount


async def _there(connection: AsyncConnection, bound: Bound, now_us: int) -> Approval | None:
    same = [_OF[name] == getattr(bound, name) for name in Bound.__struct_fields__]
    usable = _OF.state.in_((ApprovalState.OPEN, ApprovalState.APPROVED))
    query = select(reveal_approval).where(*same, usable, _OF.until_us > now_us)
    # "approved" stands before "open" in the alphabet, which is how they are looked for.
    row = (await connection.execute(query.order_by(_OF.state, _OF.asked_us).limit(1))).one_or_none()
    return None if row is None else _approval(row)


def _values(approval: Approval) -> dict[str, Any]:
    bound = {name: getattr(approval.bound, name) for name in Bound.__struct_fields__}
    return {
        **bound,
        "id": approval.id,
        "surrogates": approval.surrogates,
        "asked_us": approval.asked_us,
        "until_us": approval.until_us,
        "state": approval.state,
    }


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        id=row.id,
        bound=Bound(
            account=AccountId(row.account),
            client=ClientId(row.client),
            recipient=RecipientId(row.recipient),
            purpose=PurposeKey(row.purpose),
            reference=row.reference,
            dataset=DatasetName(row.dataset),
            field=FieldName(row.field),
            digest=row.digest,
        ),
        surrogates=row.surrogates,
        asked_us=row.asked_us,
        until_us=row.until_us,
        state=ApprovalState(row.state),
        by=AccountId(row.decided_by or ""),
        decided_us=row.decided_us,
    )
