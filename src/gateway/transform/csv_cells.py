# SPDX-License-Identifier: Apache-2.0
"""Rows as CSV for the caller: exact for machines, and without formulas for people.

RULES

1. A header names the fields that leave, in the order of the collection. Lines end with CRLF, cells
   are parted by commas; a cell is quoted where it must be, with quotes doubled.
2. Null and missing are an empty cell, an empty text is ``""``. Numbers keep their digits, booleans are
   ``true`` and ``false``. For machines nothing is changed; for people see ``formulas``.
3. An answer that is cut ends with a record of the gateway's own, ``#gateway,cut,…``. No row can look
   like it: a first cell that begins with ``#`` is quoted, that of the record is not.

Source: RFC 4180.
"""

import re
from collections.abc import Sequence

from msgspec import UNSET

from gateway.domain.names import FieldName
from gateway.transform.blocks import Frame
from gateway.transform.formulas import HARMLESS, without_formula
from gateway.transform.inner import Cell

_BREAKS_A_CELL = re.compile('[",\r\n]')
# Also what programs with other separators would take for one.
_BREAKS_A_CELL_OF_PEOPLE = re.compile('[",;|\t\r\n\x0b\x0c\x85\u2028\u2029]')


def csv_frame(fields: Sequence[FieldName], *, for_people: bool) -> Frame:
    """Return what stands around the rows: a header, and a line break behind each."""
    (header,) = csv_rows([[name] for name in fields], 1, for_people=for_people)
    return Frame(opening=header + b"\r\n", behind=b"\r\n")


def csv_rows(columns: Sequence[Sequence[Cell]], n_rows: int, *, for_people: bool) -> list[bytes]:
    """Return the rows that columns of equal length make, without their line breaks."""
    if not columns:
        return [b""] * n_rows
    spell = _for_people if for_people else _exactly
    first, *others = [list(map(spell, column)) for column in columns]
    # A lone empty cell would be an empty line, which readers pass over.
    first = [_not_ours(text) or ("" if others else '""') for text in first]
    return [",".join(cells).encode() for cells in zip(first, *others, strict=True)]


def control_record(n_rows: int, reason: str) -> bytes:
    """Return the record that ends an answer which was cut."""
    return f"#gateway,cut,{n_rows},{reason}\r\n".encode()


def _exactly(value: Cell) -> str:
    return _spelled(value) if not isinstance(value, str) else _quoted(value, _BREAKS_A_CELL)


def _for_people(value: Cell) -> str:
    if not isinstance(value, str):
        return _spelled(value)
    return value if HARMLESS.fullmatch(value) else _quoted(without_formula(value), _BREAKS_A_CELL_OF_PEOPLE)


def _spelled(value: Cell) -> str:
    if value is None or value is UNSET:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quoted(text: str, breaks: re.Pattern[str]) -> str:
    if text and breaks.search(text) is None:
        return text
    return '"' + text.replace('"', '""') + '"'


def _not_ours(text: str) -> str:
    return f'"{text}"' if text.startswith("#") else text
