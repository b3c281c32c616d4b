# SPDX-License-Identifier: Apache-2.0
"""Plans: the smaller of every layer's parts, until when they hold, and what lowers them for a call."""

import msgspec

from gateway.decide.plan import NEVER_US, Ask, compile_plan, lower, project, valid_until
from gateway.decide.rules import Grant, RuleSet
from gateway.domain.names import FieldName
from gateway.domain.principal import Assurance
from gateway.domain.treatment import Rung, Treatment
from gateway.domain.viewplan import AgeRule, Caps, ChoiceRule, Layer, ViewPlan
from tests.fakes.deciding import (
    COLLECTION,
    MAILING,
    MINORS,
    NOTHING,
    PURPOSE,
    RULES,
    TOP,
    grant,
    hold,
    needs_fresh,
    recipient,
    red_line,
    rules,
)


def compiled(of: RuleSet = RULES, *, grants: tuple[Grant, ...] | None = None) -> ViewPlan:
    """Return the plan of a person of our own for mailing."""
    ask = Ask(
        purpose=of.purposes[MAILING],
        recipient=recipient(),
        collection=COLLECTION,
        operation="read",
        proof=Assurance.PERSON,
        grants=of.grants if grants is None else grants,
        valid_until_us=7,
    )
    return compile_plan(of, ask)


def left(plan: ViewPlan, field: str) -> Treatment:
    """Return what leaves of a field."""
    view = plan.view(field)
    assert view is not None
    return view.treatment


def test_each_field_leaves_at_the_smaller_of_each_part_over_all_layers() -> None:
    """Grants say reveal of the birth date, the purpose says generalise without link."""
    plan = compiled()
    assert left(plan, "name") == TOP
    assert left(plan, "born") == Treatment(2, link=False)
    assert left(plan, "id") == Treatment(0, link=True)
    assert left(plan, "religion") == left(plan, "notes") == NOTHING


def test_every_layer_has_its_word_on_every_field_in_the_order_in_which_people_read_them() -> None:
    """Holds come only with a call, and a review is missing only where a field says so."""
    for view in compiled().views:
        assert [ceiling.layer for ceiling in view.ceilings] == [
            layer for layer in Layer if layer not in (Layer.REVIEW, Layer.HOLDS)
        ]


def test_a_plan_names_what_it_rests_on() -> None:
    """Grants, rules, purpose, recipient, and until when."""
    plan = compiled()
    assert plan.grants == tuple(each.id for each in RULES.grants)
    assert (plan.rules, plan.purpose, plan.recipient, plan.key_class) == ("d1", MAILING, "own", "marketing")
    assert plan.valid_until_us == 7


def test_row_rules_are_those_of_choice_age_and_transfer() -> None:
    """In that order."""
    plan = compiled(rules(red_lines=(MINORS,)))
    assert [type(rule) for rule in plan.row_rules] == [ChoiceRule, AgeRule]


def test_a_field_that_asks_for_a_fresh_sign_in_has_two_treatments() -> None:
    """One with it and one without; the ceilings are those without."""
    view = compiled(rules(assurance=(needs_fresh("user.name"),))).view("name")
    assert view is not None
    assert (view.treatment, view.stale) == (TOP, Treatment(2, link=False))
    assert view.stale_ceiling is not None
    assert view.ceilings[-1].treatment == view.chain.top
    assert view.stale_ceiling.treatment == view.stale


def test_a_plan_holds_until_the_next_edge_of_a_rule_that_it_rests_on() -> None:
    """Beginnings and ends of grants and purpose, and the contract's end; not those that are past."""
    grants = (grant("user", from_us=5, until_us=40), grant("user", until_us=30))
    purpose = msgspec.structs.replace(PURPOSE, from_us=20, until_us=50)
    to = recipient(contract_until_us=25)
    assert [valid_until(grants, purpose, to, now_us) for now_us in (0, 5, 20, 25, 30, 40)] == [5, 20, 25, 30, 40, 50]
    assert valid_until(grants, purpose, to, 50) == NEVER_US


def test_a_stale_sign_in_lowers_what_asks_for_a_fresh_one_and_nothing_else() -> None:
    """The plan itself stays as it was."""
    plan = compiled(rules(assurance=(needs_fresh("user.name"),)))
    stale = lower(plan, Caps(fresh=False))
    assert (left(stale, "name"), left(plan, "name")) == (Treatment(2, link=False), TOP)
    assert left(stale, "email") == left(plan, "email")
    assert stale.lowered == Caps(fresh=False)


def test_a_hold_lowers_its_category_and_says_so() -> None:
    """Two holds take the smaller of both; fields of other categories have no word of them."""
    caps = Caps(fresh=True, holds=(hold("user.contact", "mask.tail", link=True), hold("user", "reveal", link=False)))
    plan = lower(compiled(), caps)
    view, other = plan.view("email"), lower(compiled(), Caps(fresh=True, holds=caps.holds[:1])).view("name")
    assert view is not None
    assert other is not None
    assert view.treatment == Treatment(1, link=False)
    assert (view.ceilings[-1].layer, view.ceilings[-1].rule) == (Layer.HOLDS, "probing probing")
    assert other.ceilings[-1].layer is Layer.ASSURANCE


def test_a_hold_at_a_rung_that_a_chain_does_not_have_takes_everything() -> None:
    """What cannot be computed is not guessed."""
    assert left(lower(compiled(), Caps(fresh=True, holds=(hold("user", "generalise", link=True),))), "name") == (
        Treatment(0, link=True)
    )


def test_of_a_caller_that_names_fields_the_others_do_not_leave() -> None:
    """Not even as surrogates, and the reasons stay what they were."""
    plan = compiled()
    narrow = project(plan, frozenset({FieldName("name")}))
    assert left(narrow, "name") == TOP
    assert left(narrow, "id") == left(narrow, "email") == NOTHING


def test_a_red_line_takes_what_a_grant_gives() -> None:
    """And no grant brings it back."""
    line = red_line("names", "user.name", rung=Rung("mask"))
    plan = compiled(rules(red_lines=(line,)), grants=(*RULES.grants, grant("user", line=9)))
    assert left(plan, "name") == Treatment(2, link=False)
