# SPDX-License-Identifier: Apache-2.0
"""Kept hashes give the roots that leaves side by side give, however they were kept, and nothing they hold is believed."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import LogDamaged
from gateway.record.format.merkle import Leaves, leaf_hash
from gateway.record.format.proofs import consistency_proof, inclusion_proof
from gateway.record.proof.hashes import Hashes

LINES = [sha256(str(n).encode()).hexdigest().encode() for n in range(1200)]
LEAVES = Leaves(map(leaf_hash, LINES))


def slot_of(folder: Path, size: int, segment: int = 400) -> Path:
    """Write the first lines as segments of so many lines."""
    folder.mkdir(exist_ok=True)
    for number, start in enumerate(range(0, size, segment)):
        content = b"".join(line + b"\n" for line in LINES[start : min(size, start + segment)])
        (folder / f"{number:06}.ndjson").write_bytes(content)
    return folder


@given(size=st.integers(1, 1200), kept=st.lists(st.integers(1, 1200), max_size=4), seed=st.integers(0, 1199))
@settings(max_examples=60, deadline=None)
def test_proofs_from_kept_hashes_are_those_from_leaves(
    tmp_path_factory: pytest.TempPathFactory, size: int, kept: list[int], seed: int
) -> None:
    """At any size, kept at any sizes on the way, by this reader or another one."""
    slot = slot_of(tmp_path_factory.mktemp("slot"), 1200)
    for upto in sorted(one for one in kept if one <= size):
        before = Hashes(slot)
        before.reach(upto)
        assert before.keep()
    hashes = Hashes(slot)
    hashes.reach(size)
    index, first = seed % size, 1 + seed % size

    assert inclusion_proof(hashes, index, size) == inclusion_proof(LEAVES, index, size)
    assert consistency_proof(hashes, first, size) == consistency_proof(LEAVES, first, size)
    assert hashes.leaf(index) == LEAVES[index]


def test_hashes_follow_a_log_that_grows(tmp_path: Path) -> None:
    """Also into new segments, while another reader keeps what both know."""
    slot = slot_of(tmp_path / "slot", 300)
    ours, others = Hashes(slot), Hashes(slot)
    for size in (300, 555, 801, 1200):
        slot_of(slot, size)
        ours.reach(size)
        assert ours.root(0, size) == LEAVES.root(0, size)
        others.reach(size)
        assert others.keep()

    assert len(ours) == 1200
    ours.reach(1200)
    assert not ours.keep() or ours.root(0, 1200) == LEAVES.root(0, 1200)


def test_what_another_process_kept_is_not_held_in_memory(tmp_path: Path) -> None:
    """So a door that is asked for years holds what is newer than the files alone."""
    slot = slot_of(tmp_path / "slot", 1000)
    ours, others = Hashes(slot), Hashes(slot)
    ours.reach(1000)
    others.reach(1000)
    assert others.keep()
    slot_of(slot, 1200)
    ours.reach(1100)

    assert len(ours._tail) == 100 * 32
    assert ours.root(0, 1100) == LEAVES.root(0, 1100)


def test_a_log_that_is_too_short_is_damaged(tmp_path: Path) -> None:
    """It says how many entries there are."""
    with pytest.raises(LogDamaged, match="has 10 entries, 11 were expected"):
        Hashes(slot_of(tmp_path / "slot", 10)).reach(11)


def test_what_is_forgotten_is_made_anew(tmp_path: Path) -> None:
    """From the lines, over files that held something else."""
    slot = slot_of(tmp_path / "slot", 700)
    hashes = Hashes(slot)
    hashes.reach(700)
    assert hashes.keep()
    for level in ("0", "8"):
        (slot / "hashes" / level).write_bytes(os.urandom(7000))
    wrong = Hashes(slot)
    wrong.reach(700)
    assert wrong.root(0, 700) != LEAVES.root(0, 700)

    wrong.forget()
    wrong.reach(700)

    assert wrong.root(0, 700) == LEAVES.root(0, 700)
    assert wrong.keep()
    again = Hashes(slot)
    again.reach(700)
    assert again.root(0, 700) == LEAVES.root(0, 700)


@pytest.mark.parametrize("content", [b"", b"{}x", b'{"size":5,"segment":0,"offset":1,"more":1}'])
def test_a_place_that_cannot_be_read_counts_as_none(tmp_path: Path, content: bytes) -> None:
    """Everything is read again then."""
    slot = slot_of(tmp_path / "slot", 50)
    (slot / "hashes").mkdir()
    (slot / "hashes" / "place").write_bytes(content)
    hashes = Hashes(slot)
    hashes.reach(50)

    assert hashes.root(0, 50) == LEAVES.root(0, 50)


def test_files_shorter_than_they_say_fit_no_root(tmp_path: Path) -> None:
    """A power cut may leave them so; nothing raises, and the root is not the log's."""
    slot = slot_of(tmp_path / "slot", 700)
    hashes = Hashes(slot)
    hashes.reach(700)
    assert hashes.keep()
    os.truncate(slot / "hashes" / "0", 100)
    found = Hashes(slot)
    found.reach(700)

    assert found.root(0, 700) != LEAVES.root(0, 700)


def test_nobody_waits_for_who_writes(tmp_path: Path) -> None:
    """A folder that another one writes to now is left alone; one that cannot be written to as well."""
    slot = slot_of(tmp_path / "slot", 50)
    (slot / "hashes").write_text("in the way")
    hashes = Hashes(slot)
    hashes.reach(50)

    assert not hashes.keep()
    assert hashes.root(0, 50) == LEAVES.root(0, 50)
