# SPDX-License-Identifier: Apache-2.0
"""Which join domains hold fields that the rules tell apart, so that one surrogate could be of more or of less.

A surrogate does not say of which field of its join domain it is. What such a domain costs is told here: values are
revealed, and surrogates written, by what may be done with the strictest of its fields (``decide.joined``). Two fields
are told apart if a grant, a purpose, a red line, an assurance rule or the list of what is sensitive speaks of one of
them and not of the other.
"""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from gateway.decide.rules import RuleSet
from gateway.domain.catalog import FieldSpec
from gateway.domain.names import CategoryKey, JoinDomain, is_under


class Spanning(msgspec.Struct, frozen=True, kw_only=True):
    """A join domain of which one field is more sensitive than another.

    Attributes:
        fields: Each as ``crm.customers.phone``, sorted.
    """

    join_domain: JoinDomain
    fields: tuple[str, ...]

    def sentence(self) -> str:
        """Return what it is, in one line."""
        return (
            f"the join domain `{self.join_domain}` spans fields that the rules tell apart, {', '.join(self.fields)}: "
            "a surrogate does not say of which it is, so values are revealed and written by what the strictest allows"
        )


def spanning_domains(rules: RuleSet) -> tuple[Spanning, ...]:
    """Return every join domain of which the rules tell fields apart, by name."""
    named = frozenset(_named(rules))
    kinds: defaultdict[JoinDomain, set[frozenset[CategoryKey]]] = defaultdict(set)
    places: defaultdict[JoinDomain, list[str]] = defaultdict(list)
    for collection in rules.catalog.collections.values():
        for spec in collection.fields:
            kinds[spec.join_domain].add(_kind(spec, named))
            places[spec.join_domain].append(f"{collection.dataset}.{spec.name}")
    return tuple(
        Spanning(join_domain=domain, fields=tuple(sorted(places[domain])))
        for domain in sorted(kinds)
        if len(kinds[domain]) > 1
    )


def _kind(spec: FieldSpec, named: frozenset[CategoryKey]) -> frozenset[CategoryKey]:
    """Return which of the keys that rules name cover a field."""
    return frozenset(key for key in named if any(is_under(own, key) for own in spec.categories))


def _named(rules: RuleSet) -> Iterator[CategoryKey]:
    """Yield every category that a rule speaks of."""
    yield from (grant.category for grant in rules.grants)
    yield from (each.category for purpose in rules.purposes.values() for each in purpose.categories)
    yield from (key for line in rules.red_lines for key in line.categories)
    yield from (rule.category for rule in rules.assurance)
    yield from rules.sensitive
