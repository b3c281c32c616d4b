# SPDX-License-Identifier: Apache-2.0
"""``gateway log verify --segment``: one sealed segment by itself, far from its log; and ``log archive``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk.asking import whole_text
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.app.evidence.archiving import Moved
    from gateway.record.proof.seal_check import SegmentVerdict


def verify_alone(desk: Desk, segment: Path, seal: Path | None, key: str | None) -> None:
    """Verify a segment with its seal, and with the log's key: one that is given, or the one beside it."""
    from gateway.record.format.checkpoint import CheckpointInvalid, parse_verifier_key
    from gateway.record.format.layout import PUBLIC_KEY
    from gateway.record.format.seal import FOLDER
    from gateway.record.proof.seal_check import verify_segment

    held = segment.parent / FOLDER / segment.stem if seal is None else seal
    beside = segment.parent / PUBLIC_KEY
    if not held.is_file():
        raise Stop(f"{held} is not there; --seal FILE is the seal of the segment")
    if key is None and not beside.is_file():
        raise Stop("--key VKEY is the log's public key, or a file with it")
    try:
        trusted = parse_verifier_key((whole_text(beside) if key is None else key).strip())
        with desk.paper.working("Verifying"):
            verdict = verify_segment(segment, whole_text(held), trusted)
    except CheckpointInvalid as error:
        raise Stop(f"{held}: {error}", Exit.FAILED) from error
    desk.paper.answer(
        {
            "is_right": verdict.is_right,
            "log": verdict.origin,
            "segment": verdict.segment,
            "first": verdict.first,
            "size": verdict.size,
            "problems": list(verdict.problems),
        },
        lambda: _tell(desk, verdict),
    )
    if not verdict.is_right:
        raise Stop("", Exit.FAILED)


def _tell(desk: Desk, verdict: "SegmentVerdict") -> None:
    state = "ok" if verdict.is_right else "WRONG"
    told = f"{verdict.origin}: segment {verdict.segment:06}, entries {verdict.first} to {verdict.size - 1}: {state}"
    desk.paper.say(told, style="" if verdict.is_right else "bold red")
    for problem in verdict.problems:
        desk.paper.say(f"  {problem}")


@command
async def archive(
    desk: Desk,
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="On other storage; it must be there.")],
    below: Annotated[
        int, typer.Option("--older-than", metavar="DAYS", min=1, help="Only segments whose last entry is so old.")
    ] = 400,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Move sealed segments and their parts to other storage. Their seals stay, and the log verifies from there on."""
    from gateway.app.evidence.archiving import archive_older, due_for_archive
    from gateway.cli.desk import asking

    if not target.is_dir():
        raise Stop(f"{target} is no folder")
    async with desk.open(with_rules=False) as rooms:
        with desk.paper.working("Looking which segments go"):
            moved = await due_for_archive(rooms, below)
        if moved and not dry_run:
            if not yes:
                told = f"{counted(len(moved), 'segment')} will go. What is moved is not searched and not restored from any more."
                asking.typed_again("archive", told)
            with desk.paper.working("Moving segments"):
                moved = await archive_older(rooms, target.absolute(), below, desk.by)
    desk.paper.answer(
        [{"slot": one.slot, "segment": one.ends.number, "last": one.ends.last} for one in moved],
        lambda: _tell_moved(desk, moved, target, dry_run=dry_run),
    )


def _tell_moved(desk: Desk, moved: "Sequence[Moved]", target: Path, *, dry_run: bool) -> None:
    if not moved:
        desk.paper.say("no segment goes: none is sealed, old enough and certainly seen by the database")
        return
    for one in moved:
        desk.paper.say(f"{one.slot}: segment {one.ends.number:06}, entries {one.ends.first} to {one.ends.last}")
    would = "would be" if dry_run else "were" if len(moved) > 1 else "was"
    desk.paper.say(f"{counted(len(moved), 'segment')} {would} moved to {target}")
