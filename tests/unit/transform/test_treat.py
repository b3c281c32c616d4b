# SPDX-License-Identifier: Apache-2.0
"""Rungs as the loader checks them, and columns as the codec treats them."""

from decimal import Decimal

import pytest
from msgspec import UNSET

from gateway.domain.catalog import FieldType
from gateway.domain.treatment import NOTHING, Chain, ChainName, Rung, Treatment, family_of
from gateway.transform.inner import Cell, Value
from gateway.transform.surrogates import Surrogates
from gateway.transform.treat import RUNGS, SAMPLES, check_chain, column_of
from tests.fakes.plans import CHAINS, SURROGATE, chain, spec
from tests.fakes.surrogate_keys import FakeSurrogateKeys

SURROGATES = Surrogates(FakeSurrogateKeys(), key_class="test", recipient="own")


def treated(over: Chain, treatment: Treatment, *values: Cell, type_: FieldType = FieldType.TEXT) -> list[Cell]:
    """Return what leaves of a column."""
    column = column_of(spec("f", type_), over, treatment, SURROGATES)
    assert column is not None
    return list(column(values, ()))


@pytest.mark.parametrize("name", CHAINS)
def test_every_shipped_chain_is_a_chain(name: str) -> None:
    """On all built-in samples."""
    assert check_chain(CHAINS[name]) == []


@pytest.mark.parametrize(
    ("over", "problem"),
    [
        (chain("generalise.year", "generalise.band10"), "generalise.year cannot be computed from generalise.band10"),
        (chain("mask.phone", "mask.phone_tail"), "mask.phone cannot be computed from mask.phone_tail"),
        (chain("mask.national_id", "mask.text"), "mask.national_id cannot be computed from mask.text"),
        (chain("mask.invented"), "has a rung that does not exist: mask.invented"),
        (chain("mask.text", "mask.text"), "has a rung twice"),
        (Chain(ChainName("c"), (Rung("mask.text"), Rung("reveal"))), "does not run from drop to reveal"),
        (Chain(ChainName("c"), (Rung("drop"), Rung("mask.text"))), "does not run from drop to reveal"),
        (Chain(ChainName("c"), (Rung("drop"),)), "does not run from drop to reveal"),
        (chain("reveal"), "has a rung that does not exist: reveal"),
    ],
)
def test_what_is_no_chain_is_told(over: Chain, problem: str) -> None:
    """In a sentence that names the rungs."""
    assert any(problem in sentence for sentence in check_chain(over))


def test_samples_of_the_file_are_tried_too() -> None:
    """A chain that only a certain value breaks is found by that value."""
    over = chain("mask.text", "mask.email")
    assert check_chain(over, ["b@example.com"]) == check_chain(over) != []


@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_understands_some_sample_and_passes_none_through(rung: Rung) -> None:
    """No rung returns a sample of more than a few characters as it is, except what is its own form."""
    assert any(RUNGS[rung](value) is not None for value in SAMPLES)
    assert family_of(rung) in ("mask", "generalise")
    same = [value for value in SAMPLES if isinstance(value, str) and value and RUNGS[rung](value) == value]
    assert set(same) <= {"1984-05-06", "1999-12-31", "2024-01", "1984"}


def test_a_value_that_a_rung_does_not_understand_becomes_null() -> None:
    """It is never passed on."""
    assert treated(CHAINS["email"], Treatment(2, link=True), "nobody", "anna@example.com") == [None, "a***@example.com"]


def test_null_stays_null_and_missing_stays_missing_at_every_level() -> None:
    """From surrogate to reveal."""
    for level in range(4):
        assert treated(CHAINS["email"], Treatment(level, link=True), None, UNSET) == [None, UNSET]


def test_nothing_leaves_without_level_and_link() -> None:
    """There is no column at all."""
    assert column_of(spec("f"), CHAINS["email"], NOTHING, SURROGATES) is None


def test_a_surrogate_leaves_at_drop_with_link() -> None:
    """In the place of the value."""
    assert treated(CHAINS["word"], SURROGATE, "x") == [SURROGATES.of(spec("f"), "x")]


def test_the_value_leaves_at_reveal_with_or_without_link() -> None:
    """Link is about telling values equal where they do not show."""
    assert treated(CHAINS["word"], Treatment(1, link=False), "x") == ["x"]


def test_free_text_at_reveal_has_numbers_and_addresses_masked() -> None:
    """That is what reveal means for free text."""
    shown = treated(CHAINS["text"], Treatment(2, link=True), "ask anna@example.com", type_=FieldType.FREE_TEXT)
    assert shown == ["ask [email]"]


def test_a_lower_rung_shows_nothing_where_a_higher_one_does() -> None:
    """Rungs are applied from the top down, so going down a chain can only take away."""
    over = chain("mask.text", "mask.email")
    assert treated(over, Treatment(2, link=True), "nobody") == [None]
    assert treated(over, Treatment(1, link=True), "nobody") == [None]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("phone", 13812345678, "138****5678"),
        ("phone", Decimal(13812345678), None),
        ("phone", True, None),
        ("money", True, None),
        ("money", Decimal("1999.99"), "1000-1999"),
        ("money", 1506, "1000-1999"),
    ],
)
def test_numbers_are_masked_as_text_and_truth_values_are_nothing(name: str, value: Value, shown: str | None) -> None:
    """A phone that the store sends as a number is a phone."""
    assert treated(CHAINS[name], Treatment(2, link=True), value) == [shown]


@pytest.mark.parametrize(
    ("over", "level"),
    [
        (CHAINS["word"], 2),
        (CHAINS["word"], -1),
        (chain("mask.invented"), 1),
        (Chain(ChainName("c"), (Rung("drop"), Rung("mask.text"))), 1),
    ],
)
def test_what_no_chain_says_cannot_be_treated(over: Chain, level: int) -> None:
    """A level or rung that does not exist stops the plan, not the masking."""
    with pytest.raises(ValueError, match="chain"):
        column_of(spec("f"), over, Treatment(level, link=True), SURROGATES)
