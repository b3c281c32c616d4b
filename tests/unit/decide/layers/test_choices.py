# SPDX-License-Identifier: Apache-2.0
"""Consent and objections: where a person's choice decides on a row."""

import msgspec
import pytest

from gateway.decide.layers.choices import asks, ceiling, choice_rules
from gateway.domain.viewplan import ChoiceRule, Layer
from tests.fakes.deciding import COLLECTION, MAILING, PURPOSE, TEXT, TOP


@pytest.mark.parametrize(
    ("needs_consent", "honours_objection", "is_asked"),
    [(True, True, True), (False, True, True), (True, False, True), (False, False, False)],
)
def test_a_person_is_asked_where_consent_is_needed_or_an_objection_honoured(
    needs_consent: bool, honours_objection: bool, is_asked: bool
) -> None:
    """A duty of law asks nobody."""
    rule = msgspec.structs.replace(PURPOSE, needs_consent=needs_consent, honours_objection=honours_objection)
    expected = ChoiceRule(purpose=MAILING, needs_consent=needs_consent, honours_objection=honours_objection)
    assert asks(rule) is is_asked
    assert choice_rules(rule, COLLECTION) == ((expected,) if is_asked else ())
    assert ceiling(rule, TEXT).rule == ("asked for each person" if is_asked else "not asked")


def test_rows_about_nobody_ask_nobody() -> None:
    """There is no subject to have chosen."""
    assert choice_rules(PURPOSE, msgspec.structs.replace(COLLECTION, subject=None)) == ()


def test_a_choice_takes_nothing_of_a_field() -> None:
    """It decides on rows."""
    found = ceiling(PURPOSE, TEXT)
    assert (found.layer, found.treatment) == (Layer.CHOICES, TOP)
