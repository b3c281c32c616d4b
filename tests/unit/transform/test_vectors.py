# SPDX-License-Identifier: Apache-2.0
"""Treatments by class of rows: each rule of a class takes away, and none gives."""

import pytest

from gateway.domain.names import FieldName
from gateway.domain.treatment import NOTHING
from gateway.domain.viewplan import AgeRule, RowEffect, ViewPlan
from gateway.transform.surrogates import Surrogates
from gateway.transform.vectors import Vectors
from tests.fakes.plans import CHAINS, REVEALED, SURROGATE, plan, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

YOUNG = AgeRule(red_line="a", under_years=18, effect=RowEffect.UNLINK)
CHILD = AgeRule(red_line="b", under_years=14, effect=RowEffect.BLANK, fields=(FieldName("a"),))


def vectors(of: ViewPlan) -> Vectors:
    """Return those of a plan."""
    leaving = [view for view in of.views if view.treatment != NOTHING]
    return Vectors(of, leaving, Surrogates(FakeSurrogateKeys(), key_class="mail", recipient="own"))


def test_each_bit_of_a_class_takes_away_what_its_rule_says() -> None:
    """The first unlinks what leaves as a surrogate, the second blanks a field; both together do both."""
    of = plan((spec("a"), CHAINS["word"], REVEALED), (spec("b"), CHAINS["word"], SURROGATE), rules=(YOUNG, CHILD))
    made = vectors(of)
    left = {row_class: [column is not None for column in made.of(row_class)] for row_class in range(4)}
    assert left == {0b00: [True, True], 0b01: [True, False], 0b10: [False, True], 0b11: [False, False]}


def test_a_class_is_made_once() -> None:
    """Its columns remember what they met."""
    made = vectors(plan((spec("b"), CHAINS["word"], SURROGATE)))
    assert made.of(0) is made.of(0)


@pytest.mark.parametrize("row_class", [-1, 1])
def test_a_class_that_there_is_not_has_none(row_class: int) -> None:
    """So that a row which nobody judged does not leave."""
    with pytest.raises(ValueError, match="no class"):
        vectors(plan((spec("b"), CHAINS["word"], SURROGATE))).of(row_class)
