# SPDX-License-Identifier: Apache-2.0
"""Whatever is changed in the tables of the index of the log, it is shown as differing from the files.

Nothing signs the index, so nothing in it proves anything: what it says is that of the files, or it is made anew. An edit
of it is a value changed, a row taken out, or a row put in, in any of its tables.
"""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, ColumnElement, Table, and_, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from bench.made_log import made_log
from gateway.app.index.building import check
from gateway.app.index.indexing import fill
from gateway.domain.errors import GatewayError
from gateway.domain.log_index import SPAN
from gateway.store.engine import Base, open_index
from gateway.store.log.index import LogIndex
from gateway.store.log_schema import INDEX
from tests.referee.numbers import INDEX_EDITS
from tests.referee.report import progress, summary

UNTOLD = {("log_slot", "looked_us"), ("log_slot", "part_at")}
"""When it was last looked, and where to begin to look for the next part: neither is of any entry."""
EVERY = 60
"""Rows from one that may be edited to the next, of tables with many."""

Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two logs, of which one is longer than a span."""
    folder = tmp_path_factory.mktemp("made") / "log"
    made_log(folder, SPAN + 2_500, slots=("door-0", "worker"), segment_bytes=4 << 20)
    return folder


@asynccontextmanager
async def indexed(place: str | Path, logs: Path) -> AsyncIterator[LogIndex]:
    """Yield an index that is built from the logs and agrees with them."""
    index = LogIndex(await open_index(place))
    try:
        assert await fill(index, logs) == {}
        assert (await check(index, logs)).is_same
        yield index
    finally:
        await index.close()


def key_of(table: Table, row: Row) -> ColumnElement[bool]:
    """Return what finds a row."""
    return and_(*(column == row[column.name] for column in table.primary_key))


def bent(chance: random.Random, column: Column[Any], value: object) -> object:
    """Return another value of a column."""
    if isinstance(value, bytes):
        place = chance.randrange(len(value))
        return value[:place] + bytes((value[place] ^ (1 << chance.randrange(8)),)) + value[place + 1 :]
    if isinstance(value, str):
        return value[:-1] if value and chance.random() < 0.5 else value + "x"
    if isinstance(value, int):
        return value + chance.choice((-1, 1)) * chance.choice((1, 1, 2, 7))
    assert column.nullable
    return chance.randbytes(16)


async def rows_of(base: Base, table: Table) -> list[Row]:
    """Return rows of a table, all of a small one."""
    async with base.connect() as connection:
        n_rows = (await connection.execute(select(func.count()).select_from(table))).scalar_one()
        rows = (await connection.execute(select(table))).mappings().all()
        return [dict(row) for row in rows[:: EVERY if n_rows > 10 * EVERY else 1]]


class Editor:
    """Edits an index, one row at a time, and puts each back."""

    def __init__(self, base: Base, rows: Mapping[Table, list[Row]], chance: random.Random) -> None:
        self._base, self._rows, self._chance = base, rows, chance

    @asynccontextmanager
    async def edited(self) -> AsyncIterator[str]:
        """Yield what was edited, and put it back; tables and kinds of edits are drawn alike."""
        while True:
            table = self._chance.choice([table for table, rows in self._rows.items() if rows])
            row = self._chance.choice(self._rows[table])
            edit = self._chance.choice((self._change, self._change, self._take_out, self._put_in))
            try:
                what, now = await edit(table, row)
                break
            except (DBAPIError, GatewayError):
                # A key that is there, or a value that the column does not take.
                continue
        try:
            yield f"{table.name}: {what}"
        finally:
            await self._put_back(table, row, now)

    async def _change(self, table: Table, row: Row) -> tuple[str, Row | None]:
        names = [column for column in table.c if (table.name, column.name) not in UNTOLD]
        column = self._chance.choice(names)
        now = {**row, column.name: bent(self._chance, column, row[column.name])}
        async with self._base.begin() as connection:
            await connection.execute(update(table).where(key_of(table, row)).values(**{column.name: now[column.name]}))
        return f"{column.name} of {key_of(table, row)!s:.60} changed", now

    async def _take_out(self, table: Table, row: Row) -> tuple[str, Row | None]:
        async with self._base.begin() as connection:
            await connection.execute(delete(table).where(key_of(table, row)))
        return "a row taken out", None

    async def _put_in(self, table: Table, row: Row) -> tuple[str, Row | None]:
        """Put in a row beside another; its key and what must be unique are new."""
        new = dict(row)
        for column in table.c:
            if column.primary_key and isinstance(row[column.name], int):
                new[column.name] = row[column.name] + self._chance.randint(1, 30_000)
            elif isinstance(row[column.name], str):
                new[column.name] = f"{row[column.name]}{self._chance.getrandbits(20)}"
        async with self._base.begin() as connection:
            await connection.execute(insert(table).values(**new))
        return "a row put in", new

    async def _put_back(self, table: Table, row: Row, now: Row | None) -> None:
        async with self._base.begin() as connection:
            if now is not None:
                await connection.execute(delete(table).where(key_of(table, now)))
            await connection.execute(delete(table).where(key_of(table, row)))
            await connection.execute(insert(table).values(**row))


async def edits_found(place: str | Path, logs: Path, n_edits: int) -> None:
    """Edit an index so many times, each time from what it should be, and expect each to be shown."""
    tell = progress("edits of the index", n_edits)
    async with indexed(place, logs) as index:
        chance = random.Random(n_edits)
        editor = Editor(index.base, {table: await rows_of(index.base, table) for table in INDEX.sorted_tables}, chance)
        for n_done in range(n_edits):
            async with editor.edited() as what:
                try:
                    found = not (await check(index, logs)).is_same
                except (GatewayError, ValueError):
                    # What it holds cannot even be read.
                    found = True
                assert found, what
            tell(n_done)
        assert (await check(index, logs)).is_same


async def test_an_edited_index_is_shown_as_differing_from_the_files(place: str, logs: Path) -> None:
    """Any table, any column."""
    await edits_found(place, logs, INDEX_EDITS.of(referee=False))


@pytest.mark.referee
async def test_an_index_edited_in_hundreds_of_ways_is_shown_as_differing(place: str, logs: Path) -> None:
    """On both engines."""
    n_edits = INDEX_EDITS.of(referee=True)
    await edits_found(place, logs, n_edits)
    summary(f"{n_edits} edits of the tables of the index", f"all shown as differing ({place.partition(':')[0][:10]})")
