# SPDX-License-Identifier: Apache-2.0
"""The change feed: one number for each topic, counted up in the transaction of the change itself.

A process that keeps something in memory polls the feed and reads again what changed. Counting up
first also puts the writers of a topic in a row, since the row stays locked until their commit; so
ids that a table counts up become visible in their order, on PostgreSQL as on SQLite.

On PostgreSQL the commit of a change also notifies whoever listens, so that a poll comes at once and not
with the next round. A notification says nothing by itself and may be lost: the poll alone is relied on.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from enum import StrEnum

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.domain.errors import StateUnavailable
from gateway.store import postgres
from gateway.store.engine import Store
from gateway.store.schema import version

GATHER_S = 0.02
"""What comes within this time after a notification is one hint, so that many writers are not as many polls."""

LISTEN_AGAIN_S = 5.0
"""How long to do without notifications after the connection that listens was lost."""


class Topic(StrEnum):
    """What can change under a running process."""

    RULES = "rules"
    CHOICES = "choices"
    ACCOUNTS = "accounts"
    """Accounts, clients, locks and revocations."""
    HOLDS = "holds"
    PEOPLE = "people"
    """Merged and shredded people; new ones change nothing that is already known."""
    KEYS = "keys"
    """Rotated, retired and shredded keys of the keyring."""


async def bump(connection: AsyncConnection, topic: str) -> int:
    """Count a topic up inside the transaction of the change, before its other statements."""
    if connection.dialect.name == "postgresql":
        # Sent by the commit, and once however often a transaction says it.
        await connection.execute(select(func.pg_notify(postgres.CHANNEL, "")))
    statement = update(version).where(version.c.topic == topic).values(value=version.c.value + 1)
    return int((await connection.execute(statement.returning(version.c.value))).scalar_one())


async def read_all(connection: AsyncConnection) -> dict[Topic, int]:
    """Return the number of every topic."""
    rows = await connection.execute(select(version.c.topic, version.c.value))
    return {Topic(topic): value for topic, value in rows}


class ChangeFeed:
    """Tells which topics changed since the last look; the first look tells all of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[Topic, int] = {}
        # Owned by poll. SQLite counts commits of *other* connections, so the feed keeps one to itself.
        self._lasting = AsyncExitStack()
        self._connection: AsyncConnection | None = None
        self._data_version: int | None = None
        # Owned by hint: on PostgreSQL, the connection that listens.
        self._listening = AsyncExitStack()
        self._ear: AsyncConnection | None = None

    async def poll(self) -> frozenset[Topic]:
        """Return the topics that changed; they count as seen unless ``again`` is called.

        Raises:
            StateUnavailable: The database does not answer; nothing counts as seen.
        """
        if self._store.is_sqlite:
            return await self._poll_sqlite()
        async with self._store.connect() as connection:
            return self._compare(await read_all(connection))

    def again(self, topics: Iterable[Topic]) -> None:
        """Let the next poll tell these topics once more, for a reader that failed to follow them."""
        self._data_version = None
        for topic in topics:
            self._seen.pop(topic, None)

    async def hint(self) -> None:
        """Return when something may have changed; on SQLite never, for there only a look can tell.

        Without a connection to listen on it waits as well: the poll finds what it misses.
        """
        if self._store.is_sqlite:
            await asyncio.Event().wait()
        try:
            if self._ear is None:
                self._ear = await self._listening.enter_async_context(self._store.connect())
                await postgres.listen(self._ear)
            else:
                await postgres.notified(self._ear)
                await asyncio.sleep(GATHER_S)
        except StateUnavailable:
            await self._stop_listening()
            await asyncio.sleep(LISTEN_AGAIN_S)

    async def close(self) -> None:
        """Give the feed's connections back."""
        self._connection = None
        await self._lasting.aclose()
        await self._stop_listening()

    async def _stop_listening(self) -> None:
        if self._ear is not None:
            # One that goes back to the others must not go on listening.
            await self._ear.invalidate()
        self._ear = None
        await self._listening.aclose()

    async def _poll_sqlite(self) -> frozenset[Topic]:
        try:
            connection = await self._own_connection()
            # Read before the versions: a commit in between is then seen by the next poll.
            number = (await connection.execute(text("PRAGMA data_version"))).scalar_one()
            if number == self._data_version:
                return frozenset()
            changed = self._compare(await read_all(connection))
        except StateUnavailable:
            await self.close()
            raise
        self._data_version = number
        return changed

    async def _own_connection(self) -> AsyncConnection:
        if self._connection is None:
            self._data_version = None
            self._connection = await self._lasting.enter_async_context(self._store.connect())
        return self._connection

    def _compare(self, now: dict[Topic, int]) -> frozenset[Topic]:
        changed = frozenset(topic for topic, value in now.items() if self._seen.get(topic) != value)
        self._seen = now
        return changed
