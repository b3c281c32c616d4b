# SPDX-License-Identifier: Apache-2.0
"""``gateway explain``: what would come of a call, field by field and layer by layer, and what would change it.

The rules are those of the folder; where doors were told of others, a sentence says so.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import finding
from gateway.cli.desk import Desk, Exit, Stop, command
from gateway.domain.names import DatasetName, PurposeKey

if TYPE_CHECKING:
    from rich.text import Text

    from gateway.app.installation import Rooms
    from gateway.domain.explanation import Explanation, FieldWord, LayerWord
    from gateway.domain.principal import Principal
    from gateway.domain.signin import AccountRecord, Client


class Assurance(StrEnum):
    """How old a person's sign-in is taken to be."""

    FRESH = "fresh"
    STALE = "stale"


@command
async def explain(
    desk: Desk,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name, account or client.")],
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="store.collection")],
    purpose: Annotated[str, typer.Option("--purpose", metavar="P", help="As Data-Purpose would state it.")],
    operation: Annotated[str, typer.Option("--operation", metavar="O")] = "read",
    field: Annotated[
        list[str] | None, typer.Option("--field", metavar="F", help="A field that the call names.")
    ] = None,
    filter_: Annotated[
        list[str] | None, typer.Option("--filter", metavar="F", help="A parameter or field that the call filters by.")
    ] = None,
    assurance: Annotated[
        Assurance, typer.Option("--assurance", help="How old a person's sign-in is.")
    ] = Assurance.STALE,
    reference: Annotated[str | None, typer.Option("--reference", metavar="R", help="As Data-Reference.")] = None,
) -> None:
    """Explain what would come of a call. Exit 3 if it is refused, with the nearest change that would permit it."""
    from gateway.domain.entry import Looked
    from gateway.flows.explain import NoSuchThing, Question, answer

    async with desk.open() as rooms:
        who = await finding.anybody(rooms, account)
        question = Question(
            principal=_principal(rooms, who, is_fresh=assurance is Assurance.FRESH),
            dataset=DatasetName(dataset),
            purpose=PurposeKey(purpose),
            operation=operation,
            reference=reference,
            fields=tuple(field or ()),
            filters=tuple(filter_ or ()),
        )
        holds = rooms.holds.for_account(who.account.id)
        found = answer(rooms.policy.decider, question, holds, rooms.clock())
        if isinstance(found, NoSuchThing):
            raise Stop(found.sentence)
        query = f"{who.account.id} {dataset} {operation}"
        await rooms.log.append(Looked(by=desk.by, what="explanation", query=query, rows=0))
        await _tell_of_others(desk, rooms)
    desk.paper.answer(found, lambda: _tell(desk, found))
    if found.decision != "permit":
        raise Stop("", Exit.DENIED)


def _principal(rooms: "Rooms", who: "AccountRecord | Client", *, is_fresh: bool) -> "Principal":
    """Return the principal that the account's bearer would describe."""
    from gateway.domain.names import RoleName
    from gateway.domain.principal import FRESH_SIGN_IN_US, Assurance, Principal, PrincipalKind
    from gateway.domain.signin import Client
    from gateway.identify.sessions import PERSON_CLIENT

    is_client, now_us = isinstance(who, Client), rooms.clock()
    return Principal(
        account=who.account.id,
        kind=PrincipalKind.SERVICE if is_client else PrincipalKind.PERSON,
        roles=who.account.roles,
        client=who.id if isinstance(who, Client) else PERSON_CLIENT,
        recipient=who.recipient if isinstance(who, Client) else who.account.recipient,
        proof=Assurance.SERVICE_SECRET if is_client else Assurance.PERSON,
        signed_in_us=now_us if is_fresh else now_us - FRESH_SIGN_IN_US - 1,
        scopes=who.scopes
        if isinstance(who, Client)
        else rooms.purposes_of((RoleName(who.account.id), *who.account.roles)),
        session="",
    )


async def _tell_of_others(desk: Desk, rooms: "Rooms") -> None:
    from gateway.store.meta import RULES

    told = await rooms.meta.read(RULES)
    if told is not None and told != rooms.policy.decider.rules.digest:
        desk.paper.tell("note: doors were last told of other rules than the folder holds; see `gateway check --reload`")


def _tell(desk: Desk, found: "Explanation") -> None:
    paper = desk.paper
    if found.fields:
        every = {word.layer.value: None for field in found.fields for word in field.layers}
        taking = [each for each in every if any(_takes(field, each) for field in found.fields)]
        paper.table(("field", "leaves", *taking, "kept there by"), [_row(field, taking) for field in found.fields])
        if idle := [each for each in every if each not in taking]:
            paper.say(
                f"· takes nothing; so do {', '.join(idle)} from any field.  ~ values may be told equal.", style="dim"
            )
    for sentence in found.rows:
        paper.say(f"· {sentence}")
    paper.say(_verdict(found), style="green" if found.decision == "permit" else "red")
    if found.title:
        paper.say(found.title)
    if found.change:
        paper.say(f"Nearest change ({found.ask}): {found.change}")


def _takes(field: "FieldWord", layer: str) -> bool:
    return any(word.layer.value == layer and not _is_top(word) for word in field.layers)


def _is_top(word: "LayerWord") -> bool:
    return word.rung == "reveal" and word.link


def _row(field: "FieldWord", layers: list[str]) -> "list[str | Text]":
    from rich.text import Text

    words = {word.layer.value: word for word in field.layers}
    leaves = field.leaves.value if field.rung in ("drop", "reveal") else field.rung
    cells: list[str | Text] = [field.field, Text(leaves, style="green" if leaves == "reveal" else "")]
    cells += [_cell(words[layer]) if layer in words else "" for layer in layers]
    kept = [f"{word.layer}: {_short(word.rule)}" for word in field.layers if word.binds]
    return [*cells, "; ".join(kept)]


def _cell(word: "LayerWord") -> "Text":
    """Return a layer's ceiling: its rung, ``~`` where the value may be linked; bold where it binds."""
    from rich.text import Text

    if _is_top(word):
        return Text("·", style="dim")
    return Text(f"{word.rung}{'~' if word.link else ''}", style="bold" if word.binds else "dim")


def _short(rule: str) -> str:
    """Return a rule's name; of many grants the first and the number of the others."""
    first, *others = rule.split(" ")
    return f"{first} and {len(others)} more" if others and first.startswith("g:") else rule


def _verdict(found: "Explanation") -> str:
    if found.decision == "permit":
        return "permit"
    about = f" ({', '.join(found.about)})" if found.about else ""
    rule = f", by {found.rule}" if found.rule else ""
    return f"{found.decision}: {found.reason}{about}{rule}"
