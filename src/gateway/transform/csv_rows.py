# SPDX-License-Identifier: Apache-2.0
"""Rows as CSV: from the bytes of a store's answer to rows in JSON, for the one codec to read.

RULES

1. The answer is UTF-8; a byte order mark before it is passed over, a NUL breaks it. The first record
   names the fields. Names that come twice, or a header of more than 64 KiB, break the answer.
2. A column that the codec does not read is passed over, and a field without a column is missing.
3. A cell that is empty, quoted or not, is null. Other cells are of their field's type as JSON spells
   it: ``-12``, ``0.50``, ``1e3``, ``true``. Text stays as it is, spaces included.
4. A record that is malformed, has more or fewer cells than the header, or a cell that is not of its
   type, becomes ``null``, which the codec counts as malformed.
5. The last record may lack its line break. If it is then not a whole row, the answer ended early.

Source: RFC 4180.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import cast

import msgspec
from msgspec import UNSET

from gateway.domain.catalog import FieldSpec, FieldType
from gateway.domain.errors import StoreMisbehaved
from gateway.transform.csv_scan import Cells, RecordScanner, cells_of, sound_end
from gateway.transform.inner import Cell
from gateway.transform.scan import MOST_MEMBERS_BYTES
from gateway.transform.shape import KINDS, Member, RowShape
from gateway.transform.split import PIECE_BYTES, Members

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,999})")
# An exponent of more digits is none of an amount; the codec would refuse the number.
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,999})(?:\.[0-9]{1,999})?(?:[eE][+-]?[0-9]{1,4})?")


class CsvSplitter:
    """Cuts one answer; made for each call, for the fields that its codec reads."""

    def __init__(self, fields: Sequence[FieldSpec]) -> None:
        self._fields = fields
        self._columns: _Columns | None = None
        self._record = RecordScanner()
        self._in_record = True
        self._start: bytes | None = b""
        """The first bytes, while they may be those of a byte order mark."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the rows whose records the chunk completes, as JSON arrays of objects and nulls.

        Raises:
            StoreMisbehaved: The answer is not CSV with a header.
        """
        if b"\0" in chunk:
            raise StoreMisbehaved("the store's CSV has a NUL")
        if self._start is not None:
            chunk = self._behind_mark(chunk)
        pieces = (chunk[start : start + PIECE_BYTES] for start in range(0, len(chunk), PIECE_BYTES))
        return [self._array(rows) for piece in pieces if (rows := self._rows(piece))]

    def finish(self) -> Members:
        """Return the last row, if no line break ended it.

        Raises:
            StoreMisbehaved: The answer has no header, or ended in the middle of a record.
        """
        last = [] if self._record.is_empty else self._named([self._record.cells()])
        if self._columns is None or self._start:
            raise StoreMisbehaved("the store's CSV has no header")
        rest = tuple(map(self._array, [last] if last else []))
        if rest == (b"[null]",):
            raise StoreMisbehaved("the store's answer ended early")
        return Members(counts={}, rest=rest, unread=self._columns.unread)

    def _behind_mark(self, chunk: bytes) -> bytes:
        start = (self._start or b"") + chunk
        if _BYTE_ORDER_MARK.startswith(start) and start != _BYTE_ORDER_MARK:
            self._start = start
            return b""
        self._start = None
        return start.removeprefix(_BYTE_ORDER_MARK)

    def _rows(self, piece: bytes) -> list[Cells]:
        found: list[Cells] = []
        place = 0
        while place < len(piece):
            if self._in_record:
                place = self._record.scan(piece, place)
                self._check_header(found)
                self._in_record = not self._record.is_done
                if self._record.is_done:
                    found.append(self._record.cells())
                    self._record = RecordScanner()
            else:
                end = sound_end(piece, place)
                found += cells_of(piece[place:end])
                place, self._in_record = end, True
        return self._named(found)

    def _check_header(self, found: list[Cells]) -> None:
        if self._columns is None and not found and self._record.n_bytes > MOST_MEMBERS_BYTES:
            raise StoreMisbehaved("the header of the store's CSV is too long")

    def _named(self, records: list[Cells]) -> list[Cells]:
        """Return the records behind the header, which is read if it is the first of them."""
        if self._columns is not None or not records:
            return records
        self._columns = _Columns(records[0], self._fields)
        return records[1:]

    def _array(self, records: list[Cells]) -> bytes:
        return b"[]" if self._columns is None else self._columns.array(records)


class _Columns:
    """The columns that a header names, as far as they are of use.

    Attributes:
        unread: Names of the others.

    Raises:
        StoreMisbehaved: The header is malformed, or a name in it comes twice.
    """

    def __init__(self, header: Cells, fields: Sequence[FieldSpec]) -> None:
        if header is None or len(set(header)) != len(header):
            raise StoreMisbehaved("the header of the store's CSV is malformed or names a column twice")
        self._n_cells = len(header)
        places = {name: place for place, name in enumerate(header)}
        self._fields = [(spec, places[spec.name]) for spec in fields if spec.name in places]
        read = {spec.name for spec in fields}
        self.unread = tuple(name for name in header if name not in read)
        self._shape = RowShape("Csv", [(spec.name, KINDS[spec.type]) for spec, _ in self._fields])
        self._encoder = msgspec.json.Encoder(decimal_format="number")

    def array(self, records: list[Cells]) -> bytes:
        """Return the records as a JSON array of objects, and null for each that is malformed."""
        whole = [cells for cells in records if cells is not None and len(cells) == self._n_cells]
        columns = list(zip(*whole, strict=True))
        bad: set[int] = set()
        values: dict[str, Sequence[Member]] = {path: [_THERE] * len(whole) for path in self._shape.objects()}
        for spec, place in self._fields:
            column = _typed(spec.type, columns[place] if columns else ())
            if spec.type in _READERS and UNSET in column:
                bad.update(row for row, value in enumerate(column) if value is UNSET)
            values[spec.name] = column
        rows = iter(self._shape.build(values, len(whole)))
        told: list[msgspec.Struct | None] = [None if place in bad else row for place, row in enumerate(rows)]
        if len(whole) < len(records):
            sound = iter(told)
            told = [next(sound) if cells is not None and len(cells) == self._n_cells else None for cells in records]
        return self._encoder.encode(told)


class _There(msgspec.Struct):
    """Stands for an object that holds fields: in CSV each of them is always there."""


_THERE = _There()


def _typed(kind: FieldType, cells: Sequence[str]) -> Sequence[Cell]:
    """Return the values of a column; ``UNSET`` for a cell that is not of the type."""
    read = _READERS.get(kind)
    if read is None:
        return [cell or None for cell in cells]
    return [read(cell) if cell else None for cell in cells]


def _integer(cell: str) -> Cell:
    return int(cell) if _INTEGER.fullmatch(cell) else UNSET


def _decimal(cell: str) -> Cell:
    return Decimal(cell) if _DECIMAL.fullmatch(cell) else UNSET


def _boolean(cell: str) -> Cell:
    return cast("Cell", {"true": True, "false": False}.get(cell, UNSET))


_READERS: dict[FieldType, Callable[[str], Cell]] = {
    FieldType.INTEGER: _integer,
    FieldType.DECIMAL: _decimal,
    FieldType.BOOLEAN: _boolean,
}
