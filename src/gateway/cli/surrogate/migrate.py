# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate migrate``: a column of a live store turned over to what the store is to hold, and back.

No value is shown; where something cannot be turned over is told by its place in the list.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.errors import LogHeld

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.flows.migrating.report import FieldReport, Report

FieldOption = Annotated[
    list[str] | None, typer.Option("--field", metavar="F", help="Only this field; may be given more than once.")
]
BackOption = Annotated[bool, typer.Option("--back", help="From surrogates to values again.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Look and count; write nothing.")]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-normalised",
        help="Turn over values that would come back in their normalised spelling alone, such as a phone with blanks.",
    ),
]
BatchOption = Annotated[int, typer.Option("--batch", metavar="N", min=2, max=10_000, help="Rows of a page.")]
RateOption = Annotated[
    float | None,
    typer.Option("--rows-per-second", metavar="R", min=0.1, max=1_000_000, help="Write no faster than this."),
]


AGAIN = "Every row was gone through; now walking again, until a whole walk finds nothing left to do"


@command
async def migrate(
    desk: Desk,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Such as crm.customers.")],
    field: FieldOption = None,
    back: BackOption = False,
    dry_run: DryOption = False,
    accept_normalised: AcceptOption = False,
    batch: BatchOption = 500,
    rows_per_second: RateOption = None,
) -> None:
    """Turn a live store's column over to surrogates, or back. Stop it at any time: begun again, it goes on."""
    from gateway.app.surrogates.migrating import migration

    async with (
        _alone(desk) as rooms,
        migration(
            rooms,
            dataset,
            tuple(field or ()),
            back=back,
            accept=accept_normalised,
            by=desk.by,
            batch=batch,
            rate=rows_per_second,
        ) as (work, plan),
    ):
        with desk.paper.progress("Looking", None, unit="rows") as done:
            found = await work.look(done)
        if dry_run:
            _end(desk, found)
            return
        if found.loses and not accept_normalised and not back:
            desk.paper.answer(found, lambda: _tell(desk, found))
            raise Stop(
                f"{found.loses:,} values would come back in another spelling than they have now; nothing was written. "
                "With --accept-normalised they are turned over all the same",
                Exit.FAILED,
            )
        if not plan.is_conditional:
            desk.paper.tell(
                "The route does not honour If-Match, or no route reads one record: what somebody writes to the store "
                "in the moment in which a record is turned over can be lost"
            )
        with desk.paper.progress("Turning back" if back else "Turning over", found.rows, unit="rows") as done:
            became = await work.run(_up_to(found.rows, done, lambda: desk.paper.tell(AGAIN)))
    _end(desk, became)


@asynccontextmanager
async def _alone(desk: Desk) -> "AsyncIterator[Rooms]":
    """Open the installation for a migration; only one goes on at a time."""
    from gateway.app.surrogates.migrating import opened

    async with AsyncExitStack() as stack:
        try:
            rooms = await stack.enter_async_context(opened(desk.settings))
        except LogHeld:
            raise Stop(
                "a migration is running already, and one runs at a time: wait for its end", Exit.FAILED
            ) from None
        yield rooms


def _up_to(total: int, done: Callable[[int], None], again: Callable[[], None]) -> Callable[[int], None]:
    """Return what moves a bar on to its end and no further, and says once that the list is walked again."""
    left, is_told = total, False

    def tell(steps: int) -> None:
        nonlocal left, is_told
        if steps and not left and not is_told:
            is_told = True
            again()
        done(min(steps, left))
        left -= min(steps, left)

    return tell


def _end(desk: Desk, found: "Report") -> None:
    desk.paper.answer(found, lambda: _tell(desk, found))
    wrong = found.malformed + found.without_key + sum(one.n_cannot for one in found.fields) if found.is_dry else 0
    if wrong or not (found.is_dry or found.is_right):
        raise Stop("", Exit.FAILED)


COLUMNS = ("field", "to turn", "turned already", "null", "loses spelling", "too long", "unreadable")


def _tell(desk: Desk, found: "Report") -> None:
    paper = desk.paper
    direction = "back to values" if found.to == "back" else "over to surrogates"
    paper.table(COLUMNS, [_row(one) for one in found.fields], title=f"{found.dataset}, {direction}")
    for one in found.fields:
        for why, places in one.examples.items():
            paper.say(f"{one.field} {why}: row {', '.join(map(str, places))} of the list")
    if found.malformed or found.without_key:
        paper.say(
            f"{found.malformed:,} rows are not as the dataset declares, and {found.without_key:,} have no key",
            style="red",
        )
    if found.is_dry:
        paper.say(f"{found.rows:,} rows looked at; nothing was written")
        return
    for status, n in sorted(found.refused.items()):
        paper.say(f"{n:,} records the store refused to change, with status {status}", style="red")
    extra = f", {found.again:,} read again because others wrote to them" if found.again else ""
    paper.say(f"{found.written:,} records written in {found.walks} walks over {found.rows:,} rows{extra}")
    if found.is_right:
        paper.say("The last walk found nothing left to do", style="green")
    else:
        paper.say("Not everything is turned; what is left is told above. Give the command again", style="red")


def _row(one: "FieldReport") -> tuple[str, ...]:
    counts = (one.to_turn, one.turned, one.null, one.loses_spelling, one.too_long, one.unreadable)
    return (one.field, *(f"{n:,}" for n in counts))
