# SPDX-License-Identifier: Apache-2.0
"""P4 from outside: every flipped bit and every cut of a log is found, and the first bad entry named.

Whole verifications of a log for each of its bits would take days, so a flipped bit is judged by the verifier's own
chain, put on behind the entries before it (which is what opening a log from a waypoint does), and every so often by
the whole verifier too; both must say the same.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.record.format.chain import NO_LEAF, Chain
from gateway.record.format.checkpoint import parse_note, parse_verifier_key
from gateway.record.format.cosign import cosignature, with_signatures, witness_key
from gateway.record.format.layout import parts_path, segment_path, segments
from gateway.record.format.merkle import Tree, leaf_hash
from gateway.record.format.parts import PartInvalid, PartsCursor
from gateway.record.format.waypoint import Waypoint
from gateway.record.format.witnessed import keep_witnessed
from gateway.record.proof.examination import Examination
from gateway.record.proof.verify import verify_log
from tests.fakes.log import NAME, checkpoint_of, key_of, written
from tests.referee.numbers import ENTRIES
from tests.referee.report import summary

N_SEGMENTS = 5
WHOLE_EVERY = 997
"""Flips from one that the whole verifier judges to the next; no multiple of 8, so that all bits have their turn."""


def starts(content: bytes) -> list[int]:
    """Return where the lines of a file begin, and its end."""
    places = [0, *(found.end() for found in re.finditer(b"\n", content))]
    assert all(one < other for one, other in pairwise(places))
    return places


class Slot:
    """A closed log on disk, with what a reader knows before each of its entries.

    Attributes:
        before: By entry: a waypoint to begin reading at it.
        first: By segment: its first entry; at the end the number of all.
        named: By entry: the digest of its part, if it has one.
    """

    def __init__(self, path: Path, n_entries: int) -> None:
        """Write such a log, in some segments."""
        written(path, n_entries, most_bytes=n_entries * 360 // N_SEGMENTS)
        self.path = path
        self.before: list[Waypoint] = []
        self.first: list[int] = []
        self.named: list[str | None] = []
        tree, prev = Tree(), NO_LEAF
        for number in segments(path):
            self.first.append(tree.size)
            content = segment_path(path, number).read_bytes()
            for start, stop in zip(places := starts(content), places[1:], strict=False):
                peaks = tuple(peak.hex() for peak in tree.peaks)
                self.before.append(
                    Waypoint(
                        size=tree.size, segment=number, offset=start, prev=prev, peaks=peaks, unended=(), seen={}
                    )
                )  # fmt: skip
                leaf = leaf_hash(content[start : stop - 1])
                tree.append(leaf)
                prev = leaf.hex()
        self.first.append(tree.size)
        self.named = [link.part for link in Chain(path, NAME).read()]

    def read_from(self, entry: int) -> Chain:
        """Return the chain as far as it holds, read from an entry on."""
        chain = Chain(self.path, NAME, self.before[entry])
        for _ in chain.read():
            pass
        return chain

    def verdict(self) -> tuple[bool, int | None]:
        """Return what the whole verifier says."""
        found = verify_log(self.path)
        return found.is_right, found.first_bad


def flipped(path: Path) -> Iterator[tuple[int, int]]:
    """Flip each bit of a file in its place, yield the byte and the bit meanwhile, and flip it back."""
    whole = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for place, byte in enumerate(whole):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes((byte ^ (1 << bit),)), place)
                try:
                    yield place, bit
                finally:
                    os.pwrite(file.fileno(), bytes((byte,)), place)


def flip_lines(slot: Slot, number: int, *, but_last: int = 0) -> int:
    """Flip every bit of a segment but for its last lines; return how many."""
    path, n_flips = segment_path(slot.path, number), 0
    places = starts(path.read_bytes())
    until = places[len(places) - 1 - but_last]
    entry = 0
    for place, bit in flipped(path):
        if place >= until:
            break
        while place >= places[entry + 1]:
            entry += 1
        index = slot.first[number] + entry
        broken = slot.read_from(index).broken
        assert broken is not None, (number, place, bit)
        assert broken.index == index, (number, place, bit, broken)
        n_flips += 1
        if n_flips % WHOLE_EVERY == 0:
            assert slot.verdict() == (False, index), (number, place, bit)
    return n_flips


def flip_parts(slot: Slot, number: int) -> int:
    """Flip every bit of the parts of a segment; return how many."""
    path, n_flips = parts_path(slot.path, number), 0
    for place, bit in flipped(path):
        assert not parts_hold(slot, number), (number, place, bit)
        n_flips += 1
        if n_flips % WHOLE_EVERY == 0:
            is_right, named = slot.verdict()
            assert not is_right
            # By the digest it is the very entry; by a number or a spelling that is wrong, one of its segment.
            assert named is None or slot.first[number] <= named <= slot.first[number + 1]
    return n_flips


def parts_hold(slot: Slot, number: int) -> bool:
    """Tell whether the parts of a segment are what its entries say, or gone."""
    cursor = PartsCursor(slot.path)
    # The cursor begins at the first segment; what comes before this one holds, so it is not looked at again.
    cursor._segment = number - 1
    try:
        for seq in range(slot.first[number], slot.first[number + 1]):
            stored = cursor.take(seq, number, is_named=slot.named[seq] is not None)
            if stored is not None and stored.digest != slot.named[seq]:
                return False
        return cursor.ahead() == 0 and not cursor.rest
    except PartInvalid:
        return False


def flip_last(slot: Slot) -> int:
    """Flip every bit of the last two lines, which no later line speaks of: the signed root does."""
    number = segments(slot.path)[-1]
    path, n_flips = segment_path(slot.path, number), 0
    places = starts(path.read_bytes())
    last = slot.first[-1] - 1
    key = parse_verifier_key((slot.path / "log.pub").read_text(encoding="utf-8").removesuffix("\n"))
    for place, bit in flipped(path):
        if place < places[-3]:
            continue
        one = Examination(slot.path)
        one.key, one._parts = key, None
        one.read()
        one.check_checkpoint()
        assert one.first_bad == (last if place >= places[-2] else last - 1), (place, bit, one.problems)
        n_flips += 1
    return n_flips


def cut_everywhere(slot: Slot) -> int:
    """Cut every segment after each of its bytes; return how many cuts that were."""
    n_cuts = 0
    for number in segments(slot.path):
        path = segment_path(slot.path, number)
        whole = path.read_bytes()
        places = starts(whole)
        entry = len(places) - 2
        for length in range(len(whole) - 1, -1, -1):
            os.truncate(path, length)
            while places[entry] > length:
                entry -= 1
            index = slot.first[number] + entry
            chain = slot.read_from(index)
            assert len(chain.leaves) == index
            assert chain.broken is not None or number == segments(slot.path)[-1]
            n_cuts += 1
            if length in (places[entry], places[entry] + 1):
                assert slot.verdict() == (False, index), (number, length)
        path.write_bytes(whole)
    return n_cuts


def all_flips(path: Path, n_entries: int) -> tuple[int, int]:
    """Try every bit and every cut of a log; return how many flips and cuts were found."""
    slot = Slot(path, n_entries)
    last = segments(path)[-1]
    n_flips = sum(flip_parts(slot, number) for number in segments(path))
    for number in segments(path):
        parts_path(path, number).unlink()
    n_flips += sum(flip_lines(slot, number, but_last=2 * (number == last)) for number in segments(path))
    n_flips += flip_last(slot)
    n_cuts = cut_everywhere(slot)
    assert slot.verdict() == (True, None)
    return n_flips, n_cuts


@pytest.mark.parametrize("number", range(N_SEGMENTS))
def test_every_flipped_bit_of_a_hundred_entries_is_found_and_its_entry_named(tmp_path: Path, number: int) -> None:
    """One segment after the other, so that the processes of a run share them."""
    slot = Slot(tmp_path / "door-0", ENTRIES.of(referee=False))
    assert len(segments(slot.path)) == N_SEGMENTS
    is_last = number == N_SEGMENTS - 1
    for other in segments(slot.path):
        parts_path(slot.path, other).unlink()

    assert flip_lines(slot, number, but_last=2 * is_last) > 30_000
    if is_last:
        assert flip_last(slot) > 4_000


def test_every_flipped_bit_of_the_parts_of_a_hundred_entries_is_found(tmp_path: Path) -> None:
    """Salts, numbers, people, spelling."""
    slot = Slot(tmp_path / "door-0", ENTRIES.of(referee=False))

    assert sum(flip_parts(slot, number) for number in segments(slot.path)) > 50_000


def test_every_cut_of_a_hundred_entries_is_found_and_the_first_missing_entry_named(tmp_path: Path) -> None:
    """After each byte of each segment."""
    slot = Slot(tmp_path / "door-0", ENTRIES.of(referee=False))
    for number in segments(slot.path):
        parts_path(slot.path, number).unlink()

    assert cut_everywhere(slot) > 30_000


@pytest.mark.parametrize("name", ["checkpoint", "log.pub", "seals/000000"])
def test_every_flipped_bit_and_cut_of_checkpoint_key_and_seal_is_found(tmp_path: Path, name: str) -> None:
    """But for the line feed at the end of the key, which is not of it."""
    slot = tmp_path / "door-0"
    written(slot, 4, most_bytes=600)
    path = slot / name
    whole = path.read_bytes()
    for place, bit in flipped(path):
        assert not verify_log(slot).is_right, (place, bit)
    for length in range(len(whole) - 1, -1, -1):
        os.truncate(path, length)
        assert verify_log(slot).is_right == (name == "log.pub" and length == len(whole) - 1), length


def test_every_flipped_bit_of_what_a_witness_co_signed_is_found_by_who_trusts_it(tmp_path: Path) -> None:
    """Who trusts no witness passes over its line, and finds every bit of all others."""
    slot = tmp_path / "door-0"
    written(slot, 3)
    note = checkpoint_of(slot)
    name, line = "w/1", cosignature(parse_note(note).text, "w/1", key_of("w/1"), 7)
    key = witness_key(name, key_of(name).public_key).text()
    assert keep_witnessed(
        slot, parse_verifier_key((slot / "log.pub").read_text("utf-8").strip()), with_signatures(note, [line])
    )
    assert verify_log(slot, witnesses=(key,)).is_right

    n_passed_over = 0
    for place, bit in flipped(slot / "witnessed"):
        assert not verify_log(slot, witnesses=(key,)).is_right, (place, bit)
        is_found = not verify_log(slot).is_right
        assert is_found or place >= len(note.encode()), (place, bit)
        n_passed_over += not is_found
    assert n_passed_over > 500


@pytest.mark.parametrize("name", ["checkpoint", "log.pub"])
def test_line_feeds_of_another_system_are_another_text(tmp_path: Path, name: str) -> None:
    """What is signed are bytes, not lines."""
    slot = tmp_path / "door-0"
    written(slot, 3)
    (slot / name).write_bytes((slot / name).read_bytes().replace(b"\n", b"\r\n"))

    assert not verify_log(slot).is_right


def test_a_log_is_verified_alike_under_any_locale(tmp_path: Path) -> None:
    """Signatures begin with a dash that no ASCII and no GBK reads as it stands."""
    written(tmp_path / "door-0", 3)
    program = """
import sys
from pathlib import Path
from gateway.record.proof.verify import verify_logs
sys.exit(not verify_logs(Path(sys.argv[1])).is_right)
"""
    environment = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=False).returncode == 0


@pytest.mark.referee
def test_every_flipped_bit_and_cut_of_a_thousand_entries_is_found(tmp_path: Path) -> None:
    """Each named; some three million."""
    n_entries = ENTRIES.of(referee=True)
    n_flips, n_cuts = all_flips(tmp_path / "door-0", n_entries)
    summary(
        f"every bit of a log of {n_entries:,} entries", f"{n_flips:,} flips and {n_cuts:,} cuts, all found and named"
    )
