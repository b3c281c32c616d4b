# SPDX-License-Identifier: Apache-2.0
"""Conditions, keys and preferences: honoured where declared, sealed, scoped, or refused."""

import msgspec
import pytest

from gateway.domain.catalog import Honoured
from gateway.domain.decision import Deny, Reason
from gateway.domain.names import AccountId, PurposeKey
from gateway.doors.http.reading.conditions import MOST_TAGS, Conditions, TagScope, conditions_of, sealed_tag
from tests.fakes.customers import ONE
from tests.fakes.seals import TagSeal

SEAL = TagSeal()
UPDATE = msgspec.structs.replace(ONE, method="PATCH", operation="update", honours=tuple(Honoured))
SCOPE = TagScope(account=AccountId("a_1"), purpose=PurposeKey("p"), segments=("crm", "customers", "7"))
OTHERS = (
    msgspec.structs.replace(SCOPE, account=AccountId("a_2")),
    msgspec.structs.replace(SCOPE, purpose=PurposeKey("q")),
    msgspec.structs.replace(SCOPE, segments=("crm", "customers", "8")),
)


def told(name: str, value: str, scope: TagScope = SCOPE) -> Conditions | Deny:
    return conditions_of({name: value}, UPDATE, SEAL, scope)


def reason_of(outcome: Conditions | Deny) -> Reason:
    assert isinstance(outcome, Deny)
    return outcome.reason


def test_a_tag_comes_back_as_it_was() -> None:
    """The caller saw nothing of it but whether it is weak."""
    sealed = sealed_tag(SEAL, '"v1-of-anna"', SCOPE)
    assert "anna" not in sealed
    assert told("if-match", sealed) == (("if-match", '"v1-of-anna"'),)
    assert told("if-none-match", sealed) == (("if-none-match", '"v1-of-anna"'),)
    assert sealed_tag(SEAL, 'W/"v1"', SCOPE).startswith('W/"')


def test_a_tag_is_good_for_one_account_purpose_and_record() -> None:
    """Elsewhere nobody can tell what it meant, so nothing is written: both conditions fail."""
    sealed = sealed_tag(SEAL, '"v1"', SCOPE)
    for scope in OTHERS:
        assert told("if-match", sealed, scope) == Deny(reason=Reason.PRECONDITION_FAILED, fields=("If-Match",))
        assert told("if-none-match", sealed, scope) == Deny(
            reason=Reason.PRECONDITION_FAILED, fields=("If-None-Match",)
        )


def test_a_tag_that_the_gateway_did_not_seal_matches_nothing() -> None:
    """Not even a store's own, which nobody outside can know."""
    for tag in ('"v1"', '""', '"AAAA"', '"' + "a" * 300 + '"', '"!!"'):
        assert reason_of(told("if-match", tag)) is Reason.PRECONDITION_FAILED
        assert reason_of(told("if-none-match", tag)) is Reason.PRECONDITION_FAILED


def test_a_weak_tag_matches_nothing_in_if_match() -> None:
    """Neither if the store's was weak nor if the caller says so (RFC 9110 section 13.1.1)."""
    weak, strong = sealed_tag(SEAL, 'W/"v1"', SCOPE), sealed_tag(SEAL, '"v1"', SCOPE)
    assert reason_of(told("if-match", weak)) is Reason.PRECONDITION_FAILED
    assert reason_of(told("if-match", weak.removeprefix("W/"))) is Reason.PRECONDITION_FAILED
    assert reason_of(told("if-match", "W/" + strong)) is Reason.PRECONDITION_FAILED
    assert told("if-none-match", weak) == (("if-none-match", 'W/"v1"'),)


def test_of_several_tags_those_that_open_are_sent() -> None:
    """One is enough; a star stands for any record."""
    one, other = sealed_tag(SEAL, '"v1"', SCOPE), sealed_tag(SEAL, '"v2"', SCOPE)
    assert told("if-match", f'{one}, "x" ,{other}') == (("if-match", '"v1", "v2"'),)
    assert told("if-none-match", f'{one}, "x"') == (("if-none-match", '"v1"'),)
    assert told("if-match", "*") == (("if-match", "*"),)
    assert told("if-none-match", "*") == (("if-none-match", "*"),)


@pytest.mark.parametrize(
    "value", ["", "v1", '"a', '"a" "b"', '*, "a"', '"a",', '"a b"', '"ä"', 'w/"a"', ",".join(['"a"'] * (MOST_TAGS + 1))]
)
def test_a_condition_that_cannot_be_read_is_malformed(value: str) -> None:
    """It is not guessed at."""
    for name in ("if-match", "if-none-match"):
        assert reason_of(told(name, value)) is Reason.MALFORMED


def test_a_key_goes_on_as_it_was_stated() -> None:
    """The flow binds it to whose it is."""
    assert told("idempotency-key", "order-1") == (("idempotency-key", "order-1"),)


@pytest.mark.parametrize("value", ["", "a b", "a" * 256, "ä", "a\x7f"])
def test_a_key_is_visible_ascii(value: str) -> None:
    """1 to 255 characters."""
    assert reason_of(told("idempotency-key", value)) is Reason.MALFORMED
    assert not isinstance(told("idempotency-key", "!" * 255), Deny)


def test_two_preferences_are_known() -> None:
    """In one spelling; any other is refused rather than ignored."""
    assert told("prefer", "return=minimal") == (("prefer", "return=minimal"),)
    assert told("prefer", 'Return = "representation"') == (("prefer", "return=representation"),)
    for value in ("respond-async", "return=minimal, wait=5", "", "handling=lenient", "return"):
        assert reason_of(told("prefer", value)) is Reason.HEADER_NOT_SUPPORTED


@pytest.mark.parametrize("header", list(Honoured))
def test_a_header_is_refused_where_the_route_does_not_honour_it(header: Honoured) -> None:
    """And on a route that reads, whose `if-match` only declares that the tag is told."""
    others = msgspec.structs.replace(UPDATE, honours=tuple(one for one in Honoured if one is not header))
    reads = msgspec.structs.replace(ONE, honours=(Honoured.IF_MATCH,))
    for route in (others, reads):
        refusal = conditions_of({header.value: "*"}, route, SEAL, SCOPE)
        assert reason_of(refusal) is Reason.HEADER_NOT_SUPPORTED
