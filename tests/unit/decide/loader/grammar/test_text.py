# SPDX-License-Identifier: Apache-2.0
"""A rule file is text that means what it looks like."""

import pytest

from gateway.decide.loader.grammar.problems import Problems
from gateway.decide.loader.grammar.text import read_text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a\n\xff\n", "a.csv:2: is not UTF-8: byte 0xff"),
        (b"a\nb\xc3", "a.csv:2: is not UTF-8: byte 0xc3"),
        (b"a\r\nb\n", "a.csv:1: holds a carriage return, which is not allowed"),
        (b"a\n\tb\n", "a.csv:2: holds a tab, which is not allowed"),
        (b"a\x00\n", "a.csv:1: holds the hidden character U+0000, which is not allowed"),
        (b"a\n\n\x1b[0m\n", "a.csv:3: holds the hidden character U+001B, which is not allowed"),
        (b"\xef\xbb\xbfa\n", "a.csv:1: holds a byte order mark, which is not allowed"),
        ("a\u202eb\n".encode(), "a.csv:1: holds the hidden character U+202E, which is not allowed"),
        ("a\u200bb\n".encode(), "a.csv:1: holds the hidden character U+200B, which is not allowed"),
        ("a\u0085b\n".encode(), "a.csv:1: holds the hidden character U+0085, which is not allowed"),
        ("a\u2028b\n".encode(), "a.csv:1: holds the hidden character U+2028, which is not allowed"),
        (b"a\nb", "a.csv:2: does not end with a line feed; the file may have been cut off"),
        (b"", "a.csv:1: does not end with a line feed; the file may have been cut off"),
    ],
)
def test_what_an_editor_does_not_show_is_refused(content: bytes, says: str) -> None:
    """The text is given up and the line told."""
    problems = Problems()
    assert read_text("a.csv", content, problems) is None
    assert [problem.sentence() for problem in problems.found] == [says]


def test_visible_text_of_any_script_is_kept() -> None:
    """Chinese sentences are text like any other."""
    problems = Problems()
    assert read_text("a.csv", "个人信息 é\n".encode(), problems) == "个人信息 é\n"
    assert problems.found == ()
