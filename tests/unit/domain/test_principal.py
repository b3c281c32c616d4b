# SPDX-License-Identifier: Apache-2.0
"""Levels of assurance: a person's sign-in is fresh for five minutes, a service's never."""

import msgspec
import pytest

from gateway.domain.principal import FRESH_SIGN_IN_US, Assurance, assurance_at
from tests.fakes.deciding import NOW_US, PERSON


@pytest.mark.parametrize(
    ("age_us", "level"),
    [(0, 4), (FRESH_SIGN_IN_US, 4), (FRESH_SIGN_IN_US + 1, 3), (10 * FRESH_SIGN_IN_US, 3)],
)
def test_a_sign_in_is_fresh_for_five_minutes(age_us: int, level: int) -> None:
    """The last microsecond belongs to them."""
    assert FRESH_SIGN_IN_US == 300_000_000
    assert assurance_at(PERSON, NOW_US + age_us) == level


@pytest.mark.parametrize("proof", [Assurance.NONE, Assurance.SERVICE_SECRET, Assurance.SERVICE_KEY_BOUND])
def test_what_is_no_person_stays_at_its_proof(proof: Assurance) -> None:
    """However young its bearer is."""
    who = msgspec.structs.replace(PERSON, proof=proof)
    assert assurance_at(who, NOW_US) == proof


def test_each_level_includes_those_below() -> None:
    """They are compared as numbers."""
    assert list(Assurance) == sorted(Assurance) == [0, 1, 2, 3, 4]
