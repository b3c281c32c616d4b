# SPDX-License-Identifier: Apache-2.0
"""``gateway explain``: what would come of a call, or why a past one was decided as it was.

A call that is asked about is explained field by field and layer by layer, with what would change it. The rules are
those of the folder; where doors were told of others, a sentence says so. A decision id in the place of an account
asks about a past call: its rules are those of then.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import finding
from gateway.cli.desk.desk import Desk, Exit, Stop, command
from gateway.cli.explain.explanation import tell_explanation
from gateway.cli.explain.past import DECISION_ID
from gateway.domain.names import DatasetName, PurposeKey

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.domain.principal import Principal
    from gateway.domain.signin import AccountRecord, Client


class Assurance(StrEnum):
    """How old a person's sign-in is taken to be."""

    FRESH = "fresh"
    STALE = "stale"


@command
async def explain(
    desk: Desk,
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT|DECISION", help="Name, account or client; or a past decision.")
    ],
    dataset: Annotated[str | None, typer.Argument(metavar="[DATASET]", help="store.collection")] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="P", help="As Data-Purpose would state it.")
    ] = None,
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
    """Explain what would come of a call, or a past decision. Exit 3 if refused; 1 if a past one comes out otherwise."""
    from gateway.domain.entry import Looked
    from gateway.flows.explain import NoSuchThing, Question, answer

    if dataset is None and DECISION_ID.match(account):
        await _explain_past(desk, account)
        return
    if dataset is None or purpose is None:
        raise Stop("say ACCOUNT, DATASET and --purpose for a call to come, or the 32 digits of a past decision")
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
    desk.paper.answer(found, lambda: tell_explanation(desk, found))
    if found.decision != "permit":
        raise Stop("", Exit.DENIED)


async def _explain_past(desk: Desk, call: str) -> None:
    """Tell of a past call; one that was refused is no failure, one that comes out otherwise is."""
    from gateway.cli.explain import past as explain_past

    found = await explain_past.past(desk, call)
    desk.paper.answer(found, lambda: explain_past.tell(desk, found))
    if found.equal is False:
        raise Stop("", Exit.FAILED)


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
