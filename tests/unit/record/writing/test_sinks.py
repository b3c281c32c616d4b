# SPDX-License-Identifier: Apache-2.0
"""Two sinks: what either rule does when one or both cannot record, in every operation of the disk."""

import errno
from concurrent.futures import wait
from pathlib import Path

import msgspec
import pytest

from gateway.domain.errors import LogUnavailable
from gateway.record.format.layout import parts_path, segment_path, segments
from gateway.record.proof.verify import verify_log
from gateway.record.writing.pairing import Second
from gateway.record.writing.sinks import ALONE, Alone, Rule
from gateway.record.writing.slot import SlotLog
from tests.fakes.log import START_US, FaultyDisk, enter, opened, part, release

OPERATIONS = ["open", "open_fresh", "write", "sync", "rename"]


class Disks:
    """Two faulty disks and the log on them."""

    def __init__(self, folder: Path, rule: Rule, most_bytes: int = 1_500) -> None:
        self.first, self.second = folder / "one" / "door-0", folder / "other" / "door-0"
        self.second.parent.mkdir(parents=True, exist_ok=True)
        self.files, self.others = FaultyDisk(), FaultyDisk()
        self.rule: Rule = rule
        self.most_bytes = most_bytes
        self.log = self.open()

    def open(self) -> SlotLog:
        """Open the log on both."""
        second = Second(directory=self.second, rule=self.rule, files=self.others)
        return opened(self.first, files=self.files, most_bytes=self.most_bytes, second=second)

    def are_same(self) -> bool:
        """Tell whether both hold the same lines, parts, seals and checkpoint."""
        names = ("*.ndjson", "parts/*.ndjson", "seals/*", "checkpoint", "log.pub")
        found = [
            {path.relative_to(each).as_posix(): path.read_bytes() for name in names for path in each.glob(name)}
            for each in (self.first, self.second)
        ]
        return found[0] == found[1]

    def assert_right(self) -> None:
        """Verify both, and that they are the same."""
        for each in (self.first, self.second):
            verdict = verify_log(each)
            assert verdict.problems == ()
        assert self.are_same()


def fill(log: SlotLog, first: int, n: int) -> int:
    """Enter so many releases; return how many were acknowledged."""
    n_told = 0
    for place in range(first, first + n):
        try:
            enter(log, release(f"d{place}"), part(place))
        except LogUnavailable:
            continue
        n_told += 1
    return n_told


def calls(directory: Path) -> list[str]:
    return [
        msgspec.json.decode(line)["body"]["call"]
        for number in segments(directory)
        for line in segment_path(directory, number).read_bytes().splitlines()
        if b'"call"' in line
    ]


def bring_back(log: SlotLog) -> None:
    for _ in range(20):
        lane = log._sinks.lost
        if lane is None:
            return
        if lane.following is not None:
            wait([lane.following])
        log.follow_up()
    raise AssertionError(log.lost)


def test_a_disk_that_stays_away_costs_no_segments(tmp_path: Path) -> None:
    """It is looked for once a second, perhaps for weeks, and numbers of segments have six digits."""
    disks = Disks(tmp_path, "either", most_bytes=100_000)
    disks.others.fail = {"sync": errno.EIO}
    assert fill(disks.log, 0, 2) == 2
    away = disks.second.parent.with_name("away")
    disks.second.parent.rename(away)
    for place in range(20):
        lane = disks.log._sinks.lost
        assert lane is not None
        assert fill(disks.log, 10 + place, 1) == 1
        disks.log.follow_up()
        if lane.following is not None:
            wait([lane.following])
    assert segments(disks.first) == [0]

    away.rename(disks.second.parent)
    disks.others.fail = {}
    bring_back(disks.log)
    disks.log.close(START_US)
    disks.assert_right()
    assert len(segments(disks.first)) == 2


@pytest.mark.parametrize("rule", ["both", "either"])
def test_every_line_and_part_is_on_both(tmp_path: Path, rule: Rule) -> None:
    """Over several segments; either can be verified alone."""
    disks = Disks(tmp_path, rule)
    assert fill(disks.log, 0, 30) == 30
    disks.log.close(START_US)

    disks.assert_right()
    assert len(segments(disks.second)) > 3
    assert len(calls(disks.second)) == 30


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("which", ["files", "others"])
def test_under_both_nothing_that_one_refuses_is_in_either(tmp_path: Path, operation: str, which: str) -> None:
    """Each entry is acknowledged and in both, or refused and in neither."""
    disks = Disks(tmp_path, "both")
    fill(disks.log, 0, 8)
    getattr(disks, which).fail = {operation: errno.EIO}
    n_meanwhile = fill(disks.log, 100, 20)
    assert n_meanwhile < 20
    assert disks.log.lost == ""
    getattr(disks, which).fail = {}
    assert fill(disks.log, 500, 8) == 8
    disks.log.close(START_US)

    disks.assert_right()
    assert len(calls(disks.first)) == 8 + n_meanwhile + 8
    assert not (disks.first / ALONE).exists()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("which", ["files", "others"])
def test_under_either_the_log_goes_on_and_the_lost_one_is_made_equal(
    tmp_path: Path, operation: str, which: str
) -> None:
    """All are acknowledged; the one that goes on says that it is alone until the other counts again."""
    disks = Disks(tmp_path, "either")
    fill(disks.log, 0, 8)
    getattr(disks, which).fail = {operation: errno.EIO}
    assert fill(disks.log, 100, 20) == 20
    lost, whole = (disks.first, disks.second) if which == "files" else (disks.second, disks.first)
    assert disks.log.lost.split()[1] == ("first" if which == "files" else "second")
    said = msgspec.json.decode((whole / ALONE).read_bytes(), type=Alone)
    assert said.lost == disks.log.lost.split()[1]
    assert [one.lost for one in disks.log.news()] == [said.lost]
    assert not (lost / ALONE).exists()
    disks.log.follow_up()
    assert disks.log.lost

    getattr(disks, which).fail = {}
    bring_back(disks.log)
    assert fill(disks.log, 500, 8) == 8
    disks.log.close(START_US)

    disks.assert_right()
    assert not (whole / ALONE).exists()
    assert len(calls(lost)) == 36


@pytest.mark.parametrize("rule", ["both", "either"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_when_both_fail_nothing_is_recorded_and_both_go_on_equal(tmp_path: Path, rule: Rule, operation: str) -> None:
    """Under either rule."""
    disks = Disks(tmp_path, rule)
    fill(disks.log, 0, 4)
    disks.files.fail = disks.others.fail = {operation: errno.EIO}
    n_meanwhile = fill(disks.log, 100, 20)
    assert n_meanwhile < 20
    disks.files.fail = disks.others.fail = {}
    bring_back(disks.log)
    assert fill(disks.log, 500, 4) == 4
    disks.log.close(START_US)

    disks.assert_right()
    assert len(calls(disks.first)) == 8 + n_meanwhile


def test_a_disk_that_fills_up_stops_both_and_is_left_alone_under_either(tmp_path: Path) -> None:
    """A part of a batch that was written is cut off again, on the disk that took all of it too."""
    for rule, n_told in (("both", 0), ("either", 5)):
        disks = Disks(tmp_path / rule, rule, most_bytes=100_000)  # type: ignore[arg-type]
        fill(disks.log, 0, 4)
        disks.others.budget_bytes = 50
        assert fill(disks.log, 100, 5) == n_told
        disks.others.budget_bytes = None
        bring_back(disks.log)
        assert fill(disks.log, 500, 4) == 4
        disks.log.close(START_US)
        disks.assert_right()


def test_while_one_cannot_be_cut_nothing_is_written_under_both(tmp_path: Path) -> None:
    """What the other holds of the refused entry is cut off there."""
    disks = Disks(tmp_path, "both")
    fill(disks.log, 0, 4)
    disks.others.fail = {"sync": errno.EIO, "cut": errno.EIO}
    assert fill(disks.log, 100, 3) == 0
    disks.others.fail = {"cut": errno.EIO}
    assert fill(disks.log, 200, 3) == 0
    assert len(calls(disks.first)) == 4
    disks.others.fail = {}
    assert fill(disks.log, 300, 3) == 3
    disks.log.close(START_US)
    disks.assert_right()


def test_parts_that_were_deleted_while_one_was_lost_are_not_in_it_when_it_is_back(tmp_path: Path) -> None:
    """The one that went on is believed in this too."""
    disks = Disks(tmp_path, "either")
    fill(disks.log, 0, 12)
    disks.others.fail = {"sync": errno.EIO}
    fill(disks.log, 100, 4)
    parts_path(disks.first, 0).write_bytes(b"")
    disks.others.fail = {}
    bring_back(disks.log)
    disks.log.close(START_US)

    assert parts_path(disks.second, 0).read_bytes() == b""
    disks.assert_right()
