# SPDX-License-Identifier: Apache-2.0
"""How stores spell what they are asked: read in one way, written back as the same."""

import pytest

from gateway.domain import spelling
from gateway.domain.names import FieldName
from gateway.domain.parameters import Comparison, FilterParameter, SortStyle

NAME, AGE = FieldName("name"), FieldName("age")
EQ = FilterParameter(NAME, value="eq.{}")
IN = FilterParameter(NAME, Comparison.IN, value="in.({})")
LIKE = FilterParameter(NAME, Comparison.PREFIX, value="like.{}*")
PLAIN = FilterParameter(NAME)
PLAIN_IN = FilterParameter(NAME, Comparison.IN)
PLAIN_PREFIX = FilterParameter(NAME, Comparison.PREFIX)


@pytest.mark.parametrize(
    ("declared", "text", "values"),
    [
        (EQ, "eq.1", ("1",)),
        (EQ, "eq.eq.1", ("eq.1",)),
        (EQ, "eq.1&or=(a.eq.1)", ("1&or=(a.eq.1)",)),
        (EQ, "eq. x", (" x",)),
        (IN, "in.(a)", ("a",)),
        (IN, "in.(a,b c,d.e)", ("a", "b c", "d.e")),
        (IN, 'in.("a,b","c)d",e)', ("a,b", "c)d", "e")),
        (IN, r'in.("a\"b","c\\d")', ('a"b', r"c\d")),
        (IN, 'in.("")', ("",)),
        (LIKE, "like.Ad*", ("Ad",)),
        (PLAIN, "eq.1", ("eq.1",)),
        (PLAIN_IN, "a,b", ("a", "b")),
        (PLAIN_IN, "a,,b", ("a", "", "b")),
        (PLAIN_PREFIX, "50%*", ("50%*",)),
    ],
)
def test_what_stands_for_the_value_is_the_value(declared: FilterParameter, text: str, values: tuple[str, ...]) -> None:
    """To the last byte; whether it may be empty is judged elsewhere."""
    assert spelling.read((declared,), text) == (declared, values)


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        (EQ, "eq."),
        (EQ, "1"),
        (EQ, "EQ.1"),
        (EQ, "neq.1"),
        (EQ, "not.eq.1"),
        (EQ, "eq(any).{1,2}"),
        (EQ, " eq.1"),
        (IN, "in.()"),
        (IN, "in.(a"),
        (IN, "in.(a,)"),
        (IN, "in.(,a)"),
        (IN, "in.(1),id.gt.0)"),
        (IN, "in.(a(b)"),
        (IN, 'in.("a)'),
        (IN, 'in.("a"b)'),
        (IN, 'in.(a"b")'),
        (IN, r"in.(a\,b)"),
        (IN, r'in.("a\n")'),
        (IN, "in.( a)"),
        (IN, "in.(a, b)"),
        (LIKE, "like.*"),
        (LIKE, "like.A*b*"),
        (LIKE, "like.%*"),
        (LIKE, "like.A_*"),
        (LIKE, "like.A\\*"),
        (PLAIN_IN, '["a","b"]'),
        (PLAIN_IN, "[a"),
    ],
)
def test_a_text_of_another_spelling_is_none(declared: FilterParameter, text: str) -> None:
    """Nothing is guessed, trimmed or passed on."""
    assert spelling.read((declared,), text) is None


def test_of_several_spellings_the_one_that_fits_is_meant() -> None:
    """They overlap in no text."""
    filters = (EQ, IN, LIKE)
    assert spelling.read(filters, "in.(eq.1)") == (IN, ("eq.1",))
    assert spelling.read(filters, "like.in.*") == (LIKE, ("in.",))
    assert spelling.read(filters, "lt.1") is None


@pytest.mark.parametrize(
    ("one", "other", "do"),
    [
        ("eq.{}", "eq.{}", True),
        ("{}", "eq.{}", True),
        ("e{}", "eq.{}", True),
        ("{}*", "like.{}", True),
        ("like.{}*", "like.{}", True),
        ("eq.{}", "neq.{}", False),
        ("in.({})", "in.{}", True),
        ("gte.{}", "gt.{}", False),
        ("({}]", "({})", False),
    ],
)
def test_spellings_overlap_where_a_text_fits_both(one: str, other: str, do: bool) -> None:
    """Either way round."""
    assert spelling.overlap(one, other) is spelling.overlap(other, one) is do


@pytest.mark.parametrize(
    ("declared", "values", "text"),
    [
        (EQ, ("a,b)",), "eq.a,b)"),
        (IN, ("a", "m-1"), "in.(a,m-1)"),
        (IN, ("a,b", 'c"d', "e\\f", "g.h", ""), r'in.("a,b","c\"d","e\\f","g.h","")'),
        (LIKE, ("Ad",), "like.Ad*"),
        (PLAIN_IN, ("a", "b"), "a,b"),
    ],
)
def test_values_are_written_as_the_store_reads_them(
    declared: FilterParameter, values: tuple[str, ...], text: str
) -> None:
    """With quotes wherever a reader could differ."""
    assert spelling.written(declared.comparison, declared.value, values) == text
    assert spelling.read((declared,), text) == (declared, values)


@pytest.mark.parametrize(
    ("declared", "values"),
    [(PLAIN_IN, ("a,b",)), (PLAIN_IN, ("[a", "b")), (LIKE, ("a%",)), (LIKE, ("a*",))],
)
def test_what_the_store_would_read_otherwise_is_not_written(declared: FilterParameter, values: tuple[str, ...]) -> None:
    """It is told before, and refused."""
    assert not spelling.can_be_written(declared.comparison, declared.value, values)
    with pytest.raises(ValueError, match="something else"):
        spelling.written(declared.comparison, declared.value, values)


@pytest.mark.parametrize(
    ("style", "text", "order"),
    [
        (SortStyle.MINUS, "name,-age", ((NAME, False), (AGE, True))),
        (SortStyle.DOT, "name.asc,age.desc", ((NAME, False), (AGE, True))),
        (SortStyle.DOT, "name", ((NAME, False),)),
        (SortStyle.ASCENDING, "age", ((AGE, False),)),
        (SortStyle.DESCENDING, "age", ((AGE, True),)),
        (SortStyle.APART, "name,age", ((NAME, False), (AGE, False))),
    ],
)
def test_an_order_is_read_in_its_style(style: SortStyle, text: str, order: spelling.Order) -> None:
    """And written as one that is read the same."""
    assert spelling.read_order(style, text, (NAME, AGE)) == order
    assert spelling.read_order(style, ",".join(spelling.written_order(style, order)), (NAME, AGE)) == order


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (SortStyle.MINUS, "name.desc"),
        (SortStyle.MINUS, "name,name"),
        (SortStyle.MINUS, "name,-name"),
        (SortStyle.MINUS, "--name"),
        (SortStyle.MINUS, ""),
        (SortStyle.DOT, "-name"),
        (SortStyle.DOT, "name.desc.nullslast"),
        (SortStyle.DOT, "name.DESC"),
        (SortStyle.DOT, ".desc"),
        (SortStyle.DOT, "name.asc,name.desc"),
        (SortStyle.ASCENDING, "-name"),
        (SortStyle.ASCENDING, "name,age"),
        (SortStyle.DESCENDING, "name desc"),
        (SortStyle.APART, "-name"),
        (SortStyle.APART, "born"),
    ],
)
def test_another_style_or_field_is_no_order(style: SortStyle, text: str) -> None:
    """Each name once, of those that are declared."""
    assert spelling.read_order(style, text, (NAME, AGE)) is None


def test_an_order_that_a_style_cannot_say_is_not_said() -> None:
    """So of two parameters with one direction each, the right one is used."""
    descending = ((NAME, True),)
    assert spelling.written_order(SortStyle.ASCENDING, descending) == ()
    assert spelling.written_order(SortStyle.DESCENDING, descending) == ("name",)
    assert spelling.written_order(SortStyle.DESCENDING, (*descending, (AGE, True))) == ()


def test_directions_stand_apart_from_their_names() -> None:
    """Two words, in small letters."""
    assert spelling.read_directions("asc,desc") == (False, True)
    assert spelling.written_directions(((NAME, False), (AGE, True))) == "asc,desc"
    assert [spelling.read_directions(text) for text in ("up", "ASC", "", "asc,", "asc, desc")] == [None] * 5
