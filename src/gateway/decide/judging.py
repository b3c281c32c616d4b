# SPDX-License-Identifier: Apache-2.0
"""What a view permits of what a call names: how a filter may be compared, and why it may not be.

Fields used are fields read. Clear equality, ranges, prefix and lists need ``reveal``. A field that leaves
as a surrogate is compared only for equality with surrogates, one or any of a list. A generalised field is
compared only in its own bands, where the route declares it. Masked and dropped fields are not compared.
"""

from collections.abc import Callable, Iterable, Sequence

from gateway.decide.rules import RedLine
from gateway.domain.decision import Deny, FilterUse, Reason, Use
from gateway.domain.inquiry import Filter
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison
from gateway.domain.treatment import NOTHING, Family, Rung
from gateway.domain.viewplan import FieldView, Layer, ViewPlan

InBand = Callable[[Rung, str], bool]
"""Tells whether a text is a band as a rung writes it, such as ``1980-1989``."""


def filter_uses(view: ViewPlan, filters: Sequence[Filter], in_band: InBand) -> tuple[FilterUse, ...]:
    """Return the filters that the view permits, and how each is compared."""
    if not filters:
        return ()
    return tuple(FilterUse(filter=each, use=use) for each in filters if (use := _use(view, each, in_band)))


def _use(view: ViewPlan, asked: Filter, in_band: InBand) -> Use | None:
    """Return how a filter may be compared; ``None`` if the view does not permit it."""
    field = view.view(asked.field)
    if field is None:
        return None
    if is_clear(field):
        return Use.CLEAR
    if asked.comparison not in (Comparison.EQUAL, Comparison.IN):
        return None
    family = field.chain.family(field.treatment)
    if family is Family.SURROGATE:
        return Use.SURROGATE
    if family is Family.GENERALISE and asked.bands:
        rung = field.chain.rungs[field.treatment.level]
        return Use.BAND if all(in_band(rung, value) for value in asked.compared) else None
    return None


def unused(filters: Sequence[Filter], uses: Sequence[FilterUse]) -> list[tuple[str, str]]:
    """Return parameter and field of the filters that are not among the permitted ones."""
    permitted = [use.filter for use in uses]
    return [(each.parameter, each.field) for each in filters if each not in permitted]


def is_clear(view: FieldView | None) -> bool:
    """Tell whether the value itself may be told of the field."""
    return view is not None and view.treatment.level == len(view.chain.rungs) - 1


def leaves(view: FieldView | None) -> bool:
    """Tell whether anything of the field may be told."""
    return view is not None and view.treatment != NOTHING


def more_when_fresh(plan: ViewPlan, view: ViewPlan) -> tuple[FieldName, ...]:
    """Return the fields of which a fresh sign-in would show more than this view does."""
    if view is plan or view.lowered is None or view.lowered.fresh:
        return ()
    return tuple(
        fresh.field
        for fresh, now in zip(plan.views, view.views, strict=True)
        if not fresh.treatment.at_most(now.treatment) and fresh.treatment != fresh.stale
    )


NOBODY_REVIEWED = "The owner has not reviewed yet what is said of these fields, so nothing of them leaves."


def because(reason: Reason, view: ViewPlan, asked: Sequence[tuple[str, str]], lines: Iterable[RedLine]) -> Deny:
    """Return the refusal, naming the red line if one stands behind the first field it is about.

    Args:
        reason: Where neither a red line nor a hold stands behind it.
        view: What was judged.
        asked: By the name that the caller used, the field; empty if it is about all fields.
        lines: The red lines in force.
    """
    names = tuple(name for name, _ in asked)
    for _, field in asked:
        line = red_line_of(view.view(field), lines)
        if line is not None:
            return by_red_line(line, names)
    about = {field for _, field in asked} or {each.field for each in view.views}
    layers = {ceiling.layer for each in view.views if each.field in about for ceiling in each.ceilings}
    if Layer.HOLDS in layers:
        return Deny(reason=Reason.HELD, fields=names, rule=view.purpose)
    title = NOBODY_REVIEWED if Layer.REVIEW in layers else None
    return Deny(reason=reason, fields=names, rule=view.purpose, title=title)


def by_red_line(line: RedLine, names: tuple[str, ...]) -> Deny:
    """Return the refusal that a red line makes, with its sentence."""
    return Deny(reason=Reason.RED_LINE, fields=names, rule=line.id, title=dict(line.title).get("en"), titles=line.title)


def red_line_of(view: FieldView | None, lines: Iterable[RedLine]) -> RedLine | None:
    """Return a red line that binds a field, if one does."""
    binding = view.binding() if view is not None else ()
    drawn = [rule for ceiling in binding if ceiling.layer is Layer.RED_LINES for rule in ceiling.rule.split()]
    return next((line for line in lines if line.id in drawn), None)
