# SPDX-License-Identifier: Apache-2.0
"""What one caller may do, as values: routes, and by purpose the views and parameters that a call would get."""

from collections.abc import Mapping

import msgspec

from gateway.domain.catalog import Route
from gateway.domain.decision import FilterUse, Reason
from gateway.domain.names import FieldName, PurposeKey, RulesDigest
from gateway.domain.viewplan import ViewPlan


class PurposeOffer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A route under one purpose of the caller's bearer.

    Attributes:
        needs_reference: A call must state a campaign or case.
        needs_step_up: Permitted only after a fresh sign-in; the views are those of after it.
        shown: What would leave of each field; ``None`` if nothing is told in answer.
        written: Of what creates or updates, what may be written to each field.
        uses: Filters that the view permits, each with how it is compared.
        sorts: Fields by which rows can be ordered.
        more_when_fresh: Fields of which a fresh sign-in would show more.
        rows: What is done with rows, as sentences.
        chosen_least: Rows that a filtered or ordered page has at least, where rows can be left out.
    """

    purpose: PurposeKey
    needs_reference: bool
    needs_step_up: bool
    shown: ViewPlan | None
    written: ViewPlan | None
    uses: tuple[FilterUse, ...]
    sorts: tuple[FieldName, ...]
    more_when_fresh: tuple[FieldName, ...]
    rows: tuple[str, ...]
    chosen_least: int | None

    @property
    def key(self) -> tuple[object, ...]:
        """Return what tells two offers apart; plans are told apart by identity."""
        return self.purpose, self.needs_step_up, self.shown, self.written, self.more_when_fresh


class RouteOffer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A route that some purpose of the caller's bearer permits.

    Attributes:
        refused: Purposes under which it is refused though a grant speaks of it, with the reason.
    """

    route: Route
    purposes: tuple[PurposeOffer, ...]
    refused: tuple[tuple[PurposeKey, Reason], ...]


class Offer(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Everything that one caller may do now.

    Attributes:
        titles: English sentence of each purpose in it.
        red_lines: Sentences of all red lines, by identifier; a caller is told those that bind a field in the offer.
        only_purpose: The bearer is for this one alone, so a call need not state it.
    """

    rules: RulesDigest
    routes: tuple[RouteOffer, ...]
    titles: Mapping[PurposeKey, str]
    red_lines: Mapping[str, str]
    only_purpose: PurposeKey | None

    @property
    def key(self) -> tuple[object, ...]:
        """Return what tells two offers apart, so that the same one need be written down once."""
        return (
            self.rules,
            self.only_purpose,
            *(
                (one.route.method, one.route.template, one.refused, *(each.key for each in one.purposes))
                for one in self.routes
            ),
        )
