# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate reveal``: the values of surrogates, from the running gateway, as somebody who signs in for it.

The list is sent in calls of at most ten thousand. Each is revealed as a whole or not at all; where one is refused,
what came before it is told, and the command ends with what the gateway said.
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.desk import asking, finding, proof
from gateway.cli.desk.desk import Desk, Stop, command
from gateway.cli.desk.proof import ProofFile
from gateway.cli.surrogate.calling import Caller, Refused, is_terminal, signed_in
from gateway.domain.errors import RulesError
from gateway.domain.revealed import MOST_SURROGATES
from gateway.domain.wording import counted

PATH = "/-/surrogates/reveal"
COLUMNS = ("surrogate", "value", "cause")
MOST_LIST_BYTES = 64 << 20


class Form(StrEnum):
    """How the values are written."""

    CSV = "csv"
    NDJSON = "ndjson"


@command
def reveal(
    desk: Desk,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A surrogate a line; - for stdin.")] = asking.STDIN,
    *,
    who: Annotated[str, typer.Option("--as", metavar="NAME", help="Who signs in, with password and code.")],
    dataset: Annotated[str, typer.Option("--dataset", metavar="DATASET", help="Such as crm.customers.")],
    field: Annotated[str, typer.Option("--field", metavar="FIELD", help="Of which field the surrogates are.")],
    purpose: Annotated[str, typer.Option("--purpose", metavar="KEY", help="What the values are for.")],
    reference: Annotated[str | None, typer.Option("--reference", metavar="TEXT", help="Campaign or case.")] = None,
    proof_file: ProofFile = None,
    form: Annotated[Form, typer.Option("--format", help="How the values are written.")] = Form.CSV,
) -> None:
    """Tell the values of surrogates. Above what the purpose allows a day, somebody else approves it first."""
    if file == asking.STDIN and str(proof_file) == asking.STDIN:
        raise Stop("the list and the proof cannot both come from stdin")
    surrogates = _surrogates(file)
    # What the folder says may not be in force yet, or not be readable: then the door judges alone.
    with suppress(RulesError):
        finding.insist_on_field(finding.rules_of(desk), dataset, field)
    shown = proof.asked(who, proof_file)
    rows: list[dict[str, Any]] = []
    bar = desk.paper.progress("Revealing", len(surrogates), unit="surrogates")
    with signed_in(desk, who, shown, purpose=purpose, reference=reference) as caller, bar as done:
        try:
            for some in _batches(surrogates):
                rows += _revealed(caller, dataset, field, some)
                done(len(some))
        except Refused as refused:
            refused.beside = {"values": rows} if rows else {}
            if rows and not desk.json:
                desk.paper.tell(f"the first {counted(len(rows), 'surrogate')} came before the refusal:")
                _tell(desk, rows, form)
            raise
        except Stop:
            if rows:
                _tell(desk, rows, form)
            raise
    _tell(desk, rows, form)


def _tell(desk: Desk, rows: Sequence[dict[str, Any]], form: Form) -> None:
    n_values = sum("value" in row for row in rows)
    desk.paper.answer({"values": rows}, lambda: _write(rows, form))
    desk.paper.tell(f"{counted(n_values, 'value')} of {counted(len(rows), 'surrogate')}")


def _revealed(caller: Caller, dataset: str, field: str, surrogates: Sequence[str]) -> list[dict[str, Any]]:
    told = caller.call("POST", PATH, {"dataset": dataset, "field": field, "surrogates": surrogates})
    return list(told.get("values", ()))


def _batches(surrogates: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(surrogates), MOST_SURROGATES):
        yield surrogates[first : first + MOST_SURROGATES]


def _surrogates(file: str) -> list[str]:
    """Return the lines of the list that say something."""
    if file == asking.STDIN:
        asking_nobody = not sys.stdin.isatty()
        text = sys.stdin.read(MOST_LIST_BYTES + 1) if asking_nobody else ""
        if not asking_nobody:
            raise Stop("which surrogates? Give a FILE with one a line, or write them to stdin")
    else:
        text = asking.whole_text(Path(file), most_bytes=MOST_LIST_BYTES)
    if len(text) > MOST_LIST_BYTES:
        raise Stop(f"the list is too long: at most {MOST_LIST_BYTES} bytes are read")
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found:
        raise Stop("the list is empty")
    return found


def _write(rows: Iterable[dict[str, Any]], form: Form) -> None:
    """Write values that came from stores to stdout; at a terminal without anything that it would obey."""
    from gateway.cli.desk.paper import visible
    from gateway.transform.formulas import without_formula

    clean = visible if is_terminal() else str
    if form is Form.NDJSON:
        import msgspec

        for row in rows:
            sys.stdout.write(clean(msgspec.json.encode(row).decode()) + "\n")
        return
    out = csv.writer(sys.stdout, lineterminator="\n" if is_terminal() else "\r\n")
    out.writerow(COLUMNS)
    for row in rows:
        out.writerow([clean(without_formula(str(row.get(name, "")))) for name in COLUMNS])
