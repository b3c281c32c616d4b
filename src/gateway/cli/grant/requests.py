# SPDX-License-Identifier: Apache-2.0
"""``gateway grant requests|approve|refuse``: deciding on what callers ask for.

RULES

1. What is written is made by ``decide.granting`` of words that the rules know; of a caller's own text nothing is
   written into a file, and on a terminal it is shown with everything spelled out that a terminal would obey.
2. An approval gives at most what was asked: the same dataset, purpose and operation, no field that the request did
   not say it covers, no longer than asked. By default the account alone gets it, under a role of the request's name.
3. Nothing is written unless all rules load with the lines, hold exactly the grants of before and the proposed
   ones, and pass their tests. What stands in the file stays byte for byte.
4. The approval is entered first, then the file is replaced, then the request says so. After a crash in between the
   request is still open, and approving it again finds its lines in the file.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.check import reloaded, report_on
from gateway.cli.desk import finding, moments
from gateway.cli.desk.desk import Desk, Exit, Stop, command, run_to_end
from gateway.cli.grant.proposal import GRANTS, Proposal, Terms, block_of, proposed, with_lines
from gateway.domain.names import RoleName

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.decide.granting import Asker
    from gateway.domain.grant_request import GrantRequest

MOST_BECAUSE_CHARACTERS = 500

Id = Annotated[str, typer.Argument(metavar="ID", help="As `gateway grant requests` shows it.")]


@command
async def requests(
    desk: Desk,
    everything: Annotated[bool, typer.Option("--all", help="With those that were decided or lapsed.")] = False,
) -> None:
    """List what callers ask for, newest first."""
    from gateway.domain.entry import Looked

    async with desk.open(with_rules=False) as rooms:
        found = await rooms.grant_requests.all(rooms.clock(), only_open=not everything)
        names = {one.account.id: one.name for one in await rooms.accounts.all()}
        await rooms.log.append(Looked(by=desk.by, what="grant-requests", query="", rows=len(found)))
    desk.paper.answer(
        [{"by": names.get(one.account, ""), **msgspec.to_builtins(one)} for one in found],
        lambda: desk.paper.table(
            ("id", "state", "by", "asks for", "purpose", "until", "why"),
            [
                (one.id, one.state.value, names.get(one.account, one.account), _asks_for(one), one.asked.purpose,
                 moments.day(one.asked.until_us), one.asked.why)
                for one in found
            ],
        ),
    )  # fmt: skip


def _asks_for(one: "GrantRequest") -> str:
    asked = one.asked
    what = " ".join(asked.fields or asked.categories)
    return f"{asked.operation} {asked.dataset}: {what} ({_wanted(one)})"


def _wanted(one: "GrantRequest") -> str:
    return "surrogate" if one.asked.rung == "drop" else one.asked.rung


@command
def approve(
    desk: Desk,
    request: Id,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Earlier than was asked for.")] = None,
    role: Annotated[
        str | None, typer.Option("--role", metavar="ROLE", help="Give it to a role of the caller, not to it alone.")
    ] = None,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="Told to the caller.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the lines and write nothing.")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Put them in force in every running door.")] = False,
) -> None:
    """Write the lines of grants.csv that give what is asked for, never more, after all rules passed with them."""
    if reload and dry_run:
        raise Stop("--reload puts in force what --dry-run does not write; leave one out")
    proposal = run_to_end(_approved(desk, request, Terms(until, role, _because(why)), is_written=not dry_run))
    if reload:
        from gateway.app.rule_files import read_folder

        report = run_to_end(reloaded(desk, report_on(desk, read_folder(desk.settings.policies_dir))))
        proposal = msgspec.structs.replace(proposal, reloaded=report.reloaded)
        if report.wrong:
            raise Stop("\n".join(("written, and not in force:", *report.wrong)), Exit.FAILED)
    desk.paper.answer(proposal, lambda: _tell(desk, proposal))


@command
async def refuse(
    desk: Desk,
    request: Id,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Told to the caller.")],
) -> None:
    """Refuse a request; its caller sees why."""
    from gateway.domain.entry import Changed
    from gateway.domain.grant_request import GrantRequestState

    because = _because(why)
    async with desk.open(with_rules=False) as rooms:
        found = await _open_one(rooms, request)
        await rooms.log.append(Changed(by=desk.by, what="grant-request-refused", target=found.id))
        await rooms.grant_requests.decide(found.id, GrantRequestState.REFUSED, because=because, now_us=rooms.clock())
    desk.paper.answer(
        {"id": found.id, "state": "refused", "because": because}, lambda: desk.paper.say(f"{found.id} is refused")
    )


async def _approved(desk: Desk, request: str, terms: Terms, *, is_written: bool) -> Proposal:
    from gateway.app.rule_files import read_folder

    folder = desk.settings.policies_dir
    files = read_folder(folder)
    async with desk.open(with_rules=False) as rooms:
        found = await _open_one(rooms, request)
        asker, notes = await _asker(rooms, found)
        proposal = proposed(files, found, asker, terms, rooms.clock())
        proposal = msgspec.structs.replace(proposal, notes=(*proposal.notes, *notes))
        if not is_written:
            return proposal
        fresh = with_lines(files[GRANTS], block_of(found, proposal, desk.by, rooms.clock()))
        await _write(desk, rooms, found, proposal, terms, (folder / GRANTS, files[GRANTS], fresh))
    return msgspec.structs.replace(proposal, written=True)


async def _open_one(rooms: "Rooms", request: str) -> "GrantRequest":
    from gateway.domain.grant_request import GrantRequestState

    found = await rooms.grant_requests.find(request, rooms.clock())
    if found is None:
        raise Stop("there is no such request; `gateway grant requests` shows them")
    if found.state is not GrantRequestState.OPEN:
        raise Stop(f"{found.id} is {found.state.value} already")
    return found


async def _asker(rooms: "Rooms", found: "GrantRequest") -> tuple["Asker", tuple[str, ...]]:
    """Return who asks as the decision knows it, with what its owner should know of it."""
    from gateway.decide.granting import Asker
    from gateway.domain.names import is_under
    from gateway.domain.principal import Assurance
    from gateway.domain.signin import Client

    who = await finding.anybody(rooms, found.account)
    if who.disabled_us is not None:
        raise Stop("the account that asks is disabled, so a grant would not help it", Exit.FAILED)
    is_client = isinstance(who, Client)
    recipient = who.recipient if isinstance(who, Client) else who.account.recipient
    asker = Asker(
        account=found.account,
        roles=who.account.roles,
        recipient=recipient,
        proof=Assurance.SERVICE_SECRET if is_client else Assurance.PERSON,
    )
    if isinstance(who, Client) and not any(is_under(found.asked.purpose, scope) for scope in who.scopes):
        return asker, (
            f"client {who.id} has no scope for {found.asked.purpose}, without which its bearers are not for it",
        )
    return asker, ()


async def _write(
    desk: Desk,
    rooms: "Rooms",
    found: "GrantRequest",
    proposal: Proposal,
    terms: Terms,
    file: tuple[Path, bytes, bytes],
) -> None:
    from gateway.decide.loader.grants_csv import grant_id
    from gateway.domain.entry import Changed
    from gateway.domain.grant_request import GrantRequestState

    path, before, fresh = file
    part = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        _durable(part, fresh, path.stat().st_mode & 0o777)
        if path.read_bytes() != before:
            raise Stop(f"{path} was changed meanwhile; nothing was written, so approve it again", Exit.FAILED)
        ids = " ".join(grant_id(line) for line in proposal.lines if line.startswith("p,"))
        facts: dict[str, str | int] = {
            "account": found.account, "role": proposal.role, "grants": ids, "until_us": proposal.until_us,
        }  # fmt: skip
        await rooms.log.append(Changed(by=desk.by, what="grant-request-approved", target=found.id, facts=facts))
        # Looked at again: the entry took a while, and a line that somebody wrote meanwhile may be a deny.
        if path.read_bytes() != before:
            raise Stop(f"{path} was changed meanwhile; nothing was written, so approve it again", Exit.FAILED)
        if proposal.lines:
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    await rooms.grant_requests.decide(
        found.id,
        GrantRequestState.APPROVED,
        because=terms.because,
        now_us=rooms.clock(),
        role=RoleName(proposal.role),
        granted_until_us=proposal.until_us,
    )


def _durable(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _because(said: str | None) -> str | None:
    if said is not None and not (0 < len(said) <= MOST_BECAUSE_CHARACTERS and said.isprintable()):
        raise Stop(f"--why must be 1 to {MOST_BECAUSE_CHARACTERS} printable characters on one line")
    return said


def _tell(desk: Desk, proposal: Proposal) -> None:
    paper = desk.paper
    for line in proposal.lines:
        paper.say(line)
    gains = ", ".join(f"{name} ({word})" for name, word in proposal.gains.items())
    paper.say(f"more leaves of: {gains}; until {moments.written(proposal.until_us)}")
    for note in proposal.notes:
        paper.say(f"note: {note}", style="yellow")
    if not proposal.written:
        paper.say("nothing was written")
    elif proposal.reloaded:
        paper.say(f"{GRANTS} has these lines, and every running door puts them in force now")
    else:
        paper.say(f"{GRANTS} has these lines; put them in force with `gateway check --reload`")
