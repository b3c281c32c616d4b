# SPDX-License-Identifier: Apache-2.0
"""The text of ``grants.csv`` with some lines made smaller: every other byte of it stays.

A line that becomes several keeps its spelling (blanks, times) in each. A line that the file has already, or that comes
out twice, is written once, since the loader refuses a line that stands twice.
"""

from collections.abc import Mapping

from gateway.decide.loader.grants_csv import normal_line
from gateway.decide.past.narrowing import Cell

_DATASET, _CATEGORY, _PURPOSE = 2, 3, 4
"""Columns of a ``p`` line."""


def smaller_text(text: str, changes: Mapping[int, tuple[Cell, ...]]) -> tuple[str, tuple[int, ...]]:
    """Return the text, and for each of its lines the line of the old text that it comes from, counted from 1.

    Args:
        text: Of ``grants.csv``, which loads.
        changes: By line, what is to stand in its place; nothing takes it out.
    """
    old = text.split("\n")
    held = {_normal(line) for number, line in enumerate(old, 1) if number not in changes}
    lines: list[str] = []
    origins: list[int] = []
    for number, line in enumerate(old, 1):
        if number not in changes:
            lines.append(line)
            origins.append(number)
            continue
        for cell in changes[number]:
            fresh = _respelled(line, cell)
            if _normal(fresh) not in held:
                held.add(_normal(fresh))
                lines.append(fresh)
                origins.append(number)
    return "\n".join(lines), tuple(origins)


def _normal(line: str) -> str:
    return normal_line(tuple(cell.strip(" ") for cell in line.split(",")))


def _respelled(line: str, cell: Cell) -> str:
    words = line.split(",")
    for column, word in ((_DATASET, cell.dataset), (_CATEGORY, cell.category), (_PURPOSE, cell.purpose)):
        words[column] = words[column].replace(words[column].strip(" "), word)
    return ",".join(words)
