# SPDX-License-Identifier: Apache-2.0
"""``gateway log verify`` and ``checkpoint``: figures and hashes alone, so neither enters anything.

They work on a damaged log, without keys, settings or database, and on a copy far from all of them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.desk.asking import whole_text
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.cli.log.segment import verify_alone

if TYPE_CHECKING:
    from gateway.record.proof.verify import LogVerdict, Verdict

_SIGNED = "\n\n\u2014 "
"""Between the text of a checkpoint and its first signature (C2SP signed-note)."""

Slot = Annotated[
    str | None, typer.Option("--slot", metavar="SLOT", help="One log of the installation, such as door-0.")
]


@command
def verify(
    desk: Desk,
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="FOLDER", help="A copy: of STATE, of STATE/log, or of one log.")
    ] = None,
    expect: Annotated[
        Path | None,
        typer.Option("--expect", metavar="FILE", help="Checkpoints that the logs must contain, one or several."),
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="VKEY", help="A log's public key, or a file with it.")
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(
            "--witness", metavar="VKEY", help="A witness's public key, or a file with it: it must have co-signed."
        ),
    ] = None,
    tsa_ca: Annotated[
        Path | None, typer.Option("--tsa-ca", metavar="FILE", help="Certificates that time stamps must rest on, PEM.")
    ] = None,
    segment: Annotated[
        Path | None, typer.Option("--segment", metavar="FILE", help="Only one sealed segment, by itself.")
    ] = None,
    seal: Annotated[
        Path | None, typer.Option("--seal", metavar="FILE", help="Its seal, if not in seals/ beside it.")
    ] = None,
) -> None:
    """Verify every entry of every log. Against hashes, signatures and what the logs saw of each other; exit 1 if wrong."""
    from gateway.record.format.layout import PUBLIC_KEY
    from gateway.record.proof.verify import Verdict, verify_log, verify_logs

    keys = [key_text(one) for one in key or ()]
    if segment is not None:
        verify_alone(desk, segment, seal, keys[0] if keys else None)
        return
    witnesses = [key_text(one) for one in witness or ()]
    roots = None if tsa_ca is None else tsa_ca.read_bytes()
    held = None if expect is None else whole_text(expect)
    if held is not None and not _is_signed_throughout(held):
        # Nothing of it is told: it is some other file, by mistake.
        raise Stop(f"{expect} is no signed checkpoint; `gateway log checkpoint` writes one")
    folder = desk.state / "log" if directory is None else directory
    if not folder.is_dir():
        raise Stop(f"{folder} is no folder with logs")
    is_one = (folder / PUBLIC_KEY).exists()
    if is_one and len(keys) > 1:
        raise Stop("one log has one key")
    with desk.paper.working("Verifying"):
        if is_one:
            one = verify_log(folder, key=keys[0] if keys else None, expect=held, witnesses=witnesses, stamp_roots=roots)
            verdict = Verdict(logs=(one,), problems=())
        else:
            logs = folder / "log" if (folder / "log").is_dir() else folder
            verdict = verify_logs(logs, keys=keys, expect=held, witnesses=witnesses, stamp_roots=roots)
    desk.paper.answer(_verdict_document(verdict), lambda: _tell_verdict(desk, verdict))
    if not verdict.is_right:
        raise Stop("", Exit.FAILED)


@command
def checkpoint(
    desk: Desk,
    slot: Slot = None,
    co_signed: Annotated[
        bool, typer.Option("--co-signed", help="The newest that a witness co-signed, with its signature.")
    ] = False,
) -> None:
    """Show the newest checkpoint of each log. Kept outside, it is for `gateway log verify --expect`."""
    from gateway.record.format.layout import CHECKPOINT
    from gateway.record.format.witnessed import WITNESSED

    name = WITNESSED if co_signed else CHECKPOINT
    notes = {
        each.name: (each / name).read_text(encoding="utf-8")
        for each in directories(desk, slot)
        if (each / name).is_file()
    }
    if not notes:
        raise Stop("there is no such checkpoint here", Exit.FAILED)
    if len(notes) > 1:
        desk.paper.tell("--slot SLOT gives one alone")
    # A note is kept to the byte, so it is not laid out for a terminal.
    desk.paper.answer(notes, lambda: print("\n".join(notes.values()), end=""))


def _is_signed_throughout(text: str) -> bool:
    """Tell whether a text consists of signed notes, at least one, whatever they are signed with."""
    from gateway.record.format.checkpoint import notes_of

    notes = notes_of(text)
    return bool(notes) and all(_SIGNED in note for note in notes)


def directories(desk: Desk, slot: str | None) -> list[Path]:
    """Return the folders of the logs of an installation, or of the one that is asked for."""
    from gateway.record.format.layout import slots

    logs = desk.state / "log"
    known = slots(logs)
    if slot is not None and slot not in known:
        raise Stop(f"there is no log {slot}; there are {', '.join(known) or 'none'}")
    if not known:
        raise Stop(f"{logs} holds no log", Exit.FAILED)
    return [logs / each for each in known if slot in (None, each)]


def key_text(given: str) -> str:
    """Return a verifier key that is given as it is, or as a file that holds it."""
    path = Path(given)
    return whole_text(path).strip() if path.is_file() else given


def _verdict_document(verdict: "Verdict") -> dict[str, Any]:
    import msgspec

    logs = [{**msgspec.to_builtins(log), "is_right": log.is_right} for log in verdict.logs]
    return {"is_right": verdict.is_right, "problems": verdict.problems, "logs": logs}


def _tell_verdict(desk: Desk, verdict: "Verdict") -> None:
    for log in verdict.logs:
        desk.paper.say(log.sentence(), style="" if log.is_right else "bold red")
        for sentence in _of_log(log):
            desk.paper.say(f"  {sentence}")
    for problem in verdict.problems:
        desk.paper.say(problem, style="bold red")


def _of_log(log: "LogVerdict") -> list[str]:
    return [*(f"{log.slot}: {problem}" for problem in log.problems), *(f"note: {note}" for note in log.notes)]
