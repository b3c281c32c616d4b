# SPDX-License-Identifier: Apache-2.0
"""Keys of a terminal one by one, without waiting for a line; the terminal is as it was when the block ends."""

import codecs
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

NAMED = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[5~": "page-up",
    "\x1b[6~": "page-down",
    "\x1b[H": "home",
    "\x1b[F": "end",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\b": "backspace",
    "\x1b": "escape",
    "\x03": "interrupt",
    "\x04": "interrupt",
}
"""Words for what a key sends; every other key is the character that it sends."""

SEQUENCE_S = 0.05
"""How long the rest of a sequence may take; a lone escape is the key of that name."""
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""A screen of one's own without a cursor: what was shown on it is gone when it is left."""


class Keyboard:
    """Reads keys from the terminal on stdin."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting: list[str] = []

    def key(self) -> str:
        """Return the next key; ``interrupt`` also where the terminal is gone."""
        while not self._waiting:
            read = self._read()
            if not read:
                return "interrupt"
            self._waiting += keys_of(read)
        return self._waiting.pop(0)

    def _read(self) -> str:
        try:
            text = self._decoder.decode(os.read(self._descriptor, 1024))
            while text.endswith("\x1b") and select.select([self._descriptor], [], [], SEQUENCE_S)[0]:
                text += self._decoder.decode(os.read(self._descriptor, 1024))
        except OSError:
            return ""
        return text


def keys_of(text: str) -> list[str]:
    """Return the keys that a text of a terminal is made of; sequences that mean nothing are passed over."""
    found: list[str] = []
    place = 0
    while place < len(text):
        known = next((one for one in sorted(NAMED, key=len, reverse=True) if text.startswith(one, place)), None)
        if known == "\x1b" and text[place + 1 : place + 2] in {"[", "O"}:
            place += 2
            while place < len(text) and not text[place].isalpha() and text[place] != "~":
                place += 1
            place += 1
        elif known is not None:
            found.append(NAMED[known])
            place += len(known)
        else:
            found += [text[place]] if text[place].isprintable() else []
            place += 1
    return found


@contextmanager
def screen() -> Iterator[Keyboard]:
    """Take the terminal for a screen of one's own and its keys."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        sys.stdout.write(ENTER)
        sys.stdout.flush()
        yield Keyboard(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
