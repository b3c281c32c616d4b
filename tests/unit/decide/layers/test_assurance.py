# SPDX-License-Identifier: Apache-2.0
"""Assurance: what leaves at which level of proof."""

import pytest

from gateway.decide.layers.assurance import ceiling, freshest, is_sensitive
from gateway.domain.names import CategoryKey
from gateway.domain.principal import Assurance
from gateway.domain.treatment import NOTHING, Treatment
from gateway.domain.viewplan import Layer
from tests.fakes.deciding import TEXT, TOP, field, needs_fresh

PHONE, BELIEF, NAME = field("x", "user.phone.mobile"), field("x", "user.belief"), field("x", "user.name")
RULES = (needs_fresh("user.phone"),)
SENSITIVE = (CategoryKey("user.belief"),)


@pytest.mark.parametrize(
    ("level", "left", "rule"),
    [
        (Assurance.PERSON_FRESH, TOP, "level 4"),
        (Assurance.PERSON, Treatment(2, link=False), "level 3, needs 4"),
        (Assurance.SERVICE_KEY_BOUND, Treatment(2, link=False), "level 2, needs 4"),
        (Assurance.NONE, Treatment(2, link=False), "level 0, needs 4"),
    ],
)
def test_below_the_level_of_its_rule_a_category_leaves_at_most_as_the_rule_says(
    level: Assurance, left: Treatment, rule: str
) -> None:
    """And the word names the level that is missing."""
    found = ceiling(RULES, SENSITIVE, PHONE, TEXT, level)
    assert (found.layer, found.treatment, found.rule) == (Layer.ASSURANCE, left, rule)


def test_a_service_with_a_secret_never_gets_a_sensitive_field_clear() -> None:
    """One with a bound key may; neither is there a rule for other fields."""
    assert ceiling((), SENSITIVE, BELIEF, TEXT, Assurance.SERVICE_SECRET).treatment == Treatment(2, link=True)
    assert ceiling((), SENSITIVE, BELIEF, TEXT, Assurance.SERVICE_SECRET).rule == "level 1, needs 2"
    assert ceiling((), SENSITIVE, BELIEF, TEXT, Assurance.SERVICE_KEY_BOUND).treatment == TOP
    assert ceiling((), SENSITIVE, NAME, TEXT, Assurance.SERVICE_SECRET).treatment == TOP


def test_what_is_below_a_sensitive_category_is_sensitive() -> None:
    """And what only begins like it is not."""
    assert is_sensitive(field("x", "user.name", "user.belief.church"), SENSITIVE)
    assert not is_sensitive(field("x", "user.beliefs"), SENSITIVE)


def test_only_a_persons_sign_in_can_be_fresh() -> None:
    """A service stays at the level of its proof."""
    assert freshest(Assurance.PERSON) == freshest(Assurance.PERSON_FRESH) == Assurance.PERSON_FRESH
    assert freshest(Assurance.SERVICE_KEY_BOUND) == Assurance.SERVICE_KEY_BOUND


def test_below_the_level_of_its_collection_nothing_of_a_field_leaves() -> None:
    """Whatever its category; at the level it is as if the collection asked for nothing."""
    least = Assurance.PERSON_FRESH
    found = ceiling((), (), NAME, TEXT, Assurance.PERSON, least)

    assert (found.treatment, found.rule) == (NOTHING, "level 3, needs 4")
    assert ceiling((), (), NAME, TEXT, Assurance.PERSON_FRESH, least).treatment == TOP
