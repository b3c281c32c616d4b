# SPDX-License-Identifier: Apache-2.0
"""``gateway key``: the versions of the installation's keys; never a byte of one.

A change is entered before it is made, since a shredded key cannot be asked any more. Running doors
follow within a second.
"""

import typer

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Desk, Stop, command
from gateway.cli.key import kek, shred, status
from gateway.cli.key.labels import Label, Version, enter, insist_not_for_life, tell, version, versions

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keys and their versions.")


@app.command("list")
@command
async def list_(desk: Desk) -> None:
    """List every key with its versions."""
    from gateway.domain.entry import Looked

    async with desk.open(with_rules=False) as rooms:
        found = [one for label in rooms.keyring.labels() for one in rooms.keyring.versions(label)]
        await rooms.log.append(Looked(by=desk.by, what="keys", query="", rows=len(found)))
    desk.paper.answer(
        [
            {"label": one.label, "version": one.version, "state": one.state.value, "created_us": one.created_us}
            for one in found
        ],
        lambda: desk.paper.table(
            ("label", "version", "state", "made"),
            [(one.label, str(one.version), one.state.value, moments.written(one.created_us)) for one in found],
        ),
    )


@app.command("rotate")
@command
async def rotate(desk: Desk, label: Label) -> None:
    """Make a new version. The one before still opens what it sealed, until `gateway key rewrap` and `shred` end it."""
    from gateway.app.rewrapping import announce_keys

    insist_not_for_life(label)
    async with desk.open(with_rules=False) as rooms:
        newest = max(one.version for one in versions(rooms, label))
        await enter(desk, rooms, "key-rotated", label, version=newest + 1)
        made = rooms.keyring.rotate(label)
        await announce_keys(rooms)
    tell(desk, label, made.version, "active")


@app.command("retire")
@command
async def retire(desk: Desk, label: Label, number: Version) -> None:
    """Let a version only open what it sealed. An active one is retired by `gateway key rotate`."""
    from gateway.app.rewrapping import announce_keys

    insist_not_for_life(label)
    async with desk.open(with_rules=False) as rooms:
        entry = version(rooms, label, number)
        if entry.state.value == "active":
            raise Stop(f"{label} version {number} is the active one; `gateway key rotate {label}` retires it")
        if entry.state.value == "shredded":
            raise Stop(f"{label} version {number} was shredded")
        await enter(desk, rooms, "key-retired", label, version=number)
        rooms.keyring.retire(label, number)
        await announce_keys(rooms)
    tell(desk, label, number, "retired")


app.command("status")(status.status)
app.command("rewrap")(status.rewrap)
app.command("shred")(shred.shred)
app.command("change-kek")(kek.change_kek)
