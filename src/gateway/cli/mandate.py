# SPDX-License-Identifier: Apache-2.0
"""``gateway mandate``: standing approvals by two people, under which a service sends or reveals while nobody is there."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import moments, proof
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.cli.desk.proof import ProofFile
from gateway.domain.names import FieldName

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.domain.mandate import Mandate, MandateTerms
    from gateway.flows.mandates import Heard, Person

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Standing approvals by two people.")

Id = Annotated[str, typer.Argument(metavar="ID", help="As `gateway mandate list` shows it.")]
Who = Annotated[str, typer.Option("--as", metavar="NAME", help="Who says so: a user, proved by password and code.")]


@app.command("request")
@command
async def request(
    desk: Desk,
    client: Annotated[str, typer.Option("--client", metavar="ID", help="The client that may name it.")],
    purpose: Annotated[str, typer.Option("--purpose", metavar="KEY", help="For this purpose and no other.")],
    recipient: Annotated[str, typer.Option("--recipient", metavar="ID", help="To whom the addresses go.")],
    dataset: Annotated[str, typer.Option("--dataset", metavar="NAME", help="Whose people.")],
    field: Annotated[list[str], typer.Option("--field", metavar="NAME", help="Of the dataset; may be repeated.")],
    most_people: Annotated[int, typer.Option("--most-people", metavar="N", help="Distinct people in all its life.")],
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Its end, at most 31 days behind its beginning.")
    ],
    reference: Annotated[str, typer.Option("--reference", metavar="TEXT", help="Campaign or case that calls state.")],
    who: Who,
    operation: Annotated[
        str, typer.Option("--operation", metavar="send|reveal", help="What it is for; of the two it opens one.")
    ] = "send",
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Its beginning; now if not said.")] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="FIELD=VALUE", help="Only of these; may be repeated.")
    ] = None,
    proof_file: ProofFile = None,
) -> None:
    """Ask for a mandate. It is in force once two other people approved it."""
    from gateway.domain.mandate import MandateTerms
    from gateway.domain.names import ClientId, DatasetName, PurposeKey, RecipientId
    from gateway.flows.mandates import problems

    password, code = proof.asked(who, proof_file)
    async with desk.open() as rooms:
        now_us = rooms.clock()
        terms = MandateTerms(
            operation=operation,
            client=ClientId(client),
            purpose=PurposeKey(purpose),
            recipient=RecipientId(recipient),
            dataset=DatasetName(dataset),
            fields=tuple(map(FieldName, dict.fromkeys(field))),
            most_people=most_people,
            from_us=now_us if from_ is None else moments.asked_us(from_, "--from"),
            until_us=moments.asked_us(until, "--until"),
            reference=reference,
            conditions=tuple(_condition(one) for one in where or ()),
        )
        found = await rooms.clients.find(client)
        if found is None or found[0].disabled_us is not None:
            raise Stop(f"there is no client {client} in force")
        wrong = problems(terms, rooms.policy.decider.rules, found[0].scopes, now_us)
        if wrong:
            raise Stop("\n".join(wrong))
        asked = await _asked(desk, rooms, terms, await _proven(rooms, who, password, code))
    desk.paper.answer(
        _told(asked, now_us), lambda: desk.paper.say(f"{asked.id} waits for two people other than {who} to approve it")
    )


@app.command("approve")
@command
async def approve(desk: Desk, mandate: Id, who: Who, proof_file: ProofFile = None) -> None:
    """Approve a mandate. The second person's word puts it in force; whoever asked for it has none."""
    from gateway.app.surrogates.mandating import mandates
    from gateway.flows.mandates import Heard

    password, code = proof.asked(who, proof_file)
    async with desk.open() as rooms:
        heard = await mandates(rooms).approve(mandate, await _proven(rooms, who, password, code), at=desk.by)
        needs_officer = heard is Heard.TAKEN and not await _has_officer(rooms, mandate)
    more = "approved; one more is needed" + (", an officer" if needs_officer else "")
    _tell(desk, mandate, heard, taken=more)


@app.command("revoke")
@command
async def revoke(desk: Desk, mandate: Id, who: Who, proof_file: ProofFile = None) -> None:
    """Put a mandate out of force, at once and for good."""
    from gateway.app.surrogates.mandating import mandates

    password, code = proof.asked(who, proof_file)
    async with desk.open() as rooms:
        heard = await mandates(rooms).revoke(mandate, await _proven(rooms, who, password, code), at=desk.by)
    _tell(desk, mandate, heard, taken="revoked")


@app.command("list")
@command
async def list_(
    desk: Desk,
    everything: Annotated[bool, typer.Option("--all", help="With those that ended or were revoked.")] = False,
) -> None:
    """List the mandates, newest first."""
    from gateway.app.surrogates.mandating import standing
    from gateway.domain.entry import Looked
    from gateway.domain.mandate import MandateState
    from gateway.store.mandates import Mandates

    over = () if everything else (MandateState.ENDED, MandateState.REVOKED)
    async with desk.open() as rooms:
        now_us = rooms.clock()
        every = [await standing(rooms, one) for one in await Mandates(rooms.store).all()]
        found = [one for one in every if one.state(now_us) not in over]
        await rooms.log.append(Looked(by=desk.by, what="mandates", query="", rows=len(found)))
    desk.paper.answer(
        [_told(one, now_us) for one in found],
        lambda: desk.paper.table(
            ("id", "state", "for", "client", "purpose", "to", "people", "until", "reference"),
            [
                (one.id, one.state(now_us).value, one.terms.operation, one.terms.client, one.terms.purpose, one.terms.recipient,
                 str(one.terms.most_people), moments.written(one.terms.until_us), one.terms.reference)
                for one in found
            ],
        ),
    )  # fmt: skip


@app.command("show")
@command
async def show(desk: Desk, mandate: Id) -> None:
    """Show a mandate, who approved it, and how many more people it may reach."""
    from gateway.app.surrogates.mandating import InForce
    from gateway.cli.desk.naming import Names
    from gateway.domain.entry import Looked
    from gateway.domain.mandate import budget_of, rule_of

    async with desk.open() as rooms:
        now_us = rooms.clock()
        found = await InForce(rooms).find(mandate)
        if found is None:
            raise Stop("there is no such mandate; `gateway mandate list --all` shows them")
        key = budget_of(found.id, found.terms.recipient)
        (state,) = await rooms.budgets.left(key, (rule_of(found.terms.most_people),), now_us)
        names = await Names.of(rooms)
        await rooms.log.append(Looked(by=desk.by, what="mandate", query=found.id, rows=1))
    told = {**_told(found, now_us), "people_left": state.left}
    desk.paper.answer(
        told,
        lambda: desk.paper.table(
            ("", ""),
            [
                *(
                    (name.replace("_", " "), names.named(str(value)) if name == "asked_by" else _words(value))
                    for name, value in told.items()
                    if name != "approved"
                ),
                *(
                    ("approved by", f"{names.named(account)} on {moments.written(at_us)}")
                    for account, at_us in found.approved
                ),
            ],
        ),
    )


async def _asked(desk: Desk, rooms: "Rooms", terms: "MandateTerms", who: "Person") -> "Mandate":
    from gateway.app.surrogates.mandating import mandates
    from gateway.domain.mandate import Mandate

    asked = await mandates(rooms).ask(terms, who, at=desk.by)
    if not isinstance(asked, Mandate):
        raise Stop(_SENTENCES[asked.value], Exit.DENIED)
    return asked


async def _proven(rooms: "Rooms", name: str, password: str, code: str) -> "Person":
    from gateway.app.proving import proven
    from gateway.app.surrogates.mandating import person

    shown = await proven(rooms, name, password, code)
    who = None if shown is None else await person(rooms, shown.account)
    if who is None:
        raise Stop(
            "that was not proved: password or code is not right, or the code was used already; nothing was said",
            Exit.DENIED,
        )
    return who


def _words(value: object) -> str:
    """Return a value as a person reads it: a list by its words."""
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _condition(said: str) -> tuple[FieldName, str]:
    name, equals, value = said.partition("=")
    if not (name and equals and value):
        raise Stop("--where is followed by FIELD=VALUE")
    return FieldName(name), value


_SENTENCES = {
    "unknown": "there is no such mandate; `gateway mandate list --all` shows them",
    "not-open": "it was revoked, has ended, or two people approved it already",
    "own": "who asked for a mandate does not approve it",
    "again": "you have approved it already; somebody else has to as well",
    "not-free": "only a person from whom nothing is held back has a say in mandates",
    "no-officer": "one of the two who approve it has to be an officer",
    "not-yours": "it is revoked by who asked for it or approved it, or by an officer",
}


async def _has_officer(rooms: "Rooms", mandate: str) -> bool:
    """Tell whether somebody who approved a mandate is an officer now."""
    from gateway.app.surrogates.mandating import person
    from gateway.store.mandates import Mandates

    found = await Mandates(rooms.store).find(mandate)
    heard = [await person(rooms, account) for account, _ in (found.approved if found is not None else ())]
    return any(one is not None and one.is_officer for one in heard)


def _tell(desk: Desk, mandate: str, heard: "Heard", *, taken: str) -> None:
    sentence = _SENTENCES.get(heard.value)
    if sentence is not None:
        raise Stop(sentence, Exit.USAGE if heard.value == "unknown" else Exit.DENIED)
    words = {"taken": f"{mandate}: {taken}", "in-force": f"{mandate} is approved by two people, and in force"}
    desk.paper.answer({"id": mandate, "heard": heard.value}, lambda: desk.paper.say(words[heard.value]))


def _told(one: "Mandate", now_us: int) -> dict[str, object]:
    terms = one.terms
    return {
        "id": one.id,
        "state": one.state(now_us).value,
        "operation": terms.operation,
        "client": terms.client,
        "purpose": terms.purpose,
        "recipient": terms.recipient,
        "dataset": terms.dataset,
        "fields": list(terms.fields),
        "conditions": [f"{name}={value}" for name, value in terms.conditions],
        "most_people": terms.most_people,
        "from": moments.written(terms.from_us),
        "until": moments.written(terms.until_us),
        "reference": terms.reference,
        "asked_by": one.asked_by,
        "approved": [account for account, _ in one.approved],
    }
