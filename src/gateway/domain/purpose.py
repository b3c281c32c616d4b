# SPDX-License-Identifier: Apache-2.0
"""What a purpose may be used for: its ground, its fields, and whether a person's choice decides."""

from enum import StrEnum

import msgspec

from gateway.domain.budget import BudgetRule, Counted
from gateway.domain.names import CategoryKey, DatasetName, PurposeKey
from gateway.domain.treatment import Rung

REVEALED_HOURS = 24
"""Window in which surrogates are counted that were revealed on one person's word."""


class Ground(StrEnum):
    """Legal ground of a purpose (GDPR Art. 6(1); PIPL Art. 13 has no legitimate interests)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_INTEREST = "public_interest"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class CategoryCeiling(msgspec.Struct, frozen=True, kw_only=True):
    """The most that may leave of a category and everything below it."""

    category: CategoryKey
    rung: Rung
    link: bool


class PurposeRule(msgspec.Struct, frozen=True, kw_only=True):
    """One declared purpose; a purpose that is not declared does not exist.

    Attributes:
        title: Sentence in each language, by language tag.
        categories: The whitelist. The longest matching category decides; no match is drop.
        datasets: Datasets (or stores) that the purpose may touch; empty means any.
        needs_reference: A call must state a campaign or case in ``Data-Reference``.
        needs_consent: No record of a choice means refused. Follows from the ground.
        honours_objection: An objection withholds the person. Off only for duties of law.
        from_us / until_us: When the purpose is in force, UTC microseconds; ``until_us`` exclusive.
        key_class: Calls of one class and recipient see equal surrogates.
        collects: The collection whitelist: categories that may be written for the purpose.
        budgets: How much may leave to one principal and recipient in a window.
        second_person_above: Of a purpose for which surrogates may be revealed: how many one account may have revealed
            in ``REVEALED_HOURS`` before somebody else has to approve each further call.
        counted: What is counted of it, because a budget of any purpose of its key class counts it.
    """

    key: PurposeKey
    title: tuple[tuple[str, str], ...]
    ground: Ground
    owner: str
    categories: tuple[CategoryCeiling, ...]
    operations: tuple[str, ...]
    datasets: tuple[DatasetName, ...]
    needs_reference: bool
    needs_consent: bool
    honours_objection: bool
    key_class: str
    from_us: int | None
    until_us: int | None
    collects: tuple[CategoryKey, ...] = ()
    budgets: tuple[BudgetRule, ...] = ()
    counted: tuple[Counted, ...] = ()
    second_person_above: int | None = None
