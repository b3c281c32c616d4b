# SPDX-License-Identifier: Apache-2.0
"""What the commands on keys share: labels and versions as they are given, and how a change is entered and announced."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk.desk import Desk, Stop
from gateway.domain.key_labels import for_life

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.keys.keyring import KeyEntry

Label = Annotated[str, typer.Argument(metavar="LABEL", help="As `gateway key list` shows it.")]
Version = Annotated[int, typer.Argument(metavar="N", min=1, help="Version, counted from 1.")]


def insist_not_for_life(label: str) -> None:
    """Stop at a label that has one version for the life of an installation."""
    if (why := for_life(label)) is not None:
        raise Stop(f"{label} has one version for the life of an installation: {why}")


def versions(rooms: "Rooms", label: str) -> "tuple[KeyEntry, ...]":
    """Return the versions of a label that is there."""
    found = rooms.keyring.versions(label)
    if not found:
        raise Stop(f"there is no key {label}; `gateway key list` shows them")
    return found


def version(rooms: "Rooms", label: str, wanted: int) -> "KeyEntry":
    """Return a version that is there."""
    found = next((one for one in versions(rooms, label) if one.version == wanted), None)
    if found is None:
        raise Stop(f"{label} has no version {wanted}; `gateway key list` shows them")
    return found


async def enter(desk: Desk, rooms: "Rooms", what: str, label: str, **facts: str | int) -> None:
    """Enter a change before it is made."""
    from gateway.domain.entry import Changed

    await rooms.log.append(Changed(by=desk.by, what=what, target=label, facts=dict(facts)))


def tell(desk: Desk, label: str, of: int, state: str) -> None:
    """Answer what a version is now."""
    desk.paper.answer(
        {"label": label, "version": of, "state": state},
        lambda: desk.paper.say(f"{label} version {of} is {state}"),
    )
