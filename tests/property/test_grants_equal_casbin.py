# SPDX-License-Identifier: Apache-2.0
"""What grants give, found by look-ups, equals what a plain Casbin enforcer allows."""

import random

import pytest

from gateway.decide.layers.grants import GrantedCategories, GrantIndex
from gateway.decide.rules import RuleSet
from gateway.decide.trial.oracle import Call, Oracle
from gateway.domain.catalog import FieldSpec
from gateway.domain.names import AccountId, RoleName
from gateway.domain.treatment import Chain, Treatment
from tests.fakes import rules as draw


def asked(rng: random.Random, role: str) -> Call:
    """Return a random question of a role."""
    return Call(
        sub=role,
        dataset=rng.choice(draw.COLLECTIONS),
        purpose=rng.choice(draw.PURPOSES),
        operation=rng.choice(draw.OPERATIONS),
        now_us=draw.NOW_US + rng.randint(-60, 60),
    )


def ours(index: GrantIndex, call: Call, field: FieldSpec, chain: Chain) -> Treatment:
    """Return what the look-ups give."""
    covering = index.covering(
        index.roles_of(AccountId(""), [RoleName(call.sub)]),
        operation=call.operation,
        purpose=call.purpose,
        dataset=call.dataset,
    )
    granted = GrantedCategories(grant for grant in covering if grant.in_force(call.now_us))
    return granted.ceiling(field, chain).treatment


def differences(rng: random.Random, rules: RuleSet, against: RuleSet, n_decisions: int) -> list[str]:
    """Return the decisions in which the two differ; a decision is one field asked by one principal."""
    oracle, index = Oracle(against), GrantIndex(rules.grants, rules.roles)
    fields = [field for each in rules.catalog.collections.values() for field in each.fields]
    found = []
    for _ in range(n_decisions):
        field, call = rng.choice(fields), asked(rng, rng.choice(draw.ROLES))
        chain = rules.chains[field.chain]
        if (mine := ours(index, call, field, chain)) != (theirs := oracle.granted(call, field, chain)):
            found.append(f"{call} {field}: {mine} is not {theirs}")
    return found


@pytest.mark.parametrize("seed", range(20))
def test_over_small_rule_sets_every_decision_is_equal(seed: int) -> None:
    """5,000 decisions a seed, 100,000 in all, over rule sets of up to 10 grants."""
    rng = random.Random(seed)
    found = []
    for _ in range(100):
        rules = draw.rule_set(rng, n_grants=rng.randint(0, 10))
        found += differences(rng, rules, rules, 50)
    assert found == []


def test_over_ten_thousand_grants_every_decision_is_equal() -> None:
    """1,000 questions for a rung or a link over one rule set of 10,000 grants, both answers being common."""
    ten_thousand_grants(1_000)


@pytest.mark.referee
def test_over_ten_thousand_grants_thousands_of_decisions_are_equal() -> None:
    """The same, asked more often: Casbin takes 40 ms for a question."""
    ten_thousand_grants(5_000)


def ten_thousand_grants(n_questions: int) -> None:
    """Ask both of one large rule set."""
    rng = random.Random(7)
    rules = draw.rule_set(rng, n_grants=10_000, denies=0.006)
    oracle, index = Oracle(rules), GrantIndex(rules.grants, rules.roles)
    fields = [field for each in rules.catalog.collections.values() for field in each.fields]
    answers = {True: 0, False: 0}
    for _ in range(n_questions):
        field, call = rng.choice(fields), asked(rng, rng.choice(draw.ROLES))
        chain = rules.chains[field.chain]
        level = rng.randrange(len(chain.rungs))
        mine = ours(index, call, field, chain)
        expected = mine.link if level == 0 else level <= mine.level
        theirs = oracle.allows(call, field, chain, chain.rungs[level], link=level == 0)
        assert expected == theirs, f"{call} {field} {chain.rungs[level]}"
        answers[theirs] += 1
    assert min(answers.values()) > n_questions // 10


def test_the_comparison_would_see_a_difference() -> None:
    """An index that forgets every deny differs from the enforcer, so equality above means something."""
    rng = random.Random(3)
    seen = []
    for _ in range(20):
        rules = draw.rule_set(rng, n_grants=20, timed=False)
        forgetful = draw.without(rules, grants=tuple(grant for grant in rules.grants if grant.allow))
        seen += differences(rng, forgetful, rules, 100)
    assert seen != []
