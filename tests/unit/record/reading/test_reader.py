# SPDX-License-Identifier: Apache-2.0
"""Entries are read in both directions, as they come, and one by one with their proofs."""

from pathlib import Path

import pytest

from gateway.domain.entry import Changed
from gateway.domain.errors import LogDamaged
from gateway.record.format.layout import parts_path
from gateway.record.format.merkle import leaf_hash
from gateway.record.format.proofs import is_included
from gateway.record.reading.reader import follow, merged, records, segment_of, show
from tests.fakes.log import START_US, Ticking, enter, lines, opened, part, put_lines, release, written


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "door-0", 20, most_bytes=1_500)
    return tmp_path / "door-0"


def test_entries_are_read_in_both_directions_with_their_parts(slot: Path) -> None:
    """Over several segments."""
    forward, backward = list(records(slot)), list(records(slot, newest_first=True))

    assert [record.line.seq for record in forward] == list(range(20))
    assert backward == forward[::-1]
    assert (forward[1].part, forward[3].part) == (part(0, 1), None)


def test_a_deleted_part_is_absent_and_a_changed_one_ends_the_reading(slot: Path) -> None:
    """A reader never shows what the entry did not name."""
    parts = parts_path(slot, 0)
    whole = parts.read_bytes()
    parts.write_bytes(b"".join(whole.splitlines(keepends=True)[1:]))
    assert next(record for record in records(slot) if record.line.seq == 1).part is None

    parts.write_bytes(whole.replace(b"192.0.2.7", b"192.0.2.8", 1))
    with pytest.raises(LogDamaged, match="entry 1 was changed"):
        list(records(slot))
    parts.write_bytes(b"x\n")
    with pytest.raises(LogDamaged, match="malformed"):
        list(records(slot))


def test_an_entry_that_cannot_be_read_ends_the_reading(slot: Path) -> None:
    """With a word where to look."""
    put_lines(slot, [b"x\n"])
    with pytest.raises(LogDamaged, match="gateway log verify"):
        list(records(slot))


def test_logs_are_merged_by_time(tmp_path: Path) -> None:
    """Newest first as well."""
    for name, start in (("door-0", 0), ("cli", 1)):
        log = opened(tmp_path / name, f"demo/node-1/{name}", clock=lambda start=start: START_US + start)  # type: ignore[misc]
        for n in range(3):
            enter(log, release(f"d{n}"), at_us=START_US + 10 * (n + 1) + start)
        log.close(START_US + 100 + start)
    both = [tmp_path / "door-0", tmp_path / "cli"]

    times = [record.line.at_us - START_US for record in merged(both)]

    assert times == [0, 1, 10, 11, 20, 21, 30, 31, 100, 101]
    assert [record.line.at_us - START_US for record in merged(both, newest_first=True)] == times[::-1]


def test_a_follower_sees_what_is_there_and_what_comes(tmp_path: Path) -> None:
    """Across new segments, with parts, each entry once, until it is told to stop."""
    slot = tmp_path / "door-0"
    log = opened(slot, most_bytes=600)
    enter(log, release("d0"), part(0))
    rounds = iter(range(10))

    def wait() -> bool:
        place = next(rounds)
        if place < 5:
            enter(log, release(f"e{place}"), part(place))
            enter(log, release(f"f{place}"))
        return place < 6

    seen = list(follow(slot, wait, after=0))
    log.close(START_US)

    assert [record.line.seq for record in seen] == list(range(1, 12))
    assert [record.part for record in seen[:3]] == [part(0), part(0), None]


def test_a_follower_waits_for_the_rest_of_a_torn_line(tmp_path: Path) -> None:
    """It shows no half entry."""
    slot = tmp_path / "door-0"
    written(slot, 4)
    whole = lines(slot)
    put_lines(slot, [*whole[:3], whole[3][:20]])

    def wait() -> bool:
        is_first = len(lines(slot)[3]) == 20
        put_lines(slot, whole)
        return is_first

    assert [record.line.seq for record in follow(slot, wait)] == [0, 1, 2, 3]


@pytest.mark.parametrize("seq", range(20))
def test_every_entry_is_shown_with_a_proof_that_holds(slot: Path, seq: int) -> None:
    """From its stored bytes to the signed root."""
    shown = show(slot, seq)

    assert shown is not None
    assert shown.proof is not None
    assert shown.record.line.seq == seq
    assert shown.leaf == leaf_hash(shown.record.raw).hex()
    proof = [bytes.fromhex(one) for one in shown.proof]
    assert is_included(bytes.fromhex(shown.leaf), seq, shown.size, proof, bytes.fromhex(shown.root))


def test_an_entry_beyond_the_end_is_not_there(slot: Path) -> None:
    """And one that nobody signed yet has no proof."""
    log = opened(slot)
    enter(log, release("tail"))
    log.close(None)

    assert show(slot, 22) is None
    shown = show(slot, 21)
    assert shown is not None
    assert (shown.proof, shown.size) == (None, 21)


@pytest.mark.parametrize(
    "damage",
    [
        lambda slot: (slot / "checkpoint").unlink(),
        lambda slot: (slot / "log.pub").write_text("x"),
        lambda slot: put_lines(slot, [], 3),
    ],
)
def test_nothing_is_shown_of_a_log_that_does_not_hold(slot: Path, damage: object) -> None:
    """No checkpoint, no key, or a segment emptied further on."""
    assert callable(damage)
    damage(slot)
    with pytest.raises(LogDamaged):
        show(slot, 1)


def test_the_segment_of_a_place_is_found(slot: Path) -> None:
    """The last one for places to come; the first of an empty log."""
    assert segment_of(slot, 0) == 0
    assert segment_of(slot, 1_000) == max(int(path.stem) for path in slot.glob("*.ndjson"))
    (slot / "empty").mkdir()
    assert segment_of(slot / "empty", 5) == 0


def test_a_line_is_told_without_anything_that_a_terminal_obeys(tmp_path: Path) -> None:
    """Escapes, direction marks and line separators are spelled out; other scripts are left alone."""
    log = opened(tmp_path / "door-0", clock=Ticking())
    enter(log, Changed(by="local:root", what="x", target="张三 \x1b[31m \u202e \u2028 \x7f \x85 \U000e0001"))
    log.close(START_US)

    text = list(records(tmp_path / "door-0"))[1].text()

    assert text.isprintable()
    assert r"张三 \u001b[31m \u202e \u2028 \u007f \u0085 \udb40\udc01" in text
