# SPDX-License-Identifier: Apache-2.0
"""Which join domains hold phones some of whose rows say a country and some of whose rows do not.

A phone without its country's code is read with the country of its row (``region``). Where a row says none, it is
another value than the same number in a row that does: equal phones of two collections then get two surrogates, and
whoever joins them, or looks for one by the other, misses rows in silence.
"""

from collections import defaultdict

import msgspec

from gateway.decide.rules import RuleSet
from gateway.domain.catalog import Form
from gateway.domain.names import JoinDomain


class Countries(msgspec.Struct, frozen=True, kw_only=True):
    """A join domain of phones of which not all are read with a country.

    Attributes:
        with_country / without: Fields, each as ``crm.customers.phone``, sorted.
    """

    join_domain: JoinDomain
    with_country: tuple[str, ...]
    without: tuple[str, ...]

    def sentence(self) -> str:
        """Return what it is and what mends it, in one line."""
        return (
            f"in the join domain `{self.join_domain}`, phones of {', '.join(self.with_country)} are read with the country "
            f"of their row and those of {', '.join(self.without)} without one, having no `region`: a phone in a national "
            "spelling is two different values there; declare `region`, or let stores hold phones in E.164"
        )


def told_apart_by_country(rules: RuleSet) -> tuple[Countries, ...]:
    """Return every such join domain, by name."""
    places: defaultdict[JoinDomain, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for collection in rules.catalog.collections.values():
        for spec in collection.fields:
            if spec.form is Form.PHONE:
                places[spec.join_domain][collection.region is None].append(f"{collection.dataset}.{spec.name}")
    return tuple(
        Countries(join_domain=domain, with_country=tuple(sorted(having)), without=tuple(sorted(lacking)))
        for domain, (having, lacking) in sorted(places.items())
        if having and lacking
    )
