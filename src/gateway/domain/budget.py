# SPDX-License-Identifier: Apache-2.0
"""Budgets: how many people and rows may leave to one principal for one kind of purpose in a window.

They count what was released, however it was sliced into calls. A window is the union of whole hours,
the one that is under way included, so that it is never shorter than it says (DESIGN 9.6).
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from gateway.domain.names import AccountId, RecipientId

HOUR_US = 3600 * 1_000_000

MOST_HOURS = 744
"""Longest window of a rule: 31 days. What was counted before that is thrown away."""

STEPS = 20
"""In how many steps what is left of a budget for people is told."""
LEAST_STEP = 5


class Counted(StrEnum):
    """What a budget counts."""

    PEOPLE = "people"
    """Distinct people in the window; a row without a readable person is one more each time."""
    ROWS = "rows"


class BudgetRule(msgspec.Struct, frozen=True, kw_only=True):
    """At most so many in so many hours.

    Attributes:
        name: Told to callers: ``people-24h``.
    """

    counts: Counted
    most: int
    hours: int

    @property
    def name(self) -> str:
        """Return the name by which a caller is told of it."""
        return f"{self.counts}-{self.hours}h"


class BudgetKey(msgspec.Struct, frozen=True, kw_only=True):
    """Whose budget: calls of one account, one purpose class and one recipient count together."""

    account: AccountId
    key_class: str
    recipient: RecipientId


def revealed_of(key: BudgetKey) -> BudgetKey:
    """Return under which key are counted the surrogates that somebody had revealed without a second person."""
    # No key class has a slash in it, so no purpose counts there.
    return msgspec.structs.replace(key, key_class=f"revealed/{key.key_class}")


def erased_told_to(key: BudgetKey) -> BudgetKey:
    """Return under which key are counted the refusals that told an account of somebody who was erased."""
    # Whatever it wrote for: one account learns so many of them and no more.
    return msgspec.structs.replace(key, key_class="erased/told")


class BudgetState(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of one budget, and when the oldest hour that counts will count no more."""

    rule: BudgetRule
    left: int
    resets_s: int


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a budget gave for the rows of a block.

    Attributes:
        n_rows: How many of them fit, from the first on; they are spent, durably.
        states: What is left of each budget now.
        wait_s: Where not all of them fit: in how many seconds the page, or the first row of a stream that
            did not fit, would, if nothing else is spent until then.
    """

    n_rows: int
    states: tuple[BudgetState, ...] = ()
    wait_s: int | None = None


def in_steps(states: Sequence[BudgetState]) -> tuple[BudgetState, ...]:
    """Return the states with what is left of budgets for people rounded down to a twentieth, or to five.

    The exact figure says whether a row is about somebody who was counted before, and so links rows of
    which a view tells nobody whether they are about one person. All views of a purpose class share
    the count, so it is in steps for all of them.
    """
    return tuple(
        msgspec.structs.replace(state, left=state.left - state.left % max(LEAST_STEP, -(-state.rule.most // STEPS)))
        if state.rule.counts is Counted.PEOPLE
        else state
        for state in states
    )
