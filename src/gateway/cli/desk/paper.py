# SPDX-License-Identifier: Apache-2.0
"""What a command writes on: sentences and tables for people, JSON for programs.

Colours and moving bars appear on terminals alone. Text that came from elsewhere (a caller's reference, a
name) is written without anything that a terminal would obey.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from json import dumps
from typing import Any

import msgspec
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text
from typing_extensions import override

_KIB = 1024
_NO_LIMIT = 100_000
PIPE_WIDTH = 240
"""Columns where there is no terminal to ask: lines are cut by whoever reads them."""


class Paper:
    """Two consoles: stdout for the answer, stderr for everything else."""

    def __init__(self, *, json: bool) -> None:
        """Remember in which form the answer is wanted."""
        self.is_json = json
        self._out = _console(stderr=False)
        self._err = _console(stderr=True)

    def answer(self, document: Any, for_people: Callable[[], None]) -> None:
        """Write the document, or what people get in its place."""
        if self.is_json:
            self.line(document)
        else:
            for_people()

    def line(self, document: Any) -> None:
        """Write one JSON document on a line of its own."""
        text = msgspec.json.encode(document).decode()
        sys.stdout.write((_escaped(text) if sys.stdout.isatty() else text) + "\n")
        sys.stdout.flush()

    def say(self, sentence: str, *, style: str = "") -> None:
        """Write a sentence of the answer for people."""
        self._out.print(Text(visible(sentence), style=style), soft_wrap=True)

    def tell(self, sentence: str) -> None:
        """Write a sentence that is no part of the answer."""
        self._err.print(Text(visible(sentence)), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, title: str = "") -> None:
        """Write a table for people; where a terminal is too narrow for its words, each row as lines of its own."""
        cells = [[cell if isinstance(cell, Text) else Text(visible(cell)) for cell in row] for row in rows]
        table = Table(title=title or None, title_justify="left", header_style="bold", show_edge=False, pad_edge=False)
        for column in columns:
            table.add_column(Text(column), overflow="fold")
        for row in cells:
            table.add_row(*row)
        if self._out.is_terminal and _least_width(self._out, table) > self._out.width:
            self._stack(columns, cells, title)
            return
        self._out.print(table)

    def _stack(self, columns: Sequence[str], rows: Iterable[Sequence[Text]], title: str) -> None:
        """Write a table as one line for each cell that says something, with a space between rows."""
        width = max(map(len, columns), default=0)
        if title:
            self._out.print(Text(title, style="italic"))
        for place, row in enumerate(rows):
            if place:
                self._out.print()
            for column, cell in zip(columns, row, strict=True):
                if cell.plain.strip():
                    self._out.print(Text(column.ljust(width), style="bold"), cell, soft_wrap=True)

    def raw(self, text: str) -> None:
        """Write text to stderr as it stands, such as a QR code."""
        sys.stderr.write(text)
        sys.stderr.flush()

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show on a terminal that work goes on whose length is not known."""
        if not self._err.is_terminal:
            yield
            return
        with self._err.status(what):
            yield

    @contextmanager
    def running(self) -> Iterator[Callable[[Sequence[Sequence[str]]], None]]:
        """Show on a terminal a table that changes; yields what takes its columns and rows. Elsewhere nothing is shown."""
        if not self._err.is_terminal:
            yield lambda _rows: None
            return
        from rich.live import Live

        with Live(console=self._err, transient=True, auto_refresh=False) as live:
            yield lambda rows: live.update(_table(rows), refresh=True)

    @contextmanager
    def progress(self, what: str, total: int | None, *, unit: str = "") -> Iterator[Callable[[int], None]]:
        """Show a bar on a terminal while work goes on; yields the function that moves it on.

        Args:
            what: What is done.
            total: Steps in all, if that is known.
            unit: What a step is, in the plural; the bar then says how many are done a second.
        """
        if not self._err.is_terminal:
            yield lambda _steps: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn

        class Rate(TextColumn):
            """Steps a second."""

            @override
            def render(self, task: Task) -> Text:
                return Text(f"{task.speed:,.0f} {unit}/s" if unit and task.speed else "")

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(""), TimeRemainingColumn())
        with Progress(*columns, console=self._err, transient=True) as bars:
            task = bars.add_task(what, total=total)
            yield lambda steps: bars.advance(task, steps)


def _least_width(console: Console, table: Table) -> int:
    """Return the width below which words of a table are broken."""
    return Measurement.get(console, console.options.update(max_width=_NO_LIMIT), table).minimum


def in_kib(done: Callable[[int], None]) -> Callable[[int], None]:
    """Return what takes bytes and moves a bar of KiB on."""
    left = 0

    def tell(n_bytes: int) -> None:
        nonlocal left
        left += n_bytes
        if left >= _KIB:
            done(left // _KIB)
            left %= _KIB

    return tell


def _table(rows: Sequence[Sequence[str]]) -> Table:
    columns, *others = rows
    table = Table(*columns, header_style="bold", show_edge=False, pad_edge=False)
    for row in others:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table


def visible(text: str) -> str:
    """Return the text with everything that a terminal could obey or hide spelled as an escape."""
    return "".join(one if one.isprintable() or one == "\n" else f"\\u{ord(one):04x}" for one in text)


def _escaped(text: str) -> str:
    """Return JSON of the same meaning with everything that a terminal could obey or hide in its escapes."""
    return text if text.isprintable() else "".join(one if one.isprintable() else dumps(one)[1:-1] for one in text)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False, markup=False, emoji=False
    )
