# SPDX-License-Identifier: Apache-2.0
"""Whether every grant means something beside the catalogue, the purposes and the red lines.

A grant that can never give or take anything is a mistake of its author, so it is an error here and
not a surprise later. Grants of one shape share the work: ten thousand lines name a few hundred keys.
"""

from collections.abc import Iterable, Mapping
from functools import cache

import msgspec

from gateway.decide.loader.grammar.problems import Place, Problems, quoted, suggestion
from gateway.decide.loader.purposes import is_known_dataset
from gateway.decide.loader.redlines import PlacedRedLine
from gateway.decide.loader.rungs import CEILINGS, known_rungs
from gateway.decide.loader.vocabulary import is_local, vocabulary
from gateway.decide.rules import Grant
from gateway.domain.catalog import APPROVE, REVEAL, Catalog, FieldSpec
from gateway.domain.names import PurposeKey, ancestors, is_under
from gateway.domain.own_data import OWN_APPROVALS, OWN_STORE
from gateway.domain.treatment import Chain, ChainName


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """The files that grants are read beside; an empty part was not readable and is not checked against."""

    catalog: Catalog | None
    chains: Mapping[ChainName, Chain]
    purposes: frozenset[PurposeKey]
    red_lines: tuple[PlacedRedLine, ...]


class GrantCheck:
    """Checks grants one by one against the same surroundings."""

    def __init__(self, file: str, around: Around, problems: Problems) -> None:
        self.file = file
        self.around = around
        self.problems = problems
        self.purposes = {key for purpose in around.purposes for key in ancestors(purpose)}
        self.rungs = known_rungs(around.chains.values())
        self.covered = cache(self._covered)
        self.void_by = cache(self._void_by)

    def check_roles(self, grants: Iterable[Grant], members: Iterable[str]) -> None:
        """Tell of denies to roles that nothing is allowed to: a mistyped role would make a deny vanish."""
        grants = tuple(grants)
        known = {grant.role for grant in grants if grant.allow} | set(members)
        for grant in grants:
            if not grant.allow and grant.role not in known:
                message = f"denies to {quoted(grant.role)}, which no line allows anything and no g line names"
                self.problems.tell(Place(self.file, grant.line), message + suggestion(grant.role, sorted(known)))

    def check(self, grant: Grant) -> None:
        """Tell everything that is wrong with a grant."""
        place = Place(self.file, grant.line)
        self._check_category(grant, place)
        if self.purposes and grant.purpose not in self.purposes:
            message = f"purpose {quoted(grant.purpose)} is neither declared nor above a declared one"
            self.problems.tell(place, message + suggestion(grant.purpose, sorted(self.purposes)))
        if self.around.catalog is not None:
            self._check_dataset(grant, place, self.around.catalog)
        self._check_rung(grant, place)
        line = self.void_by(grant.dataset, grant.category, grant.purpose) if grant.allow else None
        if line is not None:
            self.problems.tell(
                place, f"red line {quoted(line.line.id)} ({line.place}) makes this grant void: nothing of it can leave"
            )

    def _check_category(self, grant: Grant, place: Place) -> None:
        known = vocabulary().categories
        if grant.category in known:
            return
        if not is_local(grant.category):
            message = f"unknown category {quoted(grant.category)}{suggestion(grant.category, sorted(known))}"
            self.problems.tell(place, message)
        elif self.around.catalog is not None and not self.covered("", grant.category):
            self.problems.tell(place, f"no field has a category under {quoted(grant.category)}")

    def _check_dataset(self, grant: Grant, place: Place, catalog: Catalog) -> None:
        if not is_known_dataset(grant.dataset, catalog):
            message = f"unknown dataset {quoted(grant.dataset)}{suggestion(grant.dataset, [*catalog.collections])}"
            self.problems.tell(place, message)
            return
        operations = {route.operation for route in catalog.routes if is_under(route.dataset, grant.dataset)}
        operations |= operations_without_route(grant.dataset)
        if grant.operation not in operations:
            message = f"no route of {quoted(grant.dataset)} has the operation {quoted(grant.operation)}"
            self.problems.tell(place, message + suggestion(grant.operation, sorted(operations)))

    def _check_rung(self, grant: Grant, place: Place) -> None:
        chains = self.around.chains
        if grant.rung is None or not chains or grant.rung == "surrogate":
            return
        if grant.rung not in self.rungs:
            self.problems.tell(place, f"unknown rung {quoted(grant.rung)}{suggestion(grant.rung, sorted(self.rungs))}")
            return
        if self.around.catalog is None:
            return
        fields = self.covered(grant.dataset, grant.category)
        lacking = [spec for spec in fields if spec.chain in chains and chains[spec.chain].level_of(grant.rung) is None]
        if not grant.allow and lacking:
            # A deny that cannot be read on a field's chain would have to be guessed at, or would vanish.
            message = f"denies {quoted(grant.rung)}, but chain {quoted(lacking[0].chain)} of field {quoted(lacking[0].name)} has no such rung"
            self.problems.tell(place, message)
        elif grant.rung not in CEILINGS and len(lacking) == len(fields):
            self.problems.tell(place, f"no field that the grant covers has the rung {quoted(grant.rung)} on its chain")

    def _covered(self, dataset: str, category: str) -> tuple[FieldSpec, ...]:
        """Return the fields with a category under the grant's, in datasets under its dataset; empty means all."""
        if self.around.catalog is None:
            return ()
        return tuple(
            spec
            for collection in self.around.catalog.collections.values()
            if not dataset or is_under(collection.dataset, dataset)
            for spec in collection.fields
            if any(is_under(own, category) for own in spec.categories)
        )

    def _void_by(self, dataset: str, category: str, purpose: str) -> PlacedRedLine | None:
        """Return a red line by which nothing of the grant can leave: its category, or each field it covers."""
        for line in self.around.red_lines:
            if line.voids(category, purpose):
                return line
        fields = self.covered(dataset, category)
        by = [
            next((line for line in self.around.red_lines for own in spec.categories if line.voids(own, purpose)), None)
            for spec in fields
        ]
        return by[0] if by and all(by) else None


def operations_without_route(dataset: str) -> set[str]:
    """Return the operations of the gateway itself that a dataset can be granted for."""
    if not is_under(dataset, OWN_STORE):
        return {REVEAL}
    return {APPROVE} if is_under(OWN_APPROVALS, dataset) else set()
