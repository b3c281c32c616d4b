# SPDX-License-Identifier: Apache-2.0
"""``gateway key``: the versions of the installation's keys; never a byte of one.

A change is entered before it is made, since a shredded key cannot be asked any more. Running doors
follow within a second.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import asking, moments
from gateway.cli.desk import Desk, Stop, command, run_to_end
from gateway.domain.names import is_under

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.keys.keyring import KeyEntry

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keys and their versions.")

FOR_LIFE = {
    "people.lookup": "under another key every known person would be a stranger",
    "backup": "backups are known for this installation's own by it",
    "credentials": "the log tells by it which passwords, authenticators and secrets are the newest",
    "log": "logs are signed by name with one key, and a changed key is what the verifier looks for",
}
"""Labels, with all below them, that have one version for the life of an installation, and why."""

Label = Annotated[str, typer.Argument(metavar="LABEL", help="As `gateway key list` shows it.")]
Version = Annotated[int, typer.Argument(metavar="N", min=1, help="Version, counted from 1.")]


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
    """Make a new version. The one before still opens what it sealed."""
    _insist_not_for_life(label)
    async with desk.open(with_rules=False) as rooms:
        _versions(rooms, label)
        await _enter(desk, rooms, "key-rotated", label, None)
        made = rooms.keyring.rotate(label)
        await _announce(rooms)
    _tell(desk, label, made.version, "active")


@app.command("retire")
@command
async def retire(desk: Desk, label: Label, version: Version) -> None:
    """Let a version only open what it sealed. An active one is retired by `gateway key rotate`."""
    _insist_not_for_life(label)
    async with desk.open(with_rules=False) as rooms:
        entry = _version(rooms, label, version)
        if entry.state.value == "active":
            raise Stop(f"{label} version {version} is the active one; `gateway key rotate {label}` retires it")
        if entry.state.value == "shredded":
            raise Stop(f"{label} version {version} was shredded")
        await _enter(desk, rooms, "key-retired", label, version)
        rooms.keyring.retire(label, version)
        await _announce(rooms)
    _tell(desk, label, version, "retired")


@app.command("shred")
@command
def shred(
    desk: Desk,
    label: Label,
    version: Version,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a version for good. What it sealed can never be read again."""
    _insist_not_for_life(label)
    if not yes:
        asking.typed_again(label, f"What version {version} of {label} sealed will be lost for good.")
    run_to_end(_shred(desk, label, version))
    _tell(desk, label, version, "shredded")


async def _shred(desk: Desk, label: str, version: int) -> None:
    async with desk.open(with_rules=False) as rooms:
        _version(rooms, label, version)
        await _enter(desk, rooms, "key-shredded", label, version)
        rooms.keyring.shred(label, version)
        await _announce(rooms)


def _insist_not_for_life(label: str) -> None:
    for key, why in FOR_LIFE.items():
        if is_under(label.replace("/", "."), key):
            raise Stop(f"{label} has one version for the life of an installation: {why}")


def _versions(rooms: "Rooms", label: str) -> "tuple[KeyEntry, ...]":
    found = rooms.keyring.versions(label)
    if not found:
        raise Stop(f"there is no key {label}; `gateway key list` shows them")
    return found


def _version(rooms: "Rooms", label: str, version: int) -> "KeyEntry":
    found = next((one for one in _versions(rooms, label) if one.version == version), None)
    if found is None:
        raise Stop(f"{label} has no version {version}; `gateway key list` shows them")
    return found


async def _enter(desk: Desk, rooms: "Rooms", what: str, label: str, version: int | None) -> None:
    from gateway.domain.entry import Changed

    facts: dict[str, str | int] = {} if version is None else {"version": version}
    await rooms.log.append(Changed(by=desk.by, what=what, target=label, facts=facts))


async def _announce(rooms: "Rooms") -> None:
    """Tell every running door that the keyring is another."""
    from gateway.store.versions import Topic, bump

    async with rooms.store.begin() as connection:
        await bump(connection, Topic.KEYS)


def _tell(desk: Desk, label: str, version: int, state: str) -> None:
    desk.paper.answer(
        {"label": label, "version": version, "state": state},
        lambda: desk.paper.say(f"{label} version {version} is {state}"),
    )
