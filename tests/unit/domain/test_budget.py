# SPDX-License-Identifier: Apache-2.0
"""Budgets as values."""

from gateway.domain.budget import BudgetRule, Counted


def test_the_name_of_a_budget_says_what_it_counts_and_for_how_long() -> None:
    """It is told to callers in ``RateLimit``."""
    assert BudgetRule(counts=Counted.PEOPLE, most=5000, hours=24).name == "people-24h"
    assert BudgetRule(counts=Counted.ROWS, most=5000, hours=1).name == "rows-1h"
