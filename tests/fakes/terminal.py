# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal: a program in a pseudo-terminal, read until it asks and then answered."""

import contextlib
import os
import pty
import select
import time
from collections.abc import Mapping, Sequence

PATIENCE_S = 60.0


class Terminal:
    """A program that believes in its terminal.

    Attributes:
        seen: Everything that the terminal has shown.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the program."""
        self.seen = ""
        self._unread = ""
        self._child, self._line = pty.fork()
        if self._child == 0:
            os.execvpe(  # noqa: S606 - the program under test
                words[0], list(words), {**os.environ, **environment, "TERM": "xterm", "COLUMNS": "120"}
            )

    def answer(self, prompt: str, text: str) -> None:
        """Wait for a prompt and type an answer to it."""
        self.until(prompt)
        self.type(text)

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._line, text.encode() + b"\n")

    def until(self, prompt: str) -> str:
        """Return what was shown up to a prompt, since the last one."""
        deadline_s = time.monotonic() + PATIENCE_S
        while prompt not in self._unread:
            ready, _, _ = select.select([self._line], [], [], deadline_s - time.monotonic())
            assert ready, f"{prompt!r} was never shown; there was {self._unread!r}"
            assert self._read(), f"the program ended before {prompt!r}; there was {self._unread!r}"
        before, _, self._unread = self._unread.partition(prompt)
        return before

    def end(self) -> int:
        """Wait for the program to end and return its exit code."""
        with contextlib.suppress(OSError):
            while self._read():
                pass
        _, status = os.waitpid(self._child, 0)
        os.close(self._line)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        try:
            text = os.read(self._line, 65_536).decode(errors="replace").replace("\r\n", "\n")
        except OSError:  # Linux says EIO where the other side is closed.
            return False
        self.seen += text
        self._unread += text
        return bool(text)
