# SPDX-License-Identifier: Apache-2.0
"""``gateway log index``: how far the index of the log is, building it anew, and holding it against the files.

They show figures and places of entries alone, so none of them enters anything in the log.
"""

from typing import TYPE_CHECKING, Any

import typer

from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.app.index.building import Built, SlotState
    from gateway.flows.index_check import Compared

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The index that searches of the log are answered from."
)


@app.command("status")
@command
async def status(desk: Desk) -> None:
    """Show how far each log is in the index. Exit 1 if the files cannot be read or are not those it was built from."""
    from gateway.app.index.building import opened_index, states

    async with opened_index(desk.settings) as index:
        found = await states(index, desk.state / "log")
    desk.paper.answer(_status_document(found), lambda: _tell_status(desk, found))
    if any(one.trouble for one in found):
        raise Stop("", Exit.FAILED)


@app.command("rebuild")
@command
async def rebuild(desk: Desk) -> None:
    """Build the index anew from the files of the log. Calls go on meanwhile; searches see it grow."""
    from gateway.app.index import building

    total = building.n_entries_in(desk.state / "log")
    with desk.paper.progress("Indexing", total, unit="entries") as entered:
        built = await building.rebuild(desk.settings, entered)
    desk.paper.answer(_built_document(built), lambda: _tell_built(desk, built))
    if built.troubles:
        raise Stop("", Exit.FAILED)


@app.command("check")
@command
async def check(desk: Desk) -> None:
    """Hold the index against the files of the log. Entry by entry, with people and counts; exit 1 if it differs."""
    from gateway.app.index import building

    async with building.opened_index(desk.settings) as index:
        total = sum(one.size for one in (await index.positions()).values())
        with desk.paper.progress("Comparing", total, unit="entries") as compared:
            found = await building.check(index, desk.state / "log", compared)
    desk.paper.answer(_compared_document(found), lambda: _tell_compared(desk, found))
    if not found.is_same:
        raise Stop("", Exit.FAILED)


def _status_document(found: "list[SlotState]") -> dict[str, Any]:
    import msgspec

    n_behind = sum(max(0, one.entries - one.indexed) for one in found)
    return {
        "logs": [msgspec.to_builtins(one) for one in found],
        "behind": n_behind,
        "behind_s": max((one.behind_s for one in found), default=0.0),
        "is_right": not any(one.trouble for one in found),
    }


def _tell_status(desk: Desk, found: "list[SlotState]") -> None:
    rows = [(one.slot, f"{one.indexed:,}", f"{one.entries:,}", _lag(one)) for one in found]
    desk.paper.table(("log", "indexed", "entries", "behind"), rows)
    for one in found:
        if one.trouble:
            desk.paper.say(f"{one.slot}: {one.trouble}", style="bold red")


def _lag(one: "SlotState") -> str:
    n_behind = one.entries - one.indexed
    if n_behind <= 0:
        return "-"
    return f"{counted(n_behind, 'entry')}, the oldest of {one.behind_s:,.1f} s ago"


def _built_document(built: "Built") -> dict[str, Any]:
    return {
        "entries": built.entries,
        "seconds": round(built.seconds, 3),
        "entries_per_second": _rate(built),
        "troubles": built.troubles,
    }


def _rate(built: "Built") -> int:
    return round(built.entries / built.seconds) if built.seconds else 0


def _tell_built(desk: Desk, built: "Built") -> None:
    desk.paper.say(f"{counted(built.entries, 'entry')} in {built.seconds:,.1f} s: {_rate(built):,} a second")
    for slot, trouble in built.troubles.items():
        desk.paper.say(f"{slot}: {trouble}", style="bold red")


def _compared_document(found: "Compared") -> dict[str, Any]:
    return {
        "is_same": found.is_same,
        "entries": found.n_entries,
        "n_differences": found.n_differences,
        "differences": found.differences,
    }


def _tell_compared(desk: Desk, found: "Compared") -> None:
    if found.is_same:
        desk.paper.say(f"{counted(found.n_entries, 'entry')}: the index is what follows from the files")
        return
    desk.paper.say(f"the index differs from the files in {counted(found.n_differences, 'place')}", style="bold red")
    for sentence in found.differences:
        desk.paper.say(f"  {sentence}")
    if found.n_differences > len(found.differences):
        desk.paper.say(f"  and {found.n_differences - len(found.differences):,} more")
    desk.paper.say("gateway log verify proves the files; then gateway log index rebuild makes the index anew")
