# SPDX-License-Identifier: Apache-2.0
"""What is known of columns that are turned over: kept as a fact of the installation, held in memory by each process.

A column of which nothing is known may hold values and surrogates. So nothing has to be put back into a database that
is older than the log: there the facts are forgotten, and every column counts as mixed until it was walked again.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from gateway.domain.names import DatasetName, FieldName
from gateway.domain.turning import UNKNOWN, ColumnState
from gateway.store.meta import Meta
from gateway.store.versions import Topic

COLUMNS = "columns"
"""Fact that holds the state of every column that was ever turned over."""

_States = dict[str, dict[str, ColumnState]]


class KnownColumns:
    """The states of all columns; a process that serves reads them again when they are announced."""

    def __init__(self, meta: Meta) -> None:
        """Begin with nothing known: every column may be mixed."""
        self._meta = meta
        self._states: _States = {}
        # What was read before a change may not be put over it.
        self._one_at_a_time = asyncio.Lock()

    def of(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return what is known of a column as of the last time that it was read."""
        return self._states.get(dataset, {}).get(field, UNKNOWN)

    async def read(self, dataset: DatasetName, field: FieldName) -> ColumnState:
        """Return what is known of a column now."""
        await self.refresh()
        return self.of(dataset, field)

    async def everything(self) -> tuple[tuple[DatasetName, FieldName, ColumnState], ...]:
        """Return what is known of every column now."""
        await self.refresh()
        return tuple(
            (DatasetName(dataset), FieldName(field), state)
            for dataset, fields in sorted(self._states.items())
            for field, state in sorted(fields.items())
        )

    async def refresh(self) -> None:
        """Read all of them again."""
        async with self._one_at_a_time:
            await self._read()

    async def _read(self) -> None:
        text = await self._meta.read(COLUMNS)
        self._states = {} if text is None else msgspec.json.decode(text, type=_States)

    async def write(self, dataset: DatasetName, states: Mapping[FieldName, ColumnState]) -> None:
        """Keep states of a dataset's columns, and announce them."""
        async with self._one_at_a_time:
            await self._read()
            of_dataset = {**self._states.get(dataset, {}), **{str(name): state for name, state in states.items()}}
            self._states = {**self._states, str(dataset): of_dataset}
            text = msgspec.json.encode(self._states).decode()
            # With the keys: whoever asks a store for a value has to know under which keys it may lie there.
            await self._meta.write(COLUMNS, text, announce=Topic.KEYS)

    async def forget(self) -> None:
        """Know nothing of any column."""
        async with self._one_at_a_time:
            self._states = {}
            await self._meta.write(COLUMNS, "{}", announce=Topic.KEYS)
