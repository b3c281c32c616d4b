# SPDX-License-Identifier: Apache-2.0
"""The table as a terminal shows it: what fits, without anything that a value could make the terminal do."""

import re

from gateway.cli.dataset.board import Board, Line
from gateway.cli.dataset.screen import drawn
from gateway.domain.names import CategoryKey
from gateway.domain.proposal import Confidence

VOCABULARY = (CategoryKey("user"), CategoryKey("user.name"))
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def board(n_lines: int = 1, **more: object) -> Board:
    """Return a table of equal lines."""
    one = {"type": "text", "categories": (CategoryKey("user"),), **more}
    return Board([Line(key=f"m.f{place}", **one) for place in range(n_lines)], VOCABULARY)  # type: ignore[arg-type]


def shown(table: Board, width: int = 160, height: int = 24) -> list[str]:
    """Return the lines of the screen without their colours."""
    text = drawn(table, ["analyst mask"] * len(table.lines), width=width, height=height)
    return STYLE.sub("", text).split("\r\n")


def test_a_line_shows_what_it_is_judged_by() -> None:
    """Values, category, how sure it is, and what comes of it."""
    screen = shown(board(values="张三 · Anna", confidence=Confidence.CERTAIN, evidence="valid numbers of DE"))
    assert all(word in screen[2] for word in ("- ", "m.f0", "张三 · Anna", "text", "user", "certain", "analyst mask"))
    assert any("m.f0: valid numbers of DE; then seen: analyst mask" in one for one in screen)


def test_no_screen_is_longer_than_the_terminal() -> None:
    """The line that one is at is always among those that are shown."""
    table = board(100)
    for at in (0, 50, 99):
        table.at = at
        screen = shown(table, height=24)
        assert len(screen) <= 24
        assert any(f"m.f{at} " in one for one in screen)


def test_a_value_cannot_move_the_cursor() -> None:
    """Control characters are spelled out."""
    text = drawn(board(values="\x1b[2Jgone\x07"), [""], width=120, height=24)
    assert "\x1b[2Jgone" not in text
    assert "\\u001b[2Jgone\\u0007" in text


def test_every_state_of_the_table_is_drawn() -> None:
    """Search, help, a remark, a new field, and no field at all."""
    table = board(2)
    table.press("e")
    table.press("n")
    assert any("> user.name" in one for one in shown(table))
    table = board(2)
    table.press("?")
    assert any("without saving" in one for one in shown(table))
    assert any("no dataset declares it" in one for one in shown(board(1, is_new=True)))
    assert shown(Board([], VOCABULARY))
