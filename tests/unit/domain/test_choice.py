# SPDX-License-Identifier: Apache-2.0
"""Which of a person's choices decides."""

import itertools

import pytest

from gateway.domain.choice import Choice, ChoiceState, deciding
from gateway.domain.names import PersonNumber, PurposeKey


def choice(state: ChoiceState, at_us: int, purpose: str = "marketing") -> Choice:
    """Return a choice of one person."""
    return Choice(person=PersonNumber(1), purpose=PurposeKey(purpose), state=state, at_us=at_us)


def test_nobody_chose_nothing() -> None:
    """No record is none of the states."""
    assert deciding(()) is None


def test_the_latest_decides_whatever_its_purpose_and_the_order_of_records() -> None:
    """An objection to marketing covers e-mail; a later consent to e-mail covers e-mail again."""
    told = [
        choice(ChoiceState.GIVEN, 1, "marketing.communications.email"),
        choice(ChoiceState.OBJECTED, 2),
        choice(ChoiceState.GIVEN, 3, "marketing.communications.email"),
    ]
    for n, last in ((1, told[0]), (2, told[1]), (3, told[2])):
        for order in itertools.permutations(told[:n]):
            assert deciding(order) == last


@pytest.mark.parametrize("state", [ChoiceState.REFUSED, ChoiceState.WITHDRAWN, ChoiceState.OBJECTED])
def test_at_the_same_instant_a_negative_choice_wins(state: ChoiceState) -> None:
    """In whichever order they are read."""
    pair = (choice(ChoiceState.GIVEN, 1), choice(state, 1))
    assert deciding(pair) == deciding(reversed(pair)) == pair[1]
