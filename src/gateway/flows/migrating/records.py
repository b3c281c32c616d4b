# SPDX-License-Identifier: Apache-2.0
"""One record turned over: read, entered, written, read again.

RULES

1. What is written is made of the record as it is, read a moment before where a route for that is declared; where
   the store honours ``If-Match``, what somebody else wrote in between is not lost: the record is read again.
2. What the store holds afterwards is read, from its answer or by one more question. If it is not what was written,
   because a column is too short or a store changes what it is given, the value is put back and the migration ends.
3. A write whose end nobody knows is looked at by reading the record again: turning over twice changes nothing.
"""

from collections.abc import Sequence
from enum import Enum

from gateway.domain.errors import Overloaded, StateUnavailable, StoreMisbehaved, StoreUnreachable
from gateway.domain.names import FieldName, PersonNumber
from gateway.domain.turning import Found, Turned
from gateway.flows.migrating.calls import DONE, FAILURES, DecidedCall, Wanted
from gateway.flows.migrating.planning import Plan
from gateway.flows.migrating.ports import Rooms
from gateway.transform.inner import Cell
from gateway.transform.turning import TurningRow, TurningRows

MOST_TRIES = 6
"""Of one record whose store does not answer, or that others write to all the time."""


class Became(Enum):
    """What became of a record."""

    WRITTEN = "written"
    NOTHING = "nothing"
    """There was nothing left to do."""
    GONE = "gone"


class RefusedByStore(Exception):
    """The store did not take a record."""

    def __init__(self, status: int) -> None:
        """Keep its status."""
        super().__init__(str(status))
        self.status = status


class Records:
    """Turns records over, one at a time each.

    Attributes:
        n_again: How often a record was read again because somebody else had written to it.
    """

    def __init__(self, rooms: Rooms, plan: Plan, wanted: Wanted) -> None:
        """Begin with nothing written."""
        self._rooms, self._plan, self._wanted = rooms, plan, wanted
        self._rows = TurningRows(plan.collection, plan.keys, plan.names)
        self.n_again = self._n_checked = 0

    @property
    def rows(self) -> TurningRows:
        """What reads rows of the collection."""
        return self._rows

    async def judged(
        self, rows: Sequence[TurningRow], people: Sequence[PersonNumber | None], *, make: bool
    ) -> list[tuple[Turned, ...]]:
        """Return for each row what its cells are and are to be."""
        columns: list[Sequence[Turned]] = []
        for place, name in enumerate(self._plan.names):
            column, cells = self._rooms.columns[name], [row.cells[place] for row in rows]
            if self._wanted.back:
                columns.append(await column.back(cells))
            else:
                countries, accept = [row.country for row in rows], self._wanted.accept
                columns.append(await column.over(cells, countries, people, make=make, accept=accept))
        return list(zip(*columns, strict=True)) if rows else []

    async def turn(self, listed: TurningRow, person: PersonNumber | None) -> Became:
        """Turn one record over, as often tried as is needed.

        Raises:
            StoreUnreachable / Overloaded / StateUnavailable: The store or our database does not answer, for long.
            StoreMisbehaved: It does not hold what it was given, or answers with another record.
            RefusedByStore: It does not take the record.
            LogUnavailable: Nothing can be entered.
        """
        wait_s = 0.25
        for n_left in range(MOST_TRIES - 1, -1, -1):
            try:
                became = await self._turned(listed, person)
                if became is not None:
                    return became
                self.n_again += 1
            except (StoreUnreachable, Overloaded, StateUnavailable):
                if not n_left:
                    raise
            await self._rooms.sleep(wait_s)
            wait_s *= 2
        raise StoreMisbehaved("others write to one record all the time, so that it cannot be turned over")

    async def _turned(self, listed: TurningRow, person: PersonNumber | None) -> Became | None:
        """Turn it over, or return ``None`` where somebody else wrote to it first; whatever becomes of it is entered."""
        call = DecidedCall(self._rooms, self._plan, self._wanted, listed.keys, person)
        try:
            return await self._by(call, listed, person)
        except FAILURES as error:
            await call.failed(self._plan.record or self._plan.update, error)
            raise

    async def _by(self, call: DecidedCall, listed: TurningRow, person: PersonNumber | None) -> Became | None:
        """Turn a record over by one decision."""
        row, etag = listed, None
        if self._plan.record is not None:
            found = await call.read(self._rows, self._plan.record)
            if found is None:
                await call.looked(self._plan.record, 0)
                return Became.GONE
            row, etag = found
        (cells,) = await self.judged([row], [person], make=True)
        values = [
            (name, cell.text)
            for name, cell in zip(self._plan.names, cells, strict=True)
            if cell.text is not None and (cell.found is not Found.LOSES or self._wanted.accept)
        ]
        if not values:
            if self._plan.record is not None:
                await call.looked(self._plan.record, 1)
            return Became.NOTHING
        status, told = await call.write(self._rows, values, etag)
        if status == 412:
            return None
        if status == 404:
            return Became.GONE
        if status not in DONE:
            raise RefusedByStore(status)
        await self._check(call, row, values, told)
        return Became.WRITTEN

    async def _check(
        self, call: DecidedCall, before: TurningRow, values: Sequence[tuple[FieldName, str]], told: TurningRow | None
    ) -> None:
        """Look whether the store holds what it was given, and put the value back where it does not.

        Raises:
            StoreMisbehaved: It does not.
        """
        now = told
        if self._plan.record is not None and (now is None or self._spoilt(before, values, now)):
            found = await call.read(self._rows, self._plan.record)
            now = None if found is None else found[0]
        spoilt = [] if now is None else self._spoilt(before, values, now)
        self._n_checked += 1
        if not spoilt:
            return
        old = dict(zip(self._plan.names, before.cells, strict=True))
        back = [(name, text) for name in spoilt if isinstance(text := old[name], str)]
        again = DecidedCall(self._rooms, self._plan, self._wanted, before.keys, call.person)
        await again.write(self._rows, back, None)
        raise StoreMisbehaved(
            f"the store does not hold what it was given for {', '.join(spoilt)}: is its column too short? What stood "
            "there was put back"
        )

    def _spoilt(self, before: TurningRow, values: Sequence[tuple[FieldName, str]], now: TurningRow) -> list[FieldName]:
        """Return the fields that are not what was written, and not what somebody else wrote since."""
        old = dict(zip(self._plan.names, before.cells, strict=True))
        cells = dict(zip(self._plan.names, now.cells, strict=True))
        return [name for name, text in values if cells[name] != text and self._is_ours(cells[name], text, old[name])]

    def _is_ours(self, cell: Cell, text: str, old: Cell) -> bool:
        """Tell whether a cell is what a store made of a text: the beginning of it, or in another case, or as before."""
        if not isinstance(cell, str):
            # Somebody may have taken a value away since; of the first record that is not believed.
            return self._n_checked == 0
        return text.startswith(cell) or cell.lower() == text.lower() or cell == old
