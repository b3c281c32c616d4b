# SPDX-License-Identifier: Apache-2.0
"""``gateway log forget``: takes the number of an erased person out of the parts, the index and the database."""

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk.desk import Desk, command
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.flows.forgetting import Forgotten


@command
async def forget(
    desk: Desk,
    person: Annotated[int, typer.Option("--person", metavar="N", min=0, max=(1 << 32) - 1, help="Number of a person.")],
    erase: Annotated[
        bool, typer.Option("--erase", help="Also delete the person's identities and key, if they are still there.")
    ] = False,
    archives: Annotated[
        list[Path] | None,
        typer.Option(
            "--archive", metavar="FOLDER", help="Also in segments that were moved there; once for each folder."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take an erased person's number out of the log's parts. For good: nobody can say then what was read of them."""
    from gateway.app.evidence.parts_deleting import forgetting_of
    from gateway.cli.desk import asking
    from gateway.domain.names import PersonNumber

    if not yes:
        asking.typed_again("forget", "Who saw this person's data can then never be told again.")
    async with desk.open(with_rules=False) as rooms:
        with desk.paper.progress("Looking through segments", None) as move:
            found = await forgetting_of(rooms).forget(
                PersonNumber(person),
                desk.by,
                erase=erase,
                archives=archives or (),
                looked=lambda _slot, _number: move(1),
            )
    desk.paper.answer(
        {"numbers": found.numbers, "parts": found.parts, "rows": dict(found.rows), "unseen": found.unseen},
        lambda: _tell(desk, found),
    )


def _tell(desk: Desk, found: "Forgotten") -> None:
    from gateway.record.format.seal import runs

    merged = "" if found.numbers == 1 else f" under {counted(found.numbers, 'number')}"
    rows = ", ".join(f"{n_rows:,} of {table}" for table, n_rows in found.rows.items()) or "none"
    desk.paper.say(f"forgotten{merged}: {counted(found.parts, 'part')} amended; rows of the database: {rows}")
    for (slot, folder), moved in groupby(found.unseen, lambda one: (one.slot, one.folder)):
        numbers = ", ".join(runs([one.segment for one in moved]))
        desk.paper.say(
            f"not looked through: segments {numbers} of {slot}, moved to {folder or 'another folder'}; what they hold of the "
            f"person stays: the same again with --archive {folder or 'FOLDER'}",
            style="yellow",
        )
