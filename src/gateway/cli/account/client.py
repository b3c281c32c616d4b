# SPDX-License-Identifier: Apache-2.0
"""``gateway client``: apps that sign in by themselves, each for one recipient and some purposes."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import finding, moments
from gateway.cli.desk.desk import Desk, command
from gateway.domain.names import ClientId, RoleName

if TYPE_CHECKING:
    from gateway.domain.signin import Client

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Client apps that sign in by themselves.")

Id = Annotated[str, typer.Argument(metavar="ID", help="Identifier of the client.")]
Roles = Annotated[list[str], typer.Option("--role", metavar="ROLE", help="May be given several times.")]
Scopes = Annotated[
    list[str],
    typer.Option("--scope", metavar="PURPOSE", help="Purpose, with all below it; may be given several times."),
]


@app.command("add")
@command
async def add(
    desk: Desk,
    id_: Annotated[str, typer.Argument(metavar="ID", help="Small letters, digits and . _ - inside.")],
    role: Roles,
    recipient: Annotated[str, typer.Option("--recipient", metavar="ID", help="Recipient of organisation.yaml.")],
    scope: Scopes,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="What people call it.")] = "",
) -> None:
    """Add a client app; its secret is shown once."""
    from gateway.app.evidence.incidents import is_officer

    rules = finding.rules_of(desk)
    roles, recipient = finding.roles(rules, role), finding.recipient(rules, recipient)
    scopes = [finding.purpose(rules, one) for one in scope]
    async with desk.open(with_rules=False) as rooms:
        client, secret = await rooms.enrolment.add_client(
            id_, name=name or id_, roles=roles, recipient=recipient, scopes=scopes, by=desk.by
        )
    if is_officer(rules, str(client), [RoleName(one) for one in roles]):
        told = "officers are people who sign in: whatever its role, nothing of the log leaves to a service"
        desk.paper.tell(f"warning: {told}; gateway client disable {client}")
    _tell_secret(desk, client, secret)


@app.command("list")
@command
async def list_(desk: Desk) -> None:
    """List the clients, for whom and for what they act."""
    from gateway.domain.entry import Looked

    async with desk.open(with_rules=False) as rooms:
        found = await rooms.clients.all()
        await rooms.log.append(Looked(by=desk.by, what="clients", query="", rows=len(found)))
    desk.paper.answer(
        [_document(one) for one in found],
        lambda: desk.paper.table(
            ("client", "name", "account", "roles", "recipient", "purposes", "state", "since"),
            [
                (
                    one.id,
                    one.name,
                    one.account.id,
                    " ".join(one.account.roles),
                    one.recipient,
                    " ".join(one.scopes),
                    "in force" if one.disabled_us is None else "disabled",
                    moments.day(one.created_us),
                )
                for one in found
            ],
        ),
    )


@app.command("disable")
@command
async def disable(desk: Desk, id_: Id) -> None:
    """Put a client out of force, with every session. This cannot be taken back."""
    async with desk.open(with_rules=False) as rooms:
        found = await finding.client(rooms, id_)
        await rooms.enrolment.disable_client(found.id, by=desk.by)
    desk.paper.answer(
        {"client_id": found.id, "done": "disabled"},
        lambda: desk.paper.say(f"{found.id} is disabled, and every session has ended"),
    )


@app.command("rotate-secret")
@command
async def rotate_secret(desk: Desk, id_: Id) -> None:
    """Give a client a new secret, shown once. The old one and every session end."""
    async with desk.open(with_rules=False) as rooms:
        found = await finding.client(rooms, id_)
        secret = await rooms.enrolment.renew_secret(found.id, by=desk.by)
    _tell_secret(desk, found.id, secret)


def _tell_secret(desk: Desk, client: ClientId, secret: str) -> None:
    def for_people() -> None:
        desk.paper.say(f"client_id      {client}")
        desk.paper.say(f"client_secret  {secret}")
        desk.paper.say("The secret is shown now and never again.", style="bold")

    desk.paper.answer({"client_id": client, "client_secret": secret}, for_people)


def _document(one: "Client") -> dict[str, object]:
    return {
        "client_id": one.id,
        "name": one.name,
        "account": one.account.id,
        "roles": one.account.roles,
        "recipient": one.recipient,
        "scopes": one.scopes,
        "created_us": one.created_us,
        "disabled_us": one.disabled_us,
    }
