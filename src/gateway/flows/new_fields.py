# SPDX-License-Identifier: Apache-2.0
"""Telling the owner of a field that a store sends and no dataset declares; it is dropped all the same.

RULES

1. No call waits for this: a call leaves the start of one block for each route every few seconds, and what is
   in it is looked at afterwards, in a task of the process.
2. Each such field is entered in the log, kept in a table and told by one warning, once for the installation;
   of two processes that notice it at the same moment both may enter it.
3. Names alone are told, and only those that read like names of fields (``discover.members``); of each
   dataset at most so many.
4. Where a page has too few rows to tell whether a name can be shown, a longer one is waited for; after so many
   such pages it is told as a field whose name cannot be shown.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.discover.members import HIDDEN, SAMPLE_BYTES, undeclared
from gateway.domain.catalog import FieldSpec, Route
from gateway.domain.entry import Changed, Entry, Part
from gateway.domain.errors import GatewayError
from gateway.domain.names import DatasetName

SAMPLE_EVERY_US = 5_000_000
LOOK_EVERY_S = 1.0
MOST_NAMES = 100
"""Names told of one dataset; what comes then is told as one more whose name is not shown."""

PATIENCE = 12
"""Samples of too few rows, of a dataset, before what they leave open is told without a name: a minute at least."""

_log = logging.getLogger("gateway.fields")


class UnseenFields(Protocol):
    """The table of fields that were noticed."""

    async def of(self, dataset: DatasetName) -> frozenset[str]:
        """Return the names that were noticed in a dataset."""

    async def add(self, dataset: DatasetName, field: str, now_us: int) -> None:
        """Keep a field, if it is not there yet."""


class Recorder(Protocol):
    """The log."""

    async def append(self, entry: Entry, part: Part | None = None) -> int:
        """Return once the entry is durable."""


class NewFields:
    """Notices new fields in samples of what stores send; one for each serving process."""

    def __init__(self, table: UnseenFields, recorder: Recorder, clock: Callable[[], int]) -> None:
        """Begin with nothing noticed."""
        self._table, self._recorder, self._clock = table, recorder, clock
        self._sampled_us: dict[str, int] = {}
        """By template of a route, when it left its last sample."""
        self._waiting: dict[str, tuple[Route, Sequence[FieldSpec], bytes]] = {}
        self._told: dict[DatasetName, frozenset[str]] = {}
        self._n_open: dict[DatasetName, int] = {}
        """Samples that left something open."""

    def offer(self, route: Route, fields: Sequence[FieldSpec], rows: bytes) -> None:
        """Keep the start of a block for a look at it later, unless the route left one a moment ago.

        Args:
            route: On which the rows came.
            fields: Those that the dataset of the route declares.
            rows: A JSON array.
        """
        now_us = self._clock()
        # A clock that was set back must not end the samples.
        if abs(now_us - self._sampled_us.get(route.template, -SAMPLE_EVERY_US)) >= SAMPLE_EVERY_US:
            self._sampled_us[route.template] = now_us
            self._waiting[route.template] = (route, fields, rows[:SAMPLE_BYTES])

    async def look(self) -> None:
        """Look at the samples that wait, and tell what is new in them.

        Raises:
            GatewayError: It cannot be told now; the sample waits for the next look.
        """
        while self._waiting:
            template = next(iter(self._waiting))
            route, fields, rows = self._waiting[template]
            await self._tell(route.dataset, await self._new(route.dataset, fields, rows))
            if self._waiting[template][2] is rows:
                del self._waiting[template]

    async def run(self, stop: asyncio.Event) -> None:
        """Look once a second until told to stop."""
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
            except TimeoutError:
                try:
                    await self.look()
                except GatewayError as error:
                    _log.warning("new fields are not told yet: %s", type(error).__name__)

    async def _new(self, dataset: DatasetName, fields: Sequence[FieldSpec], rows: bytes) -> frozenset[str]:
        names = [str(field.name) for field in fields]
        found = undeclared(rows, names)
        if found.is_open:
            # What a longer page told is nothing that a short one leaves open.
            found = undeclared(rows, (*names, *await self._table.of(dataset)))
        if not found.is_open:
            return found.names
        self._n_open[dataset] = self._n_open.get(dataset, 0) + 1
        return found.names | {HIDDEN} if self._n_open[dataset] >= PATIENCE else found.names

    async def _tell(self, dataset: DatasetName, found: frozenset[str]) -> None:
        if found <= self._told.get(dataset, frozenset()):
            return
        known = await self._table.of(dataset)
        for name in sorted(found - known):
            told = name if len(known) < MOST_NAMES else HIDDEN
            if told not in known:
                await self._tell_one(dataset, told)
                known |= {told}
        # What is beyond the bound counts as told, so that the table is not asked for it every few seconds.
        self._told[dataset] = known | found

    async def _tell_one(self, dataset: DatasetName, field: str) -> None:
        # Entered first: what is kept and was never entered would never be told.
        await self._recorder.append(
            Changed(by="gateway", what="field-appeared", target=dataset, facts={"field": field})
        )
        await self._table.add(dataset, field, self._clock())
        what = "a field whose name cannot be shown" if field == HIDDEN else f"the field {field}"
        _log.warning("%s: the store sends %s, which no dataset declares; it is dropped", dataset, what)
