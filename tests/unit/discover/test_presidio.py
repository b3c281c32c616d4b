# SPDX-License-Identifier: Apache-2.0
"""Presidio's opinion counts where it is installed, and is missed nowhere else."""

import importlib.util

import pytest

from gateway.discover.columns import Column
from gateway.discover.looks import Strength
from gateway.discover.presidio import installed, observed

COLUMN = Column(name="x", values=("a", "b", "c", 4), n_rows=4)


def test_what_most_texts_are_is_observed_as_a_hint() -> None:
    """Kinds that it was not asked for, and kinds of a few texts, are passed over."""
    (look,) = observed(COLUMN, lambda text: ("PHONE_NUMBER", "DATE_TIME") if text != "c" else ("IP_ADDRESS",))
    assert (look.category, look.strength) == ("user.contact.phone_number", Strength.HINT)
    assert (look.evidence.by, look.evidence.n_matching, look.evidence.n_seen) == ("presidio", 2, 3)


@pytest.mark.skipif(importlib.util.find_spec("presidio_analyzer") is not None, reason="presidio-analyzer is installed")
def test_without_presidio_nothing_is_observed() -> None:
    """Nothing is needed of it."""
    assert installed() is None
    assert observed(COLUMN) == ()


@pytest.mark.extra
@pytest.mark.skipif(importlib.util.find_spec("presidio_analyzer") is None, reason="needs presidio-analyzer")
def test_with_presidio_its_recognisers_of_patterns_answer_without_a_language_model() -> None:
    """The two that are surest."""
    kinds = installed()
    assert kinds is not None
    assert "US_SSN" in kinds("219-09-9999")
    assert "CREDIT_CARD" in kinds("4111111111111111")
