# SPDX-License-Identifier: Apache-2.0
"""Two sinks that meet at an opening: the shorter is completed, what differs is refused, what is away is not guessed."""

import errno
import shutil
from pathlib import Path

import msgspec
import pytest

from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.record.format.layout import parts_path, segment_path, segments
from gateway.record.proof.verify import verify_log
from gateway.record.writing.copying import PAIRED
from gateway.record.writing.differing import first_difference
from gateway.record.writing.opening import open_slot
from gateway.record.writing.pairing import Second
from gateway.record.writing.sinks import ALONE, Alone, Rule
from tests.fakes.log import NAME, START_US, FaultyDisk, enter, key_of, lines, opened, part, put_lines, release

SMALL_BYTES = 1_500


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return tmp_path / "one" / "door-0"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    return tmp_path / "other" / "door-0"


def written(first: Path, second: Path | None, n: int, rule: Rule = "both", start: int = 0) -> None:
    """Open the log, enter so many releases, and close it."""
    sink = None if second is None else Second(directory=second, rule=rule)
    log = opened(first, most_bytes=SMALL_BYTES, second=sink)
    for place in range(start, start + n):
        enter(log, release(f"d{place}"), part(place))
    log.close(START_US)


def refused(first: Path, second: Path, rule: Rule = "both") -> str:
    with pytest.raises((LogDamaged, LogUnavailable)) as caught:
        open_slot(first, NAME, key_of(NAME), FaultyDisk(), second=Second(directory=second, rule=rule))
    return str(caught.value)


def files_of(directory: Path) -> dict[str, bytes]:
    names = ("*.ndjson", "parts/*.ndjson", "seals/*", "checkpoint", "log.pub")
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for name in names for path in directory.glob(name)
    }


def test_a_second_disk_that_is_new_gets_all_of_the_log(first: Path, second: Path) -> None:
    """And the log says how many entries it lacked."""
    written(first, None, 20)
    written(first, second, 3, start=50)

    assert files_of(first) == files_of(second)
    assert verify_log(second).problems == ()
    assert any(
        b'"what":"log-sink-completed","target":"second","facts":{"entries":22}' in one for one in all_lines(first)
    )


def all_lines(directory: Path) -> list[bytes]:
    return [line for number in segments(directory) for line in lines(directory, number)]


@pytest.mark.parametrize("is_first", [True, False])
def test_the_shorter_is_completed_from_the_longer(first: Path, second: Path, tmp_path: Path, is_first: bool) -> None:
    """A copy of yesterday, on either disk; parts that were deleted since are deleted there too."""
    written(first, second, 10)
    old = first if is_first else second
    shutil.copytree(old, tmp_path / "yesterday")
    written(first, second, 300, start=100)
    for each in (first, second):
        parts_path(each, 0).write_bytes(b"")
    shutil.rmtree(old)
    shutil.move(tmp_path / "yesterday", old)
    written(first, second, 3, start=500)

    assert files_of(first) == files_of(second)
    assert parts_path(old, 0).read_bytes() == b""
    assert len(all_lines(first)) == 10 + 300 + 3 + 6 + 1


def test_a_torn_line_on_one_is_no_difference(first: Path, second: Path) -> None:
    """It was never told to anybody."""
    written(first, second, 5)
    newest = segments(second)[-1]
    with segment_path(second, newest).open("ab") as file:
        file.write(b'{"log":"')
    written(first, second, 2, start=50)

    assert files_of(first) == files_of(second)
    assert verify_log(second).notes == ()


@pytest.mark.parametrize("is_first", [True, False])
def test_what_differs_is_refused_and_the_first_such_entry_named(first: Path, second: Path, is_first: bool) -> None:
    """Neither is touched."""
    written(first, second, 1)
    changed = lines(first if is_first else second)
    changed[1] = changed[1].replace(b'"rows":3', b'"rows":4')
    put_lines(first if is_first else second, changed)
    before = files_of(first), files_of(second)

    assert "differ from entry 1 on" in refused(first, second)
    assert (files_of(first), files_of(second)) == before
    assert first_difference(first, second) == 1


def test_a_second_that_is_not_there_is_not_gone_without(first: Path, second: Path) -> None:
    """Nobody can tell here whether the first is behind; the sentence says what to do."""
    written(first, second, 3, "either")
    shutil.move(second.parent, second.parent.with_name("away"))
    assert "mount its disk" in refused(first, second, "both")
    assert "take log.second out of the settings" in refused(first, second, "either")

    second.parent.mkdir()
    assert f"remove {first / PAIRED}" in refused(first, second, "either")
    (first / PAIRED).unlink()
    written(first, second, 1, start=50)
    assert files_of(first) == files_of(second)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_crash_at_the_first_entry_of_all_is_no_disk_that_is_not_mounted(
    first: Path, second: Path, is_first: bool
) -> None:
    """Both say that they were paired, and one of them has no segment yet."""
    log, _ = open_slot(first, NAME, key_of(NAME), FaultyDisk(), second=Second(directory=second))
    log.close(None)
    written(first if is_first else second, None, 1)
    written(first, second, 1, start=50)
    assert files_of(first) == files_of(second)
    assert verify_log(second).problems == ()


def test_one_that_says_that_it_is_alone_goes_on_and_completes_the_other_when_it_is_back(
    first: Path, second: Path
) -> None:
    """Also over an opening, and while it runs."""
    disk = FaultyDisk()
    log = opened(first, second=Second(directory=second, rule="either", files=disk))
    disk.fail = {"sync": errno.EIO}
    enter(log, release("d0"), part(0))
    log.close(START_US)
    away = second.parent.with_name("away")
    shutil.move(second.parent, away)

    written(first, second, 4, "either", start=10)
    assert (first / ALONE).exists()
    shutil.move(away, second.parent)
    written(first, second, 4, "either", start=20)
    assert not (first / ALONE).exists()
    assert files_of(first) == files_of(second)
    assert verify_log(first).problems == ()


def test_lines_that_a_lost_sink_could_not_be_rid_of_give_way_to_the_one_that_went_on(first: Path, second: Path) -> None:
    """They were refused to their callers, and nobody signed them."""
    written(first, second, 5, "either")
    newest = segments(second)[-1]
    stray = lines(second, newest)[-1].replace(b'"seq":6', b'"seq":7')
    with segment_path(second, newest).open("ab") as file:
        file.write(stray)
    (first / ALONE).write_bytes(msgspec.json.encode(Alone(size=7, lost="second", why="silent")))
    log, _ = open_slot(first, NAME, key_of(NAME), FaultyDisk())
    enter(log, release("after"), part(1))
    log.close(START_US)

    written(first, second, 1, "either", start=50)
    assert files_of(first) == files_of(second)
    assert verify_log(second).problems == ()


def test_a_longer_second_that_is_not_right_is_not_copied(first: Path, second: Path, tmp_path: Path) -> None:
    """The first stays as it was."""
    written(first, second, 2)
    shutil.copytree(first, tmp_path / "kept")
    written(first, second, 2, start=50)
    shutil.rmtree(first)
    shutil.move(tmp_path / "kept", first)
    newest = segments(second)[-1]
    changed = lines(second, newest)
    changed[-2] = changed[-2].replace(b'"rows":3', b'"rows":5')
    put_lines(second, changed, newest)
    before = files_of(first)

    assert "changed" in refused(first, second) or "differs" in refused(first, second)
    assert files_of(first) == before
