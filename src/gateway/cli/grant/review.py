# SPDX-License-Identifier: Apache-2.0
"""``gateway grant review``: what grants were used for, and the smaller rules that would do. It writes no rule.

RULES

1. The look into the log is entered before it is answered.
2. What is proposed loads with all other rules and passes their tests, or it is not proposed.
3. A diff goes to a file (0600) if one is asked for; whoever owns the rules applies it by hand.
"""

import difflib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from gateway.cli.desk import finding, moments
from gateway.cli.desk.desk import Desk, Exit, Stop, command, run_to_end
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.decide.rules import RuleSet
    from gateway.domain.names import GrantId
    from gateway.flows.least_privilege import Gathered, LineReview, Period, Review
    from gateway.record.reading.calls import CallLine

GRANTS = "grants.csv"
_VERDICTS = {"unused": "never used", "partly": "more than was used", "used": "used", "new": "new"}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the review found, and the diff that would carry it out."""

    review: "Review"
    begins_us: int | None
    """When the first rules of the log came into force."""
    diff: str


@command
def review(
    desk: Desk,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="A moment, or so long ago.")] = "90d",
    role: Annotated[str | None, typer.Option("--role", metavar="ROLE", help="With the roles it contains.")] = None,
    client: Annotated[
        str | None, typer.Option("--client", metavar="ID", help="Of one client: its roles, and its own calls.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the diff here, for `patch`.")] = None,
) -> None:
    """Review grants against the calls of a period. Tells what was never used and proposes smaller rules; writes none."""
    from gateway.app.clock import now_us
    from gateway.flows.least_privilege import Period

    until_us = now_us()
    period = Period(moments.since_us(since, "--since", until_us), until_us)
    if period.since_us >= until_us:
        raise Stop("--since must lie behind")
    rules = finding.rules_of(desk)
    roles = run_to_end(_roles(desk, rules, role, client))
    found = _gathered(desk, period)
    answer = _answer(desk, rules, found, period, roles)
    run_to_end(_entered(desk, since_us=period.since_us, role=role, client=client, rows=len(answer.review.lines)))
    if out is not None:
        from gateway.app.private_file import private_file

        with private_file(out) as file:
            file.write(answer.diff.encode())
    desk.paper.answer(_document(answer), lambda: _tell(desk, answer, client, out))


async def _roles(desk: Desk, rules: "RuleSet", role: str | None, client: str | None) -> frozenset[str] | None:
    """Return the roles that are asked about, with all they contain; ``None`` for all."""
    if role is not None:
        finding.roles(rules, (role,))
    held = [role] if role is not None else []
    if client is not None:
        async with desk.open(with_rules=False) as rooms:
            one = await finding.client(rooms, client)
        held += [one.account.id, *one.account.roles]
    if not held:
        return None
    return frozenset(inner for one in held for inner in (one, *rules.roles.get(one, ())))


def _gathered(desk: Desk, period: "Period") -> "Gathered":
    """Read every log once, with a bar that counts megabytes."""
    from gateway.cli.desk.paper import in_kib
    from gateway.flows.least_privilege import gathered
    from gateway.record.format.layout import slots
    from gateway.record.reading.calls import call_lines, size_bytes

    logs = desk.state / "log"
    directories = [logs / slot for slot in slots(logs)]
    total = sum(map(size_bytes, directories))
    with desk.paper.progress("Reading the log (KiB)", total >> 10) as moved:
        told = in_kib(moved)

        def lines() -> "Iterator[CallLine]":
            for line in itertools.chain.from_iterable(map(call_lines, directories)):
                told(line.read)
                yield line

        return gathered(lines(), period)


def _answer(desk: Desk, rules: "RuleSet", found: "Gathered", period: "Period", roles: frozenset[str] | None) -> Answer:
    from gateway.app.rule_files import RulesArchive, read_folder
    from gateway.decide.loader.load import digest as digest_of
    from gateway.flows.least_privilege import Rules, review

    archive = RulesArchive(desk.settings.state / "rules")
    then = Rules(now=rules, lines_then=lambda digest: _lines_then(archive, digest))
    files = read_folder(desk.settings.policies_dir)
    if digest_of(files) != rules.digest:
        # Lines are meant by their numbers: in another file they would be other lines.
        raise Stop("the rules were changed while they were reviewed; ask again", Exit.FAILED)
    not_loading: dict[GrantId, str] = {}
    with desk.paper.working("Weighing the rules"):
        while True:
            made = review(then, found, period, roles, period.until_us, not_loading)
            text, wrong = _tried(files, made)
            if not wrong:
                break
            # What would not load is not proposed; each turn takes one line at least out.
            not_loading.update(wrong)
    old = files[GRANTS].decode()
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), text.splitlines(keepends=True), f"a/{GRANTS}", f"b/{GRANTS}", n=1
    )
    begins_us = found.in_force[0][0] if found.in_force else None
    return Answer(review=made, begins_us=begins_us, diff="".join(lines))


def _tried(files: dict[str, bytes], made: "Review") -> "tuple[str, dict[GrantId, str]]":
    """Return the file with what is proposed, and the lines whose proposal does not load, with the reason."""
    from gateway.app.rule_files import rules_of
    from gateway.decide.past.smaller_file import smaller_text
    from gateway.domain.errors import RulesError

    by_line = {one.line.line: one for one in made.lines if one.is_proposed}
    text, origins = smaller_text(files[GRANTS].decode(), {line: one.smaller for line, one in by_line.items()})
    try:
        rules_of({**files, GRANTS: text.encode()})
    except RulesError as error:
        wrong = {
            by_line[origin].line.id: problem.message
            for problem in error.problems
            if problem.file == GRANTS and (origin := origins[problem.line - 1]) in by_line
        }
        if wrong:
            return text, wrong
        raise
    return text, {}


def _lines_then(archive: Any, digest: str) -> frozenset[str]:
    """Return the ids of the lines that archived rules had; none where they are not kept."""
    from gateway.decide.loader.grammar.problems import Problems
    from gateway.decide.loader.grants_csv import read_grants
    from gateway.domain.errors import SettingsError

    try:
        text = archive.read(digest)[GRANTS].decode()
    except (SettingsError, KeyError):
        return frozenset()
    return frozenset(grant.id for grant in read_grants(GRANTS, text, Problems()).grants)


async def _entered(desk: Desk, *, since_us: int, role: str | None, client: str | None, rows: int) -> None:
    from gateway.domain.entry import Looked

    asked = (("since_us", since_us), ("role", role), ("client", client))
    query = " ".join(f"{name}:{value}" for name, value in asked if value is not None)
    async with desk.open_log() as log:
        await log.append(Looked(by=desk.by, what="access-review", query=query, rows=rows))


def _document(answer: Answer) -> dict[str, Any]:
    made = answer.review
    return {
        "since_us": made.period.since_us,
        "until_us": made.period.until_us,
        "rules_since_us": answer.begins_us,
        "calls": made.calls,
        "lines": [_line_document(one) for one in made.lines],
        "idle": msgspec.to_builtins(made.idle),
        "diff": answer.diff,
        "calls_refused": made.refused,
        "calls_narrower": made.narrower,
    }


def _line_document(one: "LineReview") -> dict[str, Any]:
    line = one.line
    return {
        "id": line.id,
        "line": line.line,
        "role": line.role,
        "dataset": line.dataset,
        "category": line.category,
        "purpose": line.purpose,
        "operation": line.operation,
        "verdict": one.verdict,
        "calls": sum(times.calls for times in one.clients.values()),
        "last_us": max((times.last_us for times in one.clients.values()), default=None),
        "clients": {name: msgspec.to_builtins(times) for name, times in one.clients.items()},
        "proposed": msgspec.to_builtins(one.smaller) if one.is_proposed else None,
        "kept_by": one.kept_by,
    }


def _tell(desk: Desk, answer: Answer, client: str | None, out: Path | None) -> None:
    paper, made = desk.paper, answer.review
    paper.table(
        ("line", "role", "dataset", "category", "purpose", "operation", "calls", "last used", "by", "verdict"),
        [_row(one, client) for one in made.lines],
    )
    if made.idle:
        paper.say("")
        paper.table(
            ("client", "purpose", "dataset", "field", "fetched in", "others named in"),
            [
                (
                    one.client,
                    one.purpose,
                    one.dataset,
                    one.field,
                    f"{counted(one.fetched, 'call')}",
                    f"{counted(one.named, 'call')}",
                )
                for one in made.idle
                if client in (None, one.client)
            ],
            title="Fetched by default and never used further",
        )
    paper.say("")
    if not answer.diff:
        paper.say(f"Nothing smaller is proposed.{_young(answer)}")
        return
    paper.say(answer.diff.rstrip("\n"))
    paper.say(
        f"Of {made.calls:,} permitted calls since {moments.day(made.period.since_us)} the smaller rules would refuse "
        f"{made.refused:,} and show less to {made.narrower:,}."
    )
    told = f"`patch POLICIES/{GRANTS} {out or 'FILE'}`".replace("POLICIES", str(desk.settings.policies_dir))
    first = "" if out else "Write it with `--out FILE`. "
    paper.say(f"{first}Nothing was changed. To apply it: {told}, then `gateway check --reload`.")


def _young(answer: Answer) -> str:
    """Return what to say where every line is younger than the period."""
    if any(one.verdict != "new" for one in answer.review.lines) or answer.begins_us is None:
        return ""
    return (
        f" No line was in force through the whole period: the log knows rules since {moments.written(answer.begins_us)}. "
        "Ask for a later --since."
    )


def _row(one: "LineReview", client: str | None) -> tuple[str, ...]:
    line = one.line
    clients = {name: times for name, times in one.clients.items() if client in (None, name)}
    last_us = max((times.last_us for times in clients.values()), default=None)
    kept = f"; kept by {', '.join(one.kept_by)}" if one.kept_by else ""
    return (
        str(line.line),
        line.role,
        line.dataset,
        line.category,
        line.purpose,
        line.operation,
        f"{sum(times.calls for times in clients.values()):,}",
        "" if last_us is None else moments.day(last_us),
        " ".join(sorted(clients)),
        f"{_VERDICTS[one.verdict]}{kept}",
    )
