# SPDX-License-Identifier: Apache-2.0
"""Two decisions side by side: each kind of change, in the words in which it is told."""

import msgspec
import pytest

from gateway.decide.decide import Decider
from gateway.decide.past.again import Redone
from gateway.decide.past.comparing import Change, changes_between
from gateway.decide.rules import RuleSet
from gateway.domain.inquiry import Inquiry
from gateway.domain.principal import FRESH_SIGN_IN_US
from tests.fakes import deciding as small


def redone(rules: RuleSet, asked: Inquiry) -> Redone:
    """Return what rules decide of a call."""
    decision = Decider(rules, lambda _rung, _text: True).decide(asked, (), small.NOW_US)
    return Redone(decision=decision, inquiry=asked, at_us=small.NOW_US)


def between(other: RuleSet, asked: Inquiry | None = None, first: RuleSet = small.RULES) -> tuple[Change, ...]:
    """Return what other rules would change."""
    call = asked or small.inquiry()
    return changes_between(redone(first, call), redone(other, call), is_write=False)


def with_grants(*more: object) -> RuleSet:
    """Return the rules with grants beside their own."""
    return small.rules(grants=(*small.RULES.grants, *more))


def test_the_same_decision_is_no_change() -> None:
    """Also where another set of grants comes to the same."""
    assert between(small.RULES) == ()
    assert between(with_grants(small.grant("user.name", line=9))) == ()


def test_what_leaves_less_or_more_is_told_with_both_rungs() -> None:
    """One change for all fields that leave less, one for all that leave more."""
    deny = small.grant("user.name", "mask.head", allow=False, line=9)
    allow = small.grant("user.belief", line=10)
    found = between(with_grants(deny, allow))
    assert found == (
        Change(what="less", about=("name: reveal → mask.tail",)),
        Change(what="more", about=("religion: drop → reveal",)),
    )
    unlinked = small.grant("user.name", None, link=True, allow=False, line=9)
    assert between(with_grants(unlinked)) == (Change(what="less", about=("name: linked → not linked",)),)


def test_a_permit_that_goes_and_one_that_comes_are_told_with_the_reason() -> None:
    """Refused, permitted, a step up, and another reason for the same refusal."""
    none = small.rules(grants=())
    assert between(none) == (Change(what="refused", reason="grant-missing"),)
    assert between(small.RULES, first=none) == (Change(what="permitted", reason="grant-missing"),)
    old = msgspec.structs.replace(small.PERSON, signed_in_us=small.NOW_US - FRESH_SIGN_IN_US - 1)
    named = small.inquiry(who=old, fields=["name"])
    fresh = small.rules(assurance=(small.needs_fresh("user.name"),))
    assert between(fresh, named) == (Change(what="step-up", reason="step-up-required", about=("name",)),)
    ended = small.with_purpose(until_us=small.NOW_US - 1)
    assert between(ended, first=none) == (
        Change(what="reason", reason="purpose-not-in-force", about=("was grant-missing",)),
    )


def test_rules_on_rows_and_the_form_of_a_filter_are_changes_too() -> None:
    """A consent that is no longer needed; a value that would have to be a surrogate."""
    [found] = between(small.with_purpose(needs_consent=False))
    assert found.what == "rows"
    assert {text.split(": ")[0] for text in found.about} == {"new", "no longer"}
    asked = small.inquiry(filters=[small.equal("email")])
    clear = small.grant("user.contact", "mask.tail", allow=False, link=False, line=9)
    assert between(with_grants(clear), asked) == (
        Change(what="less", about=("email: reveal → surrogate",)),
        Change(what="filters", about=("email: clear → surrogate",)),
    )


@pytest.mark.parametrize("names", [(), ("name",), ("name", "email")])
def test_fields_that_the_call_did_not_name_are_in_no_change(names: tuple[str, ...]) -> None:
    """What never left cannot leave less."""
    deny = small.grant("user.birth", "generalise.band10", allow=False, line=9)
    asked = small.inquiry(fields=names or None)
    found = between(with_grants(deny), asked)
    assert bool(found) == (not names)
