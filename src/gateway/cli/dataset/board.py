# SPDX-License-Identifier: Apache-2.0
"""The table of a review: its lines, where one is in it, and what each key does. It touches no terminal and no file."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from typing_extensions import override

from gateway.domain.names import CategoryKey
from gateway.domain.proposal import Confidence

MOST_FOUND = 8
"""Categories that a search shows."""

HELP = (
    "up down j k  move · page keys, g, G  further",
    "enter  confirm what the line says, and go on · d  leave it unreviewed: it stays dropped",
    "e  another category: type to search, up and down to choose, enter to take, escape to leave it",
    "a  confirm every certain one · s  save and leave · q  leave without saving · ?  this help",
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One field as the table shows it.

    Attributes:
        key: ``collection.field``, by which scripts name it.
        categories: As the file has them.
        is_reviewed: The file says nothing against it.
        is_new: No dataset declares it; it can only be looked at.
        values: A few of the store's own, shown on a terminal alone.
    """

    key: str
    type: str
    categories: tuple[CategoryKey, ...]
    confidence: Confidence | None = None
    evidence: str = ""
    is_reviewed: bool = False
    is_new: bool = False
    values: str = ""

    @override
    def __repr__(self) -> str:
        return f"<Line {self.key}>"


class Board:
    """The table under review.

    Attributes:
        confirmed: Places of the lines that were confirmed here.
        chosen: By place, the category that a line was given here.
        searched: What was typed to find a category; ``None`` where none is looked for.
        outcome: ``save`` or ``leave`` once that was asked for.
    """

    def __init__(self, lines: Sequence[Line], vocabulary: Sequence[CategoryKey]) -> None:
        self.lines, self._vocabulary = tuple(lines), tuple(sorted(vocabulary))
        self.at = next((place for place, line in enumerate(lines) if not line.is_reviewed and not line.is_new), 0)
        self.confirmed: set[int] = set()
        self.chosen: dict[int, CategoryKey] = {}
        self.searched: str | None = None
        self.pick = 0
        self.is_helping = False
        self.said = ""
        self.outcome: str | None = None
        self._was_asked = False

    @property
    def n_left(self) -> int:
        """How many declared fields would still be unreviewed."""
        return sum(
            not (line.is_reviewed or line.is_new or place in self.confirmed) for place, line in enumerate(self.lines)
        )

    def categories(self, place: int) -> tuple[CategoryKey, ...]:
        """Return the categories of a line as they would be saved."""
        return (self.chosen[place],) if place in self.chosen else self.lines[place].categories

    def found(self) -> tuple[CategoryKey, ...]:
        """Return the categories that fit what was typed: every word of it is in their name."""
        words = (self.searched or "").lower().split()
        fitting = [key for key in self._vocabulary if all(word in key.lower() for word in words)]
        # The shortest first: it is the one that the words say most of.
        return tuple(sorted(fitting, key=lambda key: (len(key), key)))[:MOST_FOUND]

    def press(self, key: str) -> None:
        """Do what a key does."""
        self.said = ""
        if self.searched is not None:
            self._search(key)
        elif key in _MOVES:
            self.at = max(0, min(len(self.lines) - 1, _MOVES[key](self.at, len(self.lines))))
        elif key in {"q", "interrupt"}:
            self._leave(key)
        elif key == "s":
            self.outcome = "save"
        elif key == "?":
            self.is_helping = not self.is_helping
        elif key == "a":
            self.confirm_certain()
        elif key in {"enter", "d", "e"}:
            self._of_line(key)
        if key != "?":
            self.is_helping = False

    def stay(self, why: str) -> None:
        """Take the wish to save back: it cannot be, and nothing that was confirmed is to be lost by that."""
        self.outcome, self.said = None, why

    def confirm_certain(self) -> None:
        """Confirm every line whose values carry a check that chance does not pass, and whose category stands."""
        certain = {
            place
            for place, line in enumerate(self.lines)
            if line.confidence is Confidence.CERTAIN
            and not (line.is_reviewed or line.is_new)
            and place not in self.chosen
        }
        self.said = f"{len(certain - self.confirmed)} confirmed"
        self.confirmed |= certain

    def _of_line(self, key: str) -> None:
        if not self.lines:
            return
        if self.lines[self.at].is_new:
            self.said = (
                "no dataset declares this field, so it stays dropped; `gateway dataset infer` proposes a line for it"
            )
        elif key == "e":
            self.searched, self.pick = "", 0
        elif key == "d":
            self.confirmed.discard(self.at)
            self.chosen.pop(self.at, None)
            if self.lines[self.at].is_reviewed:
                self.said = "it was reviewed before; take it back in the file"
        else:
            self.confirmed.add(self.at)
            self.at = min(len(self.lines) - 1, self.at + 1)

    def _search(self, key: str) -> None:
        found = self.found()
        match key:
            case "escape" | "interrupt":
                self.searched = None
            case "up" | "down":
                self.pick = max(0, min(len(found) - 1, self.pick + (1 if key == "down" else -1)))
            case "backspace":
                self.searched, self.pick = (self.searched or "")[:-1], 0
            case "enter" if found:
                self.chosen[self.at] = found[self.pick]
                self.confirmed.add(self.at)
                self.searched = None
            case _ if len(key) == 1:
                self.searched, self.pick = (self.searched or "") + key, 0
            case _:
                pass

    def _leave(self, key: str) -> None:
        if (self.confirmed or self.chosen) and key == "q" and not self._was_asked:
            self._was_asked = True
            self.said = "nothing is saved yet: s saves, q again leaves without saving"
            return
        self.outcome = "leave"


PAGE = 10
_MOVES: Mapping[str, Callable[[int, int], int]] = {
    "up": lambda at, _: at - 1,
    "k": lambda at, _: at - 1,
    "down": lambda at, _: at + 1,
    "j": lambda at, _: at + 1,
    "page-up": lambda at, _: at - PAGE,
    "page-down": lambda at, _: at + PAGE,
    "home": lambda _, __: 0,
    "g": lambda _, __: 0,
    "end": lambda _, n_lines: n_lines,
    "G": lambda _, n_lines: n_lines,
}
