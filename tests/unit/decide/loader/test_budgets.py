# SPDX-License-Identifier: Apache-2.0
"""``budgets`` of purposes: what they count, and how they stand together."""

import pytest

from gateway.decide.loader.budgets import counted_in_class
from gateway.domain.budget import BudgetRule, Counted
from gateway.domain.names import PurposeKey
from tests.fakes.rule_files import Broken, check, edited, loaded

FILE = "purposes.yaml"
FIRST = "      - {people: 250000, hours: 24}\n"


def instead(text: str, says: str) -> Broken:
    """Return the mistake of another budget in the place of the first."""
    return Broken(FILE, FIRST, f"      - {text}\n", says)


@pytest.mark.parametrize(
    "broken",
    [
        instead("{people: 0, hours: 24}", "`people` is 0, expected 1 to 1000000000"),
        instead("{people: 5000, hours: 745}", "`hours` is 745, expected 1 to 744"),
        instead("{people: 5000, hours: 0}", "`hours` is 0, expected 1 to 744"),
        instead("{people: 5000}", "`hours` is missing"),
        instead("{people: '5000', hours: 24}", "`people` is the text `5000`, expected a whole number in plain digits"),
        instead("{people: 50, rows: 50, hours: 24}", "a budget counts `people` or `rows`, one of the two"),
        instead("{hours: 24}", "a budget counts `people` or `rows`, one of the two"),
        instead("{people: 50, hours: 24, bytes: 5}", "unknown key `bytes`"),
        instead("people", "`budgets` is the text `people`, expected a list of keys with values"),
        Broken(
            FILE,
            FIRST,
            f"{FIRST}      - {{people: 10, hours: 24}}\n",
            "a second budget for people in 24 hours",
            at="      - {people: 10, hours: 24}\n",
        ),
    ],
    ids=lambda broken: broken.says[:60],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_budgets_are_what_their_lines_say() -> None:
    """In their order; a purpose without them is not counted."""
    files = edited(FILE, FIRST, "      - {people: 7, hours: 744}\n      - {rows: 20, hours: 1}\n")
    rule = loaded(files).purposes[PurposeKey("analytics.reporting.campaign_insights")]

    assert rule.budgets == (
        BudgetRule(counts=Counted.PEOPLE, most=7, hours=744),
        BudgetRule(counts=Counted.ROWS, most=20, hours=1),
    )
    assert rule.counted == (Counted.PEOPLE, Counted.ROWS)


def test_purposes_of_one_key_class_count_what_any_of_them_limits() -> None:
    """So that none of them is a way round the budgets of another."""
    email, sms = PurposeKey("marketing.communications.email"), PurposeKey("marketing.communications.sms")
    once = edited(FILE, "      - {people: 100000, hours: 24}\n", "      - {rows: 100, hours: 24}\n")
    files = edited(FILE, "    budgets:\n      - {people: 100000, hours: 24}\n", "", once)
    purposes = loaded(files).purposes

    assert purposes[email].counted == purposes[sms].counted == (Counted.ROWS,)
    assert not purposes[sms].budgets
    assert purposes[PurposeKey("essential.service.operations.support")].counted == (Counted.PEOPLE,)
    assert counted_in_class("nobody", purposes.values()) == ()
