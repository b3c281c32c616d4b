# SPDX-License-Identifier: Apache-2.0
"""``gateway rights``: what a person may ask of us. Whoever gives the command has verified who asks."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gateway.cli.desk import moments
from gateway.cli.desk.desk import Desk, Stop, command
from gateway.cli.rights import erase as rights_erase
from gateway.domain.names import IdentityKind, PersonNumber

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.flows.accesses.telling import Told

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What a person may ask of us.")

MOST_PERSON = (1 << 32) - 1


class Form(StrEnum):
    """How the accesses are written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"


class Language(StrEnum):
    """In which language."""

    EN = "en"
    ZH = "zh"


@app.command("accesses")
@command
async def accesses(
    desk: Desk,
    person: Annotated[int | None, typer.Option("--person", metavar="N", help="Number of the person.")] = None,
    identity: Annotated[
        tuple[str, str] | None,
        typer.Option("--identity", metavar="KIND VALUE", help="Whom it is about; VALUE - is read from stdin."),
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="A day, a moment, or 365d ago.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to and without it.")] = None,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TEXT,
    language: Annotated[Language, typer.Option("--lang", help="In which language.")] = Language.EN,
    for_officer: Annotated[
        bool, typer.Option("--for-officer", help="With accounts, clients and decisions: never for the person.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it to a new file.")] = None,
    from_files: Annotated[bool, typer.Option("--from-files", help="Read every entry; use no index.")] = False,
) -> None:
    """Tell a verified person every use of their data. When, who, for what, on which ground, which data in which form."""
    from gateway.app.evidence.incidents import accesses as found_for

    if (person is None) == (identity is None):
        raise Stop("say whom it is about: --person N, or --identity KIND VALUE")
    if out is not None and out.exists():
        raise Stop(f"{out} is there already; it is written to a new file only")
    async with desk.open(with_rules=False) as rooms:
        since_us, until_us = moments.span_us((since, until), ("--since", "--until"), rooms.clock())
        number = await _number(desk, rooms, person, identity)
        with desk.paper.progress("Reading the log", None) as done:
            told = await found_for(
                rooms,
                number,
                since_us=since_us,
                until_us=until_us,
                by=desk.by,
                from_files=from_files,
                done=done,
            )
    for remark in told.remarks:
        desk.paper.tell(f"note: {remark}")
    written = _written(told, Form.JSON if desk.json else form, language, for_officer=for_officer)
    if out is None:
        print(written, end="")
        return
    _write(out, written.encode())
    desk.paper.tell(f"{out}: {len(told.accesses):,} uses")
    desk.paper.answer({"file": str(out), "accesses": len(told.accesses)}, lambda: None)


app.command("erase")(rights_erase.erase)
app.command("lift-tombstone")(rights_erase.lift_tombstone)


async def _number(desk: Desk, rooms: "Rooms", person: int | None, identity: tuple[str, str] | None) -> PersonNumber:
    from gateway.cli.desk import asking, finding
    from gateway.domain.entry import Looked

    if identity is None:
        if person is None or not 0 <= person <= MOST_PERSON:
            raise Stop("--person is the number of a person; `gateway choice show` tells it")
        return PersonNumber(person)
    value = asking.value(identity[1])
    if not value.strip():
        raise Stop("the value of --identity is empty")
    found = await rooms.people.find(IdentityKind(identity[0]), value)
    if found is None:
        # That somebody is not known is an answer about them as well; the kind is the caller's word and is not entered.
        await rooms.log.append(Looked(by=desk.by, what="accesses", query="", rows=0))
        finding.insist_on_kind(desk, identity[0])
        raise Stop(
            f"no such person is known by {identity[0]}: nothing was ever released about them under it, "
            "or they were erased since; --person N asks by their number"
        )
    return found


def _written(told: "Told", form: Form, language: Language, *, for_officer: bool) -> str:
    from gateway.cli.rights import text as rights_text

    if form is Form.JSON:
        return msgspec.json.encode(document(told, for_officer=for_officer)).decode() + "\n"
    spell = {Form.TEXT: rights_text.text, Form.MARKDOWN: rights_text.markdown, Form.CSV: rights_text.table}[form]
    return spell(told, language.value, for_officer=for_officer)


def document(told: "Told", *, for_officer: bool) -> dict[str, object]:
    """Return the accesses as one JSON document; what only officers may see is not in the person's."""
    from gateway.flows.accesses.ports import OFFICERS_ALONE

    plain = msgspec.to_builtins(told)
    if not for_officer:
        for one in plain["accesses"]:
            for name in OFFICERS_ALONE:
                del one[name]
        del plain["person"], plain["remarks"]
    return dict(plain)


def _write(path: Path, content: bytes) -> None:
    from gateway.app.private_file import private_file

    with private_file(path) as file:
        file.write(content)
