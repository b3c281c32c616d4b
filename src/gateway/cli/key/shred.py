# SPDX-License-Identifier: Apache-2.0
"""``gateway key shred``: a version is deleted for good, once nothing needs it or whoever asks wants to lose that."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import asking
from gateway.cli.desk import Desk, Stop, command, run_to_end
from gateway.cli.key.labels import Label, Version, enter, insist_not_for_life, tell, version
from gateway.domain.key_labels import UNCOUNTED, made_under
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.flows.rewrapping import Held

ALTHOUGH = "--although-needed"


@command
def shred(
    desk: Desk,
    label: Label,
    number: Version,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    although_needed: Annotated[
        bool, typer.Option(ALTHOUGH, help="Also where rows or stores still need it: they are lost for good.")
    ] = False,
) -> None:
    """Delete a version for good. What it sealed can never be read again."""
    insist_not_for_life(label)
    if not yes:
        asking.typed_again(label, f"What version {number} of {label} sealed will be lost for good.")
    lost = run_to_end(_shred(desk, label, number, although_needed=although_needed))
    if lost:
        desk.paper.tell(f"{counted(lost, 'row')} can never be opened again")
    tell(desk, label, number, "shredded")


async def _shred(desk: Desk, label: str, number: int, *, although_needed: bool) -> int:
    """Shred a version and return how many rows are lost by that."""
    from gateway.app.rewrapping import announce_keys

    if not although_needed:
        async with desk.open(with_rules=False) as rooms:
            left_us = await _insist_unneeded(rooms, label, number)
        # Nothing is held open meanwhile: other commands can work.
        await _wait(desk, left_us)
    async with desk.open(with_rules=False) as rooms:
        if version(rooms, label, number).state.value == "shredded":
            return 0
        if not although_needed:
            await _insist_unneeded(rooms, label, number)
        lost = await _n_rows(rooms, label, number)
        await enter(desk, rooms, "key-shredded", label, version=number, **({"rows": lost} if lost else {}))
        await rooms.meta.note_shredded(label, number)
        rooms.keyring.shred(label, number)
        await announce_keys(rooms)
    return lost


async def _insist_unneeded(rooms: "Rooms", label: str, number: int) -> int:
    """Stop at a version that rows or stores need; return for how long somebody may still seal under it."""
    from gateway.app.rewrapping import rewrapping_of

    if version(rooms, label, number).state.value == "shredded":
        return 0
    if label.startswith(UNCOUNTED):
        raise Stop(_uncounted(label, number))
    rewrapping = rewrapping_of(rooms)
    [held] = [one for one in await rewrapping.held(label) if one.version == number]
    if held.rows:
        raise Stop(_needed(held))
    return 0 if held.rows is None else rewrapping.settles_us(label) - rooms.clock()


async def _n_rows(rooms: "Rooms", label: str, number: int) -> int:
    from gateway.app.rewrapping import rewrapping_of

    return sum(one.rows or 0 for one in await rewrapping_of(rooms).held(label) if one.version == number)


async def _wait(desk: Desk, left_us: int) -> None:
    """Wait until nobody holds a row any more that was sealed before the last rotation and is not committed."""
    if left_us > 0:
        with desk.paper.working(f"Waiting {left_us // 1_000_000 + 1} s for whoever sealed before the rotation"):
            await asyncio.sleep(left_us / 1_000_000)


def _needed(held: "Held") -> str:
    label, rows = held.label, counted(held.rows or 0, "row")
    if held.state == "active":
        return f"{rows} need version {held.version} of {label}, which is the active one: `gateway key rotate {label}` first"
    return (
        f"{rows} still need version {held.version} of {label}: `gateway key rewrap {label}` seals them anew; "
        f"{ALTHOUGH} loses them"
    )


def _uncounted(label: str, number: int) -> str:
    return (
        f"{made_under(label)} are under {label}, and nobody can count here how many need version {number}: turn their "
        f"columns over first (`gateway surrogate migrate`), then give {ALTHOUGH}"
    )
