# SPDX-License-Identifier: Apache-2.0
"""Text in which nothing is a formula."""

from time import process_time

import pytest

from gateway.transform.formulas import HARMLESS, is_marked, without_formula


@pytest.mark.parametrize(
    "text",
    ["", "Ann", "a=b", "a-b", "x@y.org", "2026-05-01", "1980-1989", "Müller-Lüdenscheidt", "欧阳", "a, b; c", "it's", "'",
     "a;b|c\td", "+8613812345678", "+49 151 2345678", "+1", "-12", "-12.50", "0.5", "1e5", "-1E+5", "12", " a", "a - b"],
)  # fmt: skip
def test_what_is_no_formula_stays_byte_for_byte(text: str) -> None:
    """Phone numbers and numbers among it."""
    assert without_formula(text) == text


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1-1", "@SUM(1)", "＝1", "＋1", "－1", "＠x", "﹦1", "−1", "\t1", "\r1", "\n1", " =1", "\u3000=1", "\u200b=1",
     '"=1', "'=1", "“=1", ",=1", ";=1", "|=1", ' "; =1', "\x00=1", "\ufeff=1", "\xa0\t1", "+", "-", "+a", "+49  151", "+49 ",
     "+４９", "-1,5", "-.5", "--1", "+1-1", "-1 ", "+86***5678", "-\n1", '=HYPERLINK("x")'],
)  # fmt: skip
def test_what_could_be_taken_for_a_formula_gets_an_apostrophe(text: str) -> None:
    """In front, and nothing else of it changes unless a mark stands behind a separator."""
    told = without_formula(text)
    assert told.startswith("'")
    assert told.replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [("a;=1", "a;'=1"), ("a\n=1", "a\n'=1"), ("a\r\n+x", "a\r\n'+x"), ("a\t@x", "a\t'@x"), ("a|-1", "a|'-1"),
     ('a; "=1"', "a; \"'=1\""), ("a;b;=1;=2", "a;b;'=1;'=2"), ("a;;  =1", "a;;  '=1"), ("a,=1", "a,=1"), ("+1;=1", "'+1;'=1")],
)  # fmt: skip
def test_marks_behind_a_separator_get_one_too(text: str, told: str) -> None:
    """A program with another separator sees a cell begin there."""
    assert without_formula(text) == told


@pytest.mark.parametrize(
    "text", ["=1", " =1", "a;=1", "a\n=1", 'a"b', "a,b", "a;b", "'", "", "+1", "-1", "\u200b=", "#\t=", "＝1"]
)
def test_what_something_is_to_be_done_about_is_not_harmless(text: str) -> None:
    """A mark, a quote or a separator; and what is harmless has no formula."""
    assert not HARMLESS.fullmatch(text)
    assert all(
        HARMLESS.fullmatch(one) and without_formula(one) == one for one in ("a", "Ann B.", "12", "欧阳", "#a", "a=b-c")
    )


@pytest.mark.parametrize("text", ["'=1", "'+a", "' =1", "''=1", "a;'=1", "a\n'- b", "'+1;'=1", "a\n'-b;'=c", "'\t'@x"])
def test_what_got_an_apostrophe_is_known_again(text: str) -> None:
    """Wherever it got one, and however many."""
    assert is_marked(text)


@pytest.mark.parametrize(
    "text", ["", "'", "it's", "'n Sync", "=1", "'12", "'+49 151 2345678", "a;'b", "'a';=1", "a'=b", "'a;=1"]
)
def test_what_nothing_was_done_about_is_not_taken_for_it(text: str) -> None:
    """Nor a text with an apostrophe in one of two places."""
    assert not is_marked(text)


@pytest.mark.parametrize("piece", [" ", ";", "\t", "'", ";=", "=", "+1", "+1 ", "-", "\n", ";;a", "1"])
def test_the_work_is_linear(piece: str) -> None:
    """1 MiB of what could mislead takes less than a second."""
    start = process_time()
    without_formula("a" + piece * (1_048_576 // len(piece)))
    without_formula(piece * (1_048_576 // len(piece)))
    is_marked("'" + piece * (1_048_576 // len(piece)))
    assert process_time() - start < 5
