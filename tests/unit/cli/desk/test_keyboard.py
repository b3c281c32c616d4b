# SPDX-License-Identifier: Apache-2.0
"""What a terminal sends becomes keys, and the terminal is given back as it was."""

import os
import pty
import sys
import termios
from io import StringIO, TextIOWrapper
from pathlib import Path

import pytest

from gateway.cli.desk.keyboard import LEAVE, Keyboard, keys_of, screen


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("jk", ["j", "k"]),
        ("\x1b[A\x1b[B\x1bOA", ["up", "down", "up"]),
        ("\r\x7f\x03", ["enter", "backspace", "interrupt"]),
        ("\x1b", ["escape"]),
        ("\x1b[5~\x1b[6~", ["page-up", "page-down"]),
        ("\x1b[1;5Ca", ["a"]),
        ("é中\x00", ["é", "中"]),
        ("", []),
    ],
)
def test_keys_are_told_apart(text: str, keys: list[str]) -> None:
    """Sequences that mean nothing to us are passed over whole."""
    assert keys_of(text) == keys


def test_keys_come_one_by_one() -> None:
    """However many came at once; a terminal that is gone interrupts."""
    line, child = pty.openpty()
    keyboard = Keyboard(child)
    os.write(line, "a中\n".encode())
    assert [keyboard.key() for _ in range(3)] == ["a", "中", "enter"]
    os.close(line)
    assert keyboard.key() == "interrupt"
    os.close(child)


def test_the_terminal_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after an error."""
    line, child = pty.openpty()
    out = StringIO()
    with TextIOWrapper(Path(f"/dev/fd/{child}").open("rb"), "utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stdout", out)
        before = termios.tcgetattr(child)
        with pytest.raises(AssertionError, match="raw"), screen():
            raise AssertionError("raw" if termios.tcgetattr(child) != before else "as it was")
        assert termios.tcgetattr(child) == before
    assert out.getvalue().endswith(LEAVE)
    os.close(line)
    os.close(child)
