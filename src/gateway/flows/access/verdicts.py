# SPDX-License-Identifier: Apache-2.0
"""What is judged of rows, pages, views and budgets before a block leaves; pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from gateway.domain.budget import BudgetState, Taken
from gateway.domain.continuation import Continuation, following
from gateway.domain.decision import Deny, Reason
from gateway.domain.errors import StoreMisbehaved
from gateway.domain.inquiry import Inquiry, page_number
from gateway.domain.names import PersonNumber
from gateway.domain.parameters import PageParameter
from gateway.domain.treatment import NOTHING
from gateway.domain.viewplan import Cause, ChoiceRule, FieldView, LinkRule, ViewPlan
from gateway.flows.access.ports.state import ChoiceSet

MOST_MALFORMED = 0.01
"""Share of malformed rows in a block above which the store's answer is not usable (DESIGN 3)."""


def choice_rule(plan: ViewPlan) -> ChoiceRule | None:
    """Return the plan's rule on choices, if it has one."""
    return next((rule for rule in plan.row_rules if isinstance(rule, ChoiceRule)), None)


def withheld_by(chosen: ChoiceSet, rule: ChoiceRule | LinkRule, people: Sequence[PersonNumber]) -> Sequence[bool]:
    """Tell for each person whether the choices keep the row back under the rule, or the person's devices apart."""
    return chosen.withheld(people, needs_consent=rule.needs_consent, honours_objection=rule.honours_objection)


def let_link(
    chosen: ChoiceSet,
    rule: LinkRule,
    subjects: Sequence[str | None],
    numbers: Sequence[PersonNumber | None],
) -> list[PersonNumber | None]:
    """Return for each row the person whose devices are one; ``None`` where they stay apart, as where nobody is known."""
    known = [number for number in numbers if number is not None]
    apart = iter(withheld_by(chosen, rule, known))
    kept_apart = [number is None or next(apart) for number in numbers]
    return [
        None if subject is None or is_apart else number
        for subject, number, is_apart in zip(subjects, numbers, kept_apart, strict=True)
    ]


def covers(now: ViewPlan, before: ViewPlan) -> bool:
    """Tell whether a plan still lets leave everything that another does, under the same rules on rows.

    Levels are compared on one and the same chain alone: a rung that was put into a chain moves what
    the level above it means. Surrogates of another class, or rows judged by other fields, are no less
    than another view.
    """
    if now is before:
        return True
    return (
        now.row_rules == before.row_rules
        and now.link_rule == before.link_rule
        and now.key_class == before.key_class
        and _row_fields(now) == _row_fields(before)
        and all(_covers(now.view(view.field), view) for view in before.views if view.treatment != NOTHING)
    )


def _covers(now: FieldView | None, before: FieldView) -> bool:
    return now is not None and now.chain.rungs == before.chain.rungs and before.treatment.at_most(now.treatment)


def _row_fields(plan: ViewPlan) -> tuple[object, ...]:
    """Return which fields the rules on rows are judged by."""
    return (plan.collection.subject, plan.collection.birth_date, plan.collection.region)


def over_budget(taken: Taken, told: tuple[BudgetState, ...]) -> Deny:
    """Return the refusal of a call that a budget has no room for, with the time when it may have some."""
    return Deny(reason=Reason.BUDGET_SPENT, retry_after_s=taken.wait_s, budgets=told)


def over_mandate(taken: Taken) -> Deny:
    """Return the refusal of a call that its mandate has no room for; it never has more than now."""
    left = min((one.left for one in taken.states), default=0)
    return Deny(reason=Reason.MANDATE_SPENT, title=f"The mandate has room for {left} more people.")


def absent(withheld: Mapping[Cause, int]) -> Deny:
    """Return the one answer for a record that is absent or withheld; only the log knows which."""
    cause = next(iter(withheld), None)
    return Deny(reason=Reason.NOT_FOUND, rule=f"withheld:{cause}" if cause else None)


def check_malformed(n_rows: int, withheld: Mapping[Cause, int]) -> None:
    """Refuse a block of which too many rows were not as declared.

    Args:
        n_rows: All rows that the store sent since the block before; one piece may fill many blocks.
        withheld: Those of them that were left out, by cause.

    Raises:
        StoreMisbehaved: More than 1 % of the rows.
    """
    n_malformed = withheld.get(Cause.MALFORMED, 0)
    if n_malformed > MOST_MALFORMED * n_rows:
        raise StoreMisbehaved(f"{n_malformed} rows of a block are not as the dataset declares")


def is_more(inquiry: Inquiry, n_rows: int, *, goes_on: bool) -> bool:
    """Tell whether the store has further rows: by its own word where it gives one, or because the page is full."""
    if inquiry.route.answer.next is not None:
        return goes_on
    return inquiry.limit is not None and n_rows >= inquiry.limit


def told_next(told: str | None, inquiry: Inquiry, sealed: Callable[[Continuation], str] | None) -> str | int | None:
    """Return where the store's list goes on as the caller may have it; ``None`` at its end.

    Where pages have numbers, the store's word only says that there is a next one; its number is counted here.

    Raises:
        StoreMisbehaved: It goes on where it was before.
    """
    if told is None:
        return None
    if any(isinstance(one, PageParameter) for one in inquiry.route.every_parameter):
        return page_number(inquiry) + 1
    behind = following(inquiry.continuation, told)
    return None if sealed is None else sealed(behind)


def today(now_us: int) -> date:
    """Return the UTC day of an instant."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now_us)).date()
