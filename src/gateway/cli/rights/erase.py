# SPDX-License-Identifier: Apache-2.0
"""``gateway rights erase`` and ``lift-tombstone``: a person made unreadable in the gateway, and let back.

Values of the person are read from a file or from stdin, never from the command line, and are in no entry and no
output. Whoever gives the command has verified who asks and that the law gives it.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import asking, finding
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.cli.rights.identifiers import identifiers_in
from gateway.domain.names import IdentityKind, PersonNumber

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.decide.rules import RuleSet
    from gateway.domain.identifier import Identifier
    from gateway.flows.erasing.erasing import Erased, Erasing
    from gateway.record.format.certificate import Certificate

MOST_BECAUSE = 200
MOST_PERSON = (1 << 32) - 1
_TOMBSTONE = re.compile(r"[0-9a-f]{16}", re.ASCII)

Because = Annotated[
    str, typer.Option("--because", metavar="TEXT", help="Reference or reason, for the log; no personal values.")
]


@command
async def erase(
    desk: Desk,
    because: Because,
    out: Annotated[Path, typer.Option("--out", metavar="CERTIFICATE", help="New file; beside it one as JSON.")],
    person: Annotated[int | None, typer.Option("--person", metavar="N", help="Number of the person.")] = None,
    identity: Annotated[
        tuple[str, str] | None,
        typer.Option("--identity", metavar="KIND VALUE", help="Whom it is about; VALUE - is read from stdin."),
    ] = None,
    identifiers: Annotated[
        Path | None,
        typer.Option(
            "--identifiers",
            metavar="FILE",
            help="What else they are known by, a line each: phone, email, national_id, name or birth_date, then the value; - for stdin.",
        ),
    ] = None,
    and_log: Annotated[
        bool, typer.Option("--and-log", help="Also take the number out of the log's parts, as `gateway log forget`.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person in the gateway, for good, and certify it. It calls no store: erase the record there first."""
    from gateway.app.surrogates.erasing import erasing_of, keys_end_us

    markdown, json = _files(out)
    _check_said(because, person, identity, identifiers)
    known = () if identifiers is None else identifiers_in(identifiers)
    if not yes:
        asking.typed_again("erase", "What the gateway holds of this person can then never be read again.")
    rules = _rules(desk)
    async with desk.open(with_rules=False) as rooms:
        erasing = erasing_of(rooms, rules=rules)
        number, own = await _whom(desk, rooms, erasing, person, identity)
        with desk.paper.working("Erasing"):
            erased = await erasing.erase(number, desk.by, because, (*own, *known))
        ends_us = await keys_end_us(rooms, erased.entered.at_us)
        n_parts = await _forgotten(desk, rooms, number) if and_log else None
    certificate = await _certified(desk, erased, ends_us, rules)
    _write(certificate, markdown, json)
    said = certificate.statement
    desk.paper.answer(
        {
            "person": said.person,
            "merged": said.merged,
            "again": erased.is_again,
            "identities": dict(said.identities),
            "vault_copies": said.vault_copies,
            "known_again_by": said.known_again_by,
            "known_by": dict(said.known_by),
            "overwritten": said.overwritten,
            "backups_until_us": said.backups_until_us,
            "stores": said.stores,
            "parts_forgotten": n_parts,
            "files": [str(markdown), str(json)],
        },
        lambda: _tell(desk, erased, certificate, markdown, n_parts),
    )


@command
async def lift_tombstone(
    desk: Desk,
    because: Because,
    identity: Annotated[
        tuple[str, str] | None,
        typer.Option("--identity", metavar="KIND VALUE", help="Whom it is about; VALUE - is read from stdin."),
    ] = None,
    tombstone: Annotated[
        str | None, typer.Option("--tombstone", metavar="ID", help="As the entry of a refusal names it.")
    ] = None,
) -> None:
    """Let a person who was erased be written again, on evidence that they want it. Their old data stays erased."""
    from gateway.app.surrogates.erasing import erasing_of

    _check_because(because)
    if (identity is None) == (tombstone is None):
        raise Stop("say whom it is about: --identity KIND VALUE, or --tombstone ID")
    if tombstone is not None and not _TOMBSTONE.fullmatch(tombstone):
        raise Stop("--tombstone is the 16 digits behind `tombstone:` in the entry of a refusal")
    known = None if identity is None else _asked_for(identity)
    async with desk.open(with_rules=False) as rooms:
        erasing = erasing_of(rooms)
        if known is not None:
            n_lifted = await erasing.lift(known, desk.by, because)
        else:
            standing = await rooms.tombstones.standing(tombstone or "")
            n_lifted = await erasing.lift_each([tombstone or ""], desk.by, because) if standing else 0
    if not n_lifted:
        if identity is not None:
            finding.insist_on_kind(desk, identity[0])
        raise Stop("nobody who was erased is known by that", Exit.FAILED)
    desk.paper.answer({"lifted": n_lifted}, lambda: desk.paper.say("lifted: this person may be written again"))


def _files(out: Path) -> tuple[Path, Path]:
    """Return where the certificate goes, in words and as JSON."""
    markdown = out.with_suffix(".md") if out.suffix == ".json" else out
    json = markdown.with_suffix(".json")
    for file in (markdown, json):
        if file.exists():
            raise Stop(f"{file} is there already; a certificate is written to new files only")
    if not markdown.parent.is_dir():
        raise Stop(f"{markdown.parent} is no folder")
    return markdown, json


def _check_said(because: str, person: int | None, identity: tuple[str, str] | None, identifiers: Path | None) -> None:
    _check_because(because)
    if (person is None) == (identity is None):
        raise Stop("say whom it is about: --person N, or --identity KIND VALUE")
    if person is not None and not 0 <= person <= MOST_PERSON:
        raise Stop("--person is the number of a person; `gateway choice show` tells it")
    if identity is not None and identity[1] == asking.STDIN and str(identifiers) == asking.STDIN:
        raise Stop("stdin cannot be the identity and the identifiers at once; give --identifiers a file")


def _check_because(because: str) -> None:
    if not because.strip() or len(because) > MOST_BECAUSE or not because.isprintable():
        raise Stop(f"--because is one line of 1 to {MOST_BECAUSE} characters")


def _asked_for(identity: tuple[str, str]) -> "Identifier":
    from gateway.transform.identifying import identity_of

    known = identity_of(identity[0], asking.value(identity[1]))
    if known is None:
        raise Stop("the value of --identity is empty")
    return known


async def _whom(
    desk: Desk, rooms: "Rooms", erasing: "Erasing", person: int | None, identity: tuple[str, str] | None
) -> "tuple[PersonNumber, tuple[Identifier, ...]]":
    """Return the number of who is to be erased, and the identity that they were asked for by."""
    from gateway.domain.identifier import identity_value

    if identity is None:
        return PersonNumber(person or 0), ()
    known = _asked_for(identity)
    value = known.value.removeprefix(identity_value(identity[0], ""))
    number = await rooms.people.find(IdentityKind(identity[0]), value) or await erasing.again(known)
    if number is None:
        finding.insist_on_kind(desk, identity[0])
        raise Stop(f"no such person is known by {identity[0]}, nor was one erased", Exit.FAILED)
    return number, (known,)


async def _forgotten(desk: Desk, rooms: "Rooms", number: PersonNumber) -> int:
    from gateway.app.evidence.parts_deleting import forgetting_of

    with desk.paper.progress("Looking through segments", None) as move:
        found = await forgetting_of(rooms).forget(number, desk.by, erase=False, looked=lambda _slot, _number: move(1))
    for one in found.unseen:
        desk.paper.tell(
            f"not looked through: segment {one.segment} of {one.slot}, moved to {one.folder or 'another folder'}: "
            "`gateway log forget --archive FOLDER`"
        )
    return found.parts


async def _certified(desk: Desk, erased: "Erased", ends_us: int, rules: "RuleSet | None") -> "Certificate":
    from gateway.app.keyring import open_keyring
    from gateway.app.surrogates.erasing import certificate_of
    from gateway.cli.log.prove import proofs_of

    with desk.paper.working("Proving"):
        [proof] = await proofs_of(desk, f"{erased.entered.slot}:{erased.entered.place}")
    return certificate_of(
        desk.settings,
        open_keyring(desk.settings),
        erased,
        proof=proof,
        backups_until_us=ends_us,
        rules=rules,
    )


def _rules(desk: Desk) -> "RuleSet | None":
    from gateway.domain.errors import RulesError, SettingsError

    try:
        return finding.rules_of(desk)
    except (RulesError, SettingsError):
        desk.paper.tell(
            "note: the rules cannot be read, so the certificate lists no fields and no datasets, and what the vault has "
            "of the person does not help to know them again"
        )
        return None


def _write(certificate: "Certificate", markdown: Path, json: Path) -> None:
    import msgspec

    from gateway.app.private_file import private_file
    from gateway.cli.rights.certificate_text import certificate_text

    texts = {json: msgspec.json.encode(certificate) + b"\n", markdown: certificate_text(certificate).encode()}
    for path, content in texts.items():
        with private_file(path) as file:
            file.write(content)


def _tell_known(desk: Desk, certificate: "Certificate") -> None:
    """Tell by how much the person is known again, and what an import could still do."""
    said, paper = certificate.statement, desk.paper
    if said.is_known_by_more:
        known = ", ".join(f"{n} {form}" for form, n in said.known_by)
        paper.say(f"an import of the person is recognised by: {known}")
        return
    paper.say(
        "the person is known again by identities of stores alone: an import under another id, with the same phone and "
        "mail address, will NOT be recognised. Give the command again with --identifiers to change that"
        if said.known_again_by
        else "nothing was known by which an import could be recognised. Give the command again with --identifiers",
        style="yellow",
    )


def _tell(desk: Desk, erased: "Erased", certificate: "Certificate", file: Path, n_parts: int | None) -> None:
    from gateway.cli.desk.moments import day, written

    said, paper = certificate.statement, desk.paper
    paper.say(
        f"person {said.person} was erased at {written(said.erased_us)}{' (before; certified again)' if erased.is_again else ''}"
    )
    paper.say("unreadable at once: key, identities and copies of the vault, in the live databases")
    if not said.overwritten:
        paper.say(
            "not yet overwritten in the files of the database, since somebody reads them (a backup?); the worker tries "
            "again each minute, `gateway surrogate prove-unreadable` tells",
            style="yellow",
        )
    paper.say(f"unreadable in backups from {day(said.backups_until_us)} on")
    _tell_known(desk, certificate)
    for store in said.stores:
        paper.say(f"still there, to be erased by you: records of {store}")
    paper.say("still there: what recipients were given; `gateway rights accesses --person N` tells to whom")
    if n_parts is None:
        paper.say(
            f"still there: the number in the log's parts; `gateway log forget --person {said.person}` takes it out"
        )
    else:
        paper.say(f"the number was taken out of {n_parts:,} parts of the log")
    paper.say(f"certificate: {file}")
