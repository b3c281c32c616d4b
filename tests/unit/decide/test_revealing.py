# SPDX-License-Identifier: Apache-2.0
"""The decision on a reveal: grants of its own, the value itself, and a sign-in of the last five minutes."""

import msgspec
import pytest

from gateway.decide.decide import Decider
from gateway.decide.revealing import is_fresh
from gateway.domain.decision import Deny, Permit, Reason, StepUp
from gateway.domain.inquiry import Inquiry
from gateway.domain.names import FieldName
from gateway.domain.principal import FRESH_SIGN_IN_US, Assurance
from gateway.domain.viewplan import Caps
from tests.fakes.deciding import NOW_US, PERSON, RULES, grant, hold, inquiry, needs_fresh, with_purpose

REVEALS = msgspec.structs.replace(
    with_purpose(operations=("read", "reveal"), second_person_above=10),
    grants=(*RULES.grants, grant("user.contact", operation="reveal"), grant("user.birth", operation="reveal")),
)
FRESH = msgspec.structs.replace(PERSON, signed_in_us=NOW_US)
STALE = msgspec.structs.replace(PERSON, signed_in_us=NOW_US - FRESH_SIGN_IN_US - 1)


def asked(name: str = "email", **changes: object) -> Inquiry:
    """Return an inquiry for values of one field."""
    made = inquiry()
    changes = {"principal": FRESH, "operation": "reveal", "fields": (FieldName(name),), **changes}
    return msgspec.structs.replace(made, **changes)


def decided(rules: object, one: Inquiry) -> Permit | Deny | StepUp:
    """Decide."""
    return Decider(rules, lambda _rung, _text: True).decide(one, (), NOW_US)  # type: ignore[arg-type]


def test_who_may_reveal_a_field_gets_its_value() -> None:
    """By the grant of that operation."""
    assert isinstance(decided(REVEALS, asked()), Permit)


def test_a_grant_to_read_gives_no_reveal_and_the_other_way_round() -> None:
    """Each operation by its own lines."""
    without = msgspec.structs.replace(REVEALS, grants=RULES.grants)
    assert decided(without, asked()) == Deny(reason=Reason.GRANT_MISSING)
    only = msgspec.structs.replace(REVEALS, grants=(grant("user.contact", operation="reveal"),))
    assert decided(only, asked(operation="read")) == Deny(reason=Reason.GRANT_MISSING)


def test_a_purpose_that_does_not_list_the_operation_refuses() -> None:
    """Whatever is granted."""
    rules = msgspec.structs.replace(REVEALS, purposes=RULES.purposes)
    found = decided(rules, asked())
    assert isinstance(found, Deny)
    assert found.reason is Reason.PURPOSE_NOT_ALLOWED


@pytest.mark.parametrize("name", ["born", "name"])
def test_less_than_the_value_is_no_reveal(name: str) -> None:
    """A generalised field, and one that no grant for reveals covers."""
    found = decided(REVEALS, asked(name))
    assert isinstance(found, Deny)
    assert (found.reason, found.fields) == (Reason.FIELD_NOT_PERMITTED, (name,))


def test_a_sign_in_of_before_has_to_be_made_anew_whatever_the_rules_on_assurance_say() -> None:
    """Level 4 is needed of every reveal; a service cannot have it."""
    assert decided(REVEALS, asked(principal=STALE)) == StepUp(fields=("email",))
    service = msgspec.structs.replace(FRESH, proof=Assurance.SERVICE_KEY_BOUND)
    assert decided(REVEALS, asked(principal=service)) == StepUp(fields=("email",))
    strict = msgspec.structs.replace(REVEALS, assurance=(needs_fresh("user.contact"),))
    assert decided(strict, asked(principal=STALE)) == StepUp(fields=("email",))


def test_who_would_be_refused_all_the_same_is_not_asked_to_sign_in() -> None:
    """The refusal comes first."""
    found = decided(REVEALS, asked("name", principal=STALE))
    assert isinstance(found, Deny)
    assert found.reason is Reason.FIELD_NOT_PERMITTED


def test_a_hold_on_the_category_refuses() -> None:
    """With its own reason."""
    found = Decider(REVEALS, lambda _rung, _text: True).decide(asked(), (hold("user.contact"),), NOW_US)
    assert isinstance(found, Deny)
    assert found.reason is Reason.HELD


def test_only_a_person_is_fresh() -> None:
    """Caps of a service say fresh, since there is nothing that could grow old."""
    assert is_fresh(Assurance.PERSON, Caps(fresh=True))
    assert not is_fresh(Assurance.PERSON, Caps(fresh=False))
    assert not is_fresh(Assurance.SERVICE_KEY_BOUND, Caps(fresh=True))
