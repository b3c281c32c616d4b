# SPDX-License-Identifier: Apache-2.0
"""Proofs hold under the log's signed checkpoint, or none is given out."""

from pathlib import Path

import pytest

from gateway.domain.errors import LogDamaged
from gateway.record.format.checkpoint import parse_note
from gateway.record.format.cosign import cosignature, with_signatures
from gateway.record.format.merkle import leaf_hash
from gateway.record.format.proofs import is_consistent, is_included
from gateway.record.proof.proving import NoSuchEntry, Prover
from tests.fakes.log import changed, checkpoint_of, key_of, lines, put_lines, written


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    written(tmp_path / "log" / "door-0", 40, most_bytes=4096)
    return tmp_path / "log" / "door-0"


def test_every_entry_is_proved(slot: Path) -> None:
    """From its own line to the root under the checkpoint."""
    prover = Prover(slot)
    state = prover.newest().state
    for index in range(40):
        proof, line = prover.inclusion(index), prover.line(index)
        assert line is not None
        assert is_included(leaf_hash(line), index, 40, proof.hashes, state.root)
        assert proof.note == checkpoint_of(slot)


def test_every_pair_of_sizes_is_proved_consistent(slot: Path) -> None:
    """Nothing is needed from size 0, or between equal sizes."""
    prover = Prover(slot)
    for second in (1, 2, 7, 32, 40):
        for first in range(second + 1):
            proof = prover.consistency(first, second)
            assert is_consistent(first, prover.root(first), second, prover.root(second), proof)


def test_what_no_checkpoint_covers_is_not_proved(slot: Path) -> None:
    """It says how far the newest goes."""
    prover = Prover(slot)
    for index in (40, 1 << 40):
        with pytest.raises(NoSuchEntry, match="the newest is over 40"):
            prover.inclusion(index)
    for first, second in ((2, 1), (0, 41)):
        with pytest.raises(NoSuchEntry):
            prover.consistency(first, second)


def test_the_co_signed_checkpoint_is_taken_where_it_covers_the_entry(slot: Path) -> None:
    """Else the log's own newest."""
    prover = Prover(slot)
    note = checkpoint_of(slot)
    line = cosignature(parse_note(note).text, "w/1", key_of("w/1"), 7)
    prover.keep_witnessed(with_signatures(note, [line]))
    written(slot, 10)

    assert line.line() in prover.inclusion(39).note
    assert prover.inclusion(45).note == checkpoint_of(slot)


def test_a_changed_entry_is_not_proved(slot: Path) -> None:
    """Neither it nor its neighbours, kept hashes or not."""
    whole = Prover(slot)
    assert whole.keep()
    first = lines(slot)
    put_lines(slot, [first[0], changed(first[1], at_us=1), *first[2:]])
    fresh = Prover(slot)
    fresh._hashes.forget()

    for index in (0, 1, 39):
        with pytest.raises(LogDamaged, match="does not fit its checkpoint"):
            fresh.inclusion(index)
    with pytest.raises(LogDamaged):
        fresh.keep()
    with pytest.raises(LogDamaged):
        fresh.consistency(3, 40)


def test_wrong_kept_hashes_are_made_anew(slot: Path) -> None:
    """They cost a reading and never a wrong proof."""
    assert Prover(slot).keep()
    (slot / "hashes" / "0").write_bytes(b"\0" * 40 * 32)
    prover = Prover(slot)
    line = prover.line(3)

    proof = prover.inclusion(3)

    assert line is not None
    assert is_included(leaf_hash(line), 3, 40, proof.hashes, prover.newest().state.root)
    assert prover.consistency(3, 40)
    assert prover.keep()


def test_lines_parts_and_calls_are_found(slot: Path) -> None:
    """By place, over segments; a part that was deleted is none."""
    prover = Prover(slot)
    (place,) = prover.places_of("d7")
    line = prover.line(place)

    assert line is not None
    assert b'"call":"d7"' in line
    assert (prover.part(place) or b"").startswith(b'{"seq":%d,' % place)
    assert prover.part(0) is None
    assert prover.line(4000) is None
    assert prover.places_of("d") == []
    for path in (slot / "parts").iterdir():
        path.unlink()
    assert prover.part(place) is None


@pytest.mark.parametrize(("name", "content"), [("log.pub", b"x"), ("checkpoint", b"x"), ("checkpoint", b"\xff")])
def test_without_key_or_checkpoint_nothing_is_proved(slot: Path, name: str, content: bytes) -> None:
    """It says which file is wrong."""
    (slot / name).write_bytes(content)
    with pytest.raises(LogDamaged, match="run `gateway log verify`"):
        Prover(slot).inclusion(0)
    (slot / name).unlink()
    with pytest.raises(LogDamaged, match="missing"):
        Prover(slot).inclusion(0)


def test_entries_whose_segments_are_elsewhere_are_proved_from_kept_hashes(slot: Path) -> None:
    """Their lines are with whoever has the segments; without kept hashes it says what is needed."""
    assert Prover(slot).keep()
    line = Prover(slot).line(2)
    (slot / "000000.ndjson").unlink()
    prover = Prover(slot)

    assert line is not None
    assert is_included(leaf_hash(line), 2, 40, prover.inclusion(2).hashes, prover.newest().state.root)
    assert prover.line(2) is None
    assert prover.consistency(1, 40)
    (slot / "hashes" / "place").unlink()
    with pytest.raises(LogDamaged, match="put them back to make proofs"):
        Prover(slot).inclusion(2)


def test_hashes_that_cannot_be_made_anew_are_not_thrown_away(slot: Path) -> None:
    """A wrong checkpoint must not cost what the segments elsewhere could no longer give."""
    assert Prover(slot).keep()
    (slot / "000000.ndjson").unlink()
    right = (slot / "checkpoint").read_bytes()
    other = slot.parent / "other"
    written(other, 40)
    (slot / "checkpoint").write_bytes((other / "checkpoint").read_bytes())

    with pytest.raises(LogDamaged, match="does not fit its checkpoint"):
        Prover(slot).inclusion(2)
    (slot / "checkpoint").write_bytes(right)
    assert Prover(slot).inclusion(2).hashes
