# SPDX-License-Identifier: Apache-2.0
"""What is written can do nothing to a terminal, and JSON stays alone."""

import json
import re

import pytest

from gateway.cli.desk.paper import Paper, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain 中文", "plain 中文"),
        ("a\x1b[2Jb", "a\\u001b[2Jb"),
        ("a\rb\tc", "a\\u000db\\u0009c"),
        ("\u202egnp", "\\u202egnp"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled(text: str, seen: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In sentences and in tables alike, and markup is text."""
    paper = Paper(json=False)

    paper.say(text)
    paper.table(("column",), [(text,)])

    out = capsys.readouterr().out
    assert visible(text) == seen
    assert out.count(seen) == 2


def test_a_table_that_a_terminal_is_too_narrow_for_is_told_row_by_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than with broken words; what says nothing takes no line. A wider one shows the table."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    shown = {}
    for width in ("30", "80"):
        monkeypatch.setenv("COLUMNS", width)
        Paper(json=False).table(("account", "why"), [("a_13bb2e43ef6b5f70", "marketing.email"), ("a_1", "")], title="T")
        shown[width] = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert shown["30"].splitlines() == ["T", "account a_13bb2e43ef6b5f70", "why     marketing.email", "", "account a_1"]
    assert "a_13bb2e43ef6b5f70 │ marketing.email" in shown["80"]


def test_an_answer_is_json_or_words_and_never_both(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asked for JSON gets the document alone on stdout."""
    for is_json in (True, False):
        paper = Paper(json=is_json)
        paper.tell("on the way")
        paper.answer({"a": 1}, lambda paper=paper: paper.say("one"))  # type: ignore[misc]

    shown = capsys.readouterr()
    assert shown.out == '{"a":1}\none\n'
    assert shown.err == "on the way\non the way\n"


@pytest.mark.parametrize("is_seen", [True, False])
def test_json_says_the_same_to_a_terminal_and_does_nothing_there(
    is_seen: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program gets the text as it is."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_seen)
    document = {"中": '\x1b \x9b31m \u202e \u2028 \x7f \U000e0001 " \\'}

    Paper(json=True).line(document)

    out = capsys.readouterr().out
    assert json.loads(out) == document
    assert out.removesuffix("\n").isprintable() is is_seen


def test_no_bar_moves_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A log file of a script holds sentences alone."""
    paper = Paper(json=False)

    with paper.progress("Working", 3) as done, paper.working("Waiting"):
        done(3)

    assert capsys.readouterr() == ("", "")
