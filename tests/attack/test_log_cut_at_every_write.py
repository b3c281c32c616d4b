# SPDX-License-Identifier: Apache-2.0
"""Attack: the process or its power ends at every single step of a disk, of one or two; the next opening goes on.

After a power cut no byte is left that no fdatasync covered, and no file whose name was not synced. Nobody has to do
anything by hand after either: the log opens, it holds every entry that was acknowledged, and it verifies.
"""

import errno
import os
from collections.abc import Callable
from concurrent.futures import wait
from pathlib import Path

import pytest
from typing_extensions import override

from gateway.domain.entry import Release
from gateway.domain.errors import LogDamaged, LogUnavailable
from gateway.record.format.files import DiskFiles
from gateway.record.proof.verify import verify_log
from gateway.record.reading.reader import records
from gateway.record.writing.pairing import Second
from gateway.record.writing.sinks import Rule
from gateway.record.writing.slot import SlotLog
from tests.fakes.log import START_US, enter, opened, part, release

MOST_STEPS = 2_000
STRIDE = 7
"""Of the steps, every so many is tried in CI; the referee tries all."""
MOST_AGAIN = 150
TURNS = 8
HALF_BYTES = 250
"""A line is longer, so some ends come within one."""


class Machine:
    """What two disks have in common: the step at which all ends, and that it did."""

    def __init__(self, end_at: int) -> None:
        self.left, self.is_off = end_at, False

    def step(self) -> None:
        """Go one step on, or end."""
        if self.left <= 0:
            self.is_off = True
        if self.is_off:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.left -= 1


class Volatile(DiskFiles):
    """A disk of a machine that ends; it knows what of it was made durable.

    Attributes:
        is_failing: Every sync fails, and the machine goes on.
    """

    def __init__(self, machine: Machine, *, counts: bool) -> None:
        self._machine, self._counts = machine, counts
        self._paths: dict[int, Path] = {}
        self._held: dict[Path, int] = {}
        self._unnamed: set[Path] = set()
        self.is_failing = False

    def _step(self) -> None:
        if self._counts or self._machine.is_off:
            self._machine.step()

    def power_cut(self) -> None:
        """Leave nothing that was not synced."""
        for path in self._unnamed:
            path.unlink(missing_ok=True)
        for path, n_bytes in self._held.items():
            if path.exists() and path.stat().st_size > n_bytes:
                path.chmod(0o600)
                os.truncate(path, n_bytes)

    @override
    def open_to_append(self, path: Path) -> int:
        self._step()
        return self._opened(path, super().open_to_append)

    @override
    def open_fresh(self, path: Path) -> int:
        self._step()
        self._held.pop(path, None)
        found = self._opened(path, super().open_fresh)
        self._held[path] = 0
        return found

    def _opened(self, path: Path, opening: Callable[[Path], int]) -> int:
        if not path.exists():
            self._unnamed.add(path)
        descriptor = opening(path)
        self._paths[descriptor] = path
        self._held.setdefault(path, path.stat().st_size)
        return descriptor

    @override
    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        self._step()
        return super().write(descriptor, content[:HALF_BYTES])

    @override
    def sync(self, descriptor: int) -> None:
        self._step()
        if self.is_failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)
        self._held[self._paths[descriptor]] = os.fstat(descriptor).st_size

    @override
    def cut(self, descriptor: int, n_bytes: int) -> None:
        self._step()
        super().cut(descriptor, n_bytes)

    @override
    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)
        self._held[target] = self._held.pop(source)
        self._unnamed.discard(source)

    @override
    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)
        self._held.pop(path, None)
        self._unnamed.discard(path)

    @override
    def sync_directory(self, path: Path) -> None:
        self._step()
        super().sync_directory(path)
        self._unnamed = {one for one in self._unnamed if one.parent != path}


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return tmp_path / "one" / "door-0"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return tmp_path / "other" / "door-0"


def calls(log: Path) -> set[str]:
    return {str(one.line.body.call) for one in records(log) if isinstance(one.line.body, Release)}


def live(log: SlotLog, disks: tuple[Volatile, Volatile], rule: Rule, name: str, told: set[str]) -> None:
    """Enter and sign, and under ``either`` lose a disk and get it back."""
    for turn in range(3):
        lost = disks[turn % 2]
        for place in range(3):
            lost.is_failing = rule == "either" and turn > 0 and place == 1
            call = f"{name}-{turn}-{place}"
            enter(log, release(call), part(place))
            told.add(call)
        log.sign()
        lost.is_failing = False
        follow(log)
    log.close(START_US)


def follow(log: SlotLog) -> None:
    for _ in range(TURNS):
        lane = log._sinks.lost
        if lane is None:
            return
        if lane.following is not None:
            wait([lane.following])
        log.follow_up()


def lived(first: Path, second: Path | None, rule: Rule, machine: Machine, counting: int, told: set[str]) -> bool:
    """Let a log live on a machine that ends, with a power cut at every other step; tell whether it came to its end."""
    disks = Volatile(machine, counts=counting == 0), Volatile(machine, counts=counting == 1)
    is_power, name, log = machine.left % 2 == 0, f"d{len(told)}", None
    sink = None if second is None else Second(directory=second, rule=rule, files=disks[1])
    try:
        log = opened(first, files=disks[0], most_bytes=1_500, second=sink)
        live(log, disks, "both" if second is None else rule, name, told)
    except (LogUnavailable, OSError):
        assert machine.is_off
    finally:
        if log is not None:
            machine.is_off = True
            log.close(None)
    ended = machine.left > 0
    if is_power and not ended:
        for disk in disks:
            disk.power_cut()
    return ended


def assert_goes_on(first: Path, second: Path | None, rule: Rule, told: set[str]) -> None:
    sink = None if second is None else Second(directory=second, rule=rule)
    opened(first, most_bytes=1_500, second=sink).close(START_US)
    for each in (first,) if second is None else (first, second):
        assert told <= calls(each)
        assert verify_log(each).problems == ()


def run(tmp_path: Path, rule: Rule, n_disks: int, counting: int, stride: int) -> int:
    for n_tried, end_at in enumerate(range(0, MOST_STEPS, stride)):
        folder = tmp_path / f"{end_at}"
        (folder / "other").mkdir(parents=True)
        first, second = folder / "one" / "door-0", folder / "other" / "door-0" if n_disks == 2 else None
        told: set[str] = set()
        try:
            ended = lived(first, second, rule, Machine(end_at), counting, told)
            # What the next life mends ends half way as well.
            lived(first, second, rule, Machine(end_at * 37 % MOST_AGAIN), 1 - counting if second else 0, told)
            assert_goes_on(first, second, rule, told)
        except (AssertionError, LogUnavailable, LogDamaged) as error:
            raise AssertionError(f"ended at step {end_at}: {error}") from error
        if ended:
            return n_tried
    raise AssertionError("it never came to its end")


CASES = [("both", 1, 0), ("both", 2, 0), ("both", 2, 1), ("either", 2, 0), ("either", 2, 1)]


@pytest.mark.parametrize(("rule", "n_disks", "counting"), CASES)
def test_the_next_opening_goes_on(tmp_path: Path, rule: Rule, n_disks: int, counting: int) -> None:
    """After an end at some of the steps of a disk."""
    assert run(tmp_path, rule, n_disks, counting, STRIDE) > 10


@pytest.mark.referee
@pytest.mark.parametrize(("rule", "n_disks", "counting"), CASES)
def test_the_next_opening_goes_on_from_every_step(tmp_path: Path, rule: Rule, n_disks: int, counting: int) -> None:
    """After an end at each of the steps of a disk."""
    assert run(tmp_path, rule, n_disks, counting, 1) > 10 * STRIDE
