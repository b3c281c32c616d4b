# SPDX-License-Identifier: Apache-2.0
"""A service that has shown a secret alone never sees a sensitive category whole."""

import pytest

from tests.fakes.rule_files import edited, loaded, sentences

LEVEL = "  - {category: user.government_id, level: 4, otherwise: mask, otherwise_link: yes}"


@pytest.mark.parametrize("new", ["", LEVEL.replace("level: 4", "level: 1")])
def test_a_sensitive_category_without_a_strong_enough_rule_is_told(new: str) -> None:
    """At the category's own line."""
    (told,) = sentences(edited("treatments.yaml", LEVEL, new))
    assert told.startswith("redlines.yaml:")
    assert "`user.government_id` is sensitive" in told


def test_a_rule_above_the_category_is_enough() -> None:
    """Rules hold for everything below their category."""
    assert sentences(edited("treatments.yaml", LEVEL, LEVEL.replace("user.government_id", "user"))) == []


def test_every_shipped_sensitive_category_asks_for_a_fresh_sign_in() -> None:
    """Level 4 throughout."""
    rules = loaded()
    levels = {rule.category: rule.level for rule in rules.assurance}
    assert {levels[category] for category in rules.sensitive} == {4}
