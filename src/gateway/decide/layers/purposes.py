# SPDX-License-Identifier: Apache-2.0
"""Purpose limitation: what a declared purpose may use, and whether it may be used at all now.

Source: GDPR Art. 5(1)(b), (c); PIPL Art. 6.
"""

from gateway.domain.catalog import FieldSpec, FieldType
from gateway.domain.names import is_under
from gateway.domain.purpose import CategoryCeiling, PurposeRule
from gateway.domain.treatment import NOTHING, Chain, Treatment, smaller
from gateway.domain.viewplan import Ceiling, Layer

CLOSED_TO_FREE_TEXT = ("marketing", "personalize", "analytics")
"""Free text may hold anything about anybody, so no use of these kinds ever sees it whole."""


def ceiling(rule: PurposeRule, field: FieldSpec, chain: Chain) -> Ceiling:
    """Return the most that the purpose's whitelist lets leave of a field."""
    treatment, why = chain.top, str(rule.key)
    for category in field.categories:
        entry = nearest(rule.categories, category)
        treatment = smaller(treatment, chain.cap(entry.rung, link=entry.link) if entry else NOTHING)
    closed, free_text = free_text_ceiling(rule, field, chain)
    if free_text:
        treatment, why = smaller(treatment, closed), f"{rule.key} ({free_text})"
    return Ceiling(Layer.PURPOSE, treatment, why)


def free_text_ceiling(rule: PurposeRule, field: FieldSpec, chain: Chain) -> tuple[Treatment, str]:
    """Return the most that a purpose of this kind has of free text, and the word for it; no word if nothing is taken."""
    if field.type is FieldType.FREE_TEXT and any(is_under(rule.key, use) for use in CLOSED_TO_FREE_TEXT):
        return Treatment(len(chain.rungs) - 2, link=False), "free text"
    return chain.top, ""


def nearest(entries: tuple[CategoryCeiling, ...], category: str) -> CategoryCeiling | None:
    """Return the whitelist's entry for a category: the longest key that it lies under."""
    covering = (entry for entry in entries if is_under(category, entry.category))
    return max(covering, key=lambda entry: len(entry.category), default=None)


def covers_call(rule: PurposeRule, *, dataset: str, operation: str) -> bool:
    """Tell whether the purpose may touch the dataset with the operation at all."""
    if operation not in rule.operations:
        return False
    return not rule.datasets or any(is_under(dataset, allowed) for allowed in rule.datasets)


def in_force(rule: PurposeRule, now_us: int) -> bool:
    """Tell whether the purpose has begun and not ended."""
    return (rule.from_us is None or rule.from_us <= now_us) and (rule.until_us is None or now_us < rule.until_us)
