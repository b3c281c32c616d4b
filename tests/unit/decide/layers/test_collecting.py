# SPDX-License-Identifier: Apache-2.0
"""The collection whitelist: a category is collected with all below it, or not at all."""

import msgspec

from gateway.decide.layers.collecting import ceiling, collects
from gateway.domain.catalog import FieldType
from gateway.domain.names import CategoryKey
from gateway.domain.purpose import PurposeRule
from tests.fakes.deciding import NOTHING, PURPOSE, TEXT, TOP, field


def collecting(*categories: str) -> PurposeRule:
    """Return the purpose with a collection whitelist."""
    return msgspec.structs.replace(PURPOSE, collects=tuple(map(CategoryKey, categories)))


def test_a_category_is_collected_with_all_below_it() -> None:
    """And not with what is above or beside it."""
    rule = collecting("user.contact")
    assert collects(rule, field("email", "user.contact.email"))
    assert not collects(rule, field("all", "user"))
    assert not collects(rule, field("other", "user.contacts"))
    assert not collects(collecting(), field("email", "user.contact.email"))


def test_a_field_of_two_categories_needs_both() -> None:
    """What is also something else is not collected by the way."""
    both = field("note", "user.contact", "user.belief")
    assert not collects(collecting("user.contact"), both)
    assert collects(collecting("user.contact", "user.belief"), both)


def test_the_ceiling_is_all_or_nothing() -> None:
    """With the purpose as the rule that said so."""
    told, refused = (
        ceiling(collecting("user.name"), field(n, c), TEXT) for n, c in (("n", "user.name"), ("x", "system"))
    )
    assert (told.treatment, told.rule) == (TOP, "marketing.mail (collected)")
    assert (refused.treatment, refused.rule) == (NOTHING, "marketing.mail (not collected)")


def test_free_text_is_not_collected_whole_where_it_is_never_seen_whole() -> None:
    """For marketing, it can be written by nobody."""
    found = ceiling(collecting("user.notes"), field("notes", "user.notes", type_=FieldType.FREE_TEXT), TEXT)
    assert found.treatment.level < TOP.level
    assert "free text" in found.rule
