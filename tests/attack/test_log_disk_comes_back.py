# SPDX-License-Identifier: Apache-2.0
"""Attack: the second disk of the log comes back, and it is not what was lost, or nothing is mounted in its place."""

import errno
import shutil
from concurrent.futures import wait
from pathlib import Path

import msgspec
import pytest

from gateway.domain.entry import Release
from gateway.domain.errors import LogDamaged
from gateway.record.format.layout import segments
from gateway.record.format.merkle import leaf_hash
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records
from gateway.record.reading.tail import size_of
from gateway.record.writing.copying import PAIRED
from gateway.record.writing.pairing import Second
from gateway.record.writing.sinks import ALONE, Alone
from gateway.record.writing.slot import SlotLog
from tests.fakes.log import START_US, FaultyDisk, enter, opened, part, release

TURNS = 8


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return tmp_path / "one" / "door-0"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    return tmp_path / "other" / "door-0"


def begun(first: Path, second: Path, disk: FaultyDisk | None = None) -> SlotLog:
    sink = Second(directory=second, rule="either", files=disk or FaultyDisk())
    return opened(first, most_bytes=1_500, second=sink)


def fill(log: SlotLog, start: int, n: int) -> None:
    for place in range(start, start + n):
        enter(log, release(f"d{place}"), part(place))


def calls(log: Path) -> set[str]:
    return {str(one.line.body.call) for one in records(log) if isinstance(one.line.body, Release)}


def follow(log: SlotLog) -> None:
    """Let the log bring its lost disk back, if it will."""
    for _ in range(TURNS):
        lane = log._sinks.lost
        if lane is None:
            return
        if lane.following is not None:
            wait([lane.following])
        log.follow_up()


def went_alone(first: Path, second: Path) -> None:
    """Let the first go on without the second, and close it."""
    disk = FaultyDisk()
    log = begun(first, second, disk)
    fill(log, 0, 5)
    disk.fail = {"sync": errno.EIO}
    fill(log, 5, 5)
    log.close(START_US)
    assert (first / ALONE).exists()


def test_what_the_second_took_since_is_not_written_over(first: Path, second: Path, tmp_path: Path) -> None:
    """The first was put back to a copy from when it was alone, and does not know what it lacks."""
    went_alone(first, second)
    shutil.copytree(first, tmp_path / "older")
    log = begun(first, second)
    fill(log, 10, 10)
    log.close(START_US)
    away = second.parent.with_name("away")
    shutil.move(second.parent, away)
    shutil.rmtree(first)
    shutil.copytree(tmp_path / "older", first)

    log = begun(first, second)
    fill(log, 100, 3)
    shutil.move(away, second.parent)
    follow(log)
    assert "another history" in log.lost
    log.close(START_US)
    assert {f"d{place}" for place in range(20)} <= calls(second)
    assert verify_log(second).problems == ()


def test_a_lost_disk_that_holds_no_more_than_both_did_is_made_equal(first: Path, second: Path) -> None:
    """Also with lines of its own that were refused and signed by nobody."""
    disk = FaultyDisk()
    log = begun(first, second, disk)
    fill(log, 0, 5)
    disk.fail = {"sync": errno.EIO}
    fill(log, 5, 5)
    disk.fail = {}
    newest = second / f"{segments(second)[-1]:06}.ndjson"
    with newest.open("ab") as file:
        file.write(newest.read_bytes().splitlines(keepends=True)[-1].replace(b'"rows":3', b'"rows":9'))
    follow(log)
    assert log.lost == ""
    fill(log, 10, 3)
    log.close(START_US)
    assert calls(first) == calls(second) == {f"d{place}" for place in range(13)}
    assert verify_log(second).problems == ()


JUNK = [b"\0" * 5_000 + b"\n", b'{"log":"demo/node-1/door-0","seq":7\n']


def spoil(directory: Path, junk: bytes) -> None:
    newest = directory / f"{segments(directory)[-1]:06}.ndjson"
    newest.chmod(0o600)
    with newest.open("ab") as file:
        file.write(junk)


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_lost_disk_that_cannot_be_read_does_not_stop_the_other(
    first: Path, second: Path, junk: bytes, is_first: bool
) -> None:
    """A disk that failed and lost its power may hold a page without the one before it."""
    first.parent.mkdir()
    one, lost = (second, first) if is_first else (first, second)
    went_alone(one, lost)
    spoil(lost, junk)
    begun(first, second).close(START_US)
    for each in (first, second):
        assert calls(each) == {f"d{place}" for place in range(10)}
        assert verify_log(each).problems == ()
        assert not (each / ALONE).exists()


def odd_line(directory: Path) -> bytes:
    """Return a line that follows the last one rightly, is signed by nobody, and is spelled as none ever was."""
    newest = directory / f"{segments(directory)[-1]:06}.ndjson"
    last = newest.read_bytes().splitlines()[-1]
    line = {**msgspec.json.decode(last), "seq": size_of(directory), "prev": leaf_hash(last).hex()}
    return msgspec.json.format(msgspec.json.encode(line), indent=-1).replace(b'{"log"', b'{ "log"', 1) + b"\n"


def test_an_older_copy_that_cannot_be_read_does_not_put_the_other_back(
    first: Path, second: Path, tmp_path: Path
) -> None:
    """Whoever can write one disk alone puts its own older state there, spoils its end, and says that it was alone."""
    begun(first, second).close(START_US)
    shutil.copytree(first, tmp_path / "older")
    log = begun(first, second)
    fill(log, 0, 10)
    log.close(START_US)
    for each in (first, second):
        shutil.copytree(each, tmp_path / "right")
        shutil.rmtree(each)
        shutil.copytree(tmp_path / "older", each)
        (each / ALONE).write_bytes(msgspec.json.encode(Alone(size=9_999, lost="second", why="no")))
        other = second if each == first else first
        spoil(each, odd_line(each))
        spoil(each, b"{" * 10_000)
        with pytest.raises(LogDamaged):
            begun(first, second)
        assert calls(other) == {f"d{place}" for place in range(10)}
        shutil.rmtree(each)
        shutil.move(tmp_path / "right", each)
    begun(first, second).close(START_US)


def test_a_folder_that_no_disk_is_mounted_over_is_not_filled(first: Path, second: Path) -> None:
    """Both copies would lie on one disk, and nobody be told; a new disk is filled once somebody says so."""
    went_alone(first, second)
    shutil.rmtree(second)
    log = begun(first, second)
    assert "it is empty" in log.lost
    follow(log)
    assert log.lost
    log.close(START_US)
    assert segments(second) == []
    assert (first / ALONE).exists()

    (first / PAIRED).unlink()
    log = begun(first, second)
    assert log.lost == ""
    log.close(START_US)
    assert calls(first) == calls(second)
