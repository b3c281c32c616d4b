# SPDX-License-Identifier: Apache-2.0
"""Queries are read in one way and bound to what the route declares, or refused."""

import pytest

from gateway.domain.catalog import Comparison
from gateway.domain.decision import Deny, Reason
from gateway.domain.inquiry import Filter, Sort
from gateway.domain.names import FieldName
from gateway.doors.http.query import MAX_QUERY_BYTES, Asked, Pairs, bind, pairs_of
from tests.fakes.customers import COLLECTION, LIST, ONE


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


@pytest.mark.parametrize("raw", [b"a=1&a=1", b"a=1&b=2&a=3", b"a=1&%61=2"])
def test_a_parameter_occurs_once(raw: bytes) -> None:
    """In any spelling of its name."""
    assert pairs_of(raw) == Deny(reason=Reason.PARAMETER_INVALID, fields=("a",), title="The parameter occurs twice.")


def test_long_queries_are_refused() -> None:
    """By bytes and by parameters, exactly at the limit."""
    assert len(pairs_of(b"&".join(b"p%d=1" % n for n in range(64)))) == 64  # type: ignore[arg-type]
    assert isinstance(pairs_of(b"&".join(b"p%d=1" % n for n in range(65))), Deny)
    assert not isinstance(pairs_of(b"a=" + b"b" * (MAX_QUERY_BYTES - 2)), Deny)
    assert isinstance(pairs_of(b"a=" + b"b" * (MAX_QUERY_BYTES - 1)), Deny)


def asked(**values: object) -> Asked:
    empty: dict[str, object] = {
        "fields": None, "filters": (), "sorts": (), "limit": 50, "offset": None, "cursor": None,
    }  # fmt: skip
    return Asked(**(empty | values))  # type: ignore[arg-type]


def test_what_is_asked_is_what_is_declared() -> None:
    """Filters with their comparison, order, page and fields, each from its parameter."""
    pairs = (
        ("country", "DE"),
        ("age_from", "30-39"),
        ("limit", "10"),
        ("offset", "20"),
        ("sort", "-age,id"),
        ("fields", "id,email"),
    )
    country = Filter(field=FieldName("country"), comparison=Comparison.EQUAL, value="DE", parameter="country")
    age = Filter(
        field=FieldName("age"), comparison=Comparison.AT_LEAST, value="30-39", parameter="age_from", bands=True
    )
    assert bind(LIST, COLLECTION, (), pairs) == asked(
        fields=("id", "email"),
        filters=(country, age),
        sorts=(Sort(field=FieldName("age"), descending=True), Sort(field=FieldName("id"), descending=False)),
        limit=10,
        offset=20,
    )


def test_an_empty_query_asks_for_the_first_page() -> None:
    """The default of the route bounds it."""
    assert bind(LIST, COLLECTION, (), ()) == asked()


def test_a_value_in_the_path_is_a_filter_of_equality() -> None:
    """A single record has no limit, and its filter is marked as standing in the path."""
    record = Filter(field=FieldName("id"), comparison=Comparison.EQUAL, value="a b", parameter="id", in_path=True)
    assert bind(ONE, COLLECTION, (("id", "a b"),), ()) == asked(filters=(record,), limit=None)


@pytest.mark.parametrize("name", ["religion", "Email", "email ", "email[]", "_method", "cursors", "__proto__"])
def test_an_undeclared_parameter_is_refused(name: str) -> None:
    """A filter that is ignored would show more than was asked for."""
    refusal = bind(LIST, COLLECTION, (), ((name, "x"),))
    assert isinstance(refusal, Deny)
    assert refusal.reason is Reason.PARAMETER_UNDECLARED


def test_a_path_parameter_is_not_declared_for_the_query() -> None:
    """One place for each parameter: the record in the path cannot be changed behind it."""
    refusal = bind(ONE, COLLECTION, (("id", "7"),), (("id", "8"),))
    assert refusal == Deny(reason=Reason.PARAMETER_UNDECLARED, fields=("id",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "501"), ("limit", "-1"), ("limit", "+1"), ("limit", "1.0"), ("limit", "1e2"),
        ("limit", "01"), ("limit", " 1"), ("limit", "１"), ("limit", "9" * 400), ("offset", "-1"), ("offset", "x"),
        ("offset", "1000000000"), ("sort", "email"), ("sort", "age,age"), ("sort", "age,-age"), ("sort", "--age"),
        ("sort", "age,"), ("sort", " age"), ("fields", "id,id"), ("fields", "id,"), ("fields", "religion"),
        ("fields", "*"), ("country", ""), ("country", "x" * 1025), ("fields", ""), ("limit", ""),
    ],
)  # fmt: skip
def test_a_value_that_a_parameter_cannot_have_is_refused(name: str, value: str) -> None:
    """The parameter is named, the value is not repeated."""
    refusal = bind(LIST, COLLECTION, (), ((name, value),))
    assert isinstance(refusal, Deny)
    assert (refusal.reason, refusal.fields) == (Reason.PARAMETER_INVALID, (name,))
    assert len(value) < 8 or value not in repr(refusal)


def test_a_cursor_is_taken_only_where_rows_can_be_skipped() -> None:
    """And never beside an offset."""
    assert bind(LIST, COLLECTION, (), (("cursor", "abc"),)) == asked(cursor="abc")
    beside = bind(LIST, COLLECTION, (), (("cursor", "abc"), ("offset", "3")))
    assert isinstance(beside, Deny)
    assert beside.fields == ("cursor",)
    assert bind(ONE, COLLECTION, (("id", "7"),), (("cursor", "abc"),)) == Deny(
        reason=Reason.PARAMETER_UNDECLARED, fields=("cursor",)
    )


def test_the_first_parameter_that_does_not_fit_is_told() -> None:
    """One reason for one refusal."""
    refusal = bind(LIST, COLLECTION, (), (("limit", "x"), ("religion", "y")))
    assert isinstance(refusal, Deny)
    assert refusal.fields == ("limit",)


def test_a_name_that_is_no_name_is_not_repeated() -> None:
    """Callers mistype values into names, and refusals are logged."""
    for raw in (b"alice%40example.org=1", b"13800138000=+"):
        pairs = pairs_of(raw)
        refusal = pairs if isinstance(pairs, Deny) else bind(LIST, COLLECTION, (), pairs)
        assert isinstance(refusal, Deny)
        assert "alice" not in repr(refusal)
        assert "13800138000" not in repr(refusal)
