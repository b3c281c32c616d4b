# SPDX-License-Identifier: Apache-2.0
"""``gateway log retain`` and ``hold``: parts of old entries go, unless something keeps them."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk.desk import Desk, Stop, command, run_to_end
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.flows.retention import Due
    from gateway.record.proof.parts_scan import PartsHold

hold = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Holds on parts of the log.")

MOST_WORDS = 200
HoldId = Annotated[str, typer.Argument(metavar="HOLD", help="As `gateway log hold list` shows it.")]


@command
async def retain(
    desk: Desk,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the parts of entries that were kept long enough. Entries stay, and the log goes on proving them."""
    from gateway.app.evidence.parts_deleting import retention_of
    from gateway.cli.desk import asking

    async with desk.open(with_rules=False) as rooms:
        with desk.paper.working("Looking which parts go"):
            work = await retention_of(rooms)
            due = await work.due()
        n_parts = sum(one.n_parts for one in due)
        if due and not dry_run:
            if not yes:
                asking.typed_again(
                    "delete", f"{counted(n_parts, 'part')} of {counted(len(due), 'segment')} will be deleted for good."
                )
            with desk.paper.progress("Deleting parts", len(due)) as move:
                n_parts = await work.delete(due, desk.by, lambda _due: move(1))
    desk.paper.answer(
        {
            "deleted": bool(due) and not dry_run,
            "parts": n_parts,
            "segments": [
                {
                    "slot": one.slot,
                    "segment": one.ends.number,
                    "first": one.ends.first,
                    "last": one.ends.last,
                    "parts": one.n_parts,
                    "kept": one.n_kept,
                }
                for one in due
            ],
        },
        lambda: _tell(desk, due, n_parts, dry_run=dry_run),
    )


@hold.command("add")
@command
async def add(
    desk: Desk,
    because: Annotated[str, typer.Option("--because", metavar="WORDS", help="Why: a case or incident, no person.")],
) -> None:
    """Keep every part from now on, as for an incident or a court. Nothing is deleted until all holds are lifted."""
    import secrets

    from gateway.domain.entry import Changed
    from gateway.record.proof.parts_scan import HOLD_ADDED

    if not because.strip() or len(because) > MOST_WORDS or not because.isprintable():
        raise Stop(f"--because says in 1 to {MOST_WORDS} characters why")
    name = f"lh_{secrets.token_hex(6)}"
    async with desk.open_log() as log:
        await log.append(Changed(by=desk.by, what=HOLD_ADDED, target=name, facts={"because": because}))
    desk.paper.answer({"hold": name}, lambda: desk.paper.say(f"{name}: no part of the log is deleted from now on"))


@hold.command("lift")
@command
def lift(desk: Desk, which: HoldId) -> None:
    """End a hold on parts. What is old enough goes the next time."""
    if which not in {one.id for one in _in_force(desk)}:
        raise Stop(f"there is no hold {which} in force")
    run_to_end(_lifted(desk, which))
    desk.paper.answer({"lifted": which}, lambda: desk.paper.say(f"{which} is lifted"))


@hold.command("list")
@command
def list_(desk: Desk) -> None:
    """List the holds on parts that are in force."""
    from gateway.cli.desk.moments import written

    found = _in_force(desk)
    run_to_end(_looked(desk, len(found)))
    desk.paper.answer(
        [{"hold": one.id, "by": one.by, "because": one.because, "at_us": one.at_us} for one in found],
        lambda: desk.paper.table(
            ("hold", "since", "by", "because"), [(one.id, written(one.at_us), one.by, one.because) for one in found]
        ),
    )


def _in_force(desk: Desk) -> "list[PartsHold]":
    from gateway.record.proof.parts_scan import holds_in_force

    with desk.paper.working("Reading the log"):
        return holds_in_force(desk.state / "log")


async def _lifted(desk: Desk, which: str) -> None:
    from gateway.domain.entry import Changed
    from gateway.record.proof.parts_scan import HOLD_LIFTED

    async with desk.open_log() as log:
        await log.append(Changed(by=desk.by, what=HOLD_LIFTED, target=which))


async def _looked(desk: Desk, rows: int) -> None:
    from gateway.domain.entry import Looked

    async with desk.open_log() as log:
        await log.append(Looked(by=desk.by, what="log holds", query="", rows=rows))


def _tell(desk: Desk, due: "Sequence[Due]", n_parts: int, *, dry_run: bool) -> None:
    if not due:
        desk.paper.say("no part is old enough")
        return
    for one in due:
        kept = f", {one.n_kept:,} stay for restores" if one.n_kept else ""
        desk.paper.say(f"{one.slot}: segment {one.ends.number:06}, {counted(one.n_parts, 'part')}{kept}")
    desk.paper.say(f"{counted(n_parts, 'part')} {'would be' if dry_run else 'was' if n_parts == 1 else 'were'} deleted")
