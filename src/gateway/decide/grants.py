# SPDX-License-Identifier: Apache-2.0
"""Least privilege: the ceiling that grants give, found by look-ups instead of one scan per question.

``decide.oracle`` asks a plain Casbin enforcer the same question; a property test holds the two equal.
A field of several categories needs a grant for each.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway.decide.rules import Grant
from gateway.domain.catalog import FieldSpec
from gateway.domain.names import AccountId, RoleName, ancestors
from gateway.domain.treatment import DROP, NOTHING, Chain, Treatment, smaller
from gateway.domain.viewplan import Ceiling, Layer

_Key = tuple[str, str, str, str]


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


class GrantedCategories(msgspec.Struct, frozen=True):
    """The grants in force for one call, by the category that they name."""

    by_category: Mapping[str, Sequence[Grant]]

    @classmethod
    def of(cls, grants: Iterable[Grant]) -> "GrantedCategories":
        """Sort the grants by category."""
        places: dict[str, list[Grant]] = defaultdict(list)
        for grant in grants:
            places[grant.category].append(grant)
        return cls(dict(places))

    def ceiling(self, field: FieldSpec, chain: Chain) -> Ceiling:
        """Return the most that the grants give of a field."""
        treatment, rules = chain.top, list[str]()
        for category in field.categories:
            grants = [grant for key in ancestors(category) for grant in self.by_category.get(key, ())]
            treatment = smaller(treatment, granted(grants, chain))
            rules.extend(grant.id for grant in grants)
        return Ceiling(Layer.GRANTS, treatment, " ".join(rules) or "no grant")


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
