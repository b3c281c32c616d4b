# SPDX-License-Identifier: Apache-2.0
"""Ends of records and their cells."""

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.transform.csv_scan import Cells, RecordScanner, cells_of, one_of, sound_end
from gateway.transform.scan import MOST_ROW_BYTES

SOUND: list[tuple[bytes, list[str]]] = [
    (b"a,b\n", ["a", "b"]),
    (b"a,b\r\n", ["a", "b"]),
    (b"\n", [""]),
    (b"\r\n", [""]),
    (b",\n", ["", ""]),
    (b'"a,b","c\r\nd\n","e""f"""\n', ["a,b", "c\r\nd\n", 'e"f"']),
    (b'"",""""\n', ["", '"']),
    (b" a ,\tb\n", [" a ", "\tb"]),
    ("欧阳,\u2028,\x0b\x0c\x1c\x85é\n".encode(), ["欧阳", "\u2028", "\x0b\x0c\x1c\x85é"]),
    (b"'a;b',#c\n", ["'a;b'", "#c"]),
]
MALFORMED = [b'a"b\n', b'a"\n', b' "a"\n', b"a\rb\n", b"\r\r\n", b'"a"\rb\n', b'a,b"c",d\n', b"\xff\n", b'"\xc3"\n']


def scanned(record: bytes, size: int) -> tuple[Cells, bool]:
    """Return what the scanner finds in chunks of a size, and whether it came to the end of the record."""
    scanner = RecordScanner()
    for start in range(0, len(record), size):
        piece = record[start : start + size]
        assert scanner.scan(piece, 0) == len(piece)
    return scanner.cells(), scanner.is_done


@pytest.mark.parametrize(("record", "cells"), SOUND)
def test_a_sound_record_is_found_whole_and_in_pieces(record: bytes, cells: list[str]) -> None:
    """Both ways of looking agree."""
    assert sound_end(b"x" + record + b'"open', 1) == 1 + len(record)
    assert one_of(record) == cells
    assert [scanned(record, size) for size in (1, 2, 100)] == [(cells, True)] * 3


@pytest.mark.parametrize("record", MALFORMED)
def test_a_malformed_record_ends_where_its_line_ends(record: bytes) -> None:
    """It has no cells."""
    assert [scanned(record, size) for size in (1, 2, 100)] == [(None, True)] * 3


def test_sound_records_are_read_at_once_and_one_by_one() -> None:
    """One by one where one of them is not UTF-8, or has a cell that is too long."""
    records, cells = b"".join(record for record, _ in SOUND), [cells for _, cells in SOUND]
    assert sound_end(records, 0) == len(records)
    assert cells_of(records) == cells
    assert cells_of(records + b"\xff\n" + records) == [*cells, None, *cells]
    long = b"x" * 131_073 + b"\n"
    assert cells_of(records + long + records) == [*cells, None, *cells]


def test_what_is_behind_the_last_sound_record_is_left() -> None:
    """Whether it is not whole, or not sound."""
    for rest in (b"", b"c", b'"c\n', b'c"\n', b'"c"d\n'):
        assert sound_end(b"a\nb\n" + rest, 0) == 4


@pytest.mark.parametrize("size", [1, 2, 100])
def test_text_behind_a_closing_quote_breaks_the_answer(size: int) -> None:
    """Nobody can tell where the record ends."""
    for record in (b'"a"b\n', b'"a" ,b\n', b'"a""b"c\n'):
        with pytest.raises(StoreMisbehaved, match="closing quote"):
            scanned(record, size)


@pytest.mark.parametrize(
    ("piece", "cells"), [(b"a,b", ["a", "b"]), (b'a,"b"', ["a", "b"]), (b'a,"b', None), (b"a,b\r", None), (b'a"', None)]
)
def test_a_record_without_its_line_break_is_whole_if_no_cell_is_open(piece: bytes, cells: Cells) -> None:
    """And nothing else is wrong with it."""
    assert scanned(piece, 1) == (cells, False)


def test_a_record_that_is_too_long_is_followed_and_not_kept() -> None:
    """To its end."""
    scanner = RecordScanner()
    for _ in range(32):
        scanner.scan(b'"",\n"x' if scanner.is_empty else b"x" * 65_536, 0)
        if scanner.is_done:
            scanner = RecordScanner()
    scanner = RecordScanner()
    scanner.scan(b'"' + b"\n" * (MOST_ROW_BYTES + 1), 0)
    assert (scanner.n_bytes, scanner.is_empty) == (0, False)
    assert scanner.scan(b'",x\ny', 0) == 4
    assert (scanner.is_done, scanner.cells()) == (True, None)
