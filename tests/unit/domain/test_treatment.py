# SPDX-License-Identifier: Apache-2.0
"""Chains, rungs and links: what is smaller than what, and which word is told for it."""

import itertools

import pytest

from gateway.domain.treatment import NOTHING, Chain, ChainName, Family, Rung, Treatment, family_of, smaller

CHAIN = Chain(
    ChainName("phone"),
    tuple(map(Rung, ("drop", "mask.tail", "mask.head", "generalise.band", "reveal"))),
)
ALL = [Treatment(level, link) for level in range(5) for link in (False, True)]


@pytest.mark.parametrize(("one", "other"), list(itertools.product(ALL, ALL)))
def test_the_smaller_of_two_has_the_smaller_of_each_part(one: Treatment, other: Treatment) -> None:
    """Whatever their order; and it is at most both."""
    least = smaller(one, other)
    assert (least.level, least.link) == (min(one.level, other.level), one.link and other.link)
    assert least == smaller(other, one)
    assert least.at_most(one)
    assert least.at_most(other)


def test_two_treatments_can_be_neither_above_nor_below_each_other() -> None:
    """A higher rung without the link, a lower one with it."""
    high, linked = Treatment(3, link=False), Treatment(1, link=True)
    assert not high.at_most(linked)
    assert not linked.at_most(high)


@pytest.mark.parametrize(
    ("rung", "highest", "lowest"),
    [
        ("drop", 0, 0),
        ("mask.tail", 1, 1),
        ("mask", 2, 1),
        ("generalise", 3, 3),
        ("reveal", 4, 4),
        ("surrogate", None, None),
    ],
)
def test_a_family_stands_for_its_highest_or_its_lowest_rung(rung: str, highest: int | None, lowest: int | None) -> None:
    """The highest where something is given, the lowest where it is taken."""
    assert CHAIN.level_of(rung) == highest
    assert CHAIN.lowest_of(rung) == lowest


def test_a_rung_that_the_chain_does_not_have_is_a_ceiling_of_nothing_but_the_link() -> None:
    """A rule that names it gives no value."""
    assert CHAIN.cap("generalise.year", link=True) == Treatment(0, link=True)
    assert CHAIN.cap("mask", link=False) == Treatment(2, link=False)


@pytest.mark.parametrize(
    ("treatment", "word"),
    [
        (NOTHING, Family.DROP),
        (Treatment(0, link=True), Family.SURROGATE),
        (Treatment(1, link=True), Family.MASK),
        (Treatment(2, link=False), Family.MASK),
        (Treatment(3, link=False), Family.GENERALISE),
        (CHAIN.top, Family.REVEAL),
    ],
)
def test_each_treatment_has_one_word(treatment: Treatment, word: Family) -> None:
    """At drop the link tells whether a surrogate leaves or nothing."""
    assert CHAIN.family(treatment) is word


def test_the_family_is_what_stands_before_the_first_dot() -> None:
    """A rung without a dot is its own family."""
    assert family_of(Rung("mask.tail.long")) == "mask"
    assert family_of(Rung("reveal")) == "reveal"
