# SPDX-License-Identifier: Apache-2.0
"""Attack: a part of the log is forged under the form of one from which people were taken out, by who cannot sign."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import Amended
from gateway.record.format.files import DiskFiles
from gateway.record.format.layout import parts_path
from gateway.record.format.parts import StoredPart, new_salts
from gateway.record.proof.parts_scan import parts_without, stored_parts
from gateway.record.proof.verify import verify_logs
from gateway.record.writing.rewriting import Rewriting
from tests.fakes.log import NAME, START_US, enter, opened, part, release

HELD = b'{"met":[1,2]}'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Eight parts; person 1 was taken out of the first four, rightly."""
    directory = tmp_path / "door-0"
    one = opened(directory)
    for place in range(8):
        enter(one, release(f"d{place}"), part(1 if place < 4 else 9, place + 20))
    instead: dict[int, StoredPart] = {}
    for taken in parts_without(directory, 0, frozenset({1})):
        entry = Amended(origin=NAME, place=taken.after.seq, taken=taken.people, digest=taken.after.own_digest)
        place = enter(one, entry)
        instead[taken.after.seq] = msgspec.structs.replace(taken.after, amended=f"{NAME}:{place}")
    one.close(START_US)
    put(directory, lambda stored: instead.get(stored.seq, stored))
    assert len(instead) == 4
    assert verify_logs(tmp_path).is_right
    return directory


def put(directory: Path, change: Callable[[StoredPart], StoredPart | None]) -> None:
    Rewriting(DiskFiles(), directory, 0, change).run()


def place_at(directory: Path, forged: StoredPart) -> None:
    """Put a part in the place of the one of its entry."""
    put(directory, lambda stored: forged if stored.seq == forged.seq else stored)


def held(directory: Path) -> dict[int, StoredPart]:
    return {stored.seq: stored for stored in stored_parts(directory, 0)}


def bad(directory: Path) -> int | None:
    """Return the first entry that the verifier names."""
    verdict = verify_logs(directory.parent)
    assert not verdict.is_right
    return verdict.logs[0].first_bad


@pytest.mark.parametrize("place", [2, 6])
def test_other_people_are_found_whether_the_part_was_amended_or_not(log: Path, place: int) -> None:
    """Under the digest that the entry holds, with an entry that amended another part, or the same one."""
    some = held(log)
    forged = StoredPart(place, new_salts(1)[0], HELD, some[place].digest, some[1].amended)
    place_at(log, forged)
    assert bad(log) == place
    place_at(log, msgspec.structs.replace(forged, amended=some[2].amended))
    assert bad(log) == place


def test_what_stands_rightly_in_one_place_is_found_in_another(log: Path) -> None:
    """With its salt, so its digest is one that an entry names: for the place that it came from."""
    some = held(log)
    moved = msgspec.structs.replace(some[1], seq=3, was=some[3].was)
    place_at(log, moved)
    assert bad(log) == 3


def test_a_part_that_names_another_entry_than_its_own_is_found(log: Path) -> None:
    """One that amended another part, one that amended nothing, one that there is not."""
    right = held(log)[2]
    for other in (held(log)[1].amended, f"{NAME}:0", f"{NAME}:99999", "demo/node-1/cli:3"):
        place_at(log, msgspec.structs.replace(right, amended=other))
        assert bad(log) == 2
    place_at(log, right)
    assert verify_logs(log.parent).is_right


def test_what_was_amended_cannot_pass_for_what_it_was(log: Path) -> None:
    """Without its words about the part before, its digest is not the entry's."""
    bare = msgspec.structs.replace(held(log)[2], was="", amended="")
    place_at(log, bare)
    assert bad(log) == 2


def test_a_changed_bit_anywhere_in_the_parts_is_found(log: Path) -> None:
    """Of amended ones too: place, salt, digest before, entry, people."""
    path = parts_path(log, 0)
    whole = path.read_bytes()
    end = whole.index(b"\n", whole.index(b"\n") + 1)
    for place in range(end):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        assert not verify_logs(log.parent).is_right, place
