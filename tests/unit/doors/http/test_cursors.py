# SPDX-License-Identifier: Apache-2.0
"""Cursors are good for exactly the principal, purpose, rules and query that they were made for."""

from typing import Any

import msgspec
import pytest
from typing_extensions import override

from gateway.domain.names import AccountId, PurposeKey, RulesDigest
from gateway.doors.http.binding import Asked, bind
from gateway.doors.http.cursors import CursorScope, opened_cursor, sealed_cursor
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
