# SPDX-License-Identifier: Apache-2.0
"""``gateway rehearse``: who would be refused, and why, by calls that were recorded or by copies of live ones.

Nothing is forwarded. Neither the answer nor a message holds a value of a path, a filter or a body.
"""

import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from gateway.cli.desk.desk import Desk, Exit, Stop, command

if TYPE_CHECKING:
    from gateway.app.rehearsing import Stage
    from gateway.decide.decide import Decider
    from gateway.doors.http.recorded.calls import Recorded
    from gateway.flows.rehearse.callers import Callers
    from gateway.flows.rehearse.tally import Report
    from gateway.settings.sections import CallerSettings

STDIN = "-"
KIB = 1024
LISTEN = re.compile(r"(?:\[([0-9a-fA-F:]+)\]|([0-9.]+)):([0-9]{1,5})\Z")
MOST_TOLD = 40

HarOption = Annotated[Path | None, typer.Option("--har", metavar="FILE", help="HTTP archive (HAR 1.2).")]
LogOption = Annotated[
    str | None,
    typer.Option("--access-log", metavar="FILE", help="Of nginx or Apache, common or combined; gz too; - for stdin."),
]
ListenOption = Annotated[
    str | None,
    typer.Option("--listen", metavar="HOST:PORT", help="Take copies of live calls, until SIGTERM or Ctrl-C."),
]
NetworksOption = Annotated[
    list[str] | None,
    typer.Option("--allow-networks", metavar="NETWORK", help="With --listen: also take copies from there."),
]
AsOption = Annotated[
    str | None, typer.Option("--as", metavar="ROLE[:PURPOSE]", help="Decide every call for this role.")
]
ClientsOption = Annotated[
    Path | None, typer.Option("--clients", metavar="FILE", help="YAML that says who calls; see the how-to.")
]
BaseOption = Annotated[
    list[str] | None,
    typer.Option("--base-path", metavar="PATH[=STORE]", help="What the calls' paths begin with today."),
]
RecipientOption = Annotated[str, typer.Option("--recipient", metavar="R", help="With --as: who the data goes to.")]
AssuranceOption = Annotated[
    str, typer.Option("--assurance", metavar="LEVEL", help="With --as: service, or a person's sign-in: stale, fresh.")
]
ReferenceOption = Annotated[str, typer.Option("--reference", metavar="R", help="With --as: as Data-Reference.")]
ReportOption = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="With --listen: write JSON there.")]


@command
async def rehearse(
    desk: Desk,
    har: HarOption = None,
    access_log: LogOption = None,
    listen: ListenOption = None,
    allow_networks: NetworksOption = None,
    as_: AsOption = None,
    clients: ClientsOption = None,
    base_path: BaseOption = None,
    recipient: RecipientOption = "own",
    assurance: AssuranceOption = "service",
    reference: ReferenceOption = "",
    report: ReportOption = None,
) -> None:
    """Decide calls without making them. Exit 1 if one would be refused. Takes one of --har, --access-log, --listen."""
    from gateway.app.rehearsing import base_paths, decider_of, stage

    if sum(one is not None for one in (har, access_log, listen)) != 1:
        raise Stop("say what to rehearse: one of --har, --access-log and --listen")
    if as_ is not None and clients is not None:
        raise Stop("--as and --clients both say who calls; use one of them")
    decider = decider_of(desk.settings)
    said = _as(as_, recipient, assurance, reference) if as_ is not None else _said(desk, clients)
    callers = await _callers(desk, decider, said)
    on = stage(decider, callers, base_paths(desk.settings, decider, base_path or ()))
    if listen is not None:
        await _listen(desk, on, listen, tuple(allow_networks or ()), report)
        return
    if har is not None:
        await _take_archive(desk, on, har)
    elif access_log is not None:
        await _take_log(desk, on, access_log)
    _end(desk, on)


def _as(text: str, recipient: str, assurance: str, reference: str) -> "tuple[CallerSettings, ...]":
    from pydantic import ValidationError

    from gateway.settings.sections import CallerSettings

    role, _, purpose = text.partition(":")
    try:
        one = CallerSettings(
            name=role, role=role, purpose=purpose, recipient=recipient, assurance=assurance, reference=reference
        )
    except ValidationError:
        raise Stop("--as is ROLE or ROLE:PURPOSE; --assurance is service, stale or fresh") from None
    return (one,)


def _said(desk: Desk, file: Path | None) -> "tuple[CallerSettings, ...]":
    from gateway.app.callers import callers_in

    return desk.settings.callers if file is None else callers_in(file)


async def _callers(desk: Desk, decider: "Decider", said: "tuple[CallerSettings, ...]") -> "Callers":
    """Return who calls; an installation is opened only where one of them is a client of it, and closed again."""
    from gateway.app.callers import caller_rules
    from gateway.app.passing import installed
    from gateway.cli.desk import finding
    from gateway.domain.entry import Looked
    from gateway.domain.names import ClientId
    from gateway.flows.rehearse.callers import Callers, Installed

    rules = caller_rules("--clients", said)
    _check_words(decider, said)
    found: dict[ClientId, Installed | None] = {}
    named = sorted({rule.client for rule in rules if rule.client})
    if named:
        async with desk.open() as rooms:
            for client in named:
                await finding.client(rooms, client)
                found[client] = await installed(rooms, client)
            await rooms.log.append(Looked(by=desk.by, what="clients", query=" ".join(named), rows=len(named)))

    async def find(client: ClientId) -> Installed | None:
        return found.get(client)

    return Callers(rules, find)


def _check_words(decider: "Decider", said: "tuple[CallerSettings, ...]") -> None:
    """Stop at a role, a purpose or a recipient that the rules do not know: everything would be refused for a typing mistake."""
    rules = decider.rules
    roles = {*rules.roles, *(grant.role for grant in rules.grants)}
    for one in said:
        known: tuple[tuple[str, str, set[str]], ...] = (
            ("role", one.role, {str(role) for role in roles}),
            ("purpose", one.purpose, {str(key) for key in rules.purposes}),
            ("recipient", one.recipient, {str(key) for key in rules.recipients}),
        )
        for what, word, words in known:
            if word and word not in words:
                raise Stop(f"{one.name}: the rules know no {what} {word}; there are {', '.join(sorted(words))}")


async def _take_archive(desk: Desk, on: "Stage", file: Path) -> None:
    from gateway.doors.http.recorded.har import HarUnreadable, recorded_in

    with desk.paper.progress("Deciding", None) as done:
        try:
            for number, call in recorded_in(file):
                await _take(on, number, call)
                done(1)
        except HarUnreadable as error:
            raise Stop(f"{file} is no HTTP archive: {error}", Exit.FAILED) from None


async def _take_log(desk: Desk, on: "Stage", file: str) -> None:
    from gateway.doors.http.recorded.access_log import opened, recorded_in

    with ExitStack() as stack:
        raw, size = _file(stack, file)
        done = stack.enter_context(desk.paper.progress("Deciding, KiB", None if size is None else size // KIB))
        steps = _steps(raw) if size is not None else iter(())
        try:
            for number, call in recorded_in(opened(raw)):
                await _take(on, number, call)
                if number % 512 == 0:
                    done(next(steps, 0))
        except (EOFError, OSError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise Stop(f"{file}: the packed file breaks off or is damaged", Exit.FAILED) from None


def _file(stack: ExitStack, file: str) -> tuple[BinaryIO, int | None]:
    """Return what to read from, and its length if that is known."""
    if file == STDIN:
        return sys.stdin.buffer, None
    return stack.enter_context(Path(file).open("rb")), Path(file).stat().st_size


def _steps(file: BinaryIO) -> Iterator[int]:
    """Yield how many KiB of a file were read since the last time."""
    before = 0
    while True:
        now = file.tell() // KIB
        yield now - before
        before = now


async def _take(on: "Stage", number: int, call: "Recorded | None") -> None:
    if call is None:
        on.rehearsal.tally.unread(number)
        return
    heard = on.reader.heard(call)
    if heard is None:
        on.rehearsal.tally.elsewhere()
    else:
        await on.rehearsal.take(heard)


def _end(desk: Desk, on: "Stage") -> None:
    found = on.rehearsal.tally.report()
    desk.paper.answer(found, lambda: _tell(desk, found))
    if not found.calls:
        raise Stop("no call to a store was found; --base-path says what their paths begin with", Exit.FAILED)
    if not found.all_pass:
        raise Stop("", Exit.FAILED)


async def _listen(desk: Desk, on: "Stage", where: str, said: tuple[str, ...], file: Path | None) -> None:
    from gateway.app.rehearsing import allowed_networks, listen

    found = LISTEN.match(where)
    if found is None or int(found[3]) > 65535:
        raise Stop("--listen is an address and a port: 127.0.0.1:8090, [::1]:8090")
    host, port = found[1] or found[2], int(found[3])
    networks = allowed_networks(host, said)
    tally = on.rehearsal.tally

    def tell(taken: int) -> None:
        address = f"http://[{host}]:{taken}" if ":" in host else f"http://{host}:{taken}"
        desk.paper.answer({"listening": address}, lambda: desk.paper.say(f"taking copies of calls on {address}"))

    with desk.paper.running() as show:
        await listen(on, host, port, networks, tell=tell, tick=lambda: show(_table_of(tally.report())))
    report = tally.report()
    if file is not None:
        _write(file, report)
    desk.paper.answer(report, lambda: _tell(desk, report))
    if not report.all_pass and report.calls:
        raise Stop("", Exit.FAILED)


def _write(file: Path, report: "Report") -> None:
    import msgspec

    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


COLUMNS = ("client", "calls", "reason", "about", "call")


def _table_of(found: "Report") -> list[tuple[str, ...]]:
    rows = [
        (row.client, f"{row.calls:,}", row.reason, ", ".join(row.about), f"{row.method} {row.path}".strip())
        for row in found.refused[:MOST_TOLD]
    ]
    return [COLUMNS, *rows]


def _tell(desk: Desk, found: "Report") -> None:
    paper = desk.paper
    if found.refused:
        columns, *rows = _table_of(found)
        paper.table(columns, rows, title="Would be refused")
        if len(found.refused) > MOST_TOLD:
            paper.say(f"and {len(found.refused) - MOST_TOLD} kinds more; --json tells all")
        _tell_changes(desk, found)
    for client in found.clients:
        paper.say(f"{client.client}: {client.passing:,} of {client.calls:,} calls would pass")
    if found.clear_values:
        paper.say(f"{found.clear_values:,} passing calls name a record by a clear value; the app will hold a surrogate")
    if found.without_bodies:
        paper.say(f"{found.without_bodies:,} calls were decided without their body, which was not recorded")
    if found.elsewhere:
        paper.say(f"{found.elsewhere:,} calls are to no store and were not decided")
    if found.unread:
        where = f": {', '.join(map(str, found.unread_lines))}" if found.unread_lines else ""
        more = " …" if len(found.unread_lines) < found.unread and found.unread_lines else ""
        paper.say(f"{found.unread:,} lines or entries cannot be read{where}{more}", style="yellow")
    style = "green" if found.all_pass else "red"
    paper.say(f"{found.passing:,} of {found.calls:,} calls would pass: {found.share:.1%}", style=style)


def _tell_changes(desk: Desk, found: "Report") -> None:
    """Tell what would let them pass, each sentence once, the one that helps most calls first."""
    helped: dict[tuple[str, str], int] = {}
    for row in found.refused:
        if row.change:
            helped[row.ask, row.change] = helped.get((row.ask, row.change), 0) + row.calls
    for (ask, change), n in sorted(helped.items(), key=lambda pair: -pair[1])[:MOST_TOLD]:
        desk.paper.say(f"· {n:,} call{'' if n == 1 else 's'} ({ask}): {change}")
