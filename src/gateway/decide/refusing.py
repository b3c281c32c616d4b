# SPDX-License-Identifier: Apache-2.0
"""Why a call is refused: before there is a plan, and for what it names, filters and sorts by under a view."""

from collections.abc import Sequence

from gateway.decide.judging import because, is_clear, leaves, unused
from gateway.decide.layers import purposes, transfer
from gateway.decide.rules import Grant, Recipient, RedLine, RuleSet
from gateway.domain.decision import Deny, FilterUse, Reason
from gateway.domain.inquiry import Inquiry
from gateway.domain.purpose import PurposeRule
from gateway.domain.viewplan import ViewPlan

LEAST_CHOSEN_PAGE = 20
"""Rows in a page that a filter or an order chose, where rows can be withheld: on a smaller one, whether
there is more would tell of one person whom the caller may not see (docs/adr/0015)."""
SMALL_PAGE = (
    f"Where people can be left out, a page that a filter or an order chose has {LEAST_CHOSEN_PAGE} rows or more."
)


def call_refused(
    rules: RuleSet,
    inquiry: Inquiry,
    purpose: PurposeRule,
    recipient: Recipient,
    granted: tuple[Grant, ...],
    now_us: int,
) -> Deny | None:
    """Return why nothing at all is planned for a call; ``None`` if something may be.

    Args:
        rules: The rules in force.
        inquiry: The call.
        purpose: The rule of its purpose, which is in force.
        recipient: Who receives what it reads.
        granted: The grants that cover it and are in force.
        now_us: UTC microseconds.
    """
    if inquiry.dataset not in rules.catalog.collections:
        # A change of rules took the dataset away under a call that had begun.
        return Deny(reason=Reason.NO_SUCH_ROUTE)
    if not transfer.in_force(recipient, now_us):
        return Deny(reason=Reason.RECIPIENT_NOT_IN_FORCE, rule=recipient.id)
    if not purposes.covers_call(purpose, dataset=inquiry.dataset, operation=inquiry.operation):
        return Deny(reason=Reason.PURPOSE_NOT_ALLOWED, rule=purpose.key)
    if not any(grant.allow for grant in granted):
        return Deny(reason=Reason.GRANT_MISSING)
    return None


def refused(inquiry: Inquiry, view: ViewPlan, uses: tuple[FilterUse, ...], lines: Sequence[RedLine]) -> Deny | None:
    """Return why a view does not give what a call names; ``uses`` are those of its filters that the view lets through."""
    if len(uses) < len(inquiry.filters):
        return because(Reason.FILTER_NOT_PERMITTED, view, unused(inquiry.filters, uses), lines)
    if view.row_rules and (inquiry.filters or inquiry.sorts) and _is_small(inquiry.limit):
        return Deny(reason=Reason.PARAMETER_INVALID, fields=("limit",), title=SMALL_PAGE)
    sorts = [sort.field for sort in inquiry.sorts if not is_clear(view.view(sort.field))]
    if sorts:
        return because(Reason.SORT_NOT_PERMITTED, view, [(name, name) for name in sorts], lines)
    named = [name for name in inquiry.fields or () if not leaves(view.view(name))]
    if named:
        return because(Reason.FIELD_NOT_PERMITTED, view, [(name, name) for name in named], lines)
    for each in view.views:
        if each.treatment.level or each.treatment.link:
            return None
    return because(Reason.FIELD_NOT_PERMITTED, view, [], lines)


def _is_small(limit: int | None) -> bool:
    return limit is not None and limit < LEAST_CHOSEN_PAGE
