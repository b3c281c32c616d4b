# SPDX-License-Identifier: Apache-2.0
"""``gateway surrogate approvals`` and ``approve``: the second person's word, said at the running gateway.

Who says it signs in for it, states a purpose of their own, and has not asked for it themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.desk import proof
from gateway.cli.desk.desk import Desk, command
from gateway.cli.desk.naming import names_here
from gateway.cli.desk.proof import ProofFile
from gateway.cli.surrogate.calling import signed_in

PATH = "/-/approvals"
COLUMNS = ("id", "account", "purpose", "reference", "dataset", "field", "surrogates", "until")

Who = Annotated[str, typer.Option("--as", metavar="NAME", help="Who signs in, with password and code.")]
Purpose = Annotated[str, typer.Option("--purpose", metavar="KEY", help="For which purpose it is looked at.")]
Reference = Annotated[str | None, typer.Option("--reference", metavar="TEXT", help="Campaign or case.")]

LEGAL = "essential.legal_obligation"


@command
def approvals(
    desk: Desk, *, who: Who, purpose: Purpose = LEGAL, reference: Reference = None, proof_file: ProofFile = None
) -> None:
    """List the reveals that wait for a second person."""
    shown = proof.asked(who, proof_file)
    with signed_in(desk, who, shown, purpose=purpose, reference=reference) as caller:
        told = caller.call("GET", PATH)
    waiting = list(told.get("approvals", ()))
    desk.paper.answer(told, lambda: _tell(desk, waiting))


def _tell(desk: Desk, waiting: Sequence[Mapping[str, Any]]) -> None:
    if not waiting:
        desk.paper.say("nothing waits for a second person")
        return
    names = names_here(desk)
    rows = [[str(one.get(name, "")) for name in COLUMNS] for one in waiting]
    for row in rows:
        row[COLUMNS.index("account")] = names.named(row[COLUMNS.index("account")])
    desk.paper.table(COLUMNS, rows)


@command
def approve(
    desk: Desk,
    approval: Annotated[str, typer.Argument(metavar="ID", help="As `surrogate approvals` lists it.")],
    *,
    who: Who,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say that it must not be.")] = False,
    purpose: Purpose = LEGAL,
    reference: Reference = None,
    proof_file: ProofFile = None,
) -> None:
    """Let somebody else's reveal be done once, or refuse it."""
    shown = proof.asked(who, proof_file)
    with signed_in(desk, who, shown, purpose=purpose, reference=reference) as caller:
        word = "refuse" if refuse else "approve"
        told = caller.call("POST", f"{PATH}/{quote(approval, safe='')}", {"decision": word})
    sentence = "refused" if refuse else "approved; whoever asked for it repeats the same call within eight hours"
    desk.paper.answer(told, lambda: desk.paper.say(sentence))
