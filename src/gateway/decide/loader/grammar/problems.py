# SPDX-License-Identifier: Apache-2.0
"""What is wrong with rule files, collected until all of it can be told at once.

A reader that meets a problem tells it here and goes on with an empty value; later checks pass over
empty values, so that one mistake is told once.
"""

from collections.abc import Iterable
from difflib import get_close_matches

import msgspec
from typing_extensions import override

from gateway.domain.errors import RuleProblem

SHOWN = 60
"""Characters of a wrong value that a message repeats."""


class Place(msgspec.Struct, frozen=True):
    """A line of a file, counted from 1."""

    file: str
    line: int

    @override
    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Said(msgspec.Struct, frozen=True):
    """A text and where it stands."""

    text: str
    place: Place


class Problems:
    """The problems found so far, and notes: what deserves a look but stops nothing."""

    def __init__(self) -> None:
        self._found: dict[RuleProblem, None] = {}
        self._notes: dict[RuleProblem, None] = {}

    def tell(self, place: Place, message: str) -> None:
        """Keep a problem; the same one twice counts once."""
        self._found[RuleProblem(place.file, place.line, message)] = None

    def note(self, place: Place, message: str) -> None:
        """Keep a note."""
        self._notes[RuleProblem(place.file, place.line, message)] = None

    @property
    def found(self) -> tuple[RuleProblem, ...]:
        """All problems, sorted by place."""
        return tuple(sorted(self._found))

    @property
    def notes(self) -> tuple[RuleProblem, ...]:
        """All notes, sorted by place."""
        return tuple(sorted(self._notes))


def quoted(text: str) -> str:
    """Return the text between backquotes, cut where it is long."""
    return f"`{text if len(text) <= SHOWN else text[:SHOWN] + '…'}`"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean `x`?`` for the nearest known word, or nothing."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.75)
    return f"; did you mean `{near[0]}`?" if near else ""


def choices(words: Iterable[str]) -> str:
    """Return the words as a list that can be read."""
    return ", ".join(f"`{word}`" for word in words)
