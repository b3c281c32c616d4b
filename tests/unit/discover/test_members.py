# SPDX-License-Identifier: Apache-2.0
"""Names of members that nobody declared are told; keys that could be people are not, and values never."""

import json

import pytest

from gateway.discover.members import HIDDEN, MOST_ROWS, SAMPLE_BYTES, Undeclared, undeclared
from gateway.domain.names import FieldName

DECLARED = tuple(map(FieldName, ("id", "email", "address.city", "address.geo.lat")))


def look(*rows: object) -> Undeclared:
    """Return what a look at a block of these rows gives."""
    return undeclared(json.dumps(rows, ensure_ascii=False).encode(), DECLARED)


def found(*rows: object) -> frozenset[str]:
    """Return what is found in a block of these rows, all of it sure."""
    looked = look(*rows)
    assert not looked.is_open
    return looked.names


def test_a_declared_row_has_nothing_new() -> None:
    """Also where its objects are missing or null."""
    row = {"id": 1, "email": "a@b.example", "address": {"city": "Köln", "geo": {"lat": 1.5}}}
    assert found(row, {"id": 2, "address": None}, {"address": {"geo": None}}) == set()


def test_new_members_are_told_by_their_path() -> None:
    """Inside declared objects too; an object that is new is one name."""
    row = {"id": 1, "tier": "gold", "address": {"zip": "50667", "geo": {"lon": 7}}, "prefs": {"sms": True}}
    assert found(row) == {"tier", "address.zip", "address.geo.lon", "prefs"}


@pytest.mark.parametrize(
    "key",
    ["+4915123456789", "anna.berg@example.com", "c-000123", "8f14e45fceea167a", "a" * 41, "", "tier\n", "a b"],
)
def test_a_key_that_could_be_a_value_is_not_shown(key: str) -> None:
    """A map keyed by telephones, mails or numbers of people must not fill our log with them."""
    assert found({"id": 1, key: 1}) == {HIDDEN}
    assert found({"id": 1, "address": {key: 1}}) == {HIDDEN}


def test_a_dotted_member_is_no_declared_field() -> None:
    """The field ``address.city`` is the member of an object; a member of that name is another."""
    assert found({"id": 1, "address.city": "Köln"}) == {HIDDEN}


def test_many_keys_of_one_object_may_be_a_map() -> None:
    """First names read like names of fields."""
    names = ["anna", "ben", "chloe", "dan", "eve", "finn", "gus", "hanna", "ida"]
    row = {"id": 1, **dict.fromkeys(names, 1)}
    assert found(row, {"id": 2}, {"id": 3}) == {HIDDEN}
    assert look(row) == Undeclared(frozenset(), is_open=True)


def test_many_members_that_rows_share_are_fields() -> None:
    """A wide table of which few fields were declared is told by name."""
    wide = {f"attribute_{letter}": 1 for letter in "abcdefghijkl"}
    assert found(*[{"id": 1, **wide}] * 3) == set(wide)


def test_a_word_of_another_script_is_told_where_rows_share_it() -> None:
    """It may be the name of a field as well as of a person."""
    assert found({"id": 1, "张三": 1}, {"id": 2}, {"id": 3}) == {HIDDEN}
    assert look({"id": 1, "张三": 1, "tier": 1}) == Undeclared(frozenset({"tier"}), is_open=True)
    assert found(*[{"id": 1, "会员等级": 1}] * 3) == {"会员等级"}


def test_only_the_first_rows_are_looked_at() -> None:
    """What comes after them is another sample's."""
    assert found(*[{"id": 1}] * MOST_ROWS, {"tier": 1}) == set()


@pytest.mark.parametrize("array", [b"", b"[", b"[{", b'[{"tier": 1', b"null", b"[null]", b"[[[]]]", b'[{"id":\xff}]'])
def test_what_is_no_row_says_nothing(array: bytes) -> None:
    """The sample is cut anywhere, and a store may send anything."""
    assert undeclared(array, DECLARED) == Undeclared(frozenset())


def test_a_sample_that_is_cut_tells_its_whole_rows() -> None:
    """The rest is thrown away."""
    array = json.dumps([{"id": 1, "tier": "gold"}, {"id": 2, "cut": "x" * 90}]).encode()[:60]
    assert undeclared(array, DECLARED).names == {"tier"}


def test_deep_nests_and_long_numbers_end_the_look() -> None:
    """Neither recursion nor arithmetic can be had from a store."""
    assert undeclared(b'[{"id":' + b"[" * (SAMPLE_BYTES - 10), DECLARED).names == set()
    assert undeclared(b'[{"id":' + b"9" * 6000 + b',"tier":1}]', DECLARED).names == {"tier"}
