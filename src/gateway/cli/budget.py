# SPDX-License-Identifier: Apache-2.0
"""``gateway budget``: what is left to an account of the budgets that the rules give it."""

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.desk import finding, moments
from gateway.cli.desk.desk import Desk, command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.app.installation import Rooms
    from gateway.domain.budget import BudgetKey
    from gateway.domain.purpose import PurposeRule

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="How much may still leave.")


@app.callback()
def _group() -> None:
    """Keep a group a group, also while it has one command."""


@app.command("show")
@command
async def show(
    desk: Desk, who: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name, account or client.")]
) -> None:
    """Show what is left of every budget that counted something, and when its oldest hour counts no more."""
    from gateway.domain.entry import Looked

    purposes = finding.rules_of(desk).purposes.values()
    async with desk.open(with_rules=False) as rooms:
        account = (await finding.anybody(rooms, who)).account.id
        found = [line for key in await rooms.budgets.keys_of(account) for line in await _left(rooms, key, purposes)]
        await rooms.log.append(Looked(by=desk.by, what="budgets", query=account, rows=len(found)))
    desk.paper.answer(
        found,
        lambda: desk.paper.table(
            ("purpose", "recipient", "budget", "left", "whole again"),
            [
                (
                    str(line["purpose"]),
                    str(line["recipient"]),
                    str(line["budget"]),
                    f"{line['left']} of {line['most']}",
                    moments.written(int(line["resets_us"])),
                )
                for line in found
            ],
        ),
    )


async def _left(rooms: "Rooms", key: "BudgetKey", purposes: "Iterable[PurposeRule]") -> list[dict[str, str | int]]:
    """Return what is left under one key, a line for each budget of each purpose of its class."""
    from gateway.domain.budget import HOUR_US

    now_us = rooms.clock()
    lines: list[dict[str, str | int]] = []
    for purpose in purposes:
        if purpose.key_class != key.key_class or not purpose.budgets:
            continue
        lines += [
            {
                "purpose": purpose.key,
                "key_class": key.key_class,
                "recipient": key.recipient,
                "budget": state.rule.name,
                "left": state.left,
                "most": state.rule.most,
                "resets_us": (now_us + state.resets_s * 1_000_000) // HOUR_US * HOUR_US,
            }
            for state in await rooms.budgets.left(key, purpose.budgets, now_us)
        ]
    return lines
