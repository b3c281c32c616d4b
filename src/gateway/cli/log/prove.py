# SPDX-License-Identifier: Apache-2.0
"""``gateway log prove``: an entry as a file that proves itself, and the check of such a file on any machine.

A proof holds the entry as it stands in the log, and what a look at it would show, so making one is entered like a
look. Checking one needs the file alone; keys from elsewhere tell whose it is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.desk.asking import whole_text
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.cli.log.verify import directories, key_text

if TYPE_CHECKING:
    from gateway.record.format.bundle import Proof
    from gateway.record.format.checkpoint import VerifierKey
    from gateway.record.proof.checking import Checked
    from gateway.record.proof.proving import Prover

Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write it there; several proofs become FILE-1, FILE-2 ….")
]
Witness = Annotated[
    list[str] | None, typer.Option("--witness", metavar="VKEY", help="A witness's public key, or a file with it.")
]


@command
async def prove(
    desk: Desk,
    which: Annotated[
        str, typer.Argument(metavar="SLOT:SEQ|DECISION|FILE", help="An entry, a decision, or with --check a proof.")
    ],
    out: Out = None,
    with_part: Annotated[
        bool, typer.Option("--with-part", help="With addresses and people's numbers, which may be deleted in the log.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Check a proof or a receipt; needs no installation.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", metavar="VKEY", help="The log's public key, or a file with it.")
    ] = None,
    witness: Witness = None,
    line: Annotated[
        Path | None, typer.Option("--line", metavar="FILE", help="The entry, if the proof does not hold it.")
    ] = None,
) -> None:
    """Write the proof of an entry, or --check one. A C2SP tlog-proof with the co-signed checkpoint; exit 1 if wrong."""
    if check:
        _check(desk, Path(which), key, witness or (), line)
        return
    if key or witness or line:
        raise Stop("--key, --witness and --line are for --check")
    with desk.paper.working("Proving"):
        proofs = await proofs_of(desk, which, with_part=with_part)
    await _entered(desk, which, len(proofs))
    if out is None:
        # A proof is kept to the byte, so it is not laid out for a terminal.
        texts = [one.text() for one in proofs]
        desk.paper.answer(texts, lambda: print("\n".join(texts), end=""))
        return
    written = _written(out, proofs)
    desk.paper.answer({"files": written}, lambda: desk.paper.say("\n".join(written)))


async def proofs_of(desk: Desk, which: str, *, with_part: bool = False) -> "list[Proof]":
    """Return the proofs of an entry, or of every entry of a decision, with what it takes to check them.

    An entry that is newer than what witnesses co-signed is shown to them first, if they answer.

    Raises:
        Stop: There is no such entry, or no checkpoint covers it yet.
        LogDamaged: A log does not hold together.
    """
    from gateway.app.evidence.witnessing import cosigned_now
    from gateway.record.proof.proving import NoSuchEntry, Prover

    slot, colon, seq = which.rpartition(":")
    if colon and seq.isascii() and seq.isdigit():
        places = [(each, int(seq)) for each in directories(desk, slot)]
    else:
        places = [(each, place) for each in directories(desk, None) for place in Prover(each).places_of(which)]
    found = []
    for directory, place in places:
        prover = Prover(directory)
        await cosigned_now(desk.settings, prover, place)
        try:
            found.append(_with_extra(desk, prover, prover.inclusion(place), with_part=with_part))
        except NoSuchEntry as error:
            raise Stop(f"{error}; a new entry is covered within a second", Exit.FAILED) from None
        prover.keep()
    if not found:
        raise Stop(f"there is no entry {which} in these logs")
    return found


def _with_extra(desk: Desk, prover: "Prover", proof: "Proof", *, with_part: bool) -> "Proof":
    import msgspec

    from gateway.record.format.bundle import Extra

    line = prover.line(proof.index)
    if line is None:
        raise Stop(
            f"entry {proof.index} is in a segment that was moved elsewhere: put it back for a moment", Exit.FAILED
        )
    part = prover.part(proof.index) if with_part else None
    extra = Extra(
        line=line.decode(),
        part=(part or b"").decode(),
        log=prover.key().text(),
        witnesses=tuple(one.key for one in desk.settings.log.witnesses),
    )
    return msgspec.structs.replace(proof, extra=extra)


def _check(desk: Desk, file: Path, key: str | None, witnesses: Sequence[str], line: Path | None) -> None:
    from gateway.record.format.bundle import MOST_BYTES, ProofUnreadable, found_in, parse_proof
    from gateway.record.format.checkpoint import CheckpointInvalid, parse_verifier_key
    from gateway.record.format.cosign import parse_witness_key
    from gateway.record.proof.checking import check_proof

    try:
        log_key: VerifierKey | None = None if key is None else parse_verifier_key(key_text(key))
        trusted = [parse_witness_key(key_text(one)) for one in witnesses]
    except CheckpointInvalid as error:
        raise Stop(str(error)) from None
    try:
        proof = parse_proof(found_in(whole_text(file, most_bytes=2 * MOST_BYTES)))
    except ProofUnreadable as error:
        raise Stop(f"{file}: {error}", Exit.FAILED) from None
    entry = None if line is None else line.read_bytes().removesuffix(b"\n")
    checked = check_proof(proof, key=log_key, witnesses=trusted, line=entry)
    desk.paper.answer(_document(proof, checked), lambda: _tell(desk, proof, checked))
    if not checked.is_right:
        raise Stop("", Exit.FAILED)


def _document(proof: "Proof", checked: "Checked") -> dict[str, Any]:
    import msgspec

    state = checked.state
    return {
        "is_right": checked.is_right,
        "problems": checked.problems,
        "notes": checked.notes,
        "log": None if state is None else state.origin,
        "index": proof.index,
        "size": None if state is None else state.size,
        "root": None if state is None else state.root.hex(),
        "at_us": checked.at_us,
        "witnesses": [{"name": one.name, "at_s": one.at_s} for one in checked.witnesses],
        "entry": msgspec.json.decode(checked.line) if checked.is_right else None,
        "part": msgspec.json.decode(checked.part.content) if checked.part is not None and checked.is_right else None,
    }


def _tell(desk: Desk, proof: "Proof", checked: "Checked") -> None:
    from gateway.cli.desk.moments import written

    for problem in checked.problems:
        desk.paper.say(problem, style="bold red")
    state = checked.state
    if checked.is_right and state is not None:
        desk.paper.say(f"right: entry {proof.index} of {state.origin}, entered {written(checked.at_us)}")
        desk.paper.say(f"  {_sentence(checked.line)}")
        desk.paper.say(f"  under the signed checkpoint over {state.size} entries, root {state.root.hex()}")
        for one in checked.witnesses:
            desk.paper.say(f"  co-signed by {one.name} at {written(one.at_s * 1_000_000)}")
    for note in checked.notes:
        desk.paper.say(f"note: {note}")


def _sentence(line: bytes) -> str:
    import msgspec

    from gateway.cli.log.words import sentence
    from gateway.domain.entry import Line

    try:
        return sentence(msgspec.json.decode(line, type=Line).body)
    except msgspec.MsgspecError:
        return line.decode()


def _written(out: Path, proofs: "Sequence[Proof]") -> list[str]:
    """Write each proof to a file of its own, which only its owner may read, and return their names."""
    from gateway.app.private_file import private_file

    names = (
        [out] if len(proofs) == 1 else [out.with_name(f"{out.stem}-{n}{out.suffix}") for n in range(1, len(proofs) + 1)]
    )
    for path, proof in zip(names, proofs, strict=True):
        with private_file(path) as file:
            file.write(proof.text().encode())
    return [str(path) for path in names]


async def _entered(desk: Desk, which: str, n: int) -> None:
    from gateway.domain.entry import Looked

    async with desk.open_log() as log:
        await log.append(Looked(by=desk.by, what="proof", query=f"prove {which}", rows=n))
