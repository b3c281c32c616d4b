# SPDX-License-Identifier: Apache-2.0
"""Budgets equal a model of plain sets, over any history of takes, in two processes, while time passes."""

from itertools import count, pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.budget import HOUR_US, BudgetKey, BudgetRule, Counted
from gateway.domain.names import AccountId, PersonNumber, RecipientId
from gateway.store.budgets import Budgets
from gateway.store.engine import Store

START_US = 480_000 * HOUR_US
ACCOUNTS = count()
"""Each example is about an account of its own, in one database."""

PEOPLE = st.lists(st.sampled_from([PersonNumber(n) for n in (0, 1, 2, 3, 65_536, 70_000, 2**32 - 1)]), max_size=6)
RULES = st.lists(
    st.builds(BudgetRule, counts=st.sampled_from(Counted), most=st.integers(1, 6), hours=st.sampled_from([1, 2, 5])),
    max_size=3,
    unique_by=lambda rule: rule.name,
)
TAKES = st.tuples(
    st.integers(0, 1),  # which process
    RULES,
    PEOPLE,
    st.integers(0, 4),  # rows, where they are about nobody
    st.booleans(),
    st.sampled_from([0, 0, 600_000_000, HOUR_US, 3 * HOUR_US, -HOUR_US, -5 * HOUR_US]),  # time that passes
)


class Model:
    """What was released, as a list; everything is counted anew for each take."""

    def __init__(self) -> None:
        self.released: list[tuple[int, PersonNumber | None]] = []
        self.hour = 0

    def room(self, rule: BudgetRule) -> bool:
        """Tell whether a rule has anything left."""
        inside = [person for hour, person in self.released if hour >= self.hour - rule.hours]
        people = {person for person in inside if person is not None}
        return (len(inside) if rule.counts is Counted.ROWS else len(people)) < rule.most

    def take(self, rules: list[BudgetRule], rows: list[PersonNumber | None], *, whole: bool, now_us: int) -> int:
        """Return how many rows fit, adding one after the other."""
        self.hour = max(self.hour, now_us // HOUR_US)
        before, n_rows = list(self.released), 0
        for person in rows:
            if not self._allows(rules, person):
                break
            self.released.append((self.hour, person))
            n_rows += 1
        if whole and n_rows < len(rows):
            self.released, n_rows = before, 0
        return n_rows

    def _allows(self, rules: list[BudgetRule], person: PersonNumber | None) -> bool:
        for rule in rules:
            inside = {other for hour, other in self.released if hour >= self.hour - rule.hours}
            is_free = rule.counts is Counted.PEOPLE and (person is None or person in inside)
            if not is_free and not self.room(rule):
                return False
        return True


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(takes=st.lists(TAKES, max_size=14))
async def test_the_store_gives_what_the_model_gives(
    store: Store,
    takes: list[tuple[int, list[BudgetRule], list[PersonNumber], int, bool, int]],
) -> None:
    """Rows and people, pages and streams, in two processes, with a clock that also goes back."""
    processes, model, now_us = (Budgets(store), Budgets(store)), Model(), START_US
    key = BudgetKey(account=AccountId(f"a{next(ACCOUNTS)}"), key_class="m", recipient=RecipientId("own"))

    for process, rules, people, n_rows, whole, passed_us in takes:
        now_us += passed_us
        rows: list[PersonNumber | None] = list(people) if people else [None] * n_rows
        got = await processes[process].take(key, rules, people, len(rows), whole=whole, now_us=now_us)

        assert got.n_rows == model.take(rules, rows, whole=whole, now_us=now_us)
        assert [state.left == 0 for state in got.states] == [not model.room(rule) for rule in rules]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(st.integers(0, 12).map(PersonNumber), max_size=24),
    cuts=st.lists(st.integers(0, 24), max_size=8),
    most=st.integers(1, 12),
)
async def test_it_does_not_matter_how_rows_are_sliced(
    store: Store, people: list[PersonNumber], cuts: list[int], most: int
) -> None:
    """A stream in one block and the same rows in many calls let the same people leave."""
    rule = BudgetRule(counts=Counted.PEOPLE, most=most, hours=24)
    edges = [0, *sorted(cuts), len(people)]
    slices = [people[start:end] for start, end in pairwise(edges)]
    ways: list[set[PersonNumber]] = []
    for way in ([people], slices):
        key = BudgetKey(account=AccountId(f"a{next(ACCOUNTS)}"), key_class="m", recipient=RecipientId("own"))
        budgets, left = Budgets(store), set[PersonNumber]()
        for rows in way:
            taken = await budgets.take(key, [rule], rows, len(rows), whole=False, now_us=START_US)
            left.update(rows[: taken.n_rows])
            if taken.n_rows < len(rows):
                break
        ways.append(left)

    assert ways[0] == ways[1]
    assert len(ways[0]) == min(most, len(set(people)))
