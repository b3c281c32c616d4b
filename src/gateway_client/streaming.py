# SPDX-License-Identifier: Apache-2.0
"""Rows as they come, line by line, to the true end of the last page.

An answer of lines ends in one of three ways: whole; cut with a last record ``{"$gateway": {"end": "cut", …}}``;
or with the connection. The last two raise ``CutStream``, so that a loop over rows ends by itself only if it
saw every row.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import httpx

from gateway_client.answers import Row, decision_of, more_of, next_of, read_json, view_of
from gateway_client.errors import CutStream, MoreMayFollow, NotTheGateway

NDJSON = "application/x-ndjson"
CONTROL = "$gateway"
MOST_LINE_BYTES = 4 << 20
"""A line that is longer is no row of the gateway's, which sends at most 1 MiB for one."""

Open = Callable[[str | None], AbstractContextManager[httpx.Response]]
"""Opens a page as a stream: the first for ``None``, any other by its path and query."""


class Rows:
    """The rows of a list. Iterate once; close it, or leave its ``with`` block, to stop early.

    Attributes:
        view: ``Data-View`` of the page that is being read, as fields by treatment.
        decision_ids: Of every page so far.
        n_rows: That came so far.
    """

    def __init__(self, opened: Open, *, pages: bool) -> None:
        """Keep how pages are opened; nothing is asked before the first row is."""
        self._open, self._pages = opened, pages
        self.view: dict[str, tuple[str, ...]] = {}
        self.decision_ids: list[str] = []
        self.n_rows = 0
        self._rows = self._every_page()

    def __iter__(self) -> Iterator[Row]:
        """Return the rows that were not read yet."""
        return self._rows

    def __next__(self) -> Row:
        """Return the next row."""
        return next(self._rows)

    def __enter__(self) -> Self:
        """Return the rows."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection of the page that is open."""
        self.close()

    def close(self) -> None:
        """Stop reading; the gateway learns of it when the connection closes."""
        self._rows.close()

    def _every_page(self) -> Generator[Row, None, None]:
        following: str | None = None
        while True:
            with self._open(following) as answer:
                decision = decision_of(answer)
                self.decision_ids.append(decision)
                self.view = view_of(answer)
                yield from self._lines(answer, decision)
            if not self._pages:
                return
            more, following = more_of(answer), next_of(answer)
            if more is False:
                return
            if following is None:
                raise MoreMayFollow(self.n_rows, decision)

    def _lines(self, answer: httpx.Response, decision: str) -> Iterator[Row]:
        if answer.headers.get("content-type", "").partition(";")[0] != NDJSON:
            raise NotTheGateway("the answer is not lines of JSON")
        try:
            for line in _split(answer.iter_bytes()):
                row = _row(line, self.n_rows, decision)
                self.n_rows += 1
                yield row
        except (httpx.TransportError, _Torn) as error:
            raise CutStream(self.n_rows, "", decision) from error


class _Torn(Exception):
    """The last line has no end."""


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Return whole lines; what stands behind the last line feed is a cut."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        *lines, last = rest.split(b"\n")
        yield from map(bytes, lines)
        rest = bytearray(last)
        if len(rest) > MOST_LINE_BYTES:
            raise NotTheGateway("a line of the answer is longer than any row")
    if rest:
        raise _Torn


def _row(line: bytes, n_rows: int, decision: str) -> Row:
    try:
        told = read_json(line)
    except NotTheGateway:
        raise CutStream(n_rows, "", decision) from None
    if not isinstance(told, dict):
        raise NotTheGateway("a line of the answer is no row")
    control = told.get(CONTROL)
    if isinstance(control, dict):
        raise CutStream(n_rows, str(control.get("reason", "")), decision)
    return told
