# SPDX-License-Identifier: Apache-2.0
"""Red lines: what no role, grant or consent overrides.

A red line on categories sets a ceiling on fields; one with an age condition becomes a rule on rows.
"""

from collections.abc import Iterable

from gateway.decide.rules import Recipient, RedLine
from gateway.domain.catalog import Collection, FieldSpec
from gateway.domain.names import FieldName, is_under
from gateway.domain.treatment import Chain, smaller
from gateway.domain.viewplan import AgeRule, Ceiling, Layer, RowEffect


def drawn(lines: Iterable[RedLine], *, purpose: str, recipient: Recipient) -> tuple[RedLine, ...]:
    """Return the red lines that hold for a purpose and a recipient."""
    return tuple(
        line
        for line in lines
        if any(is_under(purpose, key) for key in line.purposes) or (line.third_parties and recipient.is_third_party)
    )


def ceiling(lines: Iterable[RedLine], field: FieldSpec, chain: Chain) -> Ceiling:
    """Return the most that the red lines drawn for a call let leave of a field, in every row."""
    treatment, hit = chain.top, list[str]()
    for line in lines:
        if line.age is None and touches(line, field):
            treatment = smaller(treatment, chain.cap(line.rung, link=line.link))
            hit.append(line.id)
    return Ceiling(Layer.RED_LINES, treatment, " ".join(hit) or "none")


def age_rules(lines: Iterable[RedLine], collection: Collection) -> tuple[AgeRule, ...]:
    """Return the rules on rows that the red lines with an age condition make for a collection.

    Rows about people that do not tell a birth date are of unknown age, and an unknown age is caught:
    orders without birth dates cannot be used where minors must be left out.
    """
    if collection.subject is None:
        return ()
    return tuple(
        AgeRule(
            red_line=line.id,
            under_years=line.age.under_years,
            effect=line.age.effect,
            fields=_blanked(line, collection),
        )
        for line in lines
        if line.age is not None
    )


def touches(line: RedLine, field: FieldSpec) -> bool:
    """Tell whether the red line speaks of a category of the field."""
    return any(is_under(category, key) for category in field.categories for key in line.categories)


def _blanked(line: RedLine, collection: Collection) -> tuple[FieldName, ...]:
    if line.age is None or line.age.effect is not RowEffect.BLANK:
        return ()
    return tuple(field.name for field in collection.fields if touches(line, field))
