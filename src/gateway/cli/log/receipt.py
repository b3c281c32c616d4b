# SPDX-License-Identifier: Apache-2.0
"""``gateway log receipt``: what a person may keep of an entry about that person alone, in words and with its proof."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import finding
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.cli.log.prove import proofs_of
from gateway.cli.log.verify import directories

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.record.format.bundle import Proof
    from gateway.record.proof.receipt import Matter
    from gateway.record.reading.reader import Record


_PLACE = re.compile(r"[A-Za-z0-9._-]{1,64}:[0-9]{1,19}|[0-9a-f]{32}", re.ASCII)
"""What may be entered of what was typed: anything else may be a name of somebody."""


@command
async def receipt(
    desk: Desk,
    which: Annotated[
        str | None, typer.Argument(metavar="SLOT:SEQ|DECISION", help="The entry; without it those that there are.")
    ] = None,
    person: Annotated[int | None, typer.Option("--person", metavar="N", min=0, help="The person's number.")] = None,
    identity: Annotated[
        tuple[str, str] | None,
        typer.Option("--identity", metavar="KIND VALUE", help="The person; VALUE - is read from stdin."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there.")] = None,
) -> None:
    """Write what a person may keep: a choice, an erasure, an access. Words in English and Chinese, and the proof."""
    from gateway.app.private_file import private_file
    from gateway.domain.entry import Looked, Part

    if (person is None) == (identity is None):
        raise Stop("say who it is: --person N or --identity KIND VALUE")
    async with desk.open(with_rules=False) as rooms:
        number = person if identity is None else await _number(rooms, identity)
        part = Part(met=() if number is None else (number,))
        await rooms.log.append(
            Looked(
                by=desk.by, what="receipt", query=which if which is not None and _PLACE.fullmatch(which) else "", rows=1
            ),
            part,
        )
    if number is None:
        if identity is not None:
            finding.insist_on_kind(desk, identity[0])
        raise Stop("no such person is known", Exit.FAILED)
    with desk.paper.working("Reading the log"):
        found = list(_about(desk, number)) if which is None else []
        text = "" if which is None else await _receipt(desk, which, number)
    if which is None:
        _tell_list(desk, found)
    elif out is None:
        desk.paper.answer({"receipt": text}, lambda: print(text, end=""))
    else:
        with private_file(out) as file:
            file.write(text.encode())
        desk.paper.answer({"file": str(out)}, lambda: desk.paper.say(str(out)))


async def _number(rooms: "Rooms", identity: tuple[str, str]) -> int | None:
    from gateway.cli.desk import asking
    from gateway.domain.names import IdentityKind

    return await rooms.people.find(IdentityKind(identity[0]), asking.value(identity[1]))


def _about(desk: Desk, person: int) -> "Iterator[tuple[str, Record, Matter]]":
    """Yield the entries about a person alone, with their places."""
    from gateway.record.proof.receipt import matter_of
    from gateway.record.reading.reader import records

    for directory in directories(desk, None):
        for record in records(directory):
            matter = matter_of(record.line, record.part, person)
            if matter is not None:
                yield f"{directory.name}:{record.line.seq}", record, matter


def _tell_list(desk: Desk, found: "list[tuple[str, Record, Matter]]") -> None:
    from gateway.cli.desk.moments import written

    if not found:
        desk.paper.tell("no entry is about this person alone, so there is nothing to give a receipt of")
    document = [{"entry": place, "at_us": record.line.at_us, "matter": matter} for place, record, matter in found]
    rows = [(place, written(record.line.at_us), matter) for place, record, matter in found]
    desk.paper.answer(document, lambda: desk.paper.table(("entry", "at", "matter"), rows) if rows else None)


async def _receipt(desk: Desk, which: str, person: int) -> str:
    """Return the receipt of the entry that is asked for.

    Raises:
        Stop: It is not about this person alone.
    """
    from gateway.app.clock import now_us
    from gateway.cli.log.receipt_text import Receipt, receipt_text
    from gateway.record.proof.checking import check_proof
    from gateway.record.proof.receipt import is_of_one, matter_of
    from gateway.record.reading.reader import show

    for proof in await proofs_of(desk, which, with_part=True):
        checked = check_proof(proof)
        if checked.state is None or not checked.is_right:
            raise Stop(f"{'; '.join(checked.problems)}; run `gateway log verify`", Exit.FAILED)
        shown = show(desk.state / "log" / checked.state.origin.rpartition("/")[2], proof.index)
        record = None if shown is None else shown.record
        matter = None if record is None else matter_of(record.line, record.part, person)
        if record is None or matter is None:
            continue
        is_bare = record.part is not None and is_of_one(record.part, person)
        return receipt_text(
            Receipt(
                matter=matter,
                body=record.line.body,
                at_us=record.line.at_us,
                proof=proof if is_bare else _without_part(proof),
                state=checked.state,
                witnesses=checked.witnesses,
                made_us=now_us(),
            )
        )
    raise Stop(
        f"{which} is not about this person alone, so it is not handed out; `gateway rights` tells accesses", Exit.FAILED
    )


def _without_part(proof: "Proof") -> "Proof":
    import msgspec

    extra = None if proof.extra is None else msgspec.structs.replace(proof.extra, part="")
    return msgspec.structs.replace(proof, extra=extra)
