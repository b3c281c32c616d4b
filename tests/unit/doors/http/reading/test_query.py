# SPDX-License-Identifier: Apache-2.0
"""Queries are read in one way, or refused."""

import pytest

from gateway.domain.decision import Deny, Reason
from gateway.doors.http.reading.query import MAX_QUERY_BYTES, Pairs, pairs_of, told_name


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        (b"", ()),
        (b"a=1&b=2", (("a", "1"), ("b", "2"))),
        (b"city=M%C3%BCnchen", (("city", "München"),)),
        (b"q=a%2Bb%20c%26d%3De", (("q", "a+b c&d=e"),)),
        (b"q=a=b==", (("q", "a=b=="),)),
        (b"filter[age]=1&filter%5Bx%5D=2", (("filter[age]", "1"), ("filter[x]", "2"))),
        (b"a=", (("a", ""),)),
        (b"q=%e5%bc%a0", (("q", "张"),)),
        (b"q=%2525", (("q", "%25"),)),
    ],
)
def test_a_query_is_decoded_once_in_order(raw: bytes, pairs: Pairs) -> None:
    """Names and values, both cases of hexadecimal digits."""
    assert pairs_of(raw) == pairs


@pytest.mark.parametrize(
    "raw",
    [b"a", b"=1", b"&", b"a=1&", b"&a=1", b"a=1&&b=2", b"a=1;b=2", b"a=%", b"a=%4", b"a=%GG", b"a=%FF", b"a=%C0%AF",
     b"a=%00", b"a=%0A", b"a=\xff", b"a=<x>", b'a="', b"a=a b", b"%0Aa=1", b"a=#", b"a=\\", b"a=%ED%A0%80"],
)  # fmt: skip
def test_a_query_of_another_form_is_malformed(raw: bytes) -> None:
    """Nothing is skipped, trimmed or guessed."""
    refusal = pairs_of(raw)
    assert isinstance(refusal, Deny)
    assert refusal.reason is Reason.MALFORMED


@pytest.mark.parametrize("raw", [b"a=1+2", b"a+b=1", b"x=1&a=+"])
def test_a_plus_sign_is_ambiguous(raw: bytes) -> None:
    """Forms mean a space by it, RFC 3986 means a plus; the caller is told how to write either."""
    refusal = pairs_of(raw)
    assert isinstance(refusal, Deny)
    assert refusal.reason is Reason.PARAMETER_INVALID
    assert "%2B" in (refusal.title or "")


@pytest.mark.parametrize("raw", [b"a=1&a=2", b"a=1&%61=2"])
def test_a_name_that_occurs_twice_is_told_twice(raw: bytes) -> None:
    """In any spelling; whether it may is for the route to say, where parameters are bound."""
    assert pairs_of(raw) == (("a", "1"), ("a", "2"))


def test_long_queries_are_refused() -> None:
    """By bytes and by parameters, exactly at the limit."""
    assert len(pairs_of(b"&".join(b"p%d=1" % n for n in range(64)))) == 64  # type: ignore[arg-type]
    assert isinstance(pairs_of(b"&".join(b"p%d=1" % n for n in range(65))), Deny)
    assert not isinstance(pairs_of(b"a=" + b"b" * (MAX_QUERY_BYTES - 2)), Deny)
    assert isinstance(pairs_of(b"a=" + b"b" * (MAX_QUERY_BYTES - 1)), Deny)


@pytest.mark.parametrize("name", ["a b", "1a", "", "<script>", "a" * 65, "張", "a@b.example"])
def test_a_name_that_looks_like_no_name_is_not_repeated(name: str) -> None:
    """It may be a value in a name's place, and refusals are logged."""
    assert told_name(name) == "(a parameter whose name is not repeated)"
    assert told_name("filter[city].x-1") == "filter[city].x-1"
    assert told_name("_sort_desc") == "_sort_desc"
    assert told_name("age:gte") == "age:gte"
