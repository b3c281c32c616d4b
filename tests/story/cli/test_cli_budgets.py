# SPDX-License-Identifier: Apache-2.0
"""What is left of budgets can be looked at, and looking spends nothing."""

import asyncio
import time

from gateway.domain.budget import HOUR_US, BudgetKey
from gateway.domain.names import AccountId, PersonNumber, RecipientId
from gateway.store.budgets import Budgets
from gateway.store.engine import open_store
from tests.fakes.command_line import CommandLine


def counted(command: CommandLine, key_class: str, n_people: int) -> None:
    """Count people for the analyst."""
    users = command("user", "list", "--json").document()
    account = AccountId(next(one["account"] for one in users if one["name"] == "analyst-1"))

    async def count() -> None:
        store = await open_store(command.state)
        key = BudgetKey(account=account, key_class=key_class, recipient=RecipientId("own"))
        people = [PersonNumber(n) for n in range(n_people)]
        await Budgets(store).replay("c1", 0, key, people, n_people, time.time_ns() // 1_000)
        await store.close()

    asyncio.run(count())


def test_what_is_left_is_shown_for_each_purpose_of_the_class(command: CommandLine) -> None:
    """Both purposes of one class share what was counted."""
    counted(command, "marketing.communications", 40)
    told = command("budget", "show", "analyst-1", "--json").document()

    assert [(one["purpose"], one["budget"], one["left"], one["most"]) for one in told] == [
        ("marketing.communications.email", "people-24h", 99_960, 100_000),
        ("marketing.communications.sms", "people-24h", 99_960, 100_000),
    ]
    assert {one["resets_us"] % HOUR_US for one in told} == {0}
    assert command("budget", "show", "analyst-1", "--json").document() == told
    assert "99960 of 100000" in command("budget", "show", "analyst-1").out


def test_an_account_for_which_nothing_was_counted_has_nothing_to_show(command: CommandLine) -> None:
    """An empty table, and an unknown name is told as such."""
    assert command("budget", "show", "newsletter-app", "--json").document() == []
    assert "there is no user" in command("budget", "show", "nobody", code=2).err


def test_the_look_is_entered(command: CommandLine) -> None:
    """Who looked at whose budgets."""
    counted(command, "analytics", 1)
    command("budget", "show", "analyst-1")
    looked = [one["body"] for one in command.entries() if one["body"].get("what") == "budgets"]
    assert [one["rows"] for one in looked] == [1]
