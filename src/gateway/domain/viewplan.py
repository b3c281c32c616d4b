# SPDX-License-Identifier: Apache-2.0
"""The view that a decision yields: what of each field, and which rows, may leave.

A plan holds for every call with the same key until ``valid_until_us``. What changes by the second
(age of sign-in, holds) is in no plan: it comes as ``Caps`` that lower a plan for one call.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from typing_extensions import override

from gateway.domain.catalog import Collection
from gateway.domain.names import CategoryKey, DatasetName, FieldName, GrantId, PurposeKey, RecipientId, RulesDigest
from gateway.domain.principal import Assurance
from gateway.domain.treatment import Chain, Rung, Treatment


class Layer(StrEnum):
    """The layers of the decision, in the order in which people read them."""

    REVIEW = "review"
    """Only of fields whose declaration nobody confirmed yet: nothing leaves of them."""
    GRANTS = "grants"
    PURPOSE = "purpose"
    RED_LINES = "red-lines"
    RECIPIENT = "recipient"
    CHOICES = "choices"
    ASSURANCE = "assurance"
    HOLDS = "holds"


class Cause(StrEnum):
    """Why a row was withheld; told to the caller with stepped counts, never whom it was about."""

    CHOICE = "choice"
    AGE = "age"
    TRANSFER = "transfer"
    NO_SUBJECT = "no-subject"
    MALFORMED = "malformed"


class RowEffect(StrEnum):
    """What a row rule does with a row that it catches."""

    WITHHOLD = "withhold"
    BLANK = "blank"
    """Take the rule's fields to nothing in this row."""
    UNLINK = "unlink"
    """Let no value of this row be told equal with others: links are off in it."""


class ChoiceRule(msgspec.Struct, frozen=True, kw_only=True, tag="choice"):
    """Catches rows of people whose choice does not allow the purpose."""

    purpose: PurposeKey
    needs_consent: bool
    honours_objection: bool


class AgeRule(msgspec.Struct, frozen=True, kw_only=True, tag="age"):
    """Catches rows of people under an age in full years, and those whose birth date is not known."""

    red_line: str
    under_years: int
    effect: RowEffect
    fields: tuple[FieldName, ...] = ()
    """The fields that ``blank`` takes; empty with the other effects."""


class TransferRule(msgspec.Struct, frozen=True, kw_only=True, tag="transfer"):
    """Catches rows of people whose country has no mechanism for a transfer to the recipient."""

    blocked_countries: frozenset[str]


class LinkRule(msgspec.Struct, frozen=True, kw_only=True):
    """Tells whose devices are one: not of people whose choice does not allow the purpose of linking.

    It withholds no row and takes no value: it says of what the surrogates of its fields are made.
    """

    purpose: PurposeKey
    needs_consent: bool
    honours_objection: bool
    fields: tuple[FieldName, ...]


RowRule = ChoiceRule | AgeRule | TransferRule


class Ceiling(msgspec.Struct, frozen=True):
    """The most that one layer lets leave of a field, and which rule said so.

    Attributes:
        rule: What set it: grant ids, a purpose key, ``red-line <id>``, an assurance level.
    """

    layer: Layer
    treatment: Treatment
    rule: str


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """What may leave of one field.

    Attributes:
        treatment: With the freshest sign-in that the principal's kind can have.
        stale: With a sign-in that is not fresh; equal to ``treatment`` where freshness changes nothing.
        ceilings: What every layer said, in the order of ``Layer``; the treatment is their minimum.
        stale_ceiling: What assurance says with a sign-in that is not fresh; a lowered view has it in its place.
    """

    field: FieldName
    chain: Chain
    treatment: Treatment
    stale: Treatment
    ceilings: tuple[Ceiling, ...] = ()
    stale_ceiling: Ceiling | None = None

    def binding(self) -> tuple[Ceiling, ...]:
        """Return the ceilings that keep the treatment where it is: those that touch it in a part."""
        top = self.chain.top
        return tuple(
            ceiling
            for ceiling in self.ceilings
            if (ceiling.treatment.level == self.treatment.level < top.level)
            or (top.link and not self.treatment.link and not ceiling.treatment.link)
        )


class ViewPlan(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An immutable view, compared by identity; the key of every compiled codec.

    Attributes:
        views: One for each field of the collection, in its order.
        row_rules: Judged for every row; each can only take away.
        link_rule: Of a collection with fields that link a person's devices.
        key_class: With the recipient, the scope of outgoing surrogates.
        grants: Every grant that was in force for this key, whether or not it decided.
        lowered: The caps that this plan was lowered by; empty for a plan as compiled.
    """

    dataset: DatasetName
    collection: Collection
    operation: str
    purpose: PurposeKey
    recipient: RecipientId
    key_class: str
    proof: Assurance
    rules: RulesDigest
    grants: tuple[GrantId, ...]
    views: tuple[FieldView, ...]
    row_rules: tuple[RowRule, ...]
    valid_until_us: int
    lowered: "Caps | None" = None
    link_rule: LinkRule | None = None

    def view(self, field: str) -> FieldView | None:
        """Return the view of a field of the collection."""
        return next((view for view in self.views if view.field == field), None)

    @property
    def treatments(self) -> Mapping[FieldName, Treatment]:
        """Treatment by field, after every cap that lowered this plan."""
        return {view.field: view.treatment for view in self.views}


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A cap that a detector or an officer put on a principal, over a category and all below it."""

    category: CategoryKey
    rung: Rung
    link: bool
    reason: str


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """What lowers a plan for one call or one block; hashable, so lowered plans can be kept."""

    fresh: bool
    holds: tuple[Hold, ...] = ()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What row rules need to know of one row; it never leaves.

    Attributes:
        subject: Identity of the person as the store spells it; ``None`` if the row has none.
        birth_date: ISO date or ``None``.
        country: ISO 3166-1 alpha-2, or ``None`` where it is unknown.
    """

    subject: str | None
    birth_date: str | None
    country: str | None

    @override
    def __repr__(self) -> str:
        return "<Row>"
