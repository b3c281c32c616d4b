# SPDX-License-Identifier: Apache-2.0
"""Parts have one spelling, keep their bytes, and are walked beside their entries."""

from pathlib import Path

import pytest

from gateway.domain.entry import Part
from gateway.record.format.parts import PartInvalid, PartsCursor, StoredPart, new_salts, parse_part

STORED = StoredPart(12, bytes(range(16)), b'{"ip":"192.0.2.7"}')


def put(directory: Path, *stored: StoredPart, number: int = 0, tail: bytes = b"") -> None:
    (directory / "parts").mkdir(exist_ok=True)
    (directory / "parts" / f"{number:06}.ndjson").write_bytes(b"".join(one.line() for one in stored) + tail)


def at(seq: int) -> StoredPart:
    return StoredPart(seq, bytes(16), b"{}")


def test_a_part_comes_back_with_the_bytes_that_were_hashed() -> None:
    """Also bytes that no encoder of ours would write."""
    odd = StoredPart(3, new_salts(1)[0], b'{ "ip" : "\\u0031" , "user_agent":"}" }')

    back = parse_part(odd.line()[:-1])

    assert (back, back.digest) == (odd, odd.digest)
    assert back.part() == Part(ip="1", user_agent="}")


def test_the_digest_depends_on_the_salt() -> None:
    """So it cannot be guessed from the part alone."""
    assert at(1).digest != StoredPart(1, b"\x01" + bytes(15), b"{}").digest


def test_salts_are_new_every_time() -> None:
    """Sixteen bytes each."""
    salts = new_salts(100) + new_salts(100)
    assert (len(set(salts)), set(map(len, salts))) == (200, {16})


@pytest.mark.parametrize(
    ("find", "put"),
    [
        (b'"seq":12', b'"seq":012'),
        (b'"seq":12', b'"seq":-2'),
        (b'"seq":12', b'"seq": 12'),
        (b"0a0b", b"0A0b"),
        (b"0a0b", b"0a0"),
        (b'"salt"', b'"Salt"'),
        (b'{"seq"', b' {"seq"'),
        (b'"}}', b'"}} '),
        (b'"}}', b'"}'),
    ],
)
def test_another_spelling_of_a_line_is_refused(find: bytes, put: bytes) -> None:
    """Zeros, spaces, capitals, a missing brace: each would be the same to a JSON reader or to none."""
    line = STORED.line()[:-1]
    assert line.count(find) == 1
    with pytest.raises(PartInvalid, match="malformed"):
        parse_part(line.replace(find, put) if put != b'"}' else line[:-2] + b'"')


def test_the_cursor_gives_each_entry_its_part_and_nothing_for_deleted_ones(tmp_path: Path) -> None:
    """Over two segments."""
    put(tmp_path, at(1), at(3))
    put(tmp_path, at(5), number=1)
    cursor = PartsCursor(tmp_path)

    taken = [cursor.take(seq, 0 if seq < 4 else 1, is_named=True) for seq in range(6)]

    assert taken == [None, at(1), None, at(3), None, at(5)]
    assert cursor.ahead() == 0


def test_the_cursor_counts_parts_that_are_ahead(tmp_path: Path) -> None:
    """As a crash between parts and lines leaves them, the last one torn."""
    put(tmp_path, at(0), at(1), at(2), tail=b'{"seq":3')
    cursor = PartsCursor(tmp_path)
    cursor.take(0, 0, is_named=True)

    assert (cursor.ahead(), cursor.rest) == (2, b'{"seq":3')


def test_the_cursor_catches_up_with_a_growing_file(tmp_path: Path) -> None:
    """The end that it saw was not the last."""
    put(tmp_path, at(0))
    cursor = PartsCursor(tmp_path)
    cursor.take(0, 0, is_named=True)
    assert cursor.take(1, 0, is_named=False) is None

    put(tmp_path, at(0), at(2))

    assert cursor.take(2, 0, is_named=True) == at(2)


@pytest.mark.parametrize("stored", [(at(1), at(0)), (at(0), at(0))])
def test_parts_out_of_order_are_refused(tmp_path: Path, stored: tuple[StoredPart, ...]) -> None:
    """Swapped or twice."""
    put(tmp_path, *stored)
    cursor = PartsCursor(tmp_path)

    with pytest.raises(PartInvalid, match=r"cannot belong|out of order"):
        [cursor.take(seq, 0, is_named=True) for seq in range(3)]


def test_a_part_in_the_file_of_another_segment_is_refused(tmp_path: Path) -> None:
    """Entry 5 is not in segment 0."""
    put(tmp_path, at(0), at(5))
    put(tmp_path, number=1)
    cursor = PartsCursor(tmp_path)
    cursor.take(0, 0, is_named=True)

    with pytest.raises(PartInvalid, match="go beyond"):
        cursor.take(5, 1, is_named=True)
