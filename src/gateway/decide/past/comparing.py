# SPDX-License-Identifier: Apache-2.0
"""Two decisions on one call, laid side by side: what the second would change for whoever called. Pure."""

from collections.abc import Iterator

import msgspec

from gateway.decide.explain import row_sentences
from gateway.decide.past.again import Redone
from gateway.domain.decision import Permit
from gateway.domain.log_query import DENY, PERMIT
from gateway.domain.treatment import Family
from gateway.domain.viewplan import FieldView, ViewPlan


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would be different.

    Attributes:
        what: ``refused`` and ``step-up`` where it was permitted; ``permitted`` where it was not; ``less``, ``more``
            or ``otherwise`` of what leaves of fields; ``rows`` for rules on rows; ``filters`` where a value would have
            to be said in another form; ``reason`` where it is refused for another one.
        reason: Of the refusal that comes, or that goes.
        about: Fields or parameters, with what they were and would be.
    """

    what: str
    reason: str = ""
    about: tuple[str, ...] = ()


def changes_between(before: Redone, after: Redone, *, is_write: bool) -> tuple[Change, ...]:
    """Return what would be different; nothing where the caller would notice nothing."""
    one, other = before.decision, after.decision
    if isinstance(one, Permit) and isinstance(other, Permit):
        return tuple(_between_permits(one, other, is_write=is_write))
    about = () if other is None or isinstance(other, Permit) else tuple(other.fields)
    if isinstance(one, Permit):
        what = "refused" if after.word == DENY else "step-up"
        return (Change(what=what, reason=after.reason or "", about=about),)
    if after.word == PERMIT:
        return (Change(what="permitted", reason=before.reason or ""),)
    if before.reason != after.reason:
        return (Change(what="reason", reason=after.reason or "", about=(f"was {before.reason}",)),)
    return ()


def word_of(view: FieldView | None) -> str:
    """Return the rung that leaves of a field; ``surrogate`` and ``drop`` where the value does not."""
    if view is None:
        return Family.DROP.value
    family = view.chain.family(view.treatment)
    return family.value if view.treatment.level == 0 else view.chain.rungs[view.treatment.level]


def _between_permits(one: Permit, other: Permit, *, is_write: bool) -> Iterator[Change]:
    shown, then_shown = (other.shown, one.shown) if is_write else (other.plan, one.plan)
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(view.field for plan in (then_shown, shown) if plan for view in plan.views):
        told = _of_field(name, then_shown, shown)
        if told is not None:
            found.setdefault(told[0], []).append(told[1])
    for what in ("less", "more", "otherwise"):
        if what in found:
            yield Change(what=what, about=tuple(found[what]))
    rules = [set(row_sentences(plan)) for plan in (one.plan, other.plan)]
    if rules[0] != rules[1]:
        gone = tuple(f"no longer: {text}" for text in sorted(rules[0] - rules[1]))
        yield Change(what="rows", about=(*(f"new: {text}" for text in sorted(rules[1] - rules[0])), *gone))
    uses = {use.filter.field: use.use for use in one.filters}
    forms = [
        f"{use.filter.parameter}: {uses[use.filter.field]} → {use.use}"
        for use in other.filters
        if uses.get(use.filter.field, use.use) != use.use
    ]
    if forms:
        yield Change(what="filters", about=tuple(forms))


def _of_field(name: str, then: ViewPlan | None, now: ViewPlan | None) -> tuple[str, str] | None:
    """Return the kind of change of a field and the words for it; ``None`` for no change."""
    old, new = (None if plan is None else plan.view(name) for plan in (then, now))
    before, after = word_of(old), word_of(new)
    if old is not None and new is not None and old.chain.rungs == new.chain.rungs:
        if old.treatment == new.treatment:
            return None
        what = "less" if new.treatment.at_most(old.treatment) else "otherwise"
        what = "more" if old.treatment.at_most(new.treatment) else what
    elif before == after:
        return None
    else:
        what = "less" if after == Family.DROP else "more" if before == Family.DROP else "otherwise"
    if before == after:
        before, after = ("linked", "not linked") if old is not None and old.treatment.link else ("not linked", "linked")
    return what, f"{name}: {before} → {after}"
