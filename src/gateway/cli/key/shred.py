# SPDX-License-Identifier: Apache-2.0
"""``gateway key shred``: a version is deleted for good, once nothing needs it or whoever asks wants to lose that."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import asking, finding
from gateway.cli.desk.desk import Desk, Stop, command, run_to_end
from gateway.cli.key.labels import Label, Version, enter, insist_not_for_life, tell, version
from gateway.domain.key_labels import UNCOUNTED, made_under
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.app.surrogates.at_rest_keys import Needing
    from gateway.flows.rewrapping import Held

ALTHOUGH = "--although-needed"
_ACTIVE = "the active one: `gateway key rotate {}` first"
_KNOWN = {
    "none": "never walked to its end",
    "over": "being turned over",
    "done": "turned over under version {}",
    "back": "being turned back, or was",
}
"""What is known of a column, by its turn."""


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
    if although_needed and label.startswith(UNCOUNTED):
        run_to_end(_tell_known(desk, label, number))
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
            left_us = await _insist_unneeded(desk, rooms, label, number)
        # Nothing is held open meanwhile: other commands can work.
        await _wait(desk, left_us)
    async with desk.open(with_rules=False) as rooms:
        if version(rooms, label, number).state.value == "shredded":
            return 0
        if not although_needed:
            await _insist_unneeded(desk, rooms, label, number)
        lost = await _n_rows(rooms, label, number)
        await enter(desk, rooms, "key-shredded", label, version=number, **({"rows": lost} if lost else {}))
        await rooms.meta.note_shredded(label, number)
        rooms.keyring.shred(label, number)
        await announce_keys(rooms)
    return lost


async def _insist_unneeded(desk: Desk, rooms: "Rooms", label: str, number: int) -> int:
    """Stop at a version that rows or stores need; return for how long somebody may still seal under it."""
    from gateway.app.rewrapping import rewrapping_of

    state = version(rooms, label, number).state.value
    if state == "shredded":
        return 0
    rewrapping = rewrapping_of(rooms)
    if label.startswith(UNCOUNTED):
        if state == "active":
            raise Stop(f"version {number} of {label} is {_ACTIVE.format(label)}")
        await _insist_unneeded_by_stores(desk, rooms, label, number)
        return rewrapping.settles_us(label) - rooms.clock()
    [held] = [one for one in await rewrapping.held(label) if one.version == number]
    if held.rows:
        raise Stop(_needed(held))
    return 0 if held.rows is None else rewrapping.settles_us(label) - rooms.clock()


async def _insist_unneeded_by_stores(desk: Desk, rooms: "Rooms", label: str, number: int) -> None:
    """Stop unless every column that is declared under a label is known to hold nothing of a version."""
    from gateway.app.surrogates.at_rest_keys import columns_needing
    from gateway.domain.errors import RulesError

    try:
        catalog = finding.rules_of(desk).catalog
    except RulesError:
        raise Stop(_uncounted(label, number, "the rules cannot be read (`gateway check`)")) from None
    looked = await columns_needing(rooms.columns, catalog, label, number)
    if looked.is_unneeded:
        return
    if not looked.columns:
        raise Stop(_uncounted(label, number, "the rules declare no column under it"))
    raise Stop(_needed_by_stores(looked.columns, label, number))


async def _tell_known(desk: Desk, label: str, number: int) -> None:
    """Tell before it is too late what is known of every column that may need a version: its last whole walk."""
    from gateway.app.surrogates.at_rest_keys import columns_needing
    from gateway.domain.errors import RulesError

    try:
        catalog = finding.rules_of(desk).catalog
    except RulesError:
        desk.paper.tell(f"which columns need version {number} of {label} is not known: the rules cannot be read")
        return
    async with desk.open(with_rules=False) as rooms:
        looked = await columns_needing(rooms.columns, catalog, label, number)
    for one in looked.columns:
        desk.paper.tell(f"{one.dataset}.{one.field} may hold surrogates under version {number}: {_known(one)}")
    if not looked.columns:
        known = (
            "the last whole walk of every column found none" if looked.is_unneeded else "no column is declared under it"
        )
        desk.paper.tell(f"of version {number} of {label}: {known}")


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
        return f"{rows} need version {held.version} of {label}, which is {_ACTIVE.format(label)}"
    return (
        f"{rows} still need version {held.version} of {label}: `gateway key rewrap {label}` seals them anew; "
        f"{ALTHOUGH} loses them"
    )


def _needed_by_stores(columns: "Sequence[Needing]", label: str, number: int) -> str:
    needing = "; ".join(f"{one.dataset}.{one.field} ({_known(one)})" for one in columns)
    datasets = list(dict.fromkeys(one.dataset for one in columns if one.is_declared))
    mend = " and ".join(f"`gateway surrogate migrate {one}`" for one in datasets)
    mends = (
        f"{mend} makes what is there anew under the version in force, and with --dry-run counts it; " if mend else ""
    )
    return (
        f"{counted(len(columns), 'column')} of stores may hold surrogates under version {number} of {label}: {needing}. "
        f"{mends}{ALTHOUGH} loses what is left"
    )


def _known(one: "Needing") -> str:
    if not one.is_declared:
        return "once turned over, and not at rest by the rules any more: of whatever domain"
    return _KNOWN[one.state.turn].format(one.state.oldest)


def _uncounted(label: str, number: int, why: str) -> str:
    return (
        f"{made_under(label)} are under {label}, and nobody can tell here which need version {number}, since {why}: turn "
        f"their columns over first (`gateway surrogate migrate`), then give {ALTHOUGH}"
    )
