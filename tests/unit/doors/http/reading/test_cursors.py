# SPDX-License-Identifier: Apache-2.0
"""Cursors are good for exactly the principal, purpose, rules and query that they were made for."""

from typing import Any

import msgspec
import pytest
from typing_extensions import override

from gateway.domain.continuation import MOST_BYTES, following
from gateway.domain.names import AccountId, PurposeKey, RulesDigest
from gateway.doors.http.reading.binding import Asked, bind
from gateway.doors.http.reading.cursors import (
    CursorScope,
    opened_continuation,
    opened_cursor,
    sealed_continuation,
    sealed_cursor,
)
from gateway.doors.http.reading.fitting import MAX_CURSOR_CHARACTERS
from tests.fakes.customers import COLLECTION, LIST, ONE
from tests.fakes.seals import TagSeal


def of_query(*pairs: tuple[str, str]) -> Asked:
    asked = bind(LIST, COLLECTION, (), pairs)
    assert isinstance(asked, Asked)
    return asked


QUERY = (("country", "DE"), ("email", "a@b.c"), ("limit", "10"), ("sort", "age"), ("fields", "id"))
SCOPE = CursorScope(
    account=AccountId("acc:1"),
    purpose=PurposeKey("marketing.mail"),
    rules=RulesDigest("r1"),
    route=LIST,
    asked=of_query(*QUERY),
)


def test_a_cursor_opens_to_its_offset() -> None:
    """For the same scope, with or without the cursor itself in the query, filters in any order."""
    cursor = sealed_cursor(TagSeal(), 1234567, SCOPE)
    again = of_query(*reversed(QUERY), ("cursor", cursor))
    assert opened_cursor(TagSeal(), cursor, SCOPE) == 1234567
    assert opened_cursor(TagSeal(), cursor, msgspec.structs.replace(SCOPE, asked=again)) == 1234567


OTHERS: dict[str, dict[str, Any]] = {
    "account": {"account": AccountId("acc:2")},
    "purpose": {"purpose": PurposeKey("marketing")},
    "rules": {"rules": RulesDigest("r2")},
    "route": {"route": ONE},
    "filter value": {"asked": of_query(("country", "FR"), *QUERY[1:])},
    "no filter": {"asked": of_query(*QUERY[1:])},
    "limit": {"asked": of_query(*QUERY[:2], ("limit", "11"), *QUERY[3:])},
    "order": {"asked": of_query(*QUERY[:3], ("sort", "-age"), QUERY[4])},
    "fields": {"asked": of_query(*QUERY[:4], ("fields", "id,email"))},
    "no fields": {"asked": of_query(*QUERY[:4])},
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_cursor_does_not_open_for_another_scope(name: str) -> None:
    """Whatever part of it differs."""
    cursor = sealed_cursor(TagSeal(), 5, SCOPE)
    assert opened_cursor(TagSeal(), cursor, msgspec.structs.replace(SCOPE, **OTHERS[name])) is None


@pytest.mark.parametrize("text", ["", "a", "====", "abc def", "a" * 257, "AAAA", "é", "AAAA\n", "AA==", "+/+/"])
def test_what_the_gateway_did_not_make_does_not_open(text: str) -> None:
    """Text of any kind gives nothing, and no error."""
    assert opened_cursor(TagSeal(), text, SCOPE) is None


def test_a_cursor_of_another_kind_does_not_open() -> None:
    """Sealed bytes of another length are no offset."""

    class Short(TagSeal):
        @override
        def open(self, sealed: bytes, bound_to: bytes) -> bytes | None:
            return b"\x01"

    assert opened_cursor(Short(), "AAAA", SCOPE) is None


def test_a_cursor_fits_a_query_string() -> None:
    """It needs no escaping."""
    assert sealed_cursor(TagSeal(), 0, SCOPE).replace("-", "").replace("_", "").isalnum()


PLACE = following(None, "25,m-005")


def test_a_stores_continuation_opens_for_its_own_scope_alone() -> None:
    """It is bound as an offset is, and neither opens as the other."""
    sealed = sealed_continuation(TagSeal(), PLACE, SCOPE)
    assert opened_continuation(TagSeal(), sealed, SCOPE) == PLACE
    assert opened_cursor(TagSeal(), sealed, SCOPE) is None
    assert opened_continuation(TagSeal(), sealed_cursor(TagSeal(), 5, SCOPE), SCOPE) is None
    for other in OTHERS.values():
        assert opened_continuation(TagSeal(), sealed, msgspec.structs.replace(SCOPE, **other)) is None


def test_the_longest_continuation_fits_what_a_cursor_may_be() -> None:
    """With room for the seal of any cipher."""
    place = following(None, '"' * MOST_BYTES)
    sealed = sealed_continuation(TagSeal(), place, SCOPE)
    assert len(sealed) < MAX_CURSOR_CHARACTERS - 256
    assert opened_continuation(TagSeal(), sealed, SCOPE) == place


def test_a_sealed_continuation_does_not_tell_how_long_the_stores_is() -> None:
    """It may be a key or a value of a row that the caller does not see."""
    sealed = {len(sealed_continuation(TagSeal(), following(None, "x" * n), SCOPE)) for n in (1, 9, 20, 60)}
    assert len(sealed) == 1


def test_a_filter_spelled_in_another_way_is_another_query() -> None:
    """Two meanings of one name and one value."""
    filters = SCOPE.asked.filters
    other = (msgspec.structs.replace(filters[0], spelling="not.{}"), *filters[1:])
    scope = msgspec.structs.replace(SCOPE, asked=msgspec.structs.replace(SCOPE.asked, filters=other))
    assert opened_cursor(TagSeal(), sealed_cursor(TagSeal(), 5, SCOPE), scope) is None
