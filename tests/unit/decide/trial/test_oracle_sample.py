# SPDX-License-Identifier: Apache-2.0
"""The sample that is put to Casbin is the same for the same rules, near the grants, and sees differences."""

import msgspec

from gateway.decide.layers.grants import GrantIndex
from gateway.decide.trial.oracle import Oracle
from gateway.decide.trial.oracle_sample import allowed, compared, difference, questions
from gateway.domain.names import RulesDigest
from tests.fakes.rule_files import loaded

NOW_US = 1_790_000_000_000_000


def test_the_shipped_rules_are_answered_alike() -> None:
    """200 questions, no difference."""
    assert list(compared(loaded(), NOW_US)) == [None] * 200


def test_the_questions_follow_from_the_rules_alone() -> None:
    """Asked again they are the same; other rules are asked others."""
    rules = loaded()
    other = msgspec.structs.replace(rules, digest=RulesDigest("f" * 64))

    assert list(questions(rules, NOW_US, 50)) == list(questions(rules, NOW_US, 50))
    assert list(questions(rules, NOW_US, 50)) != list(questions(other, NOW_US, 50))


def test_both_answers_occur() -> None:
    """A sample of nothing but refusals would prove little."""
    rules = loaded()
    index = GrantIndex(rules.grants, rules.roles)

    assert 40 < sum(allowed(question, rules, index) for question in questions(rules, NOW_US, 200)) < 180


def test_a_difference_is_told_with_what_was_asked() -> None:
    """An enforcer that was not given the analysts' grants answers otherwise, and the sample sees it."""
    rules = loaded()
    fewer = msgspec.structs.replace(rules, grants=tuple(one for one in rules.grants if one.role != "analyst"))
    index, oracle = GrantIndex(rules.grants, rules.roles), Oracle(fewer)

    found = [difference(question, rules, index, oracle) for question in questions(rules, NOW_US, 200)]

    told = [sentence for sentence in found if sentence]
    assert all(sentence.startswith("role analyst, read ") for sentence in told if "marketing-lead" not in sentence)
    assert told[0].endswith("the gateway says yes, Casbin says no")


def test_rules_without_datasets_have_nothing_to_ask() -> None:
    """And nothing fails."""
    rules = loaded()
    empty = msgspec.structs.replace(rules, catalog=msgspec.structs.replace(rules.catalog, collections={}))

    assert list(compared(empty, NOW_US)) == []
