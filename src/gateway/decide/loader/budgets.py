# SPDX-License-Identifier: Apache-2.0
"""``budgets`` of a purpose: how many people and rows may leave to one principal and recipient in a window.

Purposes of one key class count together, whichever of them a call states: what is counted for one of
them is counted for all. Each is held to its own budgets.
"""

from collections.abc import Iterable

from gateway.decide.loader.grammar.reading import Reader
from gateway.domain.budget import MOST_HOURS, BudgetRule, Counted
from gateway.domain.purpose import PurposeRule

MOST_COUNTED = 1_000_000_000


def read_budgets(reader: Reader) -> tuple[BudgetRule, ...]:
    """Return the budgets of a purpose, in the order of their lines."""
    found: dict[str, BudgetRule] = {}
    for inner in reader.tables("budgets"):
        rule = _budget(inner)
        if rule is not None and rule.name in found:
            inner.problems.tell(inner.place(), f"a second budget for {rule.counts} in {rule.hours} hours")
        elif rule is not None:
            found[rule.name] = rule
    return tuple(found.values())


def _budget(reader: Reader) -> BudgetRule | None:
    said = [counted for counted in Counted if reader.has(counted)]
    hours = reader.number("hours", least=1, most=MOST_HOURS)
    if len(said) != 1:
        reader.problems.tell(reader.place(), "a budget counts `people` or `rows`, one of the two")
        reader.close()
        return None
    most = reader.number(said[0], least=1, most=MOST_COUNTED)
    reader.close()
    return BudgetRule(counts=said[0], most=most, hours=hours)


def counted_in_class(key_class: str, purposes: Iterable[PurposeRule]) -> tuple[Counted, ...]:
    """Return what any purpose of a key class has a budget for."""
    counted = {rule.counts for purpose in purposes if purpose.key_class == key_class for rule in purpose.budgets}
    return tuple(sorted(counted))
