# SPDX-License-Identifier: Apache-2.0
"""The life of a migration: look, announce, walk and turn over, until a whole walk finds nothing left.

1 look through the whole list, and refuse where a value would come back in another spelling · 2 let every door know
that the column is mixed · 3 walk and turn over, the first record alone · 4 walk again, until there is nothing to do ·
5 let every door know that the column is whole

RULES

1. A record is either as it was or turned over, at every moment; so a migration that was killed is begun again, and
   there is nothing else to be found out or put right.
2. The first record is written alone, and looked at, before any other is: a store that cannot hold what it is given
   loses nothing.
3. A column counts as turned over only after a walk that found nothing to write, and nothing that cannot be.
"""

import asyncio
from collections.abc import Callable, Sequence

from gateway.domain.catalog import AtRest, Route
from gateway.domain.entry import Changed, Part
from gateway.domain.errors import Overloaded, StoreMisbehaved, StoreUnreachable
from gateway.domain.names import DecisionId, FieldName, PersonNumber
from gateway.domain.turning import ColumnState, Found, Turn
from gateway.flows.migrating.calls import FAILURES, Wanted, entered_failure, entered_read, facts_of
from gateway.flows.migrating.planning import Plan
from gateway.flows.migrating.ports import Asked, Rooms
from gateway.flows.migrating.records import Became, Records, RefusedByStore
from gateway.flows.migrating.report import Report, Tally
from gateway.flows.migrating.walking import pages
from gateway.transform.turning import Page, TurningRow

AT_ONCE = 8
"""Records that are written at the same time; they share the log's writes to disk."""
MOST_WALKS = 20
MOST_REFUSED = 100
"""Records that a store may refuse before the migration ends."""
MOST_TRIES = 6

TURNING, TURNED = "column-turning", "column-turned"

Tell = Callable[[int], None]
"""Is told how many rows were gone through since the last time."""


class Migration:
    """One dataset on its way from values to surrogates, or back."""

    def __init__(self, rooms: Rooms, plan: Plan, wanted: Wanted, *, by: str, batch: int = 500) -> None:
        """Begin with nothing asked.

        Args:
            rooms: What it works with.
            plan: What is turned over, and by which routes.
            wanted: In which direction.
            by: Who gave the command.
            batch: Rows of a page.
        """
        self._rooms, self._plan, self._wanted, self._by, self._batch = rooms, plan, wanted, by, batch
        self._records = Records(rooms, plan, wanted)
        self._n_written = self._n_gone = self._n_walks = 0
        self._refused: dict[int, int] = {}
        self._in_force: dict[FieldName, int] = {}
        """Version of each field's key as the last walk began; one that came since is not that of every row."""

    async def look(self, tell: Tell = lambda _n: None) -> Report:
        """Walk once and write nothing.

        Raises:
            StoreUnreachable / StoreMisbehaved / SettingsError / LogUnavailable: It cannot be done.
        """
        tally = await self._walk(tell, write=False)
        return self._report(tally, is_dry=True, whole=tally.n_to_write == 0)

    async def run(self, tell: Tell = lambda _n: None) -> Report:
        """Turn over whatever there is, until a walk finds nothing left to do.

        Raises:
            StoreUnreachable / StoreMisbehaved / SettingsError / LogUnavailable: It cannot go on; begun again, it will.
        """
        await self._announce_begin()
        whole, left, tally = False, -1, Tally(self._plan.names, back=self._wanted.back)
        for _ in range(MOST_WALKS):
            before, n_left, self._refused = self._n_written, left, {}
            self._n_walks += 1
            tally = await self._walk(tell, write=True)
            left = tally.n_to_write
            whole = not left
            # What stays to be done though nothing could be, as often as one looks, is not done by looking again.
            if whole or self._refused or (left == n_left and self._n_written == before):
                break
        report = self._report(tally, is_dry=False, whole=whole)
        await self._announce_end(report)
        return report

    async def _walk(self, tell: Tell, *, write: bool) -> Tally:
        tally = Tally(self._plan.names, back=self._wanted.back)
        self._in_force = {name: self._version(name) for name in self._plan.names}
        is_first = write and not self._n_written
        async for page in pages(self._plan.walk, self._batch, self._ask):
            people = await self._numbers(page.rows)
            tally.n_malformed += page.malformed
            todo = await self._judged(page, people, tally)
            if write and todo:
                if is_first:
                    await self._turn(*todo.pop(0))
                    is_first = False
                await self._turn_all(todo)
            tell(len(page.rows) + page.malformed)
        return tally

    async def _judged(
        self, page: Page, people: Sequence[PersonNumber | None], tally: Tally
    ) -> list[tuple[TurningRow, PersonNumber | None]]:
        """Count what there is and return the rows of which something is to be written."""
        todo: list[tuple[TurningRow, PersonNumber | None]] = []
        judged = await self._records.judged(page.rows, people, make=False)
        for row, person, cells in zip(page.rows, people, judged, strict=True):
            tally.n_rows += 1
            for name, cell in zip(self._plan.names, cells, strict=True):
                tally.take(name, cell.found)
            if not row.keys:
                tally.n_without_key += 1
            elif any(self._is_to_write(cell.found) for cell in cells):
                todo.append((row, person))
        tally.n_to_write += len(todo)
        return todo

    def _is_to_write(self, found: Found) -> bool:
        if self._wanted.back:
            return found is Found.OVER
        return found in (Found.CLEAR, Found.OLDER) or (found is Found.LOSES and self._wanted.accept)

    async def _turn_all(self, todo: Sequence[tuple[TurningRow, PersonNumber | None]]) -> None:
        waiting = list(reversed(todo))

        async def work() -> None:
            while waiting:
                await self._turn(*waiting.pop())

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(todo))):
                    group.create_task(work())
        except ExceptionGroup as errors:
            # One is told; the others are of the same kind, or come of its end.
            raise _first(errors) from None

    async def _turn(self, row: TurningRow, person: PersonNumber | None) -> None:
        await self._rooms.pace.next()
        try:
            became = await self._records.turn(row, person)
        except RefusedByStore as no:
            self._refused[no.status] = self._refused.get(no.status, 0) + 1
            if sum(self._refused.values()) >= MOST_REFUSED or not self._n_written:
                raise StoreMisbehaved(f"the store refuses to change records, with status {no.status}") from None
            return
        self._n_written += became is Became.WRITTEN
        self._n_gone += became is Became.GONE

    async def _ask(self, query: tuple[tuple[str, str], ...]) -> Page:
        """Return a page, asked for again where the store does not answer, and enter that it was read."""
        route, wait_s = self._plan.walk.route, 0.5
        for _ in range(MOST_TRIES - 1):
            try:
                return await self._asked(route, query)
            except (StoreUnreachable, Overloaded):
                await self._rooms.sleep(wait_s)
                wait_s *= 2
        return await self._asked(route, query)

    async def _asked(self, route: Route, query: tuple[tuple[str, str], ...]) -> Page:
        call = self._rooms.new_id()
        facts = facts_of(self._plan, self._wanted, route, limit=self._batch)
        try:
            page, people = await self._read(route, call, query)
        except FAILURES as error:
            await entered_failure(self._rooms, call, facts, error, Part())
            raise
        await entered_read(self._rooms, call, facts, len(page.rows) + page.malformed, people)
        return page

    async def _read(
        self, route: Route, call: DecisionId, query: tuple[tuple[str, str], ...]
    ) -> tuple[Page, list[PersonNumber | None]]:
        """Return a page, and whom its rows are about."""
        asked = Asked(route=route, decision_id=call, path="/" + route.template.split("/", 2)[2], query=query)
        async with self._rooms.target.call(asked) as answer:
            if answer.absent:
                raise StoreMisbehaved("the store has no such list")
            page = await self._records.rows.page(answer, route.answer)
        return page, await self._numbers(page.rows)

    async def _numbers(self, rows: Sequence[TurningRow]) -> list[PersonNumber | None]:
        """Return the number of each row's person; of a row whose person cannot be read, none."""
        subject = self._plan.collection.subject
        named = [row.subject for row in rows if row.subject]
        if subject is None or not named:
            return [None] * len(rows)
        numbers = iter(await self._rooms.people.numbers(subject.identity, named))
        return [next(numbers) if row.subject else None for row in rows]

    async def _announce_begin(self) -> None:
        """Let every door know that the column is mixed before the first record is written."""
        names, known = self._plan.names, self._rooms.known
        before = {name: await known.read(self._plan.dataset, name) for name in names}
        turn = Turn.BACK if self._wanted.back else Turn.OVER
        await self._enter(TURNING, {})
        if turn is Turn.OVER:
            await self._rooms.sealed.hold(self._plan.dataset, self._plan.fields)
        # Re-wrapped under another key, a column holds no value at any moment.
        states = {
            name: state if turn is Turn.OVER and state.turn is Turn.DONE else ColumnState(turn, state.oldest)
            for name, state in before.items()
        }
        await known.write(self._plan.dataset, states)
        # Doors seal what is written unless the column goes back, and look for values unless they take it for whole.
        await self._rooms.settled(any((state.turn is Turn.BACK) != self._wanted.back for state in before.values()))

    async def _announce_end(self, report: Report) -> None:
        facts: dict[str, str | int] = {
            "rows": report.rows,
            "written": report.written,
            "left": sum(one.n_cannot + one.loses_spelling for one in report.fields),
            "whole": int(report.whole),
        }
        await self._enter(TURNED, facts)
        if report.is_right and not self._wanted.back:
            states = {name: ColumnState(Turn.DONE, self._in_force[name]) for name in self._plan.names}
            await self._rooms.known.write(self._plan.dataset, states)
        elif report.whole and self._wanted.back:
            await self._rooms.sealed.let_go(self._plan.dataset, self._plan.names)

    def _version(self, name: FieldName) -> int:
        spec = self._plan.collection.field(name)
        return self._rooms.version_of(name) if spec is not None and spec.at_rest is AtRest.SIV else 1

    async def _enter(self, what: str, facts: dict[str, str | int]) -> None:
        to = "back" if self._wanted.back else "over"
        said: dict[str, str | int] = {"to": to, "fields": " ".join(self._plan.names), **facts}
        await self._rooms.recorder.append(Changed(by=self._by, what=what, target=self._plan.dataset, facts=said))

    def _report(self, tally: Tally, *, is_dry: bool, whole: bool) -> Report:
        return Report(
            dataset=self._plan.dataset,
            to="back" if self._wanted.back else "over",
            is_dry=is_dry,
            rows=tally.n_rows,
            fields=tally.fields(),
            malformed=tally.n_malformed,
            without_key=tally.n_without_key,
            written=self._n_written,
            again=self._records.n_again,
            gone=self._n_gone,
            refused=dict(self._refused),
            walks=self._n_walks,
            whole=whole,
            conditional=self._plan.is_conditional,
        )


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
