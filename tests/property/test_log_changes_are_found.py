# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to the stored bytes of a closed log, the verifier finds it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.record.proof.verify import LogVerdict, verify_log
from tests.fakes.log import written

N_ENTRIES = 12
FILES = ("000000.ndjson", "000001.ndjson", "parts/000000.ndjson", "parts/000001.ndjson")


@pytest.fixture(scope="module")
def slot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    slot = tmp_path_factory.mktemp("log") / "door-0"
    written(slot, N_ENTRIES, most_bytes=2_600)
    assert all((slot / name).stat().st_size for name in FILES)
    return slot


@contextmanager
def bent(path: Path, content: bytes) -> Iterator[None]:
    """Put other content in a file for a while. In place: some disks flush a file that was emptied and refilled."""
    whole = path.read_bytes()
    overwrite(path, content)
    try:
        yield
    finally:
        overwrite(path, whole)


def overwrite(path: Path, content: bytes) -> None:
    with path.open("r+b", buffering=0) as file:
        file.write(content)
        file.truncate()


def entry_of(slot: Path, name: str, place: int) -> int:
    """Return the entry that a byte of a lines file belongs to."""
    before = sum((slot / other).read_bytes().count(b"\n") for other in FILES[:2] if other < name)
    return before + (slot / name).read_bytes()[:place].count(b"\n")


def test_every_changed_byte_is_found_and_its_entry_named(slot: Path) -> None:
    """Each byte of the lines takes another value; the first bad entry is the one it belongs to."""
    for name in FILES[:2]:
        whole = (slot / name).read_bytes()
        for place in range(len(whole)):
            with bent(slot / name, whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :]):
                verdict = verify_log(slot)
            assert not verdict.is_right, (name, place)
            assert verdict.first_bad == entry_of(slot, name, place), (name, place, verdict)


def test_every_changed_byte_of_a_part_is_found(slot: Path) -> None:
    """Also in its salt, its number, its braces and its line feed."""
    for name in FILES[2:]:
        whole = (slot / name).read_bytes()
        for place in range(len(whole)):
            with bent(slot / name, whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :]):
                assert not verify_log(slot).is_right, (name, place)


def test_every_truncation_of_the_log_is_found(slot: Path) -> None:
    """Cut after any byte of either segment."""
    for name in FILES[:2]:
        whole = (slot / name).read_bytes()
        with bent(slot / name, whole):
            for length in reversed(range(len(whole))):
                os.truncate(slot / name, length)
                assert not verify_log(slot).is_right, (name, length)


def test_every_swap_of_two_entries_is_found(slot: Path) -> None:
    """Neighbours or not; the first place that changed is named."""
    lines = (slot / FILES[0]).read_bytes().splitlines(keepends=True)
    for one in range(len(lines)):
        for other in range(one + 1, len(lines)):
            swapped = list(lines)
            swapped[one], swapped[other] = lines[other], lines[one]
            with bent(slot / FILES[0], b"".join(swapped)):
                verdict = verify_log(slot)
            assert (verdict.is_right, verdict.first_bad) == (False, one)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_replacement_anywhere_is_found(slot: Path, data: st.DataObject) -> None:
    """A stretch of any stored file becomes other bytes: changed, inserted or deleted."""
    name = data.draw(st.sampled_from((*FILES, "checkpoint", "log.pub")))
    whole = (slot / name).read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, min(len(whole), start + 40)))
    content = whole[:start] + data.draw(st.binary(max_size=40)) + whole[stop:]
    assume(content != whole)
    assume(not name.startswith("parts") or not only_deletes_parts(whole, content))

    with bent(slot / name, content):
        verdict = verify_log(slot)

    # Bytes after the last line feed are what a crash leaves of an entry that nobody was told of.
    assert not verdict.is_right or is_torn_tail(verdict, name, whole, content)


def only_deletes_parts(whole: bytes, content: bytes) -> bool:
    kept = iter(whole.splitlines(keepends=True))
    return all(line in kept for line in content.splitlines(keepends=True))


def is_torn_tail(verdict: LogVerdict, name: str, whole: bytes, content: bytes) -> bool:
    return name == FILES[1] and content.startswith(whole) and b"\n" not in content[len(whole) :] and bool(verdict.notes)


@pytest.mark.referee
def test_flipped_bits_all_over_a_thousand_entries_are_found_and_named(tmp_path: Path) -> None:
    """Every bit of every 97th byte, so that each place in a line has its turn."""
    slot = tmp_path / "door-0"
    written(slot, 1_000)
    shutil.rmtree(slot / "parts")
    path = slot / "000000.ndjson"
    whole = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for place in range(0, len(whole), 97):
            for bit in range(8):
                file.seek(place)
                file.write(bytes((whole[place] ^ (1 << bit),)))
                verdict = verify_log(slot)
                assert (verdict.is_right, verdict.first_bad) == (False, whole[:place].count(b"\n"))
            file.seek(place)
            file.write(whole[place : place + 1])
