# SPDX-License-Identifier: Apache-2.0
"""Attack: a disk of the log says that it went on alone, and did not: the mark was left behind, or put there."""

import errno
import shutil
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from gateway.domain.entry import Release
from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records
from gateway.record.writing.opening import open_slot
from gateway.record.writing.pairing import Second
from gateway.record.writing.sinks import ALONE, Alone
from gateway.record.writing.slot import SlotLog
from tests.fakes.log import NAME, START_US, FaultyDisk, enter, key_of, opened, part, release


class Disk(FaultyDisk):
    """A disk that also fails to make names durable."""

    @override
    def sync_directory(self, path: Path) -> None:
        self._maybe_fail("sync_directory")
        super().sync_directory(path)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return tmp_path / "one" / "door-0"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    return tmp_path / "other" / "door-0"


def begun(
    first: Path, second: Path, files: Disk | None = None, others: Disk | None = None, most_bytes: int = 1_500
) -> SlotLog:
    """Open the log on two disks of which either is enough."""
    sink = Second(directory=second, rule="either", files=others or Disk())
    return opened(first, files=files or Disk(), most_bytes=most_bytes, second=sink)


def fill(log: SlotLog, start: int, n: int) -> None:
    for place in range(start, start + n):
        enter(log, release(f"d{place}"), part(place))


def calls(log: Path) -> set[str]:
    return {str(one.line.body.call) for one in records(log) if isinstance(one.line.body, Release)}


def lie(directory: Path, size: int = 0, lost: str = "first") -> None:
    (directory / ALONE).write_bytes(msgspec.json.encode(Alone(size=size, lost=lost, why="no")))


def assert_all(first: Path, second: Path, n: int) -> None:
    """Open once more, and find every call on both disks."""
    begun(first, second).close(START_US)
    for each in (first, second):
        assert calls(each) == {f"d{place}" for place in range(n)}
        assert verify_log(each).problems == ()
        assert not (each / ALONE).exists()


def test_a_mark_that_was_left_behind_does_not_cut_the_one_that_went_on(first: Path, second: Path) -> None:
    """The second was whole once and says so still; then it was lost, and the first took what came."""
    disk = Disk()
    log = begun(first, second, others=disk)
    fill(log, 0, 5)
    lie(second)
    disk.fail = {"sync": errno.EIO}
    fill(log, 5, 7)
    log.close(START_US)
    assert (first / ALONE).exists()

    assert_all(first, second, 12)


def test_an_older_copy_with_a_mark_does_not_take_the_first_back(first: Path, second: Path, tmp_path: Path) -> None:
    """Whoever can write the second disk alone puts its own older state there; it is right in itself."""
    log = begun(first, second)
    fill(log, 0, 5)
    log.close(START_US)
    shutil.copytree(second, tmp_path / "older")
    log = begun(first, second)
    fill(log, 5, 40)
    log.close(START_US)
    shutil.rmtree(second)
    shutil.copytree(tmp_path / "older", second)
    lie(second)

    assert_all(first, second, 45)


def test_of_two_that_both_say_so_neither_is_touched(first: Path, second: Path, tmp_path: Path) -> None:
    """Each has something that the other has not."""
    log = begun(first, second)
    fill(log, 0, 5)
    log.close(START_US)
    for each, start in ((first, 10), (second, 20)):
        log = opened(each, most_bytes=1_500)
        enter(log, release(f"d{start}"), part(1))
        (each / "checkpoint").write_bytes((each / "seals" / "000000").read_bytes())
        log.close(None)
        lie(each, 7)
    held = calls(first), calls(second)
    assert held[0] != held[1]

    with pytest.raises(LogDamaged, match="differ from entry"):
        open_slot(first, NAME, key_of(NAME), Disk(), second=Second(directory=second, rule="either"))
    assert (calls(first), calls(second)) == held


def test_a_mark_that_could_not_be_written_to_its_end_is_taken_back_first(first: Path, second: Path) -> None:
    """Both disks failed at once and are well again: nothing is recorded while one of them may say that it is alone."""
    files, others = Disk(), Disk()
    log = begun(first, second, files, others, 100_000)
    fill(log, 0, 2)
    files.fail, others.fail = {"sync": errno.EIO}, {"sync_directory": errno.EIO}
    with pytest.raises(LogUnavailable):
        fill(log, 2, 1)
    assert (second / ALONE).exists()
    files.fail = {}
    with pytest.raises(LogUnavailable):
        fill(log, 2, 1)

    others.fail = {}
    fill(log, 2, 3)
    assert not (second / ALONE).exists()
    log.close(START_US)
    assert_all(first, second, 5)


def test_a_checkpoint_that_is_none_does_not_take_the_place_of_the_firsts(first: Path, second: Path) -> None:
    """Whoever can write the second disk alone cannot shut the first."""
    log = begun(first, second)
    fill(log, 0, 5)
    log.close(START_US)
    right = (first / "checkpoint").read_text()
    (second / "checkpoint").write_text(right.replace(right.split("\n")[1], "99999999", 1))

    assert_all(first, second, 5)
