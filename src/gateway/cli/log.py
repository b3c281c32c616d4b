# SPDX-License-Identifier: Apache-2.0
"""``gateway log``: read, search and prove the access log. Reading it is entered before what was read is shown."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli import log_verify
from gateway.cli.desk import Desk, Stop, command, run_to_end
from gateway.cli.log_verify import Slot, directories

if TYPE_CHECKING:
    from gateway.record.reader import Record, Shown
    from gateway.record.search import Query

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The access log.")

BLOCK = 1_000  # entries that are shown under one entry about it
POLL_S = 0.25


@app.command("tail")
@command
def tail(
    desk: Desk,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    n: Annotated[int, typer.Option("-n", metavar="N", min=0, help="How many of the newest entries.")] = 20,
    slot: Slot = None,
) -> None:
    """Show the newest entries, as sentences."""
    from gateway.record.reader import merged

    folders = directories(desk, slot)
    with desk.paper.working("Reading the log"):
        newest = list(itertools.islice(merged(folders, newest_first=True), n))[::-1]
    # Where following begins is settled before the reading is entered, so nothing falls in between.
    ends = {directory: _last_seq(directory) for directory in folders} if follow else {}
    # What follows is entered as following: an entry for each look would itself be followed, without end.
    asked = " ".join(["tail", *(["--follow"] if follow else []), *([slot] if slot else [])])
    run_to_end(_entered(desk, "log", asked, len(newest)))
    for record in newest:
        _show(desk, record)
    if follow:
        _follow(desk, ends)


@app.command("search")
@command
async def search(
    desk: Desk,
    qualifiers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUALIFIER:VALUE]…",
            help="account: client: purpose: dataset: decision: kind: reason: person: since: until:",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most this many; 0 for all.")] = 200,
    slot: Slot = None,
) -> None:
    """Show the entries that answer every qualifier. Newest first, with all entries of their calls."""
    import asyncio

    from gateway.app.clock import now_us
    from gateway.cli.log_query import query_of, spelled
    from gateway.domain.entry import Looked
    from gateway.record.search import search as searched

    query = await _with_account(desk, query_of(qualifiers or (), now_us()))
    found = itertools.islice(searched(directories(desk, slot), query), limit or None)
    n_shown = 0
    async with desk.open_log() as log:
        while True:
            block = await asyncio.to_thread(lambda: list(itertools.islice(found, BLOCK)))
            if block or not n_shown:
                await log.append(Looked(by=desk.by, what="log", query=spelled(query), rows=len(block)))
            for record in block:
                _show(desk, record)
            n_shown += len(block)
            if len(block) < BLOCK:
                break
    if n_shown == limit and limit:
        desk.paper.tell(f"these are the newest {limit}; --limit shows more")


@app.command("show")
@command
def show(
    desk: Desk,
    which: Annotated[str, typer.Argument(metavar="DECISION|SLOT:SEQ", help="A decision, or the place of an entry.")],
    slot: Slot = None,
) -> None:
    """Show a call, or one entry, with proofs. From its first entry to its end, each with its inclusion proof."""
    from gateway.record.reader import show_all

    with desk.paper.working("Reading the log"):
        found = _found(directories(desk, slot), which)
        shown = [one for directory, records in found.items() for one in show_all(directory, records)]
    if not shown:
        raise Stop(f"there is no entry {which} in these logs")
    query = _spelled_place(found)
    run_to_end(_entered(desk, "log", query, len(shown)))
    desk.paper.answer([_proof_document(one) for one in shown], lambda: _tell_shown(desk, shown))


app.command("verify")(log_verify.verify)
app.command("checkpoint")(log_verify.checkpoint)


async def _entered(desk: Desk, what: str, query: str, rows: int) -> None:
    from gateway.domain.entry import Looked

    async with desk.open_log() as log:
        await log.append(Looked(by=desk.by, what=what, query=query, rows=rows))


async def _with_account(desk: Desk, query: "Query") -> "Query":
    """Return the query with an account's name turned into its identifier; the log knows no names."""
    import msgspec

    from gateway.cli import finding

    if query.account is None or query.account.startswith(("a_", "local:")):
        return query
    async with desk.open(with_rules=False) as rooms:
        found = await finding.anybody(rooms, query.account)
    return msgspec.structs.replace(query, account=found.account.id)


def _last_seq(directory: Path) -> int:
    from gateway.record.reader import records

    newest = next(records(directory, newest_first=True), None)
    return -1 if newest is None else newest.line.seq


def _follow(desk: Desk, ends: dict[Path, int]) -> None:
    """Show entries of every log as they come; each log has a thread that reads it."""
    import queue
    import threading

    from gateway.record.reader import follow

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
            _show(desk, one)
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
    from gateway.record.reader import show

    near = [each for each in directories if slot in (None, each.name)]
    if len(near) > 1:
        raise Stop(f"there are several logs; say SLOT:{seq} with one of {', '.join(each.name for each in near)}")
    found = show(near[0], seq) if near else None
    return {} if found is None else {near[0]: [found.record]}


def _of_call(directory: Path, call: str) -> "Iterator[Record]":
    from gateway.record.search import Query, search

    return search([directory], Query(call=call), newest_first=False)


def _spelled_place(found: "dict[Path, list[Record]]") -> str:
    first = next(iter(found.values()))[0]
    return f"entry {next(iter(found)).name}:{first.line.seq}"


def _show(desk: Desk, record: "Record") -> None:
    from gateway.cli.log_words import sentence
    from gateway.cli.moments import written

    if desk.json:
        desk.paper.line(_document(record))
        return
    line = record.line
    desk.paper.say(f"{written(line.at_us)} {line.log.rpartition('/')[2]}:{line.seq} {sentence(line.body)}")


def _document(record: "Record") -> dict[str, Any]:
    """Return an entry as it stands in the log, and its part with people as a list of numbers."""
    import msgspec

    document: dict[str, Any] = {"entry": msgspec.json.decode(record.raw), "part": None}
    if record.part is not None:
        from pyroaring import BitMap

        people = list(BitMap.deserialize(record.part.people)) if record.part.people else []
        document["part"] = {**msgspec.to_builtins(record.part), "people": people}
    return document


def _proof_document(one: "Shown") -> dict[str, Any]:
    return {
        **_document(one.record),
        "leaf": one.leaf,
        "size": one.size,
        "root": one.root,
        "proof": one.proof,
        "checkpoint": one.checkpoint,
    }


def _tell_shown(desk: Desk, shown: "list[Shown]") -> None:
    from gateway.cli.log_words import facts_lines

    facts = next((found for one in shown if (found := getattr(one.record.line.body, "facts", None))), None)
    if facts is not None and not isinstance(facts, dict):
        for name, text in facts_lines(facts):
            desk.paper.say(f"{name:<20} {text}")
    for one in shown:
        _show(desk, one.record)
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
