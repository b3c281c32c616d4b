# SPDX-License-Identifier: Apache-2.0
"""Least privilege: the ceiling that grants give, found by look-ups instead of one scan per question.

``decide.oracle`` asks a plain Casbin enforcer the same question; a property test holds the two equal.
A field of several categories needs a grant for each.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from gateway.decide.rules import Grant
from gateway.domain.catalog import FieldSpec
from gateway.domain.names import AccountId, GrantId, RoleName, ancestors
from gateway.domain.treatment import DROP, NOTHING, Chain, ChainName, Treatment, smaller
from gateway.domain.viewplan import Ceiling, Layer

_Key = tuple[str, str, str, str]

MOST_NAMED = 8
"""Grants that a ceiling names at most, nearest category first; the plan names all that were in force."""


class GrantIndex:
    """Grants by (role, operation, purpose, dataset), made once for a rule set."""

    def __init__(self, grants: Iterable[Grant], roles: Mapping[str, frozenset[RoleName]]) -> None:
        """Sort the grants into their places."""
        self._places: dict[_Key, list[Grant]] = defaultdict(list)
        self._roles = roles
        for grant in grants:
            self._places[grant.role, grant.operation, grant.purpose, grant.dataset].append(grant)

    def roles_of(self, account: AccountId, roles: Iterable[RoleName]) -> frozenset[RoleName]:
        """Return the roles and everything they contain, by the ``g`` lines."""
        found: set[RoleName] = set(self._roles.get(account, ()))
        for role in roles:
            found |= self._roles.get(role, frozenset((role,)))
        return frozenset(found)

    def covering(self, roles: Iterable[RoleName], *, operation: str, purpose: str, dataset: str) -> tuple[Grant, ...]:
        """Return the grants that speak of this call, in force or not, in the order of their lines."""
        purposes, datasets = ancestors(purpose), ancestors(dataset)
        found = [
            grant
            for role in roles
            for above_purpose in purposes
            for above_dataset in datasets
            for grant in self._places.get((role, operation, above_purpose, above_dataset), ())
        ]
        return tuple(sorted(found, key=lambda grant: grant.line))


class GrantedCategories:
    """The grants in force for one call, by the category that they name; made for one compilation."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        """Sort the grants by category."""
        self._by_category: dict[str, list[Grant]] = defaultdict(list)
        for grant in grants:
            self._by_category[grant.category].append(grant)
        self._known: dict[tuple[str, ChainName], tuple[Treatment, tuple[GrantId, ...]]] = {}

    def ceiling(self, field: FieldSpec, chain: Chain) -> Ceiling:
        """Return the most that the grants give of a field, and the first grants that speak of it."""
        treatment, rules = chain.top, list[GrantId]()
        for category in field.categories:
            of_category, ids = self._of(category, chain)
            treatment = smaller(treatment, of_category)
            rules.extend(ids)
        return Ceiling(Layer.GRANTS, treatment, " ".join(rules) or "no grant")

    def _of(self, category: str, chain: Chain) -> tuple[Treatment, tuple[GrantId, ...]]:
        key = (category, chain.name)
        if key not in self._known:
            grants = [grant for above in ancestors(category) for grant in self._by_category.get(above, ())]
            self._known[key] = granted(grants, chain), tuple(grant.id for grant in grants[:MOST_NAMED])
        return self._known[key]


def granted(grants: Iterable[Grant], chain: Chain) -> Treatment:
    """Return the treatment that the allows reach and no deny takes.

    A family on an allow means its highest rung, on a deny its lowest. A rung that the chain does not
    have gives nothing when allowed and takes everything above drop when denied.
    """
    level, link = 0, False
    denied_from, unlinked = len(chain.rungs), False
    for grant in grants:
        if grant.allow:
            level = max(level, chain.level_of(grant.rung or DROP) or 0)
            link = link or grant.link
            continue
        unlinked = unlinked or grant.link or grant.rung == DROP
        if grant.rung is not None:
            lowest = chain.lowest_of(grant.rung)
            denied_from = min(denied_from, 1 if lowest is None else lowest)
    if denied_from == 0:
        return NOTHING
    return Treatment(min(level, denied_from - 1), link and not unlinked)
