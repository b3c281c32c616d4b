# SPDX-License-Identifier: Apache-2.0
"""``gateway log``: read, search and prove the access log. Reading it is entered before what was read is shown."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.desk.desk import Desk, Stop, command, run_to_end
from gateway.cli.log import (
    export,
    forget,
    index,
    prove,
    receipt,
    reconcile,
    replay,
    retain,
    search,
    segment,
    stamp,
    verify,
    witness,
)
from gateway.cli.log.lines import document, onward, people_of, row_of_call
from gateway.cli.log.lines import show as show_line
from gateway.cli.log.verify import Slot, directories

if TYPE_CHECKING:
    from gateway.domain.log_query import LogRow
    from gateway.record.reading.reader import Record, Shown

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The access log.")

POLL_S = 0.25
_NAMES_ONE = re.compile(r"(?:[0-9a-f]{32}|[a-z0-9-]{1,40}:[0-9]{1,18})\Z", re.ASCII)


@app.command("tail")
@command
def tail(
    desk: Desk,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    n: Annotated[
        int, typer.Option("-n", metavar="N", min=0, max=1_000_000, help="How many of the newest entries.")
    ] = 20,
    slot: Slot = None,
) -> None:
    """Show the newest entries, as sentences."""
    from gateway.record.reading.reader import merged

    folders = directories(desk, slot)
    with desk.paper.working("Reading the log"):
        newest = list(itertools.islice(merged(folders, newest_first=True), n))[::-1]
    # Where following begins is settled before the reading is entered, so nothing falls in between.
    ends = {directory: _last_seq(directory) for directory in folders} if follow else {}
    # What follows is entered as following: an entry for each look would itself be followed, without end.
    asked = " ".join(["tail", *(["--follow"] if follow else []), *([slot] if slot else [])])
    run_to_end(_entered(desk, "log", asked, len(newest)))
    for record in newest:
        show_line(desk, record)
    if follow:
        _follow(desk, ends)


app.command("search")(search.search)


@app.command("show")
@command
def show(
    desk: Desk,
    which: Annotated[str, typer.Argument(metavar="DECISION|SLOT:SEQ", help="A decision, or the place of an entry.")],
    slot: Slot = None,
) -> None:
    """Show a call, or one entry, with proofs. From its first entry to its end, each with its inclusion proof."""
    from gateway.record.reading.reader import show_all

    if not which:
        # Entries that are of no call have an empty one, and the whole of them is no entry.
        raise Stop("say which: a decision, or SLOT:SEQ")
    with desk.paper.working("Reading the log"):
        found = _found(directories(desk, slot), which)
        shown = [one for directory, records in found.items() for one in show_all(directory, records)]
    if not shown:
        # What names no entry can be anything that somebody typed.
        run_to_end(_entered(desk, "log", f"entry {which}" if _NAMES_ONE.match(which) else "entry", 0))
        raise Stop(f"there is no entry {which} in these logs")
    query = _spelled_place(found)
    run_to_end(_entered(desk, "log", query, len(shown)))
    first = row_of_call(shown[0].record, None)
    desk.paper.answer([_proof_document(one, first) for one in shown], lambda: _tell_shown(desk, shown))


app.command("verify")(verify.verify)
app.add_typer(index.app, name="index")
app.command("export")(export.export)
app.command("replay")(replay.replay)
app.command("reconcile")(reconcile.reconcile)
app.command("checkpoint")(verify.checkpoint)
app.command("retain")(retain.retain)
app.command("forget")(forget.forget)
app.add_typer(retain.hold, name="hold")
app.command("archive")(segment.archive)
app.command("prove")(prove.prove)
app.command("receipt")(receipt.receipt)
app.command("stamp")(stamp.stamp)
app.add_typer(witness.app, name="witness")


async def _entered(desk: Desk, what: str, query: str, rows: int) -> None:
    from gateway.domain.entry import Looked

    async with desk.open_log() as log:
        await log.append(Looked(by=desk.by, what=what, query=query, rows=rows))


def _last_seq(directory: Path) -> int:
    from gateway.record.reading.reader import records

    newest = next(records(directory, newest_first=True), None)
    return -1 if newest is None else newest.line.seq


def _follow(desk: Desk, ends: dict[Path, int]) -> None:
    """Show entries of every log as they come; each log has a thread that reads it."""
    import queue
    import threading

    from gateway.record.reading.reader import follow

    came: queue.SimpleQueue[Record | Exception] = queue.SimpleQueue()
    stop = threading.Event()

    def read(directory: Path, after: int) -> None:
        try:
            for record in follow(directory, lambda: not stop.wait(POLL_S), after=after):
                came.put(record)
        except Exception as error:  # noqa: BLE001 - handed over and raised where it can be told
            came.put(error)

    for directory, after in ends.items():
        threading.Thread(target=read, args=(directory, after), daemon=True).start()
    try:
        while True:
            one = came.get()
            if isinstance(one, Exception):
                raise one
            show_line(desk, one)
    except KeyboardInterrupt:
        return
    finally:
        stop.set()


def _found(directories: list[Path], which: str) -> "dict[Path, list[Record]]":
    """Return the entries of a decision, or the one at a place, by the log that they are in."""
    slot, colon, seq = which.rpartition(":")
    if seq.isascii() and seq.isdigit():
        return _at(directories, slot if colon else None, int(seq))
    return {directory: found for directory in directories if (found := list(_of_call(directory, which)))}


def _at(directories: list[Path], slot: str | None, seq: int) -> "dict[Path, list[Record]]":
    from gateway.record.reading.reader import show

    near = [each for each in directories if slot in (None, each.name)]
    if len(near) > 1:
        raise Stop(f"there are several logs; say SLOT:{seq} with one of {', '.join(each.name for each in near)}")
    found = show(near[0], seq) if near else None
    return {} if found is None else {near[0]: [found.record]}


def _of_call(directory: Path, call: str) -> "Iterator[Record]":
    from gateway.record.reading.search import of_call

    return of_call([directory], call)


def _spelled_place(found: "dict[Path, list[Record]]") -> str:
    first = next(iter(found.values()))[0]
    return f"entry {next(iter(found)).name}:{first.line.seq}"


def _proof_document(one: "Shown", first: "LogRow") -> dict[str, Any]:
    return {
        **document(one.record),
        "searches": onward(row_of_call(one.record, first), people_of(one.record)),
        "leaf": one.leaf,
        "size": one.size,
        "root": one.root,
        "proof": one.proof,
        "checkpoint": one.checkpoint,
    }


def _tell_shown(desk: Desk, shown: "list[Shown]") -> None:
    from gateway.cli.log.words import facts_lines

    facts = next((found for one in shown if (found := getattr(one.record.line.body, "facts", None))), None)
    if facts is not None and not isinstance(facts, dict):
        for name, text in facts_lines(facts):
            desk.paper.say(f"{name:<20} {text}")
    for one in shown:
        show_line(desk, one.record)
        part = one.record.part
        if part is not None:
            met = f", met {' '.join(map(str, part.met))}" if part.met else ""
            desk.paper.say(f"    part: {part.ip or 'no address'}, {part.user_agent or 'no user agent'}{met}")
        elif one.record.line.part is not None:
            desk.paper.say("    part: deleted")
        desk.paper.say(f"    leaf {one.leaf}")
        desk.paper.say(f"    {_proof_sentence(one)}")


def _proof_sentence(one: "Shown") -> str:
    if one.proof is None:
        return "no checkpoint covers it yet"
    return f"under checkpoint {one.size}, root {one.root}, by {len(one.proof)} hashes: {' '.join(one.proof)}"
