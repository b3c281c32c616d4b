# SPDX-License-Identifier: Apache-2.0
"""Scanners that are kept across buffers."""

import pytest

from gateway.domain.errors import StoreMisbehaved
from gateway.transform.scan import MOST_DEPTH, MOST_ROW_BYTES, NO_ROW, Head, RowScanner, Walk, n_objects, read_members

SIZES = (1, 2, 3, 5, 1000)


def pieces(text: bytes, size: int) -> list[bytes]:
    """Return a text in pieces."""
    return [text[n : n + size] for n in range(0, len(text), size)]


@pytest.mark.parametrize("size", SIZES)
def test_brackets_inside_strings_are_not_brackets(size: int) -> None:
    """Escaped quotes and backslashes at any edge of a buffer included."""
    text = rb'{"a\\":"}]\"[{\\","b":["\\\\\"]",{}]}'
    walk = Walk()
    found = [piece[place] for piece in pieces(text, size) for place in walk.brackets(piece, 0)]
    assert bytes(found) == b"{[{}]}"


def scanned(text: bytes, size: int) -> tuple[bytes, int]:
    """Return the row that a scanner takes from a text, and how many bytes it used."""
    scanner, used = RowScanner(), 0
    for piece in pieces(text, size):
        used += scanner.scan(piece, 0)
        if scanner.is_done:
            return scanner.take(), used
    raise AssertionError("the row has no end")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("text", "row"),
    [
        (rb'{"a":"}\"","b":{"c":[1]}},', rb'{"a":"}\"","b":{"c":[1]}}'),
        (b"{},{}", b"{}"),
        (b'"a,]\\"}",1', NO_ROW),
        (b"12.5e3 ,", NO_ROW),
        (b"null]", NO_ROW),
        (b"[1,[2]],", NO_ROW),
        (b'{"a":"\\ud800"},', NO_ROW),
        (b'{"a":' + b"[" * MOST_DEPTH + b"]" * MOST_DEPTH + b"},", NO_ROW),
        (b'{"a":' + b"[" * (MOST_DEPTH - 1) + b"]" * (MOST_DEPTH - 1) + b"},", None),
    ],
)
def test_an_element_ends_where_it_ends_however_it_comes(text: bytes, row: bytes | None, size: int) -> None:
    """What is no row of ours is null in its place."""
    found, used = scanned(text, size)
    assert found == (text[:used] if row is None else row)
    assert text[used : used + 1] in (b",", b"]", b" ")


@pytest.mark.parametrize(
    "text", [b"nul,", b"{]},", b'{"a":NaN},', b"NaN,", b"},", b'1"x",', b"{1:2},", b'"\x01",', b"[1,,2],"]
)
def test_what_is_not_json_is_the_stores_fault(text: bytes) -> None:
    """The message holds nothing of it."""
    with pytest.raises(StoreMisbehaved, match=r"^the store's answer is not JSON$"):
        scanned(text, 1000)


def test_a_row_that_is_too_long_is_followed_and_not_kept() -> None:
    """Its memory is given back as soon as it is too long."""
    scanner = RowScanner()
    scanner.scan(b'{"a":"', 0)
    for _ in range(40):
        scanner.scan(b"x" * 65_536, 0)
    assert len(scanner._text) == 0
    assert scanner.scan(b'"}, rest', 0) == 2
    assert scanner.take() == NO_ROW


def test_a_row_of_just_1_mib_is_kept() -> None:
    """The bound is the bound."""
    row = b'{"a":"' + b"x" * (MOST_ROW_BYTES - 8) + b'"}'
    assert scanned(row + b",", 65_536)[0] == row
    assert scanned(row[:6] + b"x" + row[6:] + b",", 65_536)[0] == NO_ROW


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "head",
    [
        b'{"rows":[',
        b' { "rows" : [',
        b'{"a":"rows","b":[{"rows":[]}],"c":{"rows":[1]},"rows":[',
        b'{"a":"[{\\"","\\u0072ows":[',
    ],
)
def test_the_list_of_rows_is_found_by_its_name_in_the_outer_object(head: bytes, size: int) -> None:
    """However the name is escaped, and whatever else bears it further in."""
    found = Head("rows")
    rest = pieces(head + b'{"x":1}', size)
    for piece in rest:
        end = found.scan(piece, 0)
        if found.is_done:
            assert piece[end:] == (head + b'{"x":1}')[len(head) :][: len(piece) - end]
            break
    assert found.text == head


@pytest.mark.parametrize(
    "head",
    [
        b"[1]",
        b'"x"{',
        b"\xef\xbb\xbf{",
        b'{"a":1}',
        b'{"rows":1,"rows":[',
        b'{"a":NaN,"rows":[',
        b'{"a" 1,"rows":[',
        b'{"a":[},"rows":[',
        b'{"a":{}}',
        b'{"a":"' + b"x" * 70_000,
        b'{"a":"' + b"x" * 70_000 + b'","rows":[',
    ],
)
def test_a_head_that_is_not_as_declared_is_the_stores_fault(head: bytes) -> None:
    """Before a single row is given out."""
    with pytest.raises(StoreMisbehaved):
        Head("rows").scan(head, 0)


def test_an_array_is_counted_only_if_it_holds_objects_alone() -> None:
    """Anything else counts as nothing."""
    texts = [b"[{},{}]", b"[{},1]", b"[{}", b"[NaN]", b"{}", b"[" * 100_000, b'[{"a":"\\ud800"}]']
    assert [n_objects(text) for text in texts] == [2, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("text", [b"[]", b"1", b"{", b'{"a":1,"a":2}', b""])
def test_members_are_read_strictly(text: bytes) -> None:
    """Only an object, and no key twice."""
    with pytest.raises(StoreMisbehaved):
        read_members(text)
