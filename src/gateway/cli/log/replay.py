# SPDX-License-Identifier: Apache-2.0
"""``gateway log replay``: what other rules would have made of past calls, before anybody meets them.

Nothing is forwarded. What the log does not hold (values of filters, rows, people, budgets) is not decided again.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.flows.replay_rules import Report

MOST_TOLD = 40
WORDS = {
    "refused": "would be refused",
    "step-up": "would need a fresh sign-in",
    "permitted": "would be permitted",
    "less": "would show less",
    "more": "would show more",
    "otherwise": "would show in another form",
    "rows": "other rules on rows",
    "filters": "would name a value in another form",
    "reason": "would be refused for another reason",
}
PASSED_OVER = {
    "before-identification": "were refused before anybody was identified",
    "not-enforced": "went to stores that are not enforced",
    "own-work": "were the gateway's own work, such as a migration",
    "path-not-in-log": "were refused before their path was read, which the log then does not hold",
    "rules-not-kept": "were decided by rules that are not in the archive, or that this version cannot load",
    "hold-not-known": "were lowered by a hold that nobody knows any more",
    "value-not-in-log": "depend on a value of a filter, which the log does not hold",
    "filter-not-readable": "have a filter that no declared parameter stands for",
}


@command
async def replay(
    desk: Desk,
    rules: Annotated[Path, typer.Option("--rules", metavar="DIR", help="Folder of the other rules.")],
    since: Annotated[str, typer.Option("--since", metavar="WHEN", help="First moment, or 7d, 24h, 90m ago.")] = "7d",
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Up to this moment.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="WHEN", help="Decide by the other rules as of this moment.")
    ] = None,
) -> None:
    """Decide past calls again under other rules. Exit 1 if one that was permitted would not be."""
    from gateway.app.evidence.replaying import PastCallsOfAll, PastRules, around, past_decider
    from gateway.app.rule_files import read_folder
    from gateway.cli.desk.paper import in_kib
    from gateway.domain.entry import Looked
    from gateway.flows.replay_rules import Replay

    other = past_decider(read_folder(rules))
    async with desk.open(with_rules=False) as rooms:
        now_us = rooms.clock()
        since_us = moments.since_us(since, "--since", now_us)
        until_us = now_us if until is None else moments.since_us(until, "--until", now_us)
        if since_us >= until_us:
            raise Stop("--until lies before --since")
        at_us = None if at is None else moments.since_us(at, "--at", now_us)
        again = Replay(other, PastRules(rooms.archive).of, await around(rooms.accounts, rooms.holds), at_us)
        calls = PastCallsOfAll(desk.state / "log", since_us, until_us)
        with desk.paper.progress("Deciding again, KiB", calls.n_bytes >> 10) as done:
            for call in calls.read(in_kib(done)):
                again.take(call)
        report = again.report(since_us, until_us, calls.passed_over)
        query = f"rules {report.rules} {moments.written(since_us)} {moments.written(until_us)}"
        await rooms.log.append(Looked(by=desk.by, what="log-replay", query=query, rows=report.calls))
    desk.paper.answer(report, lambda: _tell(desk, report))
    if not report.calls and not report.unequal:
        raise Stop("no call of that time can be decided again", Exit.FAILED)
    if report.refuses or report.unequal:
        raise Stop("", Exit.FAILED)


def _tell(desk: Desk, report: "Report") -> None:
    paper = desk.paper
    rows = [
        (
            WORDS[row.change],
            row.client,
            row.reason,
            "; ".join(row.about),
            f"{row.calls:,}",
            f"{row.rows:,}",
            row.examples[-1] if row.examples else "",
        )
        for row in report.changes[:MOST_TOLD]
    ]
    if rows:
        paper.table(("change", "client", "reason", "about", "calls", "rows", "for example"), rows)
        if len(report.changes) > MOST_TOLD:
            paper.say(f"and {len(report.changes) - MOST_TOLD} kinds more; --json tells all")
    for change, n in report.by_change.items():
        paper.say(f"{n:,} call{'' if n == 1 else 's'} {WORDS[change]}")
    if report.unequal:
        paper.say(
            f"{counted(report.unequal, 'call')} decided in another way than the rules of then decide them now; "
            f"`gateway explain {report.unequal_calls[-1]}` shows how",
            style="red",
        )
    for why, n in report.passed_over.items():
        paper.say(f"not decided again: {counted(n, 'call')} {PASSED_OVER.get(why, why)}")
    if report.roles_of_now:
        paper.say(
            f"{counted(report.roles_of_now, 'call')} decided with the roles of now; an older version entered none"
        )
    paper.say("not decided again of any call: values of filters, whose rows were withheld, and budgets", style="dim")
    first, last = moments.written(report.since_us), moments.written(report.until_us)
    paper.say(
        f"{report.same:,} of {counted(report.calls, 'call')} ({counted(report.rows, 'row')}) from {first} to {last} would be as they were",
        style="green" if report.same == report.calls and not report.unequal else "",
    )
