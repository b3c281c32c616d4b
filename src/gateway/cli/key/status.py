# SPDX-License-Identifier: Apache-2.0
"""``gateway key status`` and ``gateway key rewrap``: what still needs which version of a key, and sealing it anew.

The worker of a running gateway seals anew by itself; the command does it in the foreground, and beside the worker.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.cli.key.labels import Label, versions
from gateway.domain.key_labels import for_life, made_under
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.flows.rewrapping import Held


@command
async def status(
    desk: Desk,
    all_: Annotated[bool, typer.Option("--all", help="Labels without a retired version, too.")] = False,
) -> None:
    """Show how many rows are still under which version of each key."""
    from gateway.app.rewrapping import rewrapping_of
    from gateway.domain.entry import Looked

    async with desk.open(with_rules=False) as rooms:
        with desk.paper.working("Counting rows"):
            found = await rewrapping_of(rooms).status()
        is_changing = rooms.keyring.is_changing
        await rooms.log.append(Looked(by=desk.by, what="key-status", query="", rows=len(found)))
    turned = {one.label for one in found if one.state != "active"}
    shown = [one for one in found if all_ or one.label in turned or one.rows]
    document = {"kek_change": is_changing, "keys": [_document(one) for one in shown]}
    desk.paper.answer(document, lambda: _show(desk, shown, is_changing=is_changing))


@command
async def rewrap(desk: Desk, label: Label) -> None:
    """Seal every row anew that is under a retired version. It may be broken off and begun again at any time."""
    from gateway.app.rewrapping import rewrapping_of

    async with desk.open(with_rules=False) as rooms:
        versions(rooms, label)
        rewrapping = rewrapping_of(rooms)
        before = await rewrapping.held(label)
        if any(one.rows is None for one in before):
            raise Stop(_elsewhere(label))
        if rewrapping.active(label) is None:
            raise Stop(f"{label} has no active version; `gateway key rotate {label}` makes one")
        n_waiting = sum(one.rows or 0 for one in before if one.state == "retired")
        with desk.paper.progress(f"Sealing {label} anew", n_waiting, unit="rows") as told:
            came = await rewrapping.run(label, by=desk.by, told=told)
        left = await rewrapping.waiting(label)
    document = {"label": label, "rows": came.n_done, "unreadable": came.n_unreadable, "left": left}
    desk.paper.answer(document, lambda: desk.paper.say(_came(label, came.n_done, left)))
    if came.n_unreadable:
        raise Stop(f"{counted(came.n_unreadable, 'row')} cannot be opened and are as they were", Exit.FAILED)


def _elsewhere(label: str) -> str:
    """Return why there is nothing to seal anew, and what there is to do instead."""
    if (why := for_life(label)) is not None:
        return f"{label} has one version for the life of an installation: {why}"
    if label.startswith("at-rest/"):
        return f"{label}: it is stores that hold what is under it; `gateway surrogate migrate` turns their columns over"
    made = made_under(label)
    return f"no row of the database is under {label}{f': it is for {made}' if made else ''}"


def _came(label: str, n_done: int, left: int) -> str:
    done = f"{counted(n_done, 'row')} under {label} sealed anew"
    return f"{done}; {counted(left, 'row')} left" if left else f"{done}, and none is left under a retired version"


def _document(one: "Held") -> dict[str, Any]:
    return {
        "label": one.label,
        "version": one.version,
        "state": one.state,
        "since_us": one.since_us,
        "rows": one.rows,
        "made_under": made_under(one.label),
    }


def _show(desk: Desk, shown: "list[Held]", *, is_changing: bool) -> None:
    rows = [
        (
            one.label,
            str(one.version),
            one.state,
            moments.written(one.since_us) if one.since_us else "",
            "" if one.rows is None else f"{one.rows:,}",
            made_under(one.label),
        )
        for one in shown
    ]
    desk.paper.table(("label", "version", "state", "made", "rows", "made under it"), rows)
    for label in dict.fromkeys(one.label for one in shown if one.state == "retired" and one.rows):
        desk.paper.say(f"the worker seals {label} anew; `gateway key rewrap {label}` does it here")
    if lost := [one for one in shown if one.state in ("shredded", "missing") and one.rows]:
        n_rows = sum(one.rows or 0 for one in lost)
        desk.paper.say(f"{counted(n_rows, 'row')} cannot be opened: their version is shredded or not in the keyring")
    if is_changing:
        desk.paper.say("a change of the key-encryption key was begun: `gateway key change-kek` ends it")
