# SPDX-License-Identifier: Apache-2.0
"""Consent and objections: a purpose's rule on the rows of people who chose.

Source: GDPR Art. 6(1)(a), 7, 21(2)-(3); PIPL Art. 13-16.
"""

from gateway.domain.catalog import Collection
from gateway.domain.purpose import PurposeRule
from gateway.domain.treatment import Chain
from gateway.domain.viewplan import Ceiling, ChoiceRule, Layer, LinkRule


def ceiling(rule: PurposeRule, chain: Chain) -> Ceiling:
    """Return what the layer lets leave of any field: a choice decides on rows, never on fields."""
    return Ceiling(Layer.CHOICES, chain.top, "asked for each person" if asks(rule) else "not asked")


def asks(rule: PurposeRule) -> bool:
    """Tell whether a person's choice can withhold a row."""
    return rule.needs_consent or rule.honours_objection


def choice_rules(rule: PurposeRule, collection: Collection) -> tuple[ChoiceRule, ...]:
    """Return the purpose's rule on rows, where rows are about people at all."""
    if collection.subject is None or not asks(rule):
        return ()
    return (ChoiceRule(purpose=rule.key, needs_consent=rule.needs_consent, honours_objection=rule.honours_objection),)


def link_rule(rule: PurposeRule | None, collection: Collection) -> LinkRule | None:
    """Return whose devices a collection's linking fields show as one; ``None`` where it has no such field.

    Args:
        rule: Of the purpose of linking, whatever the call is for.
        collection: Of the call.
    """
    fields = tuple(field.name for field in collection.fields if field.links is not None)
    if rule is None or collection.subject is None or not fields:
        return None
    return LinkRule(
        purpose=rule.key, needs_consent=rule.needs_consent, honours_objection=rule.honours_objection, fields=fields
    )
