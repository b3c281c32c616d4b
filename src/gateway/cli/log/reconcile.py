# SPDX-License-Identifier: Apache-2.0
"""``gateway log reconcile``: a store's own log laid beside the gateway's, to find what went past it.

Neither the answer nor a message holds a path, an address or a value of the store's log.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.doors.http.recorded.store_log import Read
    from gateway.flows.reconcile.reconciling import Reconciling
    from gateway.flows.reconcile.report import Report

WHY = {
    "no-trace": "name no decision",
    "not-ours": "have a trace that the gateway did not make",
    "repeated": "repeat the trace of another line",
    "other-store": "have the trace of a call to another store",
    "other-time": "have the trace of a call at another time",
    "not-in-log": "have a trace of the gateway whose decision its log does not know",
}

PATIENCE_S = 5.0
"""For one line: whoever calls a store writes a part of its lines, and a pattern can be held up by them for ever."""


class Format(StrEnum):
    """How the store writes its log."""

    AUTO = "auto"
    COMBINED = "combined"
    JSON = "json"


LogOption = Annotated[
    list[Path],
    typer.Option("--store-log", metavar="FILE", help="The store's own log; gz too; again for files that were rotated."),
]
StoreOption = Annotated[str | None, typer.Option("--store", metavar="STORE", help="Whose it is, as in gateway.yaml.")]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="Lines from this moment on.")]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Lines up to this moment.")]
FormatOption = Annotated[Format, typer.Option("--format", help="Of its lines; auto looks at the first.")]
FieldOption = Annotated[
    str | None, typer.Option("--field", metavar="NAME", help="Member of a JSON line with the trace; dots go down.")
]
PatternOption = Annotated[
    str | None,
    typer.Option("--pattern", metavar="REGEX", help="With (?P<traceparent>…), and time, method, path if you like."),
]
LeaveOption = Annotated[
    list[str] | None,
    typer.Option("--leave-out", metavar="PATH", help="Beginning of paths that others may call, such as /health."),
]


@command
async def reconcile(
    desk: Desk,
    store_log: LogOption,
    store: StoreOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    format_: FormatOption = Format.AUTO,
    field: FieldOption = None,
    pattern: PatternOption = None,
    leave_out: LeaveOption = None,
) -> None:
    """List store reads without a decision. Exit 1 if there is one; and decisions that the store's log lacks."""
    from gateway.app.clock import now_us
    from gateway.app.keyring import open_keyring
    from gateway.app.traces import Traces
    from gateway.domain.entry import Looked
    from gateway.domain.names import StoreName
    from gateway.flows.reconcile.reconciling import OURS_BYTES, THEIRS_BYTES, Reconciling
    from gateway.record.reading.piles import Piles

    name = _store(desk, store)
    read = _read(format_, field, pattern)
    at_us = now_us()
    since_us, until_us = moments.span_us((since, until), ("--since", "--until"), at_us)
    with Piles(OURS_BYTES, THEIRS_BYTES) as piles:
        both = Reconciling(
            StoreName(name),
            Traces(open_keyring(desk.settings)),
            piles,
            now_us=at_us,
            since_us=since_us,
            until_us=until_us,
            leave_out=tuple(leave_out or ()),
        )
        _take_lines(desk, both, store_log, read)
        _take_decisions(desk, both)
        with desk.paper.working("Laying both beside each other"):
            report = both.report()
    async with desk.open_log() as log:
        query = f"store {name}" + "".join(f" {moments.written(us)}" for us in (report.since_us, report.until_us) if us)
        await log.append(Looked(by=desk.by, what="log-reconcile", query=query, rows=report.lines))
    desk.paper.answer(report, lambda: _tell(desk, report))
    if not report.lines:
        raise Stop("no line of that time can be read in the store's log", Exit.FAILED)
    if not report.is_clean:
        raise Stop("", Exit.FAILED)


def _store(desk: Desk, said: str | None) -> str:
    names = sorted(desk.settings.stores)
    if said is None and len(names) == 1:
        said = names[0]
    if said is None or said not in names:
        told = "whose log is it?" if said is None else f"gateway.yaml has no store {said};"
        raise Stop(f"{told} --store is one of {', '.join(names) or '(none)'}")
    if not desk.settings.stores[said].traceparent:
        raise Stop(f"stores.{said}.traceparent is off, so no line of its log can name a decision", Exit.FAILED)
    return said


def _read(format_: Format, field: str | None, pattern: str | None) -> "Read | None":
    """Return what reads a line; ``None`` to look at the first one for it."""
    from gateway.cli.desk.patience import patient
    from gateway.doors.http.recorded.store_log import PatternUnusable, by_json, by_pattern, combined

    if pattern is not None and (field is not None or format_ is not Format.AUTO):
        raise Stop("--pattern says how the whole line is read; it does not go with --format or --field")
    if field is not None and format_ is Format.COMBINED:
        raise Stop("--field is for JSON lines")
    if pattern is not None:
        try:
            return patient(by_pattern(pattern), PATIENCE_S)
        except PatternUnusable as error:
            raise Stop(f"--pattern cannot be used: {error}") from None
    if field is not None or format_ is Format.JSON:
        return by_json(field)
    return combined if format_ is Format.COMBINED else None


def _take_lines(desk: Desk, both: "Reconciling", files: list[Path], read: "Read | None") -> None:
    import zlib
    from gzip import BadGzipFile

    from gateway.cli.desk.patience import PatienceEnded
    from gateway.doors.http.recorded.access_log import opened
    from gateway.doors.http.recorded.store_log import lines_in

    total = sum(path.stat().st_size for path in files)
    n_before = 0
    with ExitStack() as stack:
        done = stack.enter_context(desk.paper.progress("Reading the store's log, KiB", total >> 10))
        for path in files:
            raw = stack.enter_context(path.open("rb"))
            steps, n_lines = _steps(raw), 0
            try:
                for n_lines, line in lines_in(opened(raw), read, n_before):
                    both.line(line)
                    if n_lines % 4096 == 0:
                        done(next(steps))
            except PatienceEnded:
                raise Stop(
                    f"{path}: --pattern takes longer than {PATIENCE_S:g} s for one line behind line {n_lines}; say it so "
                    "that no text can match it in two ways, with `++` in place of `+` for instance",
                    Exit.FAILED,
                ) from None
            except (EOFError, BadGzipFile, zlib.error):
                raise Stop(f"{path}: the packed file breaks off or is damaged", Exit.FAILED) from None
            n_before = max(n_before, n_lines)
            done(next(steps))


def _steps(file: BinaryIO) -> Iterator[int]:
    """Yield how many KiB of a file were read since the last time."""
    before = 0
    while True:
        now = file.tell() >> 10
        yield now - before
        before = now


def _take_decisions(desk: Desk, both: "Reconciling") -> None:
    from gateway.cli.desk.paper import in_kib
    from gateway.record.format.layout import slots
    from gateway.record.reading.past_calls import n_bytes_since
    from gateway.record.reading.store_calls import store_decisions

    since_us, until_us = both.period()
    logs = desk.state / "log"
    total = sum(n_bytes_since(logs / slot, since_us) for slot in slots(logs))
    with desk.paper.progress("Reading the gateway's log, KiB", total >> 10) as done:
        for one in store_decisions(logs, since_us, until_us, in_kib(done)):
            both.decision(one)


def _tell(desk: Desk, report: "Report") -> None:
    paper = desk.paper
    if report.examples:
        rows = [
            (
                str(one.line),
                "" if one.at_us is None else moments.written(one.at_us),
                one.method,
                WHY[one.why],
                one.decision,
            )
            for one in report.examples
        ]
        paper.table(("line", "time", "method", "they", "decision that it names"), rows, title="Went past the gateway")
    for why, n in report.without_decision.items():
        paper.say(f"lines that {WHY[why]}: {n:,}", style="red")
    if report.without_decision.get("no-trace") == report.lines:
        paper.say("no line has a trace at all: does the store log it? See docs/how-to/find-what-went-past.md")
    if report.without_line:
        examples = ", ".join(report.examples_without_line[:3])
        paper.say(
            f"{counted(report.without_line, 'decision')} should have a line in the store's log and have none: {examples}"
        )
    for n, words in (
        (report.unread, "lines cannot be read"),
        (report.looks, "lines are looks of the gateway's own"),
        (report.left_out, "lines were left out by --leave-out"),
        (report.under_way, "lines name a decision of the last quarter of an hour that is not entered yet"),
    ):
        if n:
            paper.say(f"{n:,} {words}")
    when = ""
    if report.since_us is not None and report.until_us is not None:
        when = f" from {moments.written(report.since_us)} to {moments.written(report.until_us)}"
    paper.say(
        f"{report.with_decision:,} of {report.lines:,} lines{when} have their decision; "
        f"{counted(report.decisions, 'decision')} on calls to {report.store} in that time",
        style="green" if report.is_clean else "red",
    )
