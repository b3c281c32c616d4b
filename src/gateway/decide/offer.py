# SPDX-License-Identifier: Apache-2.0
"""What a caller may do: every declared route, decided for every purpose of its bearer.

RULES

1. Nothing is computed here that a call would not be decided by: each route is decided as a call to it would be,
   without values, and its parameters are judged by the code that judges filters.
2. A route that no purpose of the bearer permits is absent, and with it its dataset: what a caller has no grant
   for is not named. Of a route that is there, purposes are told that a grant speaks of and something refuses.
3. A value that only a call has (a band, a campaign) counts as a proper one.
"""

from collections.abc import Iterator

from gateway.decide.decide import Decider, caps_for
from gateway.decide.explain import row_sentences
from gateway.decide.judging import filter_uses, is_clear
from gateway.decide.refusing import LEAST_CHOSEN_PAGE
from gateway.domain.catalog import WRITES, Route
from gateway.domain.decision import Deny, FilterUse, Permit, Reason, StepUp, Use
from gateway.domain.inquiry import Filter, Inquiry
from gateway.domain.names import DecisionId, FieldName, PurposeKey
from gateway.domain.offer import Offer, PurposeOffer, RouteOffer
from gateway.domain.parameters import Comparison, FilterParameter, SortParameter, filters_of
from gateway.domain.principal import Principal
from gateway.domain.purpose import PurposeRule
from gateway.domain.viewplan import Caps, Hold, ViewPlan

REFERENCE = "a-reference"

_NO_GRANT = frozenset({Reason.GRANT_MISSING, Reason.PURPOSE_NOT_ALLOWED, Reason.NO_SUCH_ROUTE})
"""Reasons under which a purpose has nothing to do with a route."""


def offers(decider: Decider, who: Principal, holds: tuple[Hold, ...], now_us: int) -> Iterator[RouteOffer | None]:
    """Return what a principal may do now, route by route, with nothing for one that no purpose permits.

    Step by step, because the first look compiles a view for every dataset and purpose, and others want to be
    answered meanwhile.
    """
    usable = [
        found
        for key in decider.rules.purposes
        if not isinstance(found := decider.purpose(key, who, REFERENCE, now_us), Deny)
    ]
    judge = _Judge(decider, who, holds, now_us)
    for route in decider.rules.catalog.routes:
        yield judge.route(route, usable)


def gathered(decider: Decider, who: Principal, routes: tuple[RouteOffer, ...]) -> Offer:
    """Return the permitted routes with the words around them."""
    told = {each.purpose for one in routes for each in one.purposes}
    return Offer(
        rules=decider.rules.digest,
        routes=routes,
        titles={key: dict(decider.rules.purposes[key].title).get("en", "") for key in sorted(told)},
        red_lines={line.id: dict(line.title).get("en", "") for line in decider.rules.red_lines},
        only_purpose=who.scopes[0] if len(who.scopes) == 1 and who.scopes[0] in told else None,
    )


class _Judge:
    """Decides routes for one principal at one time."""

    def __init__(self, decider: Decider, who: Principal, holds: tuple[Hold, ...], now_us: int) -> None:
        self._decider, self._who, self._holds, self._now_us = decider, who, holds, now_us

    def route(self, route: Route, usable: list[PurposeRule]) -> RouteOffer | None:
        """Return a route with the purposes that permit it, or nothing if none does."""
        judged = [(rule.key, self._outcome(route, rule)) for rule in usable]
        permitted = tuple(found for _, found in judged if isinstance(found, PurposeOffer))
        refused = tuple((key, found) for key, found in judged if isinstance(found, Reason) and found not in _NO_GRANT)
        return RouteOffer(route=route, purposes=permitted, refused=refused) if permitted else None

    def _outcome(self, route: Route, rule: PurposeRule) -> PurposeOffer | Reason:
        inquiry = self._inquiry(route, rule.key)
        decision = self._decider.decide(inquiry, self._holds, self._now_us)
        if isinstance(decision, Deny):
            return decision.reason
        view = self._view(inquiry, rule, is_fresh=isinstance(decision, StepUp))
        if view is None:
            return Reason.GRANT_MISSING
        writes = route.operation in WRITES
        uses = _uses(route, view) if not writes else ()
        return PurposeOffer(
            purpose=rule.key,
            needs_reference=rule.needs_reference,
            needs_step_up=isinstance(decision, StepUp),
            shown=view if not writes else (decision.shown if isinstance(decision, Permit) else None),
            written=view if route.operation in ("create", "update") else None,
            uses=uses,
            sorts=_sorts(route, view),
            more_when_fresh=decision.step_up if isinstance(decision, Permit) else (),
            rows=row_sentences(view),
            chosen_least=LEAST_CHOSEN_PAGE if view.row_rules and not writes else None,
        )

    def _inquiry(self, route: Route, purpose: PurposeKey) -> Inquiry:
        path = [
            Filter(field=one.field, comparison=one.comparison, value="", parameter=name, in_path=True)
            for name in names_in(route.template)
            # One that is compared in bands is permitted or not by its value, which only a call has.
            if isinstance(one := route.parameters.get(name), FilterParameter) and not one.bands
        ]
        return Inquiry(
            decision_id=DecisionId(""),
            principal=self._who,
            purpose=purpose,
            reference=REFERENCE,
            operation=route.operation,
            dataset=route.dataset,
            route=route,
            filters=tuple(path),
        )

    def _view(self, inquiry: Inquiry, rule: PurposeRule, *, is_fresh: bool) -> ViewPlan | None:
        """Return the whole view behind the decision; of what writes, that of what may be written."""
        plan = self._decider.plan(inquiry, rule, self._now_us)
        caps = Caps(fresh=True, holds=self._holds) if is_fresh else caps_for(inquiry, self._holds, self._now_us)
        return None if isinstance(plan, Deny) else self._decider.lowered(plan, caps)


def names_in(template: str) -> tuple[str, ...]:
    """Return the names in the braces of a path."""
    return tuple(piece[1:-1] for piece in template.split("/") if piece.startswith("{"))


def _uses(route: Route, view: ViewPlan) -> tuple[FilterUse, ...]:
    named = [*route.parameters.items(), *(route.body.parameters.items() if route.body else ())]
    filters = tuple(
        Filter(
            field=one.field,
            comparison=one.comparison,
            value="",
            parameter=name,
            bands=one.bands,
            spelling=one.value,
        )
        for name, parameter in named
        for one in filters_of(parameter)
    )
    uses = filter_uses(view, filters, lambda _rung, _text: True)
    # A list in bands has no meaning to a store, so none is offered.
    return tuple(use for use in uses if not (use.use is Use.BAND and use.filter.comparison is Comparison.IN))


def _sorts(route: Route, view: ViewPlan) -> tuple[FieldName, ...]:
    named = [name for one in route.every_parameter if isinstance(one, SortParameter) for name in one.fields]
    return tuple(name for name in dict.fromkeys(named) if is_clear(view.view(name)))
