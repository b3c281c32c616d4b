# SPDX-License-Identifier: Apache-2.0
"""The chain stops at the first entry that does not fit, and names it."""

from pathlib import Path

import pytest

from gateway.record.format.chain import Chain
from tests.fakes.log import NAME, changed, lines, put_lines, written


@pytest.fixture
def log(tmp_path: Path) -> Path:
    written(tmp_path / "door-0", 12)
    return tmp_path / "door-0"


def broken_at(log: Path) -> int | None:
    chain = Chain(log, NAME)
    for _ in chain.read():
        pass
    return None if chain.broken is None else chain.broken.index


def test_a_log_as_it_was_written_holds(log: Path) -> None:
    """Twelve links, in order."""
    chain = Chain(log, NAME)

    assert [link.seq for link in chain.read()] == list(range(12))
    assert (chain.broken, len(chain.leaves), chain.torn_bytes) == (None, 12, 0)


def test_reading_goes_on_where_it_ended(log: Path) -> None:
    """As for a log that grows."""
    whole = lines(log)
    put_lines(log, [*whole[:5], whole[5][:10]])
    chain = Chain(log, NAME)
    assert [link.seq for link in chain.read()] == [0, 1, 2, 3, 4]
    assert chain.torn_bytes == 10

    put_lines(log, whole)

    assert [link.seq for link in chain.read()] == [5, 6, 7, 8, 9, 10, 11]
    assert chain.torn_bytes == 0


@pytest.mark.parametrize("place", range(11))
def test_a_changed_entry_is_named(log: Path, place: int) -> None:
    """By the entries after it; for the one before the last the checkpoint must help."""
    whole = lines(log)
    whole[place] = changed(whole[place], at_us=1)
    put_lines(log, whole)

    assert broken_at(log) == (place if place < 10 else 11)


@pytest.mark.parametrize("place", range(1, 11))
def test_a_changed_link_is_named(log: Path, place: int) -> None:
    """The entry that names the wrong hash, not the one before it."""
    whole = lines(log)
    whole[place] = changed(whole[place], prev="1" * 64)
    put_lines(log, whole)

    assert broken_at(log) == place


def test_two_changed_neighbours_are_named_by_the_first_that_cannot_stand(log: Path) -> None:
    """Nothing after them vouches for either."""
    whole = lines(log)
    whole[4], whole[5] = changed(whole[4], at_us=1), changed(whole[5], at_us=1)
    put_lines(log, whole)

    assert broken_at(log) == 5


@pytest.mark.parametrize(
    ("order", "index"),
    [
        ([0, 1, 3, 4, 5, 6], 2),
        ([1, 2, 3], 0),
        ([0, 1, 2, 2, 3, 4], 3),
        ([0, 1, 3, 2, 4, 5], 2),
        ([0, 0, 1, 2], 1),
    ],
)
def test_entries_out_of_place_are_named(log: Path, order: list[int], index: int) -> None:
    """Deleted, duplicated, swapped."""
    whole = lines(log)
    put_lines(log, [whole[place] for place in order])

    assert broken_at(log) == index


def test_a_forged_entry_in_an_others_place_is_named(log: Path) -> None:
    """It has the right number and the right hash; the entries after it are in the chain and it is not."""
    whole = lines(log)
    put_lines(log, [*whole[:4], changed(whole[4], at_us=1), *whole[4:]])

    assert broken_at(log) == 4


@pytest.mark.parametrize("wrong", [b"\n", b"{}\n", b"not json\n", b'{"log":"\xff"}\n'])
def test_an_unreadable_entry_is_named(log: Path, wrong: bytes) -> None:
    """An empty line, one without members, one that is no JSON, one that is no Unicode."""
    whole = lines(log)
    put_lines(log, [*whole[:3], wrong, *whole[3:]])

    assert broken_at(log) == 3


def test_an_entry_of_another_log_is_named(log: Path) -> None:
    """Whatever its number."""
    whole = lines(log)
    put_lines(log, [*whole[:3], changed(whole[3], log="demo/node-1/door-1"), *whole[4:]])

    assert broken_at(log) == 3


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    """By the place at which the log ends before it."""
    written(tmp_path / "door-0", 12, most_bytes=1)
    (tmp_path / "door-0" / "000003.ndjson").unlink()
    chain = Chain(tmp_path / "door-0", NAME)
    read = len(list(chain.read()))

    assert chain.broken is not None
    assert (read, chain.broken.index, chain.broken.sentence) == (3, 3, "segment 000003 is missing")


def test_a_segment_that_ends_inside_a_line_is_named_unless_it_is_the_last(tmp_path: Path) -> None:
    """Only the newest line of a log can be torn."""
    log = tmp_path / "door-0"
    written(log, 12, most_bytes=1)
    put_lines(log, [lines(log, 3)[0][:-1]], 3)

    assert broken_at(log) == 3


def test_nothing_is_read_after_a_break(log: Path) -> None:
    """Also by a reading that is asked to go on."""
    whole = lines(log)
    put_lines(log, [changed(whole[0], prev="1" * 64), *whole[1:]])
    chain = Chain(log, NAME)

    assert [list(chain.read()), list(chain.read())] == [[], []]
    assert chain.broken is not None
    assert chain.broken.index == 0
