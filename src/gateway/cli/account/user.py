# SPDX-License-Identifier: Apache-2.0
"""``gateway user``: people who sign in with a password and an authenticator."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.account.enrolling import PasswordFile, SecretOut, Steps, show_recovery
from gateway.cli.desk import finding, moments
from gateway.cli.desk.desk import Desk, command, run_to_end

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.domain.names import AccountId
    from gateway.domain.signin import AccountRecord

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="People who sign in.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name or account identifier.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and . _ @ + - inside.")]
Roles = Annotated[list[str], typer.Option("--role", metavar="ROLE", help="May be given several times.")]
RecipientOption = Annotated[str, typer.Option("--recipient", metavar="ID", help="Recipient of organisation.yaml.")]


@app.command("add")
@command
def add(
    desk: Desk,
    name: NewName,
    role: Roles,
    recipient: RecipientOption = "own",
    password_file: PasswordFile = None,
    totp_secret_out: SecretOut = None,
) -> None:
    """Add a person, with password and authenticator."""
    rules = finding.rules_of(desk)
    roles, recipient = finding.roles(rules, role), finding.recipient(rules, recipient)
    steps = _steps(desk, password_file, totp_secret_out)

    async def added(rooms: "Rooms", password: str) -> "AccountId":
        return await rooms.enrolment.add_person(name, password, roles=roles, recipient=recipient, by=desk.by)

    account = steps.with_password(f"Password for {name}", added)
    _tell_enrolled(desk, name, account, steps.authenticator(account))


@app.command("enrol")
@command
def enrol(desk: Desk, name: Name, totp_secret_out: SecretOut = None) -> None:
    """Give a person a new authenticator. The one before and every session end."""
    steps = Steps(desk, lambda: desk.open(with_rules=False), None, totp_secret_out)
    steps.check_authenticator()
    record = run_to_end(_found(desk, name))
    _tell_enrolled(desk, record.name, record.account.id, steps.authenticator(record.account.id))


@app.command("list")
@command
async def list_(desk: Desk) -> None:
    """List the people, what they may be and how they stand."""
    from gateway.domain.entry import Looked

    async with desk.open(with_rules=False) as rooms:
        found = [one for one in await rooms.accounts.all() if not one.name.startswith("client:")]
        await rooms.log.append(Looked(by=desk.by, what="users", query="", rows=len(found)))
        now_us = rooms.clock()
    desk.paper.answer(
        [_document(one) for one in found],
        lambda: desk.paper.table(
            ("name", "account", "roles", "recipient", "state", "since"),
            [
                (
                    one.name,
                    one.account.id,
                    " ".join(one.account.roles),
                    one.account.recipient,
                    _state(one, now_us),
                    moments.day(one.created_us),
                )
                for one in found
            ],
        ),
    )


@app.command("show")
@command
async def show(desk: Desk, name: Name) -> None:
    """Show one person: how they stand, and what a restore took away that they have to be given anew."""
    from gateway.domain.entry import Looked

    async with desk.open(with_rules=False) as rooms:
        record = await finding.person(rooms, name)
        taken = await _taken(rooms, record)
        await rooms.log.append(Looked(by=desk.by, what="user", query=record.account.id, rows=1))
        now_us = rooms.clock()

    def for_people() -> None:
        desk.paper.say(f"{record.name} ({record.account.id}): {_state(record, now_us)}")
        desk.paper.say(f"roles {' '.join(record.account.roles) or 'none'}; recipient {record.account.recipient}")
        for what, at_us in taken.items():
            since = f"the {what} was changed after the backup that was restored at {moments.written(at_us)}"
            desk.paper.say(f"{since}: {GIVE[what]} {record.name} gives a new one")

    restored = [{"without": what, "restored_us": at_us} for what, at_us in taken.items()]
    desk.paper.answer({**_document(record), "restored": restored}, for_people)


@app.command("disable")
@command
async def disable(desk: Desk, name: Name) -> None:
    """Put a person out of force, with every session. This cannot be taken back."""
    async with desk.open(with_rules=False) as rooms:
        record = await finding.person(rooms, name)
        await rooms.enrolment.disable(record.account.id, by=desk.by)
    _tell(desk, record, "disabled", "is disabled, and every session has ended")


@app.command("reset-factors")
@command
async def reset_factors(desk: Desk, name: Name) -> None:
    """Take authenticator and recovery codes away. `gateway user enrol` gives new ones."""
    async with desk.open(with_rules=False) as rooms:
        record = await finding.person(rooms, name)
        await rooms.enrolment.reset_factors(record.account.id, by=desk.by)
    _tell(desk, record, "factors-reset", "cannot sign in until `gateway user enrol` gives a new authenticator")


@app.command("set-password")
@command
def set_password(desk: Desk, name: Name, password_file: PasswordFile = None) -> None:
    """Replace a password; every session ends."""
    steps = Steps(desk, lambda: desk.open(with_rules=False), password_file, None)
    steps.check_password()

    async def changed(rooms: "Rooms", password: str) -> "AccountId":
        record = await finding.person(rooms, name)
        await rooms.enrolment.set_password(record.account.id, password, by=desk.by)
        return record.account.id

    account = steps.with_password(f"New password for {name}", changed)
    desk.paper.answer(
        {"account": account, "done": "password-changed"},
        lambda: desk.paper.say(f"{name} has a new password, and every session has ended"),
    )


@app.command("unlock")
@command
async def unlock(desk: Desk, name: Name) -> None:
    """Forget failed sign-ins, so that the next try need not wait."""
    async with desk.open(with_rules=False) as rooms:
        record = await finding.person(rooms, name)
        await rooms.enrolment.unlock(record.account.id, by=desk.by)
    _tell(desk, record, "unlocked", "need not wait any more")


def _steps(desk: Desk, password_file: PasswordFile, secret_out: SecretOut) -> Steps:
    steps = Steps(desk, lambda: desk.open(with_rules=False), password_file, secret_out)
    steps.check_password()
    steps.check_authenticator()
    return steps


GIVE = {"password": "gateway user set-password", "authenticator": "gateway user enrol"}
"""What gives a person anew what a restore took away."""


async def _taken(rooms: "Rooms", record: "AccountRecord") -> dict[str, int]:
    """Return what a restore took from a person who has not got it again, and when."""
    missing = {"password": not record.has_password, "authenticator": not record.enrolled}
    facts = {what: await rooms.meta.read(f"restored/{record.account.id}/{what}") for what in GIVE if missing[what]}
    return {what: int(fact) for what, fact in facts.items() if fact is not None}


async def _found(desk: Desk, name: str) -> "AccountRecord":
    async with desk.open(with_rules=False) as rooms:
        return await finding.person(rooms, name)


def _document(record: "AccountRecord") -> dict[str, object]:
    return {
        "name": record.name,
        "account": record.account.id,
        "roles": record.account.roles,
        "recipient": record.account.recipient,
        "enrolled": record.enrolled,
        "failures": record.failures,
        "created_us": record.created_us,
        "disabled_us": record.disabled_us,
        "locked_until_us": record.locked_until_us,
    }


def _state(record: "AccountRecord", now_us: int) -> str:
    if record.disabled_us is not None:
        return "disabled"
    if not record.has_password:
        return "no password"
    if not record.enrolled:
        return "not enrolled"
    if record.locked_until_us is not None and record.locked_until_us > now_us:
        return f"waits until {moments.written(record.locked_until_us)}"
    return "in force"


def _tell_enrolled(desk: Desk, name: str, account: str, codes: tuple[str, ...]) -> None:
    def for_people() -> None:
        desk.paper.say(f"{name} can sign in (account {account})")
        show_recovery(desk, codes)

    desk.paper.answer({"name": name, "account": account, "recovery_codes": codes}, for_people)


def _tell(desk: Desk, record: "AccountRecord", done: str, sentence: str) -> None:
    desk.paper.answer(
        {"name": record.name, "account": record.account.id, "done": done},
        lambda: desk.paper.say(f"{record.name} {sentence}"),
    )
