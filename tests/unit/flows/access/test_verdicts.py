# SPDX-License-Identifier: Apache-2.0
"""What is judged of rows, views and budgets before a block leaves."""

import msgspec
import pytest

from gateway.decide.rules import RuleSet
from gateway.domain.budget import BudgetRule, Counted
from gateway.domain.catalog import AnswerShape
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.parameters import LimitParameter, PageParameter
from gateway.domain.treatment import Chain, Rung
from gateway.domain.viewplan import Cause
from gateway.flows.access.verdicts import absent, check_malformed, covers, is_more, today, told_next
from tests.fakes.access import AccessHouse
from tests.fakes.deciding import (
    CHAINS,
    COLLECTION,
    MAILING,
    MINORS,
    PURPOSE,
    ROUTE,
    RULES,
    TEXT,
    grant,
    inquiry,
    rules,
    with_purpose,
)

BUDGET = BudgetRule(counts=Counted.PEOPLE, most=100, hours=24)


@pytest.fixture
def house() -> AccessHouse:
    """The flow over fakes."""
    return AccessHouse()


@pytest.mark.parametrize(
    ("n_rows", "n_malformed", "is_refused"), [(100, 1, False), (100, 2, True), (99, 1, True), (1, 0, False)]
)
def test_above_one_in_a_hundred_malformed_rows_the_store_is_broken(
    n_rows: int, n_malformed: int, is_refused: bool
) -> None:
    """Of the rows that it sent since the block before."""
    withheld = {Cause.MALFORMED: n_malformed, Cause.CHOICE: 50}
    if is_refused:
        with pytest.raises(StoreMisbehaved):
            check_malformed(n_rows, withheld)
    else:
        check_malformed(n_rows, withheld)


def plan_of(of: RuleSet, *, fields: tuple[str, ...] | None = None):  # type: ignore[no-untyped-def]
    """Return the plan of a call under rules."""
    house = AccessHouse(of)
    decision = house.rules.decider.decide(inquiry(fields=fields), (), house.clock())
    return decision.plan  # type: ignore[union-attr]


WIDER = Chain(TEXT.name, (*TEXT.rungs[:3], Rung("mask.name"), TEXT.rungs[3]))


@pytest.mark.parametrize(
    ("now", "is_covered"),
    [
        (RULES, True),
        (rules(grants=(*RULES.grants, grant("user.belief", line=9))), True),
        (rules(grants=RULES.grants[1:]), False),
        (rules(red_lines=(MINORS,)), False),
        (with_purpose(key_class="other"), False),
        (with_purpose(needs_consent=False), False),
        (rules(chains={**CHAINS, TEXT.name: WIDER}), False),
        (
            rules(
                catalog=msgspec.structs.replace(
                    RULES.catalog,
                    collections={COLLECTION.dataset: msgspec.structs.replace(COLLECTION, birth_date=None)},
                )
            ),
            False,
        ),
        (
            rules(
                catalog=msgspec.structs.replace(
                    RULES.catalog,
                    collections={COLLECTION.dataset: msgspec.structs.replace(COLLECTION, fields=COLLECTION.fields[:1])},
                )
            ),
            False,
        ),
    ],
)  # fmt: skip
def test_a_plan_covers_another_only_on_the_same_chains_classes_and_row_rules(now: RuleSet, is_covered: bool) -> None:
    """More grants do; a rung put into a chain, another class of surrogates or other fields for rows do not."""
    assert covers(plan_of(now), plan_of(RULES)) is is_covered


def test_a_plan_covers_itself() -> None:
    """Which is the way of nearly every block."""
    plan = plan_of(RULES)
    assert covers(plan, plan)
    assert plan.purpose == MAILING == PURPOSE.key


def test_absence_says_nothing_to_the_caller() -> None:
    """The cause goes into the log alone."""
    assert absent({}).rule is None
    assert absent({Cause.AGE: 1}) == msgspec.structs.replace(absent({}), rule="withheld:age")


def test_the_day_is_that_of_utc() -> None:
    """Ages are reckoned by it."""
    assert today(0).isoformat() == "1970-01-01"
    assert today(86_400_000_000 - 1).isoformat() == "1970-01-01"
    assert today(1_750_000_000_000_000).isoformat() == "2025-06-15"


def test_pages_with_numbers_are_counted_here() -> None:
    """The store's word says only that there is a next one."""
    paged = msgspec.structs.replace(
        ROUTE, parameters={"page": PageParameter(), "n": LimitParameter()},
        answer=AnswerShape(kind="object", rows="data", next="next"),
    )  # fmt: skip
    asked = msgspec.structs.replace(inquiry(), route=paged, limit=20, offset=40)
    assert told_next("999", asked, lambda _place: "sealed") == 4
    assert told_next(None, asked, lambda _place: "sealed") is None
    assert is_more(asked, 20, goes_on=False) is False
    assert is_more(asked, 0, goes_on=True) is True
