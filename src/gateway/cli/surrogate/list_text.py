# SPDX-License-Identifier: Apache-2.0
"""The text of a list that somebody found, in pieces: whatever encoding it came in, and never whole in memory."""

import codecs
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gateway.cli.desk.desk import Stop

PIECE_CHARACTERS = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED = {b"PK\x03\x04": "a packed file, as of a spreadsheet (.xlsx)", b"\x1f\x8b": "packed by gzip"}
STDIN = "-"


@contextmanager
def opened(name: str, encoding: str | None) -> Iterator[tuple[Iterator[str], int | None]]:
    """Yield the pieces of a text, and its length in bytes where that is known.

    Args:
        name: Of a file; ``-`` for standard input.
        encoding: ``None`` to tell it by the first bytes, and to take UTF-8 where these say nothing.

    Raises:
        Stop: It is no text, or there is no such encoding.
    """
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise Stop(f"there is no encoding {encoding!r}; UTF-8, UTF-16 and GB18030 are the usual ones") from None
    if name == STDIN:
        yield _pieces(sys.stdin.buffer, encoding), None
        return
    path = Path(name)
    with path.open("rb") as file:
        yield _pieces(file, encoding), path.stat().st_size


def _pieces(file: BinaryIO, encoding: str | None) -> Iterator[str]:
    buffered = io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file
    begin = buffered.peek(8)[:8] if isinstance(buffered, io.BufferedReader) else b""
    for mark, what in _PACKED.items():
        if begin.startswith(mark):
            raise Stop(f"this is {what}; unpack it, or save it as CSV, and trace that")
    told = encoding or next((name for mark, name in _MARKS if begin.startswith(mark)), "utf-8")
    # What cannot be read is no surrogate; it must not keep the rest from being read.
    text = io.TextIOWrapper(buffered, encoding=told, errors="replace", newline=None)
    try:
        while piece := text.read(PIECE_CHARACTERS):
            yield piece
    finally:
        text.detach()
