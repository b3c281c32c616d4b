# SPDX-License-Identifier: Apache-2.0
"""The table of a review as a terminal shows it: what fits around the line that one is at."""

import io
import shutil
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.cli.dataset.board import HELP, Board, Line
from gateway.cli.desk.paper import visible

CLEAR = "\x1b[H\x1b[2J"
LEAST_LINES = 3
AROUND = 10
"""Lines of the screen that are no lines of the table."""


def drawn(board: Board, words: Sequence[str], *, width: int | None = None, height: int | None = None) -> str:
    """Return the whole screen as text for a terminal in raw mode."""
    size = shutil.get_terminal_size()
    width, height = width or size.columns, height or size.lines
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, highlight=False, markup=False, emoji=False)
    console.print(_table(board, words, max(LEAST_LINES, height - AROUND)))
    for sentence in _below(board, words):
        console.print(Text(visible(sentence)), no_wrap=True, overflow="ellipsis")
    # In raw mode a line feed goes down alone.
    return CLEAR + out.getvalue().replace("\n", "\r\n")


def _table(board: Board, words: Sequence[str], n_lines: int) -> Table:
    table = Table(show_edge=False, pad_edge=False, header_style="bold", expand=True)
    for name, ratio in (("", None), ("field", 3), ("values", 5), ("type", None), ("category", 4), ("sure", None)):
        table.add_column(name, ratio=ratio, no_wrap=True, overflow="ellipsis")
    table.add_column("then seen", ratio=4, no_wrap=True, overflow="ellipsis")
    first = max(0, min(board.at - n_lines // 2, len(board.lines) - n_lines))
    for at in range(first, min(first + n_lines, len(board.lines))):
        line = board.lines[at]
        cells = (
            _mark(board, at),
            line.key,
            line.values,
            line.type,
            " ".join(board.categories(at)),
            line.confidence or "",
            words[at],
        )
        style = "reverse" if at == board.at else "dim" if line.is_reviewed else ""
        table.add_row(*(Text(visible(cell).replace("\n", " ")) for cell in cells), style=style)
    return table


def _mark(board: Board, at: int) -> str:
    line = board.lines[at]
    if line.is_new:
        return "new"
    return "yes" if line.is_reviewed else "now" if at in board.confirmed else "-"


def _below(board: Board, words: Sequence[str]) -> list[str]:
    """Return what stands below the table: the line in full, the search, a remark, the keys."""
    line = board.lines[board.at] if board.lines else None
    said = [""] if line is None else ["", _in_full(board, line, words)]
    if board.searched is not None:
        said.append(f"category: {board.searched}_")
        said += [f"  {'>' if place == board.pick else ' '} {key}" for place, key in enumerate(board.found())]
    elif board.is_helping:
        said += HELP
    else:
        said.append(
            f"{board.n_left} unreviewed. enter confirm · e category · d leave · a all certain · ? help · s save · q"
        )
    return [*said, board.said] if board.said else said


def _in_full(board: Board, line: Line, words: Sequence[str]) -> str:
    if line.is_new:
        return f"{line.key}: the store sends it and no dataset declares it; it is dropped"
    why = line.evidence or "nothing is known of it but its name"
    return f"{line.key}: {why}; then seen: {words[board.at]}"
