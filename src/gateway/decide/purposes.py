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
    if field.type is FieldType.FREE_TEXT and any(is_under(rule.key, use) for use in CLOSED_TO_FREE_TEXT):
        treatment = smaller(treatment, Treatment(len(chain.rungs) - 2, link=False))
        why = f"{rule.key} (free text)"
    return Ceiling(Layer.PURPOSE, treatment, why)


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
