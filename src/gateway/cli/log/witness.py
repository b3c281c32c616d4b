# SPDX-License-Identifier: Apache-2.0
"""``gateway log witness``: a witness on a second machine, which co-signs checkpoints that continue what it co-signed.

It needs one folder and nothing of an installation; ``--state`` is taken and not looked at. What it does is told in
docs/how-to/keep-checkpoints-outside.md.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.desk.asking import whole_text
from gateway.cli.desk.desk import Desk, Exit, Stop, command

if TYPE_CHECKING:
    from gateway.record.proof.witness_folder import Known, WitnessFolder

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="A witness: it co-signs checkpoints of logs on another machine."
)

Folder = Annotated[Path, typer.Option("--dir", metavar="DIR", help="The witness's own folder.")]


@app.command("init")
@command
def init(
    desk: Desk,
    folder: Folder,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the witness; this machine's name if not said.")
    ] = None,
) -> None:
    """Make a witness with a key of its own. Its public key is for the gateway's settings."""
    import socket

    from gateway.record.proof.witness_folder import WitnessFolder

    made = WitnessFolder.make(folder, name or f"{socket.gethostname() or 'witness'}/gateway-witness")
    key = made.key.text()

    def for_people() -> None:
        desk.paper.say(key)
        desk.paper.tell(f"in gateway.yaml: log: {{witnesses: [{{url: 'http://…', key: '{key}'}}]}}")

    desk.paper.answer({"key": key, "name": made.key.name}, for_people)


@app.command("add")
@command
def add(
    desk: Desk,
    folder: Folder,
    logs: Annotated[
        list[str],
        typer.Argument(metavar="LOG.PUB…", help="Verifier keys of logs, or files with them: STATE/log/*/log.pub"),
    ],
) -> None:
    """Let the witness know logs. It co-signs checkpoints of these alone."""
    from gateway.record.format.checkpoint import CheckpointInvalid, parse_verifier_key

    held = _opened(folder)
    found: list[dict[str, Any]] = []
    for given in logs:
        text = whole_text(Path(given)).strip() if Path(given).is_file() else given
        try:
            key = parse_verifier_key(text)
        except CheckpointInvalid as error:
            # A key has a `+` in it; what has none is meant as a file.
            why = error if "+" in given or Path(given).exists() else "there is no such file"
            raise Stop(f"{given}: {why}; a log's key is in STATE/log/<slot>/log.pub") from None
        found.append({"log": key.name, "new": held.add(key)})

    def for_people() -> None:
        for one in found:
            desk.paper.say(f"{one['log']} {'is known now' if one['new'] else 'was known'}")

    desk.paper.answer(found, for_people)


@app.command("serve")
@command
def serve(
    desk: Desk,
    folder: Folder,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where gateways reach it.")
    ] = "127.0.0.1:8091",
) -> None:
    """Co-sign until SIGTERM. Only checkpoints that contain the last one that was co-signed of their log."""
    from gateway.app.evidence.witness import serve_witness

    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Stop(f"--listen {listen}: say HOST:PORT, such as 0.0.0.0:8091")

    def told(key: str, bound: int) -> None:
        address = f"http://{host}:{bound}"
        desk.paper.answer({"listening": address, "key": key}, lambda: desk.paper.say(f"{key} listening on {address}"))

    serve_witness(folder, host.strip("[]"), int(port), told)


@app.command("status")
@command
def status(desk: Desk, folder: Folder) -> None:
    """Show what was co-signed of each log. Exit 1 if a log ever contradicted itself."""
    held = _opened(folder)
    found = [_document(held, one) for one in held.known()]

    def for_people() -> None:
        desk.paper.say(held.key.text())
        desk.paper.table(
            ("log", "entries", "co-signed", "contradicted"),
            [(one["log"], _figure(one["size"]), _moment(one["at_s"]), str(one["n_evidence"] or "")) for one in found],
        )

    desk.paper.answer({"key": held.key.text(), "logs": found}, for_people)
    if any(one["n_evidence"] for one in found):
        raise Stop(f"evidence against a log is in {folder / 'evidence'}: keep it", Exit.FAILED)


def _opened(folder: Path) -> "WitnessFolder":
    from gateway.record.proof.witness_folder import WitnessFolder

    return WitnessFolder(folder)


def _document(held: "WitnessFolder", one: "Known") -> dict[str, Any]:
    from gateway.record.format.checkpoint import open_checkpoint, parse_note
    from gateway.record.format.cosign import cosigned

    state = None if one.note is None else open_checkpoint(one.note, one.key)
    times = () if one.note is None else cosigned(parse_note(one.note), (held.key,))
    return {
        "log": one.key.name,
        "key": one.key.text(),
        "size": None if state is None else state.size,
        "root": None if state is None else state.root.hex(),
        "at_s": times[0].at_s if times else None,
        "note": one.note,
        "n_evidence": one.n_evidence,
    }


def _figure(n: int | None) -> str:
    return "-" if n is None else f"{n:,}"


def _moment(at_s: int | None) -> str:
    from gateway.cli.desk.moments import written

    return "-" if at_s is None else written(at_s * 1_000_000)
