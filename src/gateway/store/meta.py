# SPDX-License-Identifier: Apache-2.0
"""Single facts of the installation by key: its id, the digest of the rules in force."""

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.engine import Store
from gateway.store.schema import meta, version
from gateway.store.versions import Topic, bump

INSTALLATION = "installation"
RULES = "rules"
BACKED_UP = "backed-up/"
"""Before the name of a base, the key under which stands when its newest copy was made, in UTC microseconds."""
BACKED_UP_UNTIL = "backed-up-until/"
"""The same for when that copy counts no more, where it has an end."""
BACKED_UP_LONGEST = "backed-up-longest/keys"
"""When the last of all copies of the keys of people counts no more; an older copy can end later than the newest."""

OVERWRITE_OWED = "overwrite-owed"
"""There while wrapped keys that were deleted may be in files of the database still; written by ``overwriting``."""

SHREDDED = "shredded/"
"""Before label and version of a key that was shredded, so that an older copy of the keyring brings none back."""


class Meta:
    """Reads and writes the facts; what others must notice is announced in the same transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, key: str) -> str | None:
        """Return a fact, if it was ever written."""
        async with self._store.connect() as connection:
            return await _read(connection, key)

    async def server_us(self) -> int | None:
        """Return the time of the database server in UTC microseconds; ``None`` where the database is files here."""
        if self._store.is_sqlite:
            return None
        async with self._store.connect() as connection:
            told = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
            return int(told.timestamp() * 1_000_000)

    async def write(self, key: str, value: str, *, announce: Topic | None = None) -> None:
        """Write a fact over what it was, and announce the change on a topic."""
        async with self._store.begin() as connection:
            # One after the other: of two that both delete first, the second would find the other's row.
            await connection.execute(select(version.c.value).where(version.c.topic == Topic.RULES).with_for_update())
            await connection.execute(delete(meta).where(meta.c.key == key))
            await connection.execute(insert(meta).values(key=key, value=value))
            if announce is not None:
                await bump(connection, announce)

    async def drop(self, key: str, value: str) -> bool:
        """Delete a fact if it is still this; tell whether there is none now."""
        async with self._store.begin() as connection:
            await connection.execute(delete(meta).where(meta.c.key == key, meta.c.value == value))
            return await _read(connection, key) is None

    async def shredded(self) -> list[tuple[str, int]]:
        """Return labels and versions of the keys that were shredded here."""
        async with self._store.connect() as connection:
            query = select(meta.c.key).where(meta.c.key.startswith(SHREDDED, autoescape=True)).order_by(meta.c.key)
            keys = (await connection.execute(query)).scalars().all()
        parts = (key.removeprefix(SHREDDED).rpartition("#") for key in keys)
        return [(label, int(number)) for label, _, number in parts]

    async def note_shredded(self, label: str, number: int) -> None:
        """Note that a version of a key is shredded."""
        await self.write(f"{SHREDDED}{label}#{number}", "")

    async def settle(self, key: str, value: str) -> str:
        """Return the fact, writing it first if nobody has: the first to settle decides for all."""
        async with self._store.begin() as connection:
            # The row of a topic is the lock: two settlers on PostgreSQL come one after the other.
            await bump(connection, Topic.RULES)
            if (known := await _read(connection, key)) is not None:
                return known
            await connection.execute(insert(meta).values(key=key, value=value))
            return value


async def _read(connection: AsyncConnection, key: str) -> str | None:
    return (await connection.execute(select(meta.c.value).where(meta.c.key == key))).scalar_one_or_none()
