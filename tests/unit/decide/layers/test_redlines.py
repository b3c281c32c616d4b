# SPDX-License-Identifier: Apache-2.0
"""Red lines: for whom they are drawn, what they take of fields, and what they make of rows."""

import msgspec

from gateway.decide.layers.redlines import age_rules, ceiling, drawn, touches
from gateway.decide.rules import AgeCondition
from gateway.domain.treatment import Rung, Treatment
from gateway.domain.viewplan import Layer, RowEffect
from tests.fakes.deciding import COLLECTION, MINORS, NOTHING, TEXT, TOP, field, recipient, red_line

BELIEF = red_line("belief", "user.belief")
SHARING = red_line("sharing", "user", purposes=(), third_parties=True)


def test_a_line_is_drawn_for_its_purposes_and_those_below() -> None:
    """Whoever asks."""
    assert drawn((BELIEF,), purpose="marketing.mail", recipient=recipient()) == (BELIEF,)
    assert drawn((BELIEF,), purpose="marketings", recipient=recipient()) == ()
    assert drawn((BELIEF,), purpose="support", recipient=recipient("x", "joint")) == ()


def test_a_line_on_third_parties_is_drawn_for_controllers_of_their_own() -> None:
    """Whatever the purpose; an entrusted processor is none."""
    for role, is_drawn in (("separate_controller", True), ("joint", True), ("entrusted", False), ("own", False)):
        found = drawn((SHARING,), purpose="support", recipient=recipient("x", role))
        assert bool(found) is is_drawn


def test_a_line_caps_the_fields_that_it_touches() -> None:
    """And names itself; other fields are left as they were."""
    hit = ceiling((BELIEF,), field("x", "user.belief.church"), TEXT)
    missed = ceiling((BELIEF,), field("x", "user.name"), TEXT)
    assert (hit.treatment, hit.rule, hit.layer) == (NOTHING, "belief", Layer.RED_LINES)
    assert (missed.treatment, missed.rule) == (TOP, "none")


def test_the_lowest_of_many_lines_counts() -> None:
    """Each part by itself."""
    low = red_line("low", "user", rung=Rung("mask.tail"), link=True)
    unlinked = red_line("unlinked", "user", rung=Rung("reveal"), link=False)
    found = ceiling((low, unlinked), field("x", "user.name"), TEXT)
    assert found.treatment == Treatment(1, link=False)
    assert found.rule == "low unlinked"


def test_a_line_with_an_age_takes_nothing_of_a_field_in_every_row() -> None:
    """It is judged row by row."""
    line = red_line("young", "user.name", age=AgeCondition(under_years=16, effect=RowEffect.BLANK))
    assert ceiling((line,), field("x", "user.name"), TEXT).treatment == TOP
    [rule] = age_rules((line, BELIEF), COLLECTION)
    assert (rule.red_line, rule.under_years, rule.effect, rule.fields) == ("young", 16, RowEffect.BLANK, ("name",))


def test_a_line_that_withholds_or_unlinks_names_no_fields() -> None:
    """It takes the whole row, or the links in it."""
    [rule] = age_rules((MINORS,), COLLECTION)
    assert (rule.effect, rule.fields) == (RowEffect.WITHHOLD, ())


def test_rows_about_nobody_have_no_age() -> None:
    """A collection without a subject has no rules of age."""
    assert age_rules((MINORS,), msgspec.structs.replace(COLLECTION, subject=None)) == ()


def test_a_line_touches_a_field_by_any_of_its_categories() -> None:
    """One is enough."""
    assert touches(BELIEF, field("x", "user.name", "user.belief"))
    assert not touches(BELIEF, field("x", "user.name", "user.beliefs"))
