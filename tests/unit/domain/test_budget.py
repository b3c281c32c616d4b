# SPDX-License-Identifier: Apache-2.0
"""Budgets as values."""

from gateway.domain.budget import BudgetKey, BudgetRule, BudgetState, Counted, erased_told_to, in_steps
from gateway.domain.names import AccountId, RecipientId


def test_the_name_of_a_budget_says_what_it_counts_and_for_how_long() -> None:
    """It is told to callers in ``RateLimit``."""
    assert BudgetRule(counts=Counted.PEOPLE, most=5000, hours=24).name == "people-24h"
    assert BudgetRule(counts=Counted.ROWS, most=5000, hours=1).name == "rows-1h"


def test_what_tells_of_the_erased_is_counted_together_for_whatever_it_was_written() -> None:
    """Of one account; no purpose counts there."""
    support, marketing = (
        BudgetKey(account=AccountId("a_1"), key_class=one, recipient=RecipientId("own")) for one in ("support", "mail")
    )
    assert erased_told_to(support) == erased_told_to(marketing) not in (support, marketing)
    assert "/" in erased_told_to(support).key_class


def state(counts: Counted, left: int, most: int) -> BudgetState:
    """Return a state."""
    return BudgetState(rule=BudgetRule(counts=counts, most=most, hours=24), left=left, resets_s=60)


def test_what_is_left_of_people_is_told_in_twentieths_and_never_more_than_there_is() -> None:
    """Rows are told exactly: the caller counts them itself."""
    lefts = [
        told.left
        for told in in_steps(
            [
                state(Counted.PEOPLE, 4_999, 5_000),
                state(Counted.PEOPLE, 4_750, 5_000),
                state(Counted.PEOPLE, 249, 5_000),
                state(Counted.PEOPLE, 5_000, 5_000),
                state(Counted.PEOPLE, 3, 7),
                state(Counted.ROWS, 4_999, 5_000),
            ]
        )
    ]
    assert lefts == [4_750, 4_750, 0, 5_000, 0, 4_999]
