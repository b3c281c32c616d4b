# SPDX-License-Identifier: Apache-2.0
"""``gateway log search``: entries by qualifiers, from the index of the log or, where it is behind, from the files.

What was asked is entered before anything of it is shown; a look for a person with the person's number.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.desk import asking
from gateway.cli.desk.desk import Desk, Stop, command
from gateway.cli.log.query import HELP
from gateway.cli.log.verify import Slot, directories

if TYPE_CHECKING:
    from gateway.domain.log_query import LogPlace, LogQuery, LogRow
    from gateway.flows.log_reading import Counts, LogReading

BLOCK = 1_000  # entries that are shown under one entry about it
UPKEEP = frozenset({"answered", "log-seen", "numbered"})
"""Kinds that the gateway enters by the clock or beside every call; where nobody asks for anything, they would be most."""


@command
async def search(
    desk: Desk,
    qualifiers: Annotated[list[str] | None, typer.Argument(metavar="[QUALIFIER:VALUE]…", help=HELP)] = None,
    identity: Annotated[
        tuple[str, str] | None,
        typer.Option("--identity", metavar="KIND VALUE", help="Whom entries speak of; VALUE - is read from stdin."),
    ] = None,
    facets: Annotated[bool, typer.Option("--facets", help="Count the entries instead of showing them.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most this many; 0 for all.")] = 200,
    every: Annotated[bool, typer.Option("--all", help="Also what the gateway enters for its own upkeep.")] = False,
    slot: Slot = None,
) -> None:
    """Show the entries that answer every qualifier. Newest first, with all entries of their calls."""
    from gateway.app.clock import now_us
    from gateway.cli.log.query import is_anything, query_of

    query = await _with_person(desk, await _with_account(desk, query_of(qualifiers or (), now_us())), identity)
    slots = [each.name for each in directories(desk, slot)]
    hidden = UPKEEP if is_anything(query) and not every else frozenset()
    async with _source(desk, slots, is_one=slot is not None, hidden=hidden) as source:
        if facets:
            if slot is not None:
                raise Stop("--facets counts over every log; leave --slot out")
            await _tell_counts(desk, query, await source.counts(query))
        else:
            await _tell_entries(desk, query, source, limit)


class _Source:
    """Where entries are found: in the index with what is behind it, or in the files alone."""

    def __init__(
        self, desk: Desk, reading: "LogReading", slots: Sequence[str], *, is_one: bool, hidden: Collection[str]
    ) -> None:
        self._desk, self._reading, self._slots, self._hidden = desk, reading, slots, hidden
        self._passes_over = is_one or bool(hidden)
        self._in_files = False
        self.n_hidden = 0

    async def counts(self, query: "LogQuery") -> "Counts":
        """Return counts by every facet."""
        import asyncio

        from gateway.domain.errors import StateUnavailable
        from gateway.domain.log_facets import Tally
        from gateway.flows.log_reading import Counts
        from gateway.record.reading.search import search as searched

        try:
            return await self._reading.counts(query)
        except StateUnavailable as error:
            self._say_files(error)
        tally = Tally()
        with self._desk.paper.working("Reading the log"):
            for row in await asyncio.to_thread(searched, self._directories, query):
                tally.add_row(row)
        return Counts(tally.told(), whole=True)

    async def blocks(self, query: "LogQuery", limit: int) -> AsyncIterator[list["LogRow"]]:
        """Yield the entries that answer, newest first, a block at a time; at least one block, and at most ``limit``."""
        after, n_left, n_blocks = None, limit, 0
        while True:
            rows, after = await self._page(query, after, min(BLOCK, n_left) if limit else BLOCK)
            if rows or (after is None and not n_blocks):
                yield rows
                n_blocks += 1
            n_left -= len(rows)
            if after is None or (limit and n_left <= 0):
                return

    async def _page(
        self, query: "LogQuery", after: "LogPlace | None", length: int
    ) -> tuple[list["LogRow"], "LogPlace | None"]:
        import asyncio

        from gateway.domain.errors import StateUnavailable
        from gateway.record.reading.search import place_of
        from gateway.record.reading.search import search as searched

        if not self._in_files:
            try:
                # Of one log among several, others are passed over, so pages may be short.
                page = await self._reading.page(query, after=after, limit=BLOCK if self._passes_over else length)
                rows = self._shown([row for row in page.rows if row.slot in self._slots])
                is_cut = len(rows) > length
                return rows[:length], place_of(rows[length - 1]) if is_cut else page.next
            except StateUnavailable as error:
                self._say_files(error)
        with self._desk.paper.working("Reading the log"):
            rows = await asyncio.to_thread(searched, self._directories, query, after=after, limit=length + 1)
        return self._shown(rows[:length]), place_of(rows[length - 1]) if len(rows) > length else None

    def _shown(self, rows: list["LogRow"]) -> list["LogRow"]:
        found = [row for row in rows if row.kind not in self._hidden]
        self.n_hidden += len(rows) - len(found)
        return found

    @property
    def _directories(self) -> list[Path]:
        return [self._desk.state / "log" / slot for slot in self._slots]

    def _say_files(self, error: Exception) -> None:
        self._in_files = True
        self._desk.paper.tell(f"{error}; the files are searched, which takes longer")


@asynccontextmanager
async def _source(desk: Desk, slots: Sequence[str], *, is_one: bool, hidden: Collection[str]) -> AsyncIterator[_Source]:
    from gateway.app.index.reading import LogQuestions

    questions = LogQuestions(desk.settings)
    try:
        yield _Source(desk, await questions.reading(), slots, is_one=is_one, hidden=hidden)
    finally:
        await questions.close()


async def _tell_entries(desk: Desk, query: "LogQuery", source: _Source, limit: int) -> None:
    import asyncio

    from gateway.cli.log.lines import show
    from gateway.record.reading.picking import picked

    n_shown = 0
    async for rows in source.blocks(query, limit):
        records = await asyncio.to_thread(list, picked(desk.state / "log", rows))
        await _enter(desk, query, len(rows))
        for record, row in zip(records, rows, strict=True):
            show(desk, record, row)
        n_shown += len(rows)
    if not n_shown:
        desk.paper.tell("no entry answers that")
    if source.n_hidden:
        desk.paper.tell("entries of the gateway's own upkeep are left out; --all shows them")
    if n_shown == limit and limit:
        desk.paper.tell(f"these are the newest {limit}; --limit shows more")


async def _tell_counts(desk: Desk, query: "LogQuery", counts: "Counts") -> None:
    await _enter(desk, query, len(counts.counts))
    told = [(one.facet, one.value, f"{one.entries:,}", f"{one.rows:,}", f"{one.bytes:,}") for one in counts.counts]
    desk.paper.answer(
        {"counts": msgspec.to_builtins(counts.counts), "whole": counts.whole},
        lambda: desk.paper.table(("facet", "value", "entries", "rows", "bytes"), told),
    )
    if not counts.whole:
        desk.paper.tell("only the newest entries were counted; ask for a shorter time")


async def _enter(desk: Desk, query: "LogQuery", rows: int) -> None:
    from gateway.cli.log.query import spelled
    from gateway.domain.entry import Looked, Part

    # Whoever looked at a person is to be found by that person's number, as whoever read their rows is.
    part = None if query.person is None else Part(met=(query.person,))
    async with desk.open_log() as log:
        await log.append(Looked(by=desk.by, what="log", query=spelled(query), rows=rows), part)


async def _with_account(desk: Desk, query: "LogQuery") -> "LogQuery":
    """Return the query with an account's name turned into its identifier; the log knows no names."""
    from gateway.cli.desk import finding

    if query.account is None or query.account.startswith(("a_", "local:")):
        return query
    async with desk.open(with_rules=False) as rooms:
        found = await finding.anybody(rooms, query.account)
    return msgspec.structs.replace(query, account=found.account.id)


async def _with_person(desk: Desk, query: "LogQuery", identity: tuple[str, str] | None) -> "LogQuery":
    """Return the query with the number of the person that an identity stands for; nobody gets one by being asked for."""
    from gateway.cli.desk import finding
    from gateway.domain.entry import Looked
    from gateway.domain.names import IdentityKind

    if identity is None:
        return query
    if query.person is not None:
        raise Stop("person: and --identity say the same twice")
    kind, said = identity
    finding.insist_on_kind(desk, kind)
    value = asking.value(said)
    async with desk.open(with_rules=False) as rooms:
        number = await rooms.people.find(IdentityKind(kind), value)
    if number is None:
        # That somebody is not known is an answer about them as well.
        async with desk.open_log() as log:
            await log.append(Looked(by=desk.by, what="log", query=f"identity:{kind}", rows=0))
        raise Stop("no such person is known, so no entry speaks of them")
    return msgspec.structs.replace(query, person=number)
