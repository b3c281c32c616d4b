# SPDX-License-Identifier: Apache-2.0
"""Wrapped keys of people who were erased, overwritten in the files of the database as well.

A deleted row is not gone: SQLite keeps its pages in the WAL until that is folded back, PostgreSQL keeps the row in the
table until that is written anew. Of a person only the wrapped key counts: without it nothing else that lingers opens.

RULES

1. That something is to be overwritten is noted before it is deleted, and the note goes only once nothing is left: so
   whoever was killed in between, or found somebody who reads, leaves it to the worker, or to whoever asks next.
2. Nobody waits for long: some seconds, then it is for the worker, which tries each minute. What passes by itself is
   waited for so; on PostgreSQL an ANALYZE, and every connection that anybody opens to any database of the server.
3. The write-ahead log of a PostgreSQL server, its archives, replicas and copies of files are not reached from here.
"""

import asyncio
import secrets

from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import REGCLASS

from gateway.store.engine import Store
from gateway.store.meta import OVERWRITE_OWED, Meta
from gateway.store.schema import KEYS_SCHEMA, person_key

TABLE = f"{KEYS_SCHEMA}.{person_key.name}"
PATIENCE_MS = 100
"""How long PostgreSQL waits for the lock of the table, and keeps whoever reads keys waiting."""
PAUSES_S = (0.0, *(0.05,) * 10, *(0.2,) * 10, *(0.5,) * 8)
"""Before each try on PostgreSQL: beside a test suite that opens connections all the time 200 tries at once had failed."""
FEW = 3
"""Tries on SQLite, where folding waits itself, and of a table whose writing takes long."""
LARGE_BYTES = 1 << 24


class Overwriting:
    """Owner of the note."""

    def __init__(self, store: Store) -> None:
        """Keep the store."""
        self._store, self._meta = store, Meta(store)

    async def owe(self) -> None:
        """Note that a key of a person is about to be deleted."""
        await self._meta.write(OVERWRITE_OWED, secrets.token_hex(8))

    async def settle(self) -> bool:
        """Overwrite what is owed; tell whether nothing is left.

        Raises:
            StateUnavailable: The database does not answer; it stays owed.
        """
        owed = await self._meta.read(OVERWRITE_OWED)
        if owed is None:
            return True
        for pause_s in PAUSES_S[: FEW if await self._is_slow() else None]:
            await asyncio.sleep(pause_s)
            is_done = await self._store.keys.scrub([TABLE], patience_ms=PATIENCE_MS)
            if is_done and await self._store.main.fold():
                # Who deleted another key meanwhile has written another note.
                return await self._meta.drop(OVERWRITE_OWED, owed)
        return False

    async def _is_slow(self) -> bool:
        """Tell whether one try takes as long as many should."""
        if self._store.is_sqlite:
            return True
        async with self._store.keys.connect() as connection:
            size = select(func.pg_total_relation_size(cast(TABLE, REGCLASS)))
            return int((await connection.execute(size)).scalar_one()) > LARGE_BYTES
