# SPDX-License-Identifier: Apache-2.0
"""Words for opening sealed lists of incidents: one waits for each list, until somebody else's comes in time.

The row of a list is the lock of all who speak about it, so of several at once one comes after the other:
two words open a list once, and whoever comes third waits for a fourth.
"""

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.incident import Approval
from gateway.domain.names import AccountId
from gateway.store.engine import Store
from gateway.store.schema import incident_list


class IncidentLists:
    """Owner of the table; satisfies ``flows.incident.ports.Approvals``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def say(self, list_id: str, account: AccountId, *, lasts_us: int, now_us: int) -> Approval:
        """Say for an account that a list be opened; a word counts from when it was said until so much later.

        Raises:
            StateUnavailable: The database does not answer; nothing was said.
        """
        until_us = now_us + lasts_us
        async with self._store.begin() as connection:
            if await self._is_first(connection, list_id, account, now_us, until_us):
                return Approval(until_us=until_us)
            row = incident_list.c.id == list_id
            before = (await connection.execute(select(incident_list).where(row).with_for_update())).one()
            is_waiting = before.account is not None and before.said_us <= now_us < before.until_us
            if is_waiting and before.account == account:
                return Approval(is_again=True, until_us=before.until_us)
            spoken = update(incident_list).where(row, incident_list.c.said_us == before.said_us)
            if is_waiting:
                await connection.execute(spoken.where(incident_list.c.account == before.account).values(account=None))
                return Approval(opens=True, first=before.account)
            await connection.execute(spoken.values(account=account, said_us=now_us, until_us=until_us))
        return Approval(until_us=until_us, lapsed_us=0 if before.account in (None, account) else before.until_us)

    async def _is_first(
        self, connection: AsyncConnection, list_id: str, account: AccountId, now_us: int, until_us: int
    ) -> bool:
        """Keep the first word ever said about a list; tell whether it was."""
        insert = sqlite.insert if self._store.is_sqlite else postgresql.insert
        values = {"id": list_id, "account": account, "said_us": now_us, "until_us": until_us}
        new = insert(incident_list).values(values).on_conflict_do_nothing()
        return (await connection.execute(new.returning(incident_list.c.id))).one_or_none() is not None
