# SPDX-License-Identifier: Apache-2.0
"""Which messages were sent, by the digest of each one's key: once claimed, a key is sent once or never.

RULES

1. Of two calls that claim a key the database lets the first. What it claimed is its own; before it is sent it is
   *unknown*, and stays that for good unless its call says what became of it.
2. Only what certainly was not sent may be claimed again. What a call claimed and did not begin is let go once the log
   that it was entered in was opened again, by one who alone may write to it: so the call is over.
3. A replay makes what the log intended *unknown*, unless the database knows better; and everything that is claimed,
   since an older database does not know what was begun.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.sending import Fate
from gateway.store.chunks import chunks
from gateway.store.engine import Store
from gateway.store.schema import dispatched

CLAIMED = Fate.CLAIMED
_TOLD = {str(Fate.SENT): Fate.SENT, str(CLAIMED): CLAIMED}
_KEPT = {Fate.REFUSED: Fate.FAILED}
"""What may never be sent may be claimed again as what failed may: it is the recipient who will not have it."""

_OF = dispatched.c


class Dispatches:
    """Owner of the table; satisfies ``flows.access.ports.sending.Dispatches``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def claim(self, call: str, keys: Sequence[bytes], now_us: int) -> Mapping[bytes, Fate]:
        """Let keys be a call's, durably; return those that are not, with what an earlier call did with them.

        Raises:
            StateUnavailable: The database does not answer; none was claimed.
        """
        held: dict[bytes, Fate] = {}
        # In one order in every call, so that two calls wait for each other and never in a circle.
        async with self._store.begin() as connection:
            for some in chunks(sorted(keys)):
                held |= await self._claimed(connection, call, some, now_us)
        return held

    async def _claimed(
        self, connection: AsyncConnection, call: str, keys: Sequence[bytes], now_us: int
    ) -> dict[bytes, Fate]:
        rows = [{"key": key, "call": call, "state": CLAIMED, "at_us": now_us} for key in keys]
        new = await add(connection, rows, is_sqlite=self._store.is_sqlite)
        left = [key for key in keys if key not in new]
        if not left:
            return {}
        again = update(dispatched).where(_OF.key.in_(left), _OF.state == Fate.FAILED)
        taken = await connection.execute(again.values(call=call, state=CLAIMED, at_us=now_us).returning(_OF.key))
        new |= set(taken.scalars())
        states = await connection.execute(
            select(_OF.key, _OF.state).where(_OF.key.in_([k for k in left if k not in new]))
        )
        return {key: _TOLD.get(state, Fate.UNKNOWN) for key, state in states}

    async def begin(self, call: str, keys: Sequence[bytes], became: Mapping[bytes, Fate]) -> set[bytes]:
        """Keep what became of a call's messages, and let others be unknown from now on, durably, in one transaction.

        Returns:
            Those of the keys that are claimed by the call, and by nobody else may be sent.

        Raises:
            StateUnavailable: The database does not answer; nothing of them may be sent.
        """
        mine = set[bytes]()
        async with self._store.begin() as connection:
            await _keep(connection, call, became)
            for some in chunks(sorted(keys)):
                still = update(dispatched).where(_OF.key.in_(some), _OF.call == call, _OF.state == CLAIMED)
                begun = await connection.execute(still.values(state=Fate.UNKNOWN).returning(_OF.key))
                mine |= set(begun.scalars())
        return mine

    async def settle(self, call: str, fates: Mapping[bytes, Fate]) -> None:
        """Keep what became of a call's messages, durably.

        Raises:
            StateUnavailable: The database does not answer; they stay claimed.
        """
        if fates:
            async with self._store.begin() as connection:
                await _keep(connection, call, fates)

    async def let_go(self, *calls: str) -> None:
        """Let keys be nobody's that calls claimed and did not begin, and never will.

        Raises:
            StateUnavailable: The database does not answer; they stay claimed.
        """
        async with self._store.begin() as connection:
            for some in chunks(calls):
                await connection.execute(delete(dispatched).where(_OF.call.in_(some), _OF.state == CLAIMED))


async def _keep(connection: AsyncConnection, call: str, fates: Mapping[bytes, Fate]) -> None:
    """Keep what became of a call's messages."""
    if not fates:
        return
    one = update(dispatched).where(_OF.key == bindparam("of"), _OF.call == call)
    told = [{"of": key, "became": str(_KEPT.get(fates[key], fates[key]))} for key in sorted(fates)]
    await connection.execute(one.values(state=bindparam("became")), told)


async def doubt(connection: AsyncConnection) -> int:
    """Let everything that is claimed be unknown; return how much that was."""
    claimed = update(dispatched).where(_OF.state == CLAIMED)
    return (await connection.execute(claimed.values(state=Fate.UNKNOWN))).rowcount


async def add(connection: AsyncConnection, rows: Sequence[Mapping[str, object]], *, is_sqlite: bool) -> set[bytes]:
    """Add rows whose keys are new; return these keys."""
    insert = sqlite.insert if is_sqlite else postgresql.insert
    new = insert(dispatched).values(list(rows)).on_conflict_do_nothing().returning(_OF.key)
    return set((await connection.execute(new)).scalars())
