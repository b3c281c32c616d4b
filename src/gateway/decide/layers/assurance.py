# SPDX-License-Identifier: Apache-2.0
"""Assurance: what a principal must have proved before a category leaves as granted.

Source: RFC 9470 for the step up; PIPL Art. 28 and GDPR Art. 32 for strict protection.
"""

from collections.abc import Iterable

from gateway.decide.rules import AssuranceRule
from gateway.domain.catalog import FieldSpec
from gateway.domain.names import CategoryKey, is_under
from gateway.domain.principal import Assurance
from gateway.domain.treatment import NOTHING, Chain, Treatment, smaller
from gateway.domain.viewplan import Ceiling, Layer


def ceiling(
    rules: Iterable[AssuranceRule],
    sensitive: Iterable[CategoryKey],
    field: FieldSpec,
    chain: Chain,
    level: Assurance,
    least: Assurance = Assurance.NONE,
) -> Ceiling:
    """Return the most that may leave of a field at a level of assurance.

    Args:
        rules: By category.
        sensitive: Categories of which a service with a mere secret gets nothing clear.
        field: Of the collection.
        chain: Of the field.
        level: Of the sign-in.
        least: What the whole collection asks for; below it nothing leaves.
    """
    if level < least:
        return Ceiling(Layer.ASSURANCE, NOTHING, f"level {int(level)}, needs {int(least)}")
    treatment, missing = chain.top, int(level)
    for rule in rules:
        if level < rule.level and any(is_under(category, rule.category) for category in field.categories):
            treatment = smaller(treatment, chain.cap(rule.otherwise, link=rule.otherwise_link))
            missing = max(missing, int(rule.level))
    if level <= Assurance.SERVICE_SECRET and is_sensitive(field, sensitive):
        treatment = smaller(treatment, Treatment(len(chain.rungs) - 2, link=True))
        missing = max(missing, int(Assurance.SERVICE_KEY_BOUND))
    why = f"level {int(level)}" if missing == level else f"level {int(level)}, needs {missing}"
    return Ceiling(Layer.ASSURANCE, treatment, why)


def is_sensitive(field: FieldSpec, sensitive: Iterable[CategoryKey]) -> bool:
    """Tell whether a category of the field is in the table of sensitive ones."""
    return any(is_under(category, key) for key in sensitive for category in field.categories)


def freshest(proof: Assurance) -> Assurance:
    """Return the level that a sign-in of this proof has in its first minutes."""
    return Assurance.PERSON_FRESH if proof >= Assurance.PERSON else proof
