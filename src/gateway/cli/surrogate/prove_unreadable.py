# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate prove-unreadable``: a certificate of an erasure held against what there is now.

Exit 0: nothing of the person can be opened. Exit 1: something can, and until when, or the certificate is not right.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk.desk import Desk, Exit, Stop, command

if TYPE_CHECKING:
    from gateway.app.surrogates.erasing import Copy, Left
    from gateway.record.format.certificate import Certificate
    from gateway.store.remains import Remain

WHICH = {
    "entry": "by which the person is still found",
    "deleted key": "whose bytes are in the file still",
    "deleted key not overwritten": "in the files of the database, which somebody reads (a backup?); try again later",
}
"""What is told of remains that are no key, identity or copy; of those, that they can be opened."""


@command
async def prove_unreadable(
    desk: Desk,
    file: Annotated[
        Path, typer.Argument(metavar="CERTIFICATE", help="As `gateway rights erase` wrote it, in words or as JSON.")
    ],
    backups: Annotated[
        list[Path] | None,
        typer.Option("--backup", metavar="FILE", help="Also in this copy, and that beside it; once for each."),
    ] = None,
) -> None:
    """Look for what can still be read of an erased person, live and in backups. Exit 1 if anything can."""
    from gateway.app.surrogates.erasing import copies_at, left
    from gateway.domain.entry import Looked, Part

    certificate, problems = _read(desk, file)
    numbers = certificate.statement.numbers
    async with desk.open(with_rules=False) as rooms:
        copies = copies_at(rooms.keyring, backups or ())
        with desk.paper.working("Looking for what can be opened"):
            looked = await left(rooms, numbers, copies)
        found = looked.remains
        entry = Looked(by=desk.by, what="unreadable", query="", rows=sum(one.n for one in found))
        await rooms.log.append(entry, Part(met=numbers))
        now_us = rooms.clock()
    remains = [_told(one, copies) for one in found]
    is_proven = not problems and not remains
    desk.paper.answer(
        {"proven": is_proven, "person": numbers[0], "problems": problems, "remains": remains, "unseen": looked.unseen},
        lambda: _tell(desk, certificate, problems, looked, copies, now_us),
    )
    if not is_proven:
        raise Stop("", Exit.FAILED)


def _read(desk: Desk, file: Path) -> "tuple[Certificate, list[str]]":
    """Return the certificate, and what is wrong with it.

    Raises:
        Stop: It is none.
    """
    from gateway.cli.desk.asking import whole_text
    from gateway.cli.rights.certificate_text import certificate_text
    from gateway.domain.errors import LogDamaged
    from gateway.record.format.certificate import MOST_BYTES, CertificateInvalid, check_signature, parse_certificate
    from gateway.record.proof.proving import Prover

    text = whole_text(file, most_bytes=MOST_BYTES)
    try:
        certificate = parse_certificate(text)
    except CertificateInvalid as error:
        raise Stop(f"{file}: {error}", Exit.FAILED) from None
    said, problems = certificate.statement, list[str]()
    if not text.startswith("{") and certificate_text(certificate) != text:
        problems.append("the words of the certificate are not those that its statement makes")
    prefix, _, slot = said.log.rpartition("/")
    if prefix != f"{desk.settings.installation}/{desk.settings.node}" or not (desk.state / "log" / slot).is_dir():
        raise Stop(f"{file} is of the log {said.log}, which is none of this installation", Exit.FAILED)
    try:
        check_signature(certificate, Prover(desk.state / "log" / slot).key())
    except (CertificateInvalid, LogDamaged) as error:
        problems.append(str(error))
    return certificate, problems + _proof_problems(certificate)


def _proof_problems(certificate: "Certificate") -> list[str]:
    """Return what is wrong with the proof of the entry."""
    import msgspec

    from gateway.domain.entry import Changed, Line
    from gateway.record.format.bundle import ProofUnreadable, parse_proof
    from gateway.record.format.checkpoint import parse_verifier_key
    from gateway.record.proof.checking import check_proof

    said = certificate.statement
    try:
        proof = parse_proof(certificate.proof)
    except ProofUnreadable as error:
        return [str(error)]
    checked = check_proof(proof, key=parse_verifier_key(certificate.key))
    if not checked.is_right:
        return list(checked.problems)
    line = msgspec.json.decode(checked.line, type=Line)
    body = line.body
    is_it = isinstance(body, Changed) and (body.what, body.target) == ("person-erased", str(said.person))
    if not is_it or (line.log, line.seq, line.at_us) != (said.log, said.entry, said.erased_us):
        return ["the proof is of another entry than that of the erasure"]
    return []


def _told(one: "Remain", copies: "Iterable[Copy]") -> dict[str, object]:
    return {"where": one.where, "what": one.what, "n": one.n, "until_us": _until(one, copies)}


def _until(one: "Remain", copies: "Iterable[Copy]") -> int | None:
    """Return when a copy counts no more; nothing for what has no end."""
    ends = (copy.header.expires_us for copy in copies if str(copy.file) == one.where)
    return next(ends, None)


def _tell(
    desk: Desk,
    certificate: "Certificate",
    problems: Iterable[str],
    looked: "Left",
    copies: "Iterable[Copy]",
    now_us: int,
) -> None:
    from gateway.cli.desk.moments import day
    from gateway.domain.wording import counted

    paper, copies = desk.paper, list(copies)
    for problem in problems:
        paper.say(problem, style="bold red")
    for one in looked.remains:
        until_us = _until(one, copies)
        end = (
            ""
            if until_us is None
            else f"; until {day(until_us)}"
            if until_us > now_us
            else "; its end is past: delete the file"
        )
        what = f"{counted(one.n, one.what)} {WHICH.get(one.what, 'that can be opened')}"
        paper.say(f"{one.where}: {what}{end}", style="bold red")
    for place in looked.unseen:
        paper.say(f"not looked into: {place}", style="yellow")
    if not problems and not looked.remains:
        where = "".join(f" and in {copy.file}" for copy in copies)
        paper.say(f"proven: nothing of person {certificate.statement.person} can be opened, live{where}")
