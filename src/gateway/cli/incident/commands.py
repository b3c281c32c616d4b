# SPDX-License-Identifier: Apache-2.0
"""``gateway incident``: whom calls reached, in numbers; and the list of the people, which two officers open."""

import csv
import io
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.desk import finding, moments, proof
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.cli.desk.proof import ProofFile
from gateway.domain.wording import counted

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.domain.log_query import LogQuery
    from gateway.domain.reach import Behind
    from gateway.flows.incident.opening import Answer, SealedList
    from gateway.flows.incident.values import Scope

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What an account, an app or an address reached.")


_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}\Z", re.ASCII)
"""It is entered as it was typed, so nothing that could be an address of mail is taken."""
_ACCOUNTS = ("a_", "local:", "gateway")
"""How identifiers of accounts begin in the log."""


class Form(StrEnum):
    """How a scope is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


class ListForm(StrEnum):
    """How an opened list is written."""

    CSV = "csv"
    JSON = "json"


@app.command("scope")
@command
async def scope(
    desk: Desk,
    principal: Annotated[
        str | None, typer.Option("--principal", metavar="WHO", help="User, account or client.")
    ] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="One sign-in.")] = None,
    client: Annotated[str | None, typer.Option("--client", metavar="ID", help="A client app.")] = None,
    place: Annotated[str | None, typer.Option("--place", metavar="IP", help="An address that calls came from.")] = None,
    store: Annotated[str | None, typer.Option("--store", metavar="KEY", help="A store, or a dataset.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="A day, a moment, or 24h ago.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to and without it.")] = None,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TEXT,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it to a new file.")] = None,
    sealed: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="Write the sealed list of the people to a new file.")
    ] = None,
    from_files: Annotated[bool, typer.Option("--from-files", help="Read every entry; use no index.")] = False,
) -> None:
    """Tell whom calls reached. Distinct people, fields by treatment, rows, purposes, recipients, first and last."""
    from gateway.app.evidence.incidents import scope as scoped
    from gateway.cli.incident.text import markdown, text
    from gateway.flows.incident.opening import sealed_list

    for path in filter(None, (out, sealed)):
        _insist_on_new(path)
    async with desk.open(with_rules=False) as rooms:
        asked = await _asked(rooms, desk, (principal, session, client, place, store), (since, until))
        with desk.paper.progress("Reading the log", None) as done:
            found = await scoped(rooms, asked, by=desk.by, from_files=from_files, done=done)
        listed = None
        if sealed is not None and found.people:
            listed = await sealed_list(
                found.people,
                query=found.scope.query,
                vault=rooms.keyring,
                recorder=rooms.log,
                clock=rooms.clock,
                by=desk.by,
            )
    if sealed is not None and listed is not None:
        _write(sealed, listed)
        desk.paper.tell(
            f"{sealed}: {counted(found.scope.people, 'person')}, sealed; two officers open it: gateway incident open"
        )
    elif sealed is not None:
        desk.paper.tell(f"nobody was reached, so there is no list; {sealed} was not written")
    is_json = desk.json or form is Form.JSON
    written = _document(found.scope) if is_json else (markdown if form is Form.MARKDOWN else text)(found.scope)
    if out is not None:
        _write(out, written.encode())
        desk.paper.tell(f"{out}: {counted(found.scope.people, 'person')} reached")
    desk.paper.answer(found.scope, lambda: None if out is not None else print(written, end=""))


@app.command("open")
@command
async def open_(
    desk: Desk,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A list that `incident scope --list` sealed.")],
    officer: Annotated[str, typer.Option("--officer", metavar="NAME", help="Who says that it be opened.")],
    proof_file: ProofFile = None,
    form: Annotated[ListForm, typer.Option("--format", help="How the list is written.")] = ListForm.CSV,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the list to a new file.")] = None,
) -> None:
    """Open a sealed list of people. Two officers each prove themselves within 15 minutes; then it opens once."""
    from gateway.flows.incident.opening import Heard, read_list

    if out is not None:
        _insist_on_new(out)
    listed = read_list(file.read_bytes())
    password, code = proof.asked(officer, proof_file)
    async with desk.open() as rooms:
        answer = await _said(desk, rooms, listed, officer, password, code)
        behind = await _behind(rooms, answer)
    if answer.heard is not Heard.OPENED:
        _tell_unopened(desk, listed, answer)
        return
    if out is not None:
        _write(out, _list_text(behind, form).encode())
        desk.paper.tell(f"{out}: {counted(len(behind), 'person')}")
        desk.paper.answer({"list": listed.id, "heard": answer.heard, "people": len(behind)}, lambda: None)
        return
    document = {"list": listed.id, "heard": answer.heard, "people": [_person(one) for one in behind]}
    desk.paper.answer(document, lambda: _print(_list_text(behind, form)))


async def _said(desk: Desk, rooms: "Rooms", listed: "SealedList", officer: str, password: str, code: str) -> "Answer":
    from gateway.app.evidence.incidents import opening
    from gateway.app.proving import proven
    from gateway.flows.incident.opening import Answer, Heard

    who = await proven(rooms, officer, password, code)
    if who is None:
        return Answer(heard=Heard.NOT_PROVEN)
    return await opening(rooms).say(listed, who, by=desk.by)


async def _behind(rooms: "Rooms", answer: "Answer") -> "list[Behind]":
    """Return who stands behind an opened list today."""
    from gateway.app.evidence.incidents import people_behind
    from gateway.flows.incident.opening import everybody

    if answer.people is None:
        return []
    return [one async for one in everybody(answer.people, people_behind(rooms))]


def _tell_unopened(desk: Desk, listed: "SealedList", answer: "Answer") -> None:
    """Tell what a word came to that opened nothing."""
    from gateway.flows.incident.opening import Heard

    if answer.heard is Heard.NOT_PROVEN:
        raise Stop(
            "that was not proved: password or code is not right, or the code was used already; nothing was said",
            Exit.DENIED,
        )
    if answer.heard is Heard.NO_OFFICER:
        raise Stop(
            "only who has the role officer, and from whom nothing is held back, may open a list of people; "
            "nothing was said",
            Exit.DENIED,
        )
    until = moments.written(answer.until_us)
    if answer.heard is Heard.SAME_PERSON:
        raise Stop(f"you have said so already; somebody else has to say it too, until {until}", Exit.DENIED)
    lapsed = f"; the word of {moments.written(answer.lapsed_us)} had lapsed" if answer.lapsed_us else ""
    void = "; whoever had said so before may not open lists any more" if answer.is_first_void else ""
    desk.paper.answer(
        {"list": listed.id, "heard": answer.heard, "until_us": answer.until_us},
        lambda: desk.paper.say(
            f"heard{lapsed}{void}. A second officer opens the list by the same command, until {until}"
        ),
    )


async def _asked(
    rooms: "Rooms", desk: Desk, said: tuple[str | None, ...], times: tuple[str | None, str | None]
) -> "LogQuery":
    """Return the query that the options make."""
    from gateway.domain.log_query import LogQuery

    if not any(said):
        raise Stop("a scope is of a --principal, a --session, a --client, a --place or a --store")
    principal, session, client, place, store = said
    since_us, until_us = moments.span_us(times, ("--since", "--until"), rooms.clock())
    account = None if principal is None else await _account(rooms, desk, principal)
    asked = LogQuery(
        account=account,
        session=None if session is None else _identifier(session, "--session"),
        client=None if client is None else _identifier(client, "--client"),
        place=None if place is None else finding.address(place, "--place"),
        dataset=None if store is None else _identifier(store, "--store"),
        since_us=since_us,
        until_us=until_us,
    )
    for sentence in await finding.unknown(desk, rooms, client=client, store=store):
        desk.paper.tell(f"note: {sentence}; what the log says of it is told all the same")
    return asked


async def _account(rooms: "Rooms", desk: Desk, word: str) -> str:
    """Return the account that a word means; one that the database does not know may be in the log all the same."""
    try:
        return str((await finding.anybody(rooms, word)).account.id)
    except Stop as stop:
        if "is a user and a client" in str(stop) or not word.startswith(_ACCOUNTS):
            raise
        # Accounts that the database has lost are in the log still.
        desk.paper.tell(f"{stop}; it is looked for as the identifier of an account in the log")
        return _identifier(word, "--principal")


def _identifier(word: str, option: str) -> str:
    if not _IDENTIFIER.match(word):
        raise Stop(f"{option} is followed by a key or an identifier")
    return word


def _document(found: "Scope") -> str:
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"


def _list_text(behind: "list[Behind]", form: ListForm) -> str:
    from gateway.transform.formulas import without_formula

    if form is ListForm.JSON:
        return msgspec.json.format(msgspec.json.encode([_person(one) for one in behind]), indent=1).decode() + "\n"
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(("person", "identity_kind", "identity"))
    for one in behind:
        rows.writerows((one.person, kind, without_formula(value)) for kind, value in one.identities or (("", ""),))
    return out.getvalue()


def _print(text: str) -> None:
    """Write text that came from stores to stdout; at a terminal without anything that it would obey."""
    from gateway.cli.desk.paper import visible

    is_seen = sys.stdout.isatty()
    print(visible(text.replace("\r\n", "\n")) if is_seen else text, end="")


def _person(one: "Behind") -> dict[str, object]:
    identities = [{"kind": kind, "value": value} for kind, value in one.identities]
    return {"person": one.person, "identities": identities}


def _insist_on_new(path: Path) -> None:
    if path.exists():
        raise Stop(f"{path} is there already; it is written to a new file only")
    # Words that open a list are spent by that, so a place that cannot be written to is told before.
    if not path.parent.is_dir():
        raise Stop(f"there is no folder {path.parent} to write it to")


def _write(path: Path, content: bytes) -> None:
    from gateway.app.private_file import private_file

    with private_file(path) as file:
        file.write(content)
