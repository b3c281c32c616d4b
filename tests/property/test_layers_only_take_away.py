# SPDX-License-Identifier: Apache-2.0
"""The laws of the decision: layers only take away, and what is remembered equals what is fresh."""

import random

import msgspec
import pytest

from gateway.decide.decide import Decider
from gateway.decide.rules import RuleSet
from gateway.domain.decision import Decision, Deny, Permit
from gateway.domain.inquiry import Inquiry
from gateway.domain.treatment import NOTHING, Treatment
from gateway.domain.viewplan import Caps, TransferRule
from tests.fakes import rules as draw


def permitted_first(rng: random.Random, *, timed: bool = True) -> tuple[RuleSet, Inquiry, Permit]:
    """Return a random rule set, a call that names nothing, and its permit."""
    while True:
        rules = draw.rule_set(rng, n_grants=rng.randint(5, 40), timed=timed, denies=0.05)
        inquiry = unasked(draw.inquiry(rng, rules, draw.principal(rng)))
        decision = decider(rules).decide(inquiry, (), draw.NOW_US)
        if isinstance(decision, Permit):
            return rules, inquiry, decision


def decider(rules: RuleSet) -> Decider:
    """Return a decider that takes every text for a band."""
    return Decider(rules, lambda rung, text: True)


def view(decision: Decision) -> dict[str, Treatment]:
    """Return what leaves of each field; nothing of any where the call is refused."""
    return (
        {str(name): found for name, found in decision.plan.treatments.items()} if isinstance(decision, Permit) else {}
    )


def is_no_wider(narrow: Decision, wide: Decision) -> bool:
    """Tell whether no field of the first decision leaves with more than in the second."""
    wider = view(wide)
    return all(treatment.at_most(wider.get(name, NOTHING)) for name, treatment in view(narrow).items())


def keeps_row_rules(narrow: Decision, wide: Decision) -> bool:
    """Tell whether every rule on rows of the second decision stands in the first."""
    if not isinstance(narrow, Permit) or not isinstance(wide, Permit):
        return True
    return set(_laws(wide)) <= set(_laws(narrow))


def _laws(decision: Permit) -> list[bytes]:
    return [
        msgspec.json.encode(rule)
        if not isinstance(rule, TransferRule)
        else repr(sorted(rule.blocked_countries)).encode()
        for rule in decision.plan.row_rules
    ]


def unasked(inquiry: Inquiry) -> Inquiry:
    """Return the inquiry with nothing named, so that a permit shows the whole view."""
    return msgspec.structs.replace(inquiry, filters=(), sorts=(), fields=None)


@pytest.mark.parametrize("seed", range(10))
def test_a_deny_more_or_an_allow_less_never_reveals_more(seed: int) -> None:
    """100 random rule sets a seed, each with one deny added and one allow taken away."""
    rng = random.Random(seed)
    for _ in range(100):
        rules, inquiry, before = permitted_first(rng)
        deny = msgspec.structs.replace(draw.grant(rng, 99), allow=False)
        allows = [grant for grant in rules.grants if grant.allow]
        less = rng.choice(allows) if allows else None
        denied = draw.without(rules, grants=(*rules.grants, deny))
        fewer = draw.without(rules, grants=tuple(grant for grant in rules.grants if grant is not less))
        for narrower in (denied, fewer):
            after = decider(narrower).decide(inquiry, (), draw.NOW_US)
            assert is_no_wider(after, before)


@pytest.mark.parametrize("seed", range(10))
def test_a_red_line_an_assurance_rule_or_a_hold_more_never_reveals_more(seed: int) -> None:
    """100 random rule sets a seed, each with one more of every layer that takes away."""
    rng = random.Random(1000 + seed)
    for _ in range(100):
        rules, inquiry, before = permitted_first(rng)
        lined = draw.without(rules, red_lines=(*rules.red_lines, draw.red_line(rng, 9)))
        stricter = msgspec.structs.replace(rules.assurance[0], category=rng.choice(draw.CATEGORIES))
        assured = draw.without(rules, assurance=(*rules.assurance, stricter))
        narrower = [
            decider(lined).decide(inquiry, (), draw.NOW_US),
            decider(assured).decide(inquiry, (), draw.NOW_US),
            decider(rules).decide(inquiry, (draw.hold(rng),), draw.NOW_US),
        ]
        for after in narrower:
            assert is_no_wider(after, before)
            assert keeps_row_rules(after, before)


@pytest.mark.parametrize("seed", range(10))
def test_an_older_sign_in_never_reveals_more(seed: int) -> None:
    """100 random calls a seed, asked with a fresh and with an old sign-in."""
    rng = random.Random(2000 + seed)
    for _ in range(100):
        rules, inquiry, fresh_view = permitted_first(rng, timed=False)
        who = inquiry.principal
        old = msgspec.structs.replace(
            inquiry, principal=msgspec.structs.replace(who, signed_in_us=draw.NOW_US - 6 * 60_000_000)
        )
        assert is_no_wider(decider(rules).decide(old, (), draw.NOW_US), fresh_view)


@pytest.mark.parametrize("seed", range(10))
def test_a_remembered_decision_equals_the_fresh_one(seed: int) -> None:
    """Random histories of calls, holds, sign-ins and passing time, against a decider without memory."""
    rng = random.Random(3000 + seed)
    for _ in range(40):
        rules = draw.rule_set(rng, n_grants=rng.randint(1, 40), denies=0.08)
        remembering, now_us = decider(rules), draw.NOW_US - 70
        people = [draw.principal(rng) for _ in range(3)]
        for _ in range(40):
            now_us += rng.choice((0, 1, 3, 10))
            who = rng.choice(people)
            if rng.random() < 0.2:
                who = msgspec.structs.replace(who, signed_in_us=now_us - rng.choice((0, 301_000_000)))
            holds = (draw.hold(rng),) if rng.random() < 0.3 else ()
            inquiry = draw.inquiry(rng, rules, who)
            told, fresh = remembering.decide(inquiry, holds, now_us), decider(rules).decide(inquiry, holds, now_us)
            assert type(told) is type(fresh)
            assert view(told) == view(fresh)
            assert _same(told, fresh)


def _same(one: Decision, other: Decision) -> bool:
    if isinstance(one, Permit) and isinstance(other, Permit):
        return (
            one.filters == other.filters
            and one.step_up == other.step_up
            and one.plan.row_rules == other.plan.row_rules
            and one.plan.grants == other.plan.grants
        )
    return one == other


def test_a_lowered_plan_is_kept_by_its_caps() -> None:
    """Two calls under the same caps share one lowered plan, so codecs can be kept beside plans."""
    rng = random.Random(1)
    rules = draw.rule_set(rng, n_grants=30, timed=False, red_lines=0)
    keeping = decider(rules)
    while True:
        inquiry = unasked(draw.inquiry(rng, rules, draw.principal(rng)))
        decision = keeping.decide(inquiry, (), draw.NOW_US)
        if not isinstance(decision, Deny):
            break
    assert isinstance(decision, Permit)
    held = (draw.hold(rng),)
    assert keeping.lowered(decision.plan, Caps(fresh=True)) is decision.plan
    assert keeping.lowered(decision.plan, Caps(fresh=True, holds=held)) is keeping.lowered(
        decision.plan, Caps(fresh=True, holds=held)
    )


@pytest.mark.parametrize("seed", range(5))
def test_of_an_unreviewed_field_nothing_leaves_whatever_grants_and_purposes_say(seed: int) -> None:
    """60 random rule sets a seed; every other field leaves as before, and subjects are read as before."""
    rng = random.Random(seed)
    for _ in range(60):
        rules, inquiry, before = permitted_first(rng)
        collection = rules.catalog.collections[inquiry.dataset]
        hidden = {spec.name for spec in collection.fields if rng.random() < 0.5}
        fields = tuple(msgspec.structs.replace(spec, reviewed=spec.name not in hidden) for spec in collection.fields)
        marked = msgspec.structs.replace(collection, fields=fields)
        catalog = msgspec.structs.replace(
            rules.catalog, collections={**rules.catalog.collections, inquiry.dataset: marked}
        )
        after = decider(draw.without(rules, catalog=catalog)).decide(inquiry, (), draw.NOW_US)
        seen = view(after)
        assert all(seen.get(name, NOTHING) == NOTHING for name in hidden)
        assert is_no_wider(after, before)
        if isinstance(after, Permit):
            assert keeps_row_rules(after, before)
            assert all(seen[name] == view(before)[name] for name in seen if name not in hidden)
            assert after.plan.collection.subject == collection.subject
