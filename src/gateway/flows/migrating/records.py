# SPDX-License-Identifier: Apache-2.0
"""One record turned over: read, entered, written, read again.

RULES

1. What is written is made of the record as it is, read a moment before where a route for that is declared; where
   the store honours ``If-Match``, what somebody else wrote in between is not lost: the record is read again.
2. An ``intent`` is durable before a write is sent, and one entry behind it says how it ended.
3. What the store holds afterwards is read, from its answer or by one more question. If it is not what was written,
   because a column is too short or a store changes what it is given, the value is put back and the migration ends.
4. A write whose end nobody knows is looked at by reading the record again: turning over twice changes nothing.
"""

from collections.abc import AsyncIterator, Sequence
from enum import Enum
from hashlib import sha256
from urllib.parse import quote

import msgspec
from pyroaring import BitMap

from gateway.domain.catalog import BodyKind, Honoured, Route
from gateway.domain.decision import Reason
from gateway.domain.entry import End, Facts, Intent, Part, Refused, Release
from gateway.domain.errors import Overloaded, StateUnavailable, StoreMisbehaved, StoreUnreachable
from gateway.domain.inquiry import Written
from gateway.domain.names import DecisionId, FieldName, PersonNumber
from gateway.domain.turning import MIGRATION, Found, Turned
from gateway.flows.migrating.planning import Plan
from gateway.flows.migrating.ports import Asked, Rooms, StoreAnswer
from gateway.transform.inner import Cell
from gateway.transform.turning import TurningRow, TurningRows
from gateway.transform.writing import body_of

PURPOSE = "essential.service.security"
"""Fideslang's word for what protects the data itself."""

DONE = (200, 201, 204)
REFUSED = {
    400: Reason.STORE_REFUSED,
    409: Reason.STORE_CONFLICT,
    413: Reason.STORE_REFUSED,
    415: Reason.STORE_REFUSED,
    422: Reason.STORE_REFUSED,
}
MOST_TRIES = 6
"""Of one record whose store does not answer, or that others write to all the time."""
EMPTY = sha256(b"").hexdigest()
MERGE_PATCH = "application/merge-patch+json"


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


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration is for.

    Attributes:
        accept: Values of which only the normalised spelling would come back are turned over as well.
        rules: Digest of the rules that it goes by.
    """

    back: bool = False
    accept: bool = False
    rules: str = ""


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
        """Turn it over, or return ``None`` where somebody else wrote to it first."""
        call = _Call(self._rooms, self._plan, self._wanted, listed.keys, person)
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
        self, call: "_Call", before: TurningRow, values: Sequence[tuple[FieldName, str]], told: TurningRow | None
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
        again = _Call(self._rooms, self._plan, self._wanted, before.keys, call.person)
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


class _Call:
    """One decision of the migration: what it asks of one record, and what is entered of it."""

    def __init__(
        self, rooms: Rooms, plan: Plan, wanted: Wanted, keys: tuple[str, ...], person: PersonNumber | None
    ) -> None:
        self._rooms, self._plan, self._wanted, self._keys = rooms, plan, wanted, keys
        self.person = person
        self._id: DecisionId = rooms.new_id()
        self._n = 0

    async def read(self, rows: TurningRows, route: Route) -> tuple[TurningRow, str | None] | None:
        """Return the record as it is, with its entity tag; ``None`` if there is none.

        Raises:
            StoreMisbehaved: Another record came, or one that cannot be read.
        """
        async with self._rooms.target.call(self._asked(route, query=route.always)) as answer:
            if answer.absent:
                return None
            row = await rows.record(answer, route.answer)
            if row.keys != self._keys:
                raise StoreMisbehaved("the store answered with another record than it was asked for")
            return row, answer.etag

    async def write(
        self, rows: TurningRows, values: Sequence[tuple[FieldName, str]], etag: str | None
    ) -> tuple[int, TurningRow | None]:
        """Enter and send a write; return its status, and the record that the store answered with, if it did.

        Raises:
            StoreMisbehaved: It answered with another record.
        """
        route, body = self._plan.update, self._plan.update.body
        assert body is not None  # noqa: S101 - the plan chose the route by it
        await self._intend([name for name, _ in values])
        is_conditional = etag is not None and not etag.startswith("W/") and Honoured.IF_MATCH in route.honours
        asked = self._asked(
            route,
            query=route.always,
            body=body_of([Written(tuple(values))], body.kind),
            content_type=MERGE_PATCH if body.kind is BodyKind.MERGE_PATCH else "application/json",
            headers=(("if-match", etag),) if is_conditional and etag is not None else (),
            writes=True,
        )
        try:
            async with self._rooms.target.call(asked) as answer:
                told = await self._told(rows, answer)
                status = answer.status
        except (StoreUnreachable, StoreMisbehaved, Overloaded) as error:
            reason = Reason.STORE_ANSWER_INVALID if isinstance(error, StoreMisbehaved) else Reason.STORE_UNREACHABLE
            await self._rooms.recorder.append(End(call=self._id, how="store-failed", bytes=0, reason=reason))
            raise
        await self._ended(status)
        return status, told

    async def looked(self, route: Route, n_rows: int) -> None:
        """Enter that a record was read, and nothing of it written."""
        facts = facts_of(self._plan, self._wanted, route)
        people = [] if self.person is None or not n_rows else [self.person]
        await entered_read(self._rooms, self._id, facts, n_rows, people)

    async def _told(self, rows: TurningRows, answer: StoreAnswer) -> TurningRow | None:
        route = self._plan.update
        if answer.status not in (200, 201) or route.answer.kind != "record":
            return None
        pieces = [piece async for piece in answer.chunks()]
        if not any(pieces):
            return None
        row = await rows.record(_Read(pieces), route.answer)
        if row.keys != self._keys:
            raise StoreMisbehaved("the store answered a write with another record")
        return row

    async def _intend(self, names: Sequence[FieldName]) -> None:
        word = "clear" if self._wanted.back else "surrogate"
        facts = facts_of(self._plan, self._wanted, self._plan.update)
        entry = Intent(call=self._id, records=1, written={word: tuple(names)}, facts=facts)
        await self._rooms.recorder.append(entry, self._part())

    async def _ended(self, status: int) -> None:
        if status in DONE:
            entry: Release | Refused = Release(
                call=self._id, n=0, rows=0, bytes=0, people=0, status=204, digest=EMPTY, last=True
            )
        else:
            refused = {404: Reason.NOT_FOUND, 412: Reason.PRECONDITION_FAILED, **REFUSED}
            reason = refused.get(status, Reason.STORE_ANSWER_INVALID)
            entry = Refused(call=self._id, reason=reason, status=status)
        await self._rooms.recorder.append(entry, self._part())

    def _part(self) -> Part:
        return Part(met=() if self.person is None else (self.person,))

    def _asked(self, route: Route, **rest: object) -> Asked:
        values = iter(self._keys)
        segments = route.template.split("/")[2:]
        path = "".join(
            "/" + quote(next(values) if segment.startswith("{") else segment, safe="") for segment in segments
        )
        n, self._n = self._n, self._n + 1
        return Asked(route=route, decision_id=self._id, path=path, n=n, **rest)  # type: ignore[arg-type]


class _Read:
    """An answer whose pieces are known."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the pieces."""
        for piece in self._pieces:
            yield piece


def facts_of(plan: Plan, wanted: Wanted, route: Route, *, limit: int = 0) -> Facts:
    """Return what the log keeps of a call of a migration."""
    return Facts(
        account=MIGRATION,
        purpose=PURPOSE,
        dataset=plan.dataset,
        operation=route.operation,
        method=route.method,
        route=route.template,
        rules=wanted.rules,
        named=plan.names,
        limit=limit,
    )


async def entered_read(
    rooms: Rooms, call: DecisionId, facts: Facts, n_rows: int, people: Sequence[PersonNumber | None]
) -> None:
    """Enter that rows were read by the gateway itself; not a byte of them is released to anybody."""
    known = {number for number in people if number is not None}
    entry = Release(call=call, n=0, rows=n_rows, bytes=0, people=len(known), digest=EMPTY, last=True, facts=facts)
    await rooms.recorder.append(entry, Part(people=BitMap(known).serialize() if known else b""))
