# SPDX-License-Identifier: Apache-2.0
"""``gateway lock`` and ``gateway unlock``: an officer takes everything from an account, and gives it back.

A lock is a hold at ``drop`` without link over every category there is. It is in force within a second,
also in the middle of an answer; the account can still sign in, and is told ``held`` wherever it asks.
`gateway user disable` and `gateway client disable` end sign-in too, and for good.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import finding
from gateway.cli.desk.desk import Desk, Stop, command

if TYPE_CHECKING:
    from gateway.app.installation import Rooms
    from gateway.domain.names import AccountId

Who = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name, account or client.")]


@command
async def lock(
    desk: Desk,
    who: Who,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="For the log and for `explain`; no personal values.")
    ] = "",
) -> None:
    """Let nothing more leave to an account. It counts from the next block on, until it is unlocked."""
    from gateway.app.locking import locks_of, put_on

    async with desk.open(with_rules=False) as rooms:
        account = await _account(rooms, who)
        if await locks_of(rooms, account):
            raise Stop(f"{who} is locked already")
        await put_on(rooms, account, reason, by=desk.by)
    desk.paper.answer(
        {"account": account, "done": "locked"}, lambda: desk.paper.say(f"{who} is locked: nothing leaves to it")
    )


@command
async def unlock(desk: Desk, who: Who) -> None:
    """Take a lock off an account; other holds stay."""
    from gateway.app.locking import locks_of
    from gateway.domain.entry import Changed

    async with desk.open(with_rules=False) as rooms:
        account = await _account(rooms, who)
        locks = await locks_of(rooms, account)
        if not locks:
            raise Stop(f"{who} is not locked")
        facts: dict[str, str | int] = {"holds": " ".join(locks)}
        await rooms.log.append(Changed(by=desk.by, what="account-lock-lifted", target=account, facts=facts))
        for hold in locks:
            await rooms.holds.lift(hold)
    desk.paper.answer({"account": account, "done": "unlocked"}, lambda: desk.paper.say(f"{who} is not locked any more"))


async def _account(rooms: "Rooms", who: str) -> "AccountId":
    return (await finding.anybody(rooms, who)).account.id
