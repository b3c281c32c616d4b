# SPDX-License-Identifier: Apache-2.0
"""Marks: how much of each log is certainly in this database, and the beat that tells an older copy from it.

RULES

1. The mark of a log is a number of entries: whatever the first so many tell is in this database. Only
   the process that writes a log moves its mark on, and never past an entry whose change may not be
   committed yet; a replay moves all of them.
2. The beat only grows. It is counted up here first and entered in a log then, so a log that names a
   higher beat than the database is the log of a newer state.
3. A copy that is put back says so: its beat ``n`` is written as ``-1 - n`` until a replay has ended.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from sqlalchemy import BigInteger, Connection, Text, cast, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.engine import Store
from gateway.store.schema import meta

BEAT = "log/beat"
PLACE = "log/at/"


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """What a database knows of its logs.

    Attributes:
        beat: ``None`` for a database that never met a log.
        places: Number of entries by name of log.
        is_put_back: A copy was put in its place, and no replay came to its end since.
    """

    beat: int | None = None
    places: Mapping[str, int] = MappingProxyType({})
    is_put_back: bool = False


class Marks:
    """Reads and moves the marks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self) -> Marked:
        """Return every mark and the beat."""
        async with self._store.connect() as connection:
            return await read(connection)

    async def advance(self, name: str, place: int) -> None:
        """Move the mark of a log on; it never goes back. For the one process that writes the log."""
        async with self._store.begin() as connection:
            if place > (await read(connection)).places.get(name, -1):
                await _write(connection, PLACE + name, place)

    async def count_up(self) -> int:
        """Count the beat up and return it, to be entered in a log."""
        fresh = cast(cast(meta.c.value, BigInteger) + 1, Text)
        async with self._store.begin() as connection:
            # One statement: of two processes the second waits and counts on from the first.
            counted = update(meta).where(meta.c.key == BEAT).values(value=fresh).returning(meta.c.value)
            return int((await connection.execute(counted)).scalar_one())

    async def settle(self, beat: int, places: Mapping[str, int]) -> None:
        """Let these be the marks, after everything before them was found or made to be so."""
        async with self._store.begin() as connection:
            await settle(connection, beat, places)


async def read(connection: AsyncConnection) -> Marked:
    """Return every mark and the beat."""
    query = select(meta.c.key, meta.c.value).where((meta.c.key == BEAT) | meta.c.key.startswith(PLACE))
    found = {key: int(value) for key, value in await connection.execute(query)}
    beat = found.pop(BEAT, None)
    places = {key.removeprefix(PLACE): place for key, place in found.items()}
    is_put_back = beat is not None and beat < 0
    return Marked(beat=-1 - beat if beat is not None and beat < 0 else beat, places=places, is_put_back=is_put_back)


def note_put_back(connection: Connection) -> None:
    """Let a copy say that it was put back, inside the transaction that does it."""
    beat = connection.execute(select(meta.c.value).where(meta.c.key == BEAT)).scalar_one_or_none()
    connection.execute(delete(meta).where(meta.c.key == BEAT))
    connection.execute(insert(meta).values(key=BEAT, value=str(min(int(beat or 0), -1 - int(beat or 0)))))


async def settle(connection: AsyncConnection, beat: int, places: Mapping[str, int]) -> None:
    """Write beat and marks inside the transaction that made them true."""
    await _write(connection, BEAT, beat)
    for name, place in places.items():
        await _write(connection, PLACE + name, place)


async def _write(connection: AsyncConnection, key: str, value: int) -> None:
    written = await connection.execute(update(meta).where(meta.c.key == key).values(value=str(value)))
    if written.rowcount == 0:
        await connection.execute(insert(meta).values(key=key, value=str(value)))
